"""The data are their owner's.

backup.py     a verified copy while the site is served
export.py     everything, as files
erasure.py    where else, beside the log, a visitor's ids are
retention.py  which raw events may expire, so that counts stay
"""
