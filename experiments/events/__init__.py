"""What happened, and what it means for the counts.

event.py         Event: one validated fact
journey.py       the meaning of the data: one visitor's events -> variant, steps reached, value, exclusion
contribution.py  what the facts known of a person count as, and the rows that they make
increment.py     what more events add to the tables, without counting anybody else again
person.py        who is one person: the ids that joins connect, and where they are named
cohort.py        the hour (or day) of first exposure, and when it seals
tally.py         what journeys add up to
tables.py        Tables: everything counted and noted of one phase, of one moment
decision.py      Decision: a verdict once reached, as it is written down
"""
