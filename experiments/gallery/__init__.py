"""Ready experiments, as config files beside this one.

exhibit.py       one of them: its files, its experiment
daily_counts.py  daily counts of a finished experiment as events
"""
