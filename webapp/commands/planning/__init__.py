"""What it will take.

plan.py       plan, over plan_table
calibrate.py  calibrate, over calibration_table
simulate.py   simulate
"""
