"""What people read, in one place.

en.toml        the texts: for whoever edits or translates them
texts.py       reads it
sentences.py   the sentences, filled
vocabulary.py  the short words, and what numbers mean
formatting.py  numbers and times
"""
