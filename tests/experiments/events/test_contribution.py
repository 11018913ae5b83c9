"""Kind: read straight from the events it is the same as by the judgement, and whoever is not plain is left to that."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.definition.experiment import Experiment
from experiments.events.contribution import KEPT_LEVELS, Kind, Kinds
from experiments.events.event import Event, distinct
from experiments.events.journey import Meaning
from experiments.events.person import people
from tests.experiments.cases.any_facts import facts
from tests.experiments.cases.histories import DAY, PHASE, action, exposure, join, withdrawal

ADJUSTED = PHASE.model_copy(
    update={"analysis": PHASE.analysis.model_copy(update={"adjust_for": ("device", "tier")})}  # tier is no segment
)
LONG_AGO = PHASE.model_copy(update={"phase": 2, "ended_at": None})
SHORTER = PHASE.model_copy(update={"window": timedelta(hours=2)})  # than a step's: no site may have such a phase
ONCE = exposure("v", "single", 0, attributes={"device": "phone"})


def kinds(events: list[Event], phase: Experiment = PHASE) -> tuple[Kind | None, Kind | None]:
    """Read from the events, and by the judgement."""
    of = Kinds(Meaning(phase))
    return of.plain(events), of.of(of.meaning.facts(events))


PLAIN = {
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
}
NOT_PLAIN = {
    "nobody": [],
    "not exposed": [action("v", "form_viewed", 5)],
    "exposed to another test": [exposure("v", "single", 0, experiment="other")],
    "twice": [ONCE, exposure("v", "single", 5)],
    "two variants": [ONCE, exposure("v", "multi", 5)],
    "no variant of it": [exposure("v", "third", 0)],
    "before the start": [exposure("v", "single", -0.5)],
    "at the end": [exposure("v", "single", 20 * DAY)],
    "a bot": [exposure("v", "single", 0, attributes={"bot": "true"})],
    "of staff": [exposure("v", "single", 0, attributes={"staff": "true"})],
    "withdrawn": [ONCE, withdrawal("v", 5)],
    "a sale": [ONCE, action("v", "quote_requested", 5, properties={"amount": 5})],
    "joined": [ONCE, join("v", "w", 5)],
    "joined by an exposure": [exposure("v", "single", 0, joined="w")],
    "joined by an action": [ONCE, action("v", "form_viewed", 5, joined="w")],
    "late": [ONCE, action("v", "form_viewed", 5, 65.5)],
    "exposed late": [exposure("v", "single", 0, 60.5)],
}


@pytest.mark.parametrize("phase", [PHASE, ADJUSTED, LONG_AGO, SHORTER], ids=["", "adjusted", "phase 2", "short"])
@pytest.mark.parametrize("events", PLAIN.values(), ids=PLAIN)
def test_a_plain_kind_is_what_the_judgement_says(events: list[Event], phase: Experiment) -> None:
    plain, judged = kinds(events, phase)
    assert plain is not None
    assert plain == judged


@pytest.mark.parametrize("events", NOT_PLAIN.values(), ids=NOT_PLAIN)
def test_who_is_not_plain_is_left_to_the_judgement(events: list[Event]) -> None:
    plain, _ = kinds(events)
    assert plain is None


SOLD = [ONCE, action("v", "email_given", 170), action("v", "quote_requested", 175, properties={"amount": 5})]


@pytest.mark.parametrize("phase", [PHASE, ADJUSTED, LONG_AGO], ids=["", "adjusted", "phase 2"])
@pytest.mark.parametrize("events", [*PLAIN.values(), SOLD], ids=[*PLAIN, "a sale"])
def test_the_rows_of_a_kind_are_those_of_the_journey(events: list[Event], phase: Experiment) -> None:
    meaning = Meaning(phase)
    of = Kinds(meaning)
    kind = of.of(meaning.facts(events))
    assert kind is not None
    assert Counter(of.rows(kind)) == Counter(meaning.journey(events).rows)


@given(log=st.lists(facts(), max_size=6))
@settings(max_examples=300)
def test_of_whatever_history_no_plain_kind_is_another(log: list[Event]) -> None:
    for person in people(distinct(log)):
        for phase in (PHASE, ADJUSTED, LONG_AGO, SHORTER):
            plain, judged = kinds(person, phase)
            assert plain in (None, judged)
            if judged and not judged.marks and phase is not SHORTER:
                meaning = Meaning(phase)
                assert Counter(Kinds(meaning).rows(judged)) == Counter(meaning.journey(person).rows)


def test_levels_do_not_pile_up() -> None:
    of = Kinds(Meaning(PHASE))
    for number in range(KEPT_LEVELS + 500):
        events = [exposure("v", "single", 0, attributes={"plan": str(number)})]
        assert of.plain(events) == of.of(of.meaning.facts(events))
        assert 0 < len(of._levels) <= KEPT_LEVELS
