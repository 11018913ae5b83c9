"""What the data say.

results.py          results: report, log of decisions, levels of one attribute
why.py              what changed between two moments
visitor.py          one visitor
ledger.py           what was not counted
time_to_convert.py  how long visitors take
"""
