"""The durable log of events, which answers in tables of counts.

store.py           Store: what every engine can do
memory.py          the smallest engine, the model of the others
sqlite/            the embedded engine
event_log.py       where events go: one writer, one commit for all who wait, and how many may
exposure_queue.py  the exposures that an assignment causes, behind its answer
"""
