"""From tables of counts to everything a result page shows. Pure.

report.py              Report: the whole; step_report: one step of it
comparison.py          variant against control, at every look
verdict.py             from evidence to a state
sample_ratio.py        the alarm, and where the mismatch is
lift_decomposition.py  where the lift arises
value_per_visitor.py   what visitors are worth; learned_values: what steps are worth
commitment_ladder.py   commitments by grade
funnel.py              drop-off
segments.py            one attribute, explored
time_to_convert.py     how long visitors take, from a scan
"""
