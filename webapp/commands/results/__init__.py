"""What the data say.

results.py          results, over result_table (with the log of decisions), segment_table
why.py              what changed between two moments
visitor.py          one visitor
ledger.py           what was not counted
time_to_convert.py  how long visitors take
"""
