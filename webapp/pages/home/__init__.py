"""Every experiment of the site at a glance.

home.py         the page
forecast.py     when each is decided
site_health.py  how each is, in one word
"""
