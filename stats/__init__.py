"""Numbers only: no clock, no global random state, no I/O (one constant is loaded from a file).

arrays.py              the arrays that all the others pass on: of numbers, of counts, of flags
tables/                visitors and reached, visitors and value: the tables of counts that every test reads
boundaries/            when is there enough evidence, looked at once or all the time
proportions/           two shares compared: tests, intervals, margins
value_per_visitor.py   is a visitor worth more in one variant?
path_decomposition.py  at which steps of the path the lift of the macro-conversion arises
learned_value.py       what a micro-conversion is worth
multinomial.py         do the variants get visitors in the planned ratio?
multiplicity.py        Benjamini-Yekutieli, for exploration
power.py               how many visitors a test needs, how soon it decides, what so many can show
"""
