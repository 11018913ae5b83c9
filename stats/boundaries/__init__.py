"""How much evidence is enough, at each look.

mixture.py            the normal mixture: evidence and critical value when one may look at any time
one_sided_mixture.py  the same for one direction
alpha_spending.py     the boundary of a planned test: the level is spent as information comes in
crossing.py           with what chance a boundary has been crossed by each look
"""
