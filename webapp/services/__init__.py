"""What every view needs, made once per worker.

services.py  Services: one site as its views see it
kept.py      answers, each computed once and kept
access.py    results need a token
tokens.py    the tokens of a site
errors.py    the one place where an error becomes an answer
"""
