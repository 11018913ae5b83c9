"""Speaks HTTP and HTML: the wire, the pages, the command line. Decisions are made below, in `experiments`.

app.py              create_app: one site as a WSGI application
services.py         Services: everything a view needs, made once per worker
errors.py           the one place where an error becomes an answer

The wire
ofrep.py            assignment: OFREP, one experiment or all of them
segment.py          events: the Segment tracking API; segment_event.py: its JSON -> one Event (pure)
attributes.py       what is known of a visitor; device.py: from a User-Agent
body.py             a request's JSON within limits; json_value.py: why a value cannot be kept
json_text.py        JSON text, read with a look at whether anything in it could be at fault
front.py            one worker's way in: plain requests on the event loop, all others to Flask in threads
lane.py             what is plain, and its answers' headers; event_lane.py, assignment_lane.py: past Flask
event_log.py        where events go; exposure_queue.py: those that an assignment causes, behind the answer
segment_line.py     an Event as a line of Segment's JSON; event_file.py: a file of such lines

Who may, and is it well
access.py           results need a token; tokens.py: the tokens of a site
health.py           /livez, /readyz
serve.py            granian and its workers; worker.py: one of them; settings.py: what it is told

Pages
home.py             every experiment at a glance; condition.py: health in one word; outlook.py: when it is decided
results.py          the verdicts, the same as JSON; live.py: is it working; preview.py: force a variant
result_page.py      what one result page shows; reports.py: reports kept while nothing changed
verdict.py          the verdict in a sentence; scorecard.py, over_time.py, data_health.py: its parts
decided.py          what people decided, beside what the data say; lost_log.py: counts that began anew
time_to_convert_page.py  how long visitors take; time_scan.py: the scan behind it, bounded and kept
asked.py            which phase, moment and step an address asks for; tables.py: the numbers as CSV
plan_page.py        what it takes: plan_form.py, plan_words.py, chances_chart.py; measured.py: rates and traffic
question.py         what it is planned with, and the plan that comes of it
computed.py         what takes seconds, computed behind the request and kept
charts.py           charts as SVG; drawing.py, svg.py: where they are drawn and cleaned
snippet.py          /yesladder.js and the widgets; browser/: their sources; visitor_cookie.py: the id, set by the server
demo_site.py        the demo's garage-door repair service, under /demo/
formatting.py       numbers and times for people; pages.py: what pages share
wording.py          the sentences, with remarks.py, prospects.py
vocabulary.py       the short words; glossary.py: what numbers mean

cli.py              the command `yesladder`; commands/: one noun per file
"""
