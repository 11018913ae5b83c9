"""One site, served.

app.py     create_app: one site as a WSGI application
rsgi.py    one worker's way in: the wire on the event loop, pages to Flask in threads
serve.py   granian and its workers
worker.py  one of them
"""
