"""What people read, in one place.

sentences.py   the sentences, with remarks, prospects
vocabulary.py  the short words
glossary.py    what numbers mean
formatting.py  numbers and times
"""
