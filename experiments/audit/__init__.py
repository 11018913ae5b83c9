"""Why is this number what it is?

readout.py          everything a result page shows of one phase
decisions.py        the verdicts that fell, one for the log
decision_log.py     does each still agree with the data?
change_report.py    why a number changed between two moments
visitor_history.py  one visitor, and how each event was judged; visitor_account: in one phase,
                    as visitor_phase finds
exclusions.py       who is behind each line of the ledger
"""
