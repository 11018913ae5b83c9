"""The sufficient statistics: all that a test needs to know of the visitors.

reach.py     visitors and reached per variant, hourly cohort, stratum and step
patterns.py  visitors and value per variant, daily cohort and pattern of steps reached
"""
