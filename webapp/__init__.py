"""Speaks HTTP, HTML and the terminal. Decisions are made below, in `experiments`.

cli.py     the command `yesladder`
commands/  one command a file
server/    the application, its workers, the way in from HTTP
demo/      the demo's garage-door repair service
pages/     what a person sees in a browser
browser/   what runs on the site's own pages
wire/      OFREP and the Segment tracking API
charts/    pictures of numbers
words/     numbers, terms and sentences for people
services/  what every view needs
"""
