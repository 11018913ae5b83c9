"""How `make docs` builds these pages: Markdown by MyST, the look by Furo, nothing loaded from elsewhere."""

from __future__ import annotations

project = "yesladder"
author = "the yesladder authors"
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
nitpicky = True
language = "en"
smartquotes = False  # --rate is an option, not a dash

myst_heading_anchors = 3

html_theme = "furo"
html_title = "yesladder"
html_favicon = "../webapp/static/favicon.svg"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_show_copyright = False
pygments_style = "friendly"
pygments_dark_style = "native"
