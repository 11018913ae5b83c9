"""Contribution: read at once from the events, it makes the rows that the tables make one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.definition.experiment import Experiment
from experiments.events.contribution import KEPT_LEVELS, Row, rows
from experiments.events.event import Event, distinct
from experiments.events.journey import Meaning
from experiments.events.person import people
from experiments.events.tally import Tally, add
from tests.experiments.cases import former_judge
from tests.experiments.cases.any_facts import facts
from tests.experiments.cases.histories import DAY, PHASE, action, exposure, join, withdrawal

ADJUSTED = PHASE.model_copy(
    update={"analysis": PHASE.analysis.model_copy(update={"adjust_for": ("device", "tier")})}  # tier is no segment
)
LONG_AGO = PHASE.model_copy(update={"phase": 2, "ended_at": None})
SHORTER = PHASE.model_copy(update={"window": timedelta(hours=2)})  # than a step's: no site may have such a phase
PHASES = {"": PHASE, "adjusted": ADJUSTED, "phase 2": LONG_AGO, "short": SHORTER}
ONCE = exposure("v", "single", 0, attributes={"device": "phone"})


def by_tables(meaning: Meaning, events: Sequence[Event]) -> Counter[Row]:
    """What the tables say of this person, each asked by itself."""
    facts = meaning.facts(events)
    judged = ((table, one) for table in meaning.tables for _, one in meaning.judged(table, facts, set()))
    return Counter(row for table, one in judged for row in rows(one.counted, [table]))


def summed(some: Iterable[Row]) -> Tally:
    total: Tally = {}
    add(total, some)
    return total


AT_ONCE = {
    "exposed": [ONCE],
    "in the next hour": [exposure("v", "single", 60)],
    "at the very start": [exposure("v", "multi", 0)],
    "of another tier": [exposure("v", "single", 0, attributes={"tier": "gold"})],
    "flags that say no": [exposure("v", "single", 0, attributes={"bot": "false", "staff": "no"})],
    "first seen before": [exposure("v", "single", 0, attributes={"first_seen": "2026-11-01"})],
    "first seen since": [exposure("v", "single", 0, attributes={"first_seen": "2026-11-02"})],
    "a step": [ONCE, action("v", "form_viewed", 5)],
    "closure": [ONCE, action("v", "email_given", 5)],
    "alone": [ONCE, action("v", "form_error", 5)],
    "two steps": [ONCE, action("v", "testimonials_viewed", 5), action("v", "email_given", 7)],
    "twice, once in time": [ONCE, action("v", "form_viewed", 5), action("v", "form_viewed", 70)],
    "at the moment of exposure": [ONCE, action("v", "form_viewed", 0)],
    "at the end of the step's window": [ONCE, action("v", "form_viewed", 60)],
    "after the step's window": [ONCE, action("v", "form_viewed", 60.5)],
    "in time for one of its steps": [ONCE, action("v", "email_given", 61)],
    "in time for a step whose window is longer than the window": [ONCE, action("v", "email_given", 150)],
    "at the end of the window": [ONCE, action("v", "email_given", DAY)],
    "after the window": [ONCE, action("v", "email_given", DAY + 0.5)],
    "before exposure": [exposure("v", "single", 5), action("v", "form_viewed", 4.5)],
    "no step's name": [ONCE, action("v", "other", 5)],
    "received an hour later": [ONCE, action("v", "form_viewed", 5, 65)],
    "another test": [ONCE, exposure("v", "x", 5, experiment="other")],
    "twice": [ONCE, exposure("v", "single", 5)],
    "two variants": [ONCE, exposure("v", "multi", 5)],
    "two variants, the first received last": [exposure("v", "multi", 5), exposure("v", "single", 0, 6)],
    "three variants, one of them none": [ONCE, exposure("v", "multi", 5), exposure("v", "third", 6)],
    "a bot": [exposure("v", "single", 0, attributes={"bot": "true"})],
    "of staff": [exposure("v", "single", 0, attributes={"staff": "true"})],
    "a sale": [ONCE, action("v", "quote_requested", 5, properties={"amount": 5})],
    "a sale of no amount": [ONCE, action("v", "quote_requested", 5, properties={"amount": "free"})],
    "two sales": [ONCE, *(action("v", "quote_requested", at, 9, properties={"amount": at}) for at in (7, 5))],
    "a sale after the window": [ONCE, action("v", "quote_requested", DAY + 1, properties={"amount": 5})],
    "a sale and a step": [
        *(ONCE, action("v", "email_given", 170)),
        action("v", "quote_requested", 175, properties={"amount": 5}),
    ],
    "joined by an exposure to somebody who never came": [exposure("v", "single", 0, joined="w")],
    "joined by an action to somebody who never came": [ONCE, action("v", "form_viewed", 5, joined="w")],
}
BY_TABLE = {
    "nobody": [],
    "not exposed": [action("v", "form_viewed", 5)],
    "exposed to another test": [exposure("v", "single", 0, experiment="other")],
    "no variant of it": [exposure("v", "third", 0)],
    "before the start": [exposure("v", "single", -0.5)],
    "at the end": [exposure("v", "single", 20 * DAY)],
    "and before the start": [ONCE, exposure("v", "single", -0.5)],
    "withdrawn": [ONCE, withdrawal("v", 5)],
    "joined": [ONCE, join("v", "w", 5)],
    "two ids": [ONCE, action("w", "form_viewed", 5)],
    "late": [ONCE, action("v", "form_viewed", 5, 65.5)],
    "exposed late": [exposure("v", "single", 0, 60.5)],
}


@pytest.mark.parametrize("phase", PHASES.values(), ids=PHASES)
@pytest.mark.parametrize("events", AT_ONCE.values(), ids=AT_ONCE)
def test_what_is_read_at_once_is_what_every_table_says(events: list[Event], phase: Experiment) -> None:
    meaning = Meaning(phase)
    one = meaning.contribution(events)
    assert one is not None
    assert Counter(rows(one, meaning.tables)) == by_tables(meaning, events)
    assert summed(rows(one, meaning.tables)) == summed(former_judge.journey(phase, events).rows)


@pytest.mark.parametrize("events", BY_TABLE.values(), ids=BY_TABLE)
def test_of_others_each_table_is_asked(events: list[Event]) -> None:
    meaning = Meaning(PHASE)
    assert meaning.contribution(events) is None
    assert summed(meaning.journey(events).rows) == summed(former_judge.journey(PHASE, events).rows)


@given(log=st.lists(facts(), max_size=6))
@settings(max_examples=300)
def test_of_whatever_history_what_is_read_at_once_is_what_every_table_says(log: list[Event]) -> None:
    for person in people(distinct(log)):
        for phase in PHASES.values():
            meaning = Meaning(phase)
            if one := meaning.contribution(person):
                assert Counter(rows(one, meaning.tables)) == by_tables(meaning, person)
                assert max(Counter(cell for cell, _ in rows(one, meaning.tables)).values()) == 1
                for last in range(len(person)):  # of fewer facts the same holds, or they add nothing
                    assert meaning.contribution(person[:last]) or not meaning.journey(person[:last]).rows


def test_levels_do_not_pile_up() -> None:
    meaning = Meaning(PHASE)
    for number in range(KEPT_LEVELS + 500):
        events = [exposure("v", "single", 0, attributes={"plan": str(number)})]
        one = meaning.contribution(events)
        assert one is not None
        assert dict(one.levels)["plan"] == str(number)
        assert 0 < len(meaning.rules._known) <= KEPT_LEVELS
