"""The demo, in one command.

demo.py     demo
history.py  its past
traffic.py  its visitors of today
"""
