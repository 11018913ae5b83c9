"""What a person sees in a browser: a folder a page.

page.py           what pages share
query.py          which phase, moment and step an address asks for
report_cache.py   reports, kept while nothing changed
background.py     what takes seconds, computed behind the request and kept
live.py           is it working?
preview.py        force a variant
home/             every experiment at a glance
experiment/       the result page
plan/             what it takes
visitor/          one visitor
time_to_convert/  how long visitors take
"""
