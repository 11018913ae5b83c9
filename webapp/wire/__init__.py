"""What sites and their clients say to the server.

ofrep.py               assignment: one experiment or all of them; assignment_lane: past Flask
segment.py             events: the tracking API; event_lane: past Flask; lane: what is common
segment_reader.py      its JSON -> one Event (pure)
segment_writer.py      one Event -> its JSON; segment_file: a file of such lines
visitor_attributes.py  what is known of a visitor
user_agent.py          from a User-Agent
visitor_cookie.py      the id, set by the server
json_body.py           a request's JSON within limits; json_text, json_value: what is at fault in it
health.py              /livez, /readyz
"""
