"""The files of a site, and serving it.

site_folder.py    init, new, check, schema
serve_command.py  serve, token
"""
