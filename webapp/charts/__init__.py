"""Pictures of numbers, as SVG.

charts.py            effect over time
cumulative_power.py  the chance of a verdict, by week
interval_bar.py      an interval as a bar
vega_process.py      where charts are drawn: a process of its own
svg.py               what it draws, cleaned
"""
