"""story: what it says of one visitor is what the tables count of that visitor alone, and every event has its reason."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.assignment.assignment import place
from experiments.audit.visitor_account import Note, Passage, VisitorPhase
from experiments.audit.visitor_history import VisitorHistory, visitor_history
from experiments.audit.visitor_phase import visitor_phase
from experiments.events.cohort import DAY as DAYS
from experiments.events.cohort import HOUR as HOURS
from experiments.events.cohort import Clock
from experiments.events.contribution import Cell
from experiments.events.event import Event, MessageId, VisitorId, distinct
from experiments.events.journey import journey
from experiments.events.person import people
from experiments.events.tally import Tally, add, ledger_table
from tests.experiments.cases.any_facts import facts
from tests.experiments.cases.histories import DAY, PHASE, START, action, exposure, join, minute, withdrawal
from tests.experiments.cases.journey_cases import CASES, TICK, Case
from tests.experiments.cases.json_schema import misfits


def told(one: VisitorPhase) -> Tally:
    """What the tables count of this person, if the chapter tells the truth: all cells but those of segments' reach."""
    cells: Tally = {}
    hour, day = Clock(HOURS, DAYS).cohort, Clock(DAYS, DAYS).cohort
    for first in one.division:
        add(cells, [(("exposed", hour(first.at), first.variant or ""), (1,))])
    for passage in one.passages:
        first = passage.exposure
        stratum = f"device={first.attributes.get('device') or 'unknown'}"
        cell: Cell = ("reach", passage.step.step, "", "", hour(first.at), stratum, first.variant or "")
        if passage.counted:
            add(cells, [(cell, (1, int(passage.reached is not None)))])
    for visitor in one.visitors:
        first, variant = visitor.exposure, visitor.exposure.variant or ""
        pattern = sum(1 << bit for bit, step in enumerate(PHASE.steps) if step.step in visitor.reached)
        worth = (1, visitor.value, visitor.value**2)
        if visitor.excluded:
            add(cells, [(("ledger", visitor.excluded, variant), (1,))])
        else:
            for attribute, level in (("", ""), *visitor.attributes.items()):
                add(cells, [(("patterns", attribute, level, day(first.at), variant, pattern), worth)])
        if visitor.bad_value:
            add(cells, [(("ledger", "bad-value", variant), (1,))])
    return cells


def noted(one: VisitorPhase, events: Sequence[Event]) -> Tally:
    """What the ledger counts of these events, if the notes tell the truth."""
    cells: Tally = {}
    for event in events:
        fates = {note.fate for note in one.notes.get(event.message_id, ())}
        for fate in fates & {"second-variant", "before-start", "after-end"}:
            add(cells, [(("ledger", fate, event.variant or ""), (1,))])
        if fates & {"too-late", "join-too-late"}:
            add(cells, [(("ledger", "late", ""), (1,))])
    return cells


def merged(*tallies: Tally) -> Tally:
    total: Tally = {}
    for one in tallies:
        add(total, one.items())
    return total


def disagreements(events: Sequence[Event]) -> list[str]:
    """In what the story of one person is not what the tables count of that person alone."""
    events = distinct(events)
    one, found = visitor_phase(PHASE, events), journey(PHASE, events)
    counted: Tally = {}
    add(counted, found.rows)
    main = {cell: counts for cell, counts in counted.items() if not (cell[0] == "reach" and cell[2])}
    if one is None:
        return [f"nothing is told of {main}"] if main else []
    first = one.visitors[0] if one.visitors else None
    pairs: list[tuple[str, object, object]] = [
        ("cells", merged(told(one), noted(one, events)), main),
        ("ledger", one.ledger, ledger_table(counted)),
        ("variant", one.variant, found.variant),
        ("exposed", first and first.exposure.at, found.exposed_at),
        ("excluded", first and first.excluded, found.excluded),
        ("reached", dict(first.reached) if first else {}, dict(found.reached)),
        ("value", first.value if first else 0, found.value),
        ("late", {message for message, notes in one.notes.items() if any("late" in n.fate for n in notes)}, found.late),
    ]
    return [f"{what}: told {said}, counted {right}" for what, said, right in pairs if said != right]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case) -> None:
    for events in people(distinct(case.events)):
        assert not disagreements(events)


@settings(max_examples=500)
@given(st.lists(facts(), max_size=10, unique_by=lambda event: event.message_id))
def test_the_story_is_what_the_tables_count(events: list[Event]) -> None:
    for person in people(distinct(events)):
        assert not disagreements(person)


@settings(max_examples=200)
@given(st.lists(facts(), min_size=1, max_size=10, unique_by=lambda event: event.message_id))
def test_every_step_and_every_event_has_its_reason(events: list[Event]) -> None:
    person = next(iter(people(distinct(events))))
    found = visitor_history(person[0].visitor, person, [PHASE])
    assert [one.event for one in found.events] == sorted(person, key=lambda e: (e.at, e.received_at, e.message_id))
    assert {e.visitor for e in person} <= set(found.ids)
    for one in found.events:
        if found.phases and one.event.name != "nothing_asked_for" and one.event.joined != one.event.visitor:
            assert one.notes, one.event
    for part in found.phases:
        for passage in part.passages:
            could = [one for one in person if one.kind == "action" and one.name in MAKES[passage.step.step]]
            accounted = {one.event.message_id for one in passage.missed}
            if passage.reached is None:
                assert {event.message_id for event in could} <= accounted | _others(part, passage)
            for one in passage.missed:
                assert MISSED[one.note.fate](one.event, passage, one.note), (one, passage)
    assert misfits(json.loads(json.dumps(found.to_json())), VisitorHistory.json_schema()) == []


MAKES = {
    "seen": {"form_viewed", "email_given", "quote_requested"},
    "email": {"email_given", "quote_requested"},
    "quote": {"quote_requested"},
    "praise": {"testimonials_viewed"},
    "error": {"form_error"},
}
MISSED: dict[str, Callable[[Event, Passage, Note], bool]] = {
    "before-exposure": lambda event, one, note: event.at < one.exposure.at == note.limit,
    "after-window": lambda event, one, note: event.at > one.until == note.limit,
    "too-late": lambda event, one, note: event.received_at > one.sealed_at == note.limit,
    "other-visitor": lambda event, one, note: event.visitor != one.exposure.visitor,
}


def _others(one: VisitorPhase, passage: Passage) -> set[str]:
    """Events that another visitor of the same step has, where a join came too late."""
    notes = one.notes.items()
    key = passage.step.step
    others = [other for other in one.passages if other.step == passage.step and other is not passage]
    return {message for message, some in notes if others and any(key in note.steps for note in some)}


E0 = exposure("v", "single", 0)


@pytest.mark.parametrize(
    ("events", "message", "notes"),
    [
        pytest.param([E0], 0, [Note("first-exposure")], id="first exposure"),
        pytest.param([E0, exposure("v", "single", 5)], 1, [Note("exposed-again")], id="again"),
        pytest.param([E0, exposure("v", "multi", 5)], 1, [Note("second-variant")], id="second variant"),
        pytest.param([exposure("v", "single", -5)], 0, [Note("before-start", limit=START)], id="before the start"),
        pytest.param(
            [exposure("v", "single", 20 * DAY)], 0, [Note("after-end", limit=minute(20 * DAY))], id="after the end"
        ),
        pytest.param([E0, exposure("v", "third", 5)], 1, [Note("unknown-variant")], id="a variant that is none"),
        pytest.param([E0, action("v", "form_viewed", 60)], 1, [Note("reached", ("seen",))], id="reached"),
        pytest.param(
            [E0, action("v", "form_viewed", 60 + TICK)],
            1,
            [Note("after-window", ("seen",), minute(60))],
            id="after the window",
        ),
        pytest.param(
            [exposure("v", "single", 5), action("v", "form_viewed", 4)],
            1,
            [Note("before-exposure", ("seen",), minute(5))],
            id="before exposure",
        ),
        pytest.param(
            [E0, action("v", "form_viewed", 10, 181)], 1, [Note("too-late", ("seen",), minute(180))], id="too late"
        ),
        pytest.param(
            [E0, action("v", "form_viewed", 0, 181)],
            1,
            [Note("too-late", ("seen",), minute(180))],
            id="too late, at the moment of exposure",
        ),
        pytest.param(
            [E0, action("v", "form_viewed", 60, 181)],
            1,
            [Note("too-late", ("seen",), minute(180))],
            id="too late, at the end of the window",
        ),
        pytest.param(
            [E0, action("v", "form_viewed", 5), action("v", "form_viewed", 9, 181)],
            2,
            [Note("repeated", ("seen",))],
            id="late, but it changes nothing",
        ),
        pytest.param(
            [E0, action("v", "quote_requested", 100, properties={"amount": 5})],
            1,
            [
                Note("sale", ("quote",)),
                Note("reached", ("email", "quote")),
                Note("after-window", ("seen",), minute(60)),
            ],
            id="a later milestone reaches the earlier ones within their own windows",
        ),
        pytest.param([E0, action("w", "form_viewed", 5), join("v", "w", 6)], 2, [Note("joined")], id="joined"),
        pytest.param([E0, withdrawal("v", 6)], 1, [Note("withdrawal")], id="consent withdrawn"),
        pytest.param([E0, action("v", "nothing_asked_for", 6)], 1, [], id="nothing asks for it"),
        pytest.param([action("v", "form_viewed", 6)], 0, [Note("not-exposed", ("seen",))], id="never exposed"),
        pytest.param([action("v", "form_viewed", -6)], 0, [], id="before the phase, never exposed"),
    ],
)
def test_what_became_of_an_event(events: list[Event], message: int, notes: list[Note]) -> None:
    found = visitor_history(VisitorId("v"), events, [PHASE])
    by_message = {one.event.message_id: [on.note for on in one.notes] for one in found.events}
    assert Counter(by_message[events[message].message_id]) == Counter(notes)


def test_an_exposure_before_a_later_phase_is_none_of_its_business() -> None:
    second = PHASE.model_copy(update={"phase": 2})
    one = visitor_phase(second, [exposure("v", "multi", -5), E0])
    assert one is not None
    assert [[note.fate for note in notes] for notes in one.notes.values()] == [["first-exposure"]]


def test_a_join_that_came_too_late_leaves_two_visitors_with_their_own_steps() -> None:
    events = [E0, exposure("w", "multi", 70), action("w", "form_viewed", 80), join("v", "w", 4 * DAY, message="j")]
    one = visitor_phase(PHASE, events)
    assert one is not None
    assert [(v.exposure.visitor, v.exposure.variant) for v in one.visitors] == [("v", "single"), ("w", "multi")]
    seen = [(p.exposure.visitor, p.reached is not None) for p in one.passages if p.step.step == "seen"]
    assert seen == [("v", False), ("w", True)]
    assert {note.fate for note in one.notes[MessageId("j")]} == {"join-too-late"}


def test_an_action_of_an_id_joined_too_late_is_another_visitors() -> None:
    events = [E0, action("w", "form_viewed", 5, message="a"), join("v", "w", 181)]
    one = visitor_phase(PHASE, events)
    assert one is not None
    seen = one.passages[0]
    assert (seen.reached, [one.note.fate for one in seen.missed], seen.in_days) == (None, ["other-visitor"], True)


def test_assigned_and_claimed_are_both_told() -> None:
    one = visitor_phase(PHASE, [exposure("v", "multi", 0)])
    assert one is not None
    assert one.variant == "multi"
    assert one.assigned == place(PHASE, "v")
    reported = visitor_phase(PHASE.model_copy(update={"assignment": "reported"}), [exposure("v", "multi", 0)])
    assert reported is not None
    assert reported.assigned is None


def test_a_value_above_the_cap_is_said_to_be_capped() -> None:
    sales = [action("v", "quote_requested", 5, properties={"amount": amount}) for amount in (999, 1000, 1000.01, "x")]
    found = [visitor_phase(PHASE, [E0, sale]) for sale in sales]
    assert [one and (one.visitors[0].capped, one.visitors[0].bad_value) for one in found] == [
        (False, False),
        (False, False),
        (True, False),
        (False, True),
    ]


def test_nothing_is_known_of_who_never_came() -> None:
    found: VisitorHistory = visitor_history(VisitorId("v"), [], [PHASE])
    assert (found.ids, found.events, found.phases) == (["v"], [], [])
