"""What will it take?

baseline.py          rates and traffic so far (measured: from the log)
plan.py              how many visitors, how many days
forecast.py          on which day it is decided
cumulative_power.py  with what chance by which day
"""
