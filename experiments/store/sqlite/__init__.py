"""The embedded engine: one file.

engine.py          SqliteStore: the Store protocol over the parts below
file.py            connections, the write lock, damage
schema.py          the steps that make its tables and views: SQL, in steps
event_rows.py      events as rows
count_rows.py      tables of counts as rows
decision_rows.py   the decision log as rows
wipe.py            what is deleted is gone from the bytes too
bulk_insert.py     many rows at once
copy.py            a copy that stands alone: for a backup, before a change of schema
errors.py          what went wrong, in words
set_aside.py       files that cannot be used are kept and named
"""
