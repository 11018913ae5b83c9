"""The data are their owner's.

backup.py     a verified copy while the site is served
export.py     everything, as files
erasure.py    one visitor forgotten, to the last byte
retention.py  raw events expire, counts stay
"""
