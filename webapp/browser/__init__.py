"""What runs on the pages of a site, in readable vanilla JavaScript; `make snippet` makes minified/ of it.

snippet/           the parts of /yesladder.js, one noun a file; they share one scope
widgets/           a page's form in steps, or in a dialog
minified/          what is served
minify.py          makes minified/
snippet_routes.py  /yesladder.js and the widgets
"""
