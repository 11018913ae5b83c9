"""What it will take.

plan.py       plan
calibrate.py  calibrate, over calibration_table
simulate.py   simulate
"""
