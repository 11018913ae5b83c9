"""What an experiment is: frozen values made from a config file.

experiment.py       Experiment, Variant, Step, Audience
rules.py            what must hold between its keys
page_changes.py     what a variant may change on a page
decision_record.py  what people decided; nothing counts by it
quantity.py         durations, percentages, moments as people write them
money.py            amounts; currency: their codes
problem.py          file:line:column: what, and how to mend it
"""
