"""Pictures of numbers, as SVG.

line_chart.py        lines and bands over two axes
charts.py            the effect over time; how long visitors take
cumulative_power.py  the chance of a verdict, by week
interval_bar.py      an interval as a bar
"""
