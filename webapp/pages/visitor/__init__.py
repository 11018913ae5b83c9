"""One visitor, and how each event was judged.

visitor_routes.py     the address
visitor_page.py       what it shows
visitor_sentences.py  what became of each event
"""
