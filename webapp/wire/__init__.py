"""What sites and their clients say to the server; without I/O, but for health.py.

exchange.py            Request -> Answer: CORS, ETag and the headers of every answer
ofrep.py               assignment: one experiment, or all of them
segment.py             events: the tracking API
segment_reader.py      one item of it -> one Event (pure); segment_file: a file of such lines
segment_writer.py      one Event -> its JSON
visitor_attributes.py  what is known of a visitor
user_agent.py          from a User-Agent
visitor_cookie.py      the id, set by the server
json_body.py           the JSON of a request
json_limits.py         what is at fault in JSON from outside
health.py              /livez, /readyz
"""
