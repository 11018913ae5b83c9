"""Seeded visitors, as events or as tables.

simulate.py       visitors of a truth
truth.py          how they behave
visit.py          what one of them does
outcome.py        what may become of one as the tables see it, and how likely that is
assumed_truth.py  the truths that an experiment is tried on
calibration.py    how often this experiment's page would be wrong
"""
