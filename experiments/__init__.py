"""What an experiment is and what happened in it; knows nothing of HTTP.

definition.py   Experiment, Variant, Step, Audience: frozen values made from a config file
events.py       Event: one validated fact
journey.py      the meaning of the data: one visitor's events -> variant, steps reached, value, exclusion
store.py        Store: the durable log that answers in tables of counts; memory_store.py, sqlite_store.py: its engines
report.py       Report: everything a result page shows
"""
