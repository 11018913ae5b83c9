"""What an experiment is and what happened in it; knows nothing of HTTP.

Definitions
definition.py    Experiment, Variant, Step, Audience: frozen values made from a config file
consistency.py   what must hold between its keys; changes.py: what a variant may change on a page
decision_record.py  what people decided, in the config file; nothing counts by it
quantity.py      durations, percentages, moments as people write them; currency.py, money.py: amounts
config_file.py   YAML with the place of every value; yaml_syntax.py, explanation.py: what is wrong, in plain words
problem.py       file:line:column: what, and how to mend it
site.py          one folder and its settings; schema.py: JSON Schemas for editors
phases.py        the record of every phase; succession.py: what may follow what; reading.py: all files of a site
catalog.py       which definitions are in force, hot; `check`
assignment.py    which variant does this visitor get, and why; admission.py: may this event enter the log

What happened
events.py        Event: one validated fact
journey.py       the meaning of the data: one visitor's events -> variant, steps reached, value, exclusion
cohort.py        the hour (or day) of first exposure, and when it seals; tally.py: what journeys add up to
store.py         Store: the durable log that answers in tables of counts
memory_store.py  the smallest engine, the model of the others
sqlite_store.py  the embedded engine; sqlite_file.py, sqlite_schema.py, event_rows.py, count_rows.py: its parts
sqlite_copy.py   a copy before a change of schema; sqlite_views.py: views in plain words
set_aside.py     files that cannot be used are kept and named; sqlite_trouble.py: what went wrong, in words
growth.py        one more fact that can only add, without recounting the person; kind.py: who adds the same
sqlite_insert.py many rows at once
group_commit.py  many request threads, one writer, one commit for all who wait
backup.py        a verified copy while it is served; export.py, erasure.py, retention.py: the data are their owner's
story.py         one visitor, and how each event was judged (chapter.py); ledger.py: who is behind each of its lines
interim.py       why a number changed between two moments

What it means
report.py        Report: everything a result page shows; step_report.py, verdict.py, comparison.py: its parts
guardrail.py     safe or harmed; sample_ratio.py: the alarm, and where the mismatch is
decomposition.py where the lift arises; value_report.py, learned_values.py: what visitors and steps are worth
ladder.py        commitments by grade; funnel.py: drop-off; segments.py: one attribute, explored
decision.py      one verdict for the log; decision_log.py: does it still agree?; decision_rows.py: its table
time_to_convert.py  how long visitors take, from a scan; exposed_people.py: the log, one person at a time
measurement.py   rates and traffic so far; plan.py: how many visitors it takes
decision_date.py on which day it is decided; chances.py: with what chance by which day
calibration.py   how often this experiment's page would be wrong; assumption.py: the truths it is tried on
simulate.py      seeded visitors, as events or as tables; truth.py, outcome.py: how they behave
history.py       daily counts of a finished experiment as events; gallery/: ready experiments
"""
