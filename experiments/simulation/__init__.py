"""Seeded visitors, as events or as tables.

simulate.py       visitors of a truth
truth.py          how they behave; outcome: what one does
assumed_truth.py  the truths that an experiment is tried on
calibration.py    how often this experiment's page would be wrong
"""
