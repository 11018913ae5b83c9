"""What an experiment is: frozen values made from a config file.

experiment.py       Experiment: a definition whose parts fit together
definition.py       Definition, Variant, Step, Audience, Analysis: each right by itself
fields.py           the types of a config file's fields
rules.py            what must hold between its keys
page_changes.py     what a variant may change on a page
decision_record.py  what people decided; nothing counts by it
document.py         a value as JSON, and its JSON Schema
quantity.py         durations, percentages, moments as people write them
money.py            amounts, and the codes of currencies
unknown.py          no such experiment, phase or step
problem.py          file:line:column: what, and how to mend it
"""
