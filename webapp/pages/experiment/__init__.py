"""The result page of one experiment.

result_routes.py       its addresses, and the same as JSON and CSV (csv_tables)
result_page.py         what it shows
verdict_sentences.py   the verdict in a sentence
decision_sentences.py  what people decided, beside what the data say
scorecard.py           what to know first
effect_over_time.py    how it came to this
data_health.py         can the data be trusted?
lift_waterfall.py      where the lift arises
value.py               what it is worth
segment_forest.py      one attribute, explored
"""
