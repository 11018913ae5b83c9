"""Numbers only: no I/O, no clock, no global random state.

reach.py         visitors and reached per variant, hourly cohort, stratum and step: what every test reads
patterns.py      visitors and value per variant, daily cohort and pattern of steps reached
design.py        what was settled before the data: level, family, shares, smallest effect, and when there is enough
score.py         the stratified score statistic of two arms at any supposed effect
inversion.py     intervals: the effects that the score statistic does not contradict
mixture.py       the normal mixture: evidence and critical value when one may look at any time
spending.py      the boundary of a planned test: the level is spent as information comes in
sequential.py    the test at every look, with or without a plan: running minimum, running intersection
fixed.py         the test at one planned look
one_sided.py     the half-normal mixture; guardrail.py: is the variant harmed, or is harm beyond a margin ruled out?
value.py         value per visitor; learned_value.py: what a micro-conversion is worth
decomposition.py at which steps of the path the lift of the macro-conversion arises
sample_ratio.py  do the variants get visitors in the planned ratio?
multiplicity.py  Benjamini-Yekutieli, for exploration
power.py         how many visitors a test needs, how soon it decides, what so many can show
crossing.py      with what chance a boundary has been crossed by each look
"""
