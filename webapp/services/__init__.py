"""What every view needs, made once per worker.

services.py  Services: one site as its views see it
kept.py      answers, each computed once and kept
access.py    results need a token
tokens.py    the tokens of a site
errors.py    why a request is refused, and how pages say so
"""
