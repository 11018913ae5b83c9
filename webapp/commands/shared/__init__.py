"""What commands share.

opened_site.py  a site, its catalog and its store, opened for one command; the phase that was asked for
console.py      JSON, headings, indented lines, tables, a bar for long work
parameters.py   percentages and moments on the command line
"""
