"""The demo.

pages.py  the garage-door repair service, under /demo/
"""
