"""The event log.

events.py   import, verify
export.py   export
backup.py   backup
erasure.py  forget, expire
"""
