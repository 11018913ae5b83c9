"""Numbers only: no I/O, no clock, no global random state.

reach.py      visitors and reached per variant, hourly cohort, stratum and step: what every test reads
patterns.py   visitors and value per variant, daily cohort and pattern of steps reached
"""
