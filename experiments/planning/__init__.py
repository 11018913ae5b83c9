"""What will it take?

baseline.py          rates and traffic so far (measured: from the log)
plan.py              how many visitors, how many days
plan_inputs.py       what is planned with, and what is missing
plan_check.py        does the plan of a config file suit the measured rate?
forecast.py          on which day it is decided
cumulative_power.py  with what chance by which day
"""
