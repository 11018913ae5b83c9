"""What commands share.

progress.py    a bar for long work
measured.py    what the log knows of an experiment's visitors
quantities.py  percentages on the command line
"""
