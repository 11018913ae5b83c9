"""The browser's side, in readable vanilla JavaScript; `make snippet` makes minified/ of it, which is what is served.

snippet/                 the parts of /yesladder.js, one noun a file; they share one scope
multi-step-form.js       a page's form in steps
popup-contact-form.js    a page's form in a dialog
minify.py                makes minified/
"""
