"""Two shares compared, at every look.

design.py           what was settled before the data, and when there is enough of it
score.py            the stratified score statistic of two arms at any supposed effect
inversion.py        intervals: the effects that the score statistic does not contradict
fixed.py            the test at one planned look
sequential.py       the test at every look, with or without a plan: running minimum, running intersection
non_inferiority.py  is the variant harmed, or is harm beyond a margin ruled out?
"""
