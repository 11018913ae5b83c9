"""Who gets what.

assignment.py  which variant does this visitor get, and why
admission.py   may this event enter the log?
"""
