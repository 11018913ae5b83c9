"""The parts of a change add up, and what was published before differs only by a revision that is named."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.audit.change_report import ChangeReport, CountChange, Sum, change_report
from experiments.events.event import Event
from experiments.events.tables import Revision
from experiments.reporting.report import Report, report
from experiments.store.memory import MemoryStore
from experiments.store.sqlite.engine import open_store
from experiments.store.store import Store
from tests.experiments.cases.histories import DAY, HOUR, PHASE, action, exposure, join, minute, withdrawal
from tests.experiments.cases.json_schema import misfits

VISITORS = [f"v{number}" for number in range(8)]
WHEN = st.integers(0, 4 * DAY)
MOMENT = st.one_of(st.integers(0, 8 * DAY), st.integers(0, 8 * 24).map(lambda hour: hour * HOUR))


@st.composite
def facts(draw: st.DrawFn, withdrawals: bool = False) -> Event:
    """An event of one of eight visitors, most received at once."""
    at, visitor, message = draw(WHEN), draw(st.sampled_from(VISITORS)), draw(st.uuids()).hex
    received = at + draw(st.one_of(st.just(0), st.integers(0, 2 * DAY)))
    match draw(st.sampled_from(["exposure", "exposure", "action", "action", "join", "withdrawal"])):
        case "exposure":
            return exposure(visitor, draw(st.sampled_from(["single", "multi"])), at, received, message)
        case "join":
            return join(visitor, draw(st.sampled_from(VISITORS)), at, received, message)
        case "withdrawal" if withdrawals:
            return withdrawal(visitor, at)
        case _:
            name = draw(st.sampled_from(["form_viewed", "email_given", "quote_requested", "form_error"]))
            return action(visitor, name, at, received, message, properties={"amount": draw(st.integers(0, 50))})


def reported(store: Store, as_of: datetime) -> Report:
    tables = store.tables(PHASE)
    return report(PHASE, tables.reach, tables.patterns, tables.ledger, as_of)


def changed(store: Store, before: datetime, after: datetime) -> ChangeReport:
    """What changed between two moments by what this store knows now."""
    return change_report(store.tables(PHASE), before, after)


def knowing(events: Sequence[Event]) -> MemoryStore:
    store = MemoryStore(lambda: [PHASE])
    store.append(events)
    return store


HISTORIES = st.lists(facts(), max_size=25, unique_by=lambda event: event.message_id)


@settings(max_examples=60)
@given(st.lists(facts(withdrawals=True), max_size=25, unique_by=lambda event: event.message_id), MOMENT, MOMENT)
def test_the_parts_add_up_to_the_change(events: list[Event], one: int, other: int) -> None:
    found = changed(knowing(events), minute(min(one, other)), minute(max(one, other)))
    for step in found.steps:
        for variant, entry in step.variants.items():
            assert entry.before + entry.sealed == entry.after
            assert found.exposed[variant].after >= found.exposed[variant].before
    assert misfits(json.loads(json.dumps(found.to_json())), ChangeReport.json_schema()) == []


@settings(max_examples=60)
@given(HISTORIES, MOMENT, MOMENT)
def test_what_was_published_before_is_what_is_said_now(events: list[Event], one: int, other: int) -> None:
    """Without a revision: before, as it was published then from what had been received, + sealed since = after."""
    before, after = minute(min(one, other)), minute(max(one, other))
    published = reported(knowing([event for event in events if event.received_at < before]), before)
    found = changed(knowing([event for event in events if event.received_at < after]), before, after)
    for then, step in zip(published.steps, found.steps, strict=True):
        for variant, was in then.variants.items():
            seen = Sum(was.visitors, was.reached, round(was.value_sum * 100))
            assert seen + step.variants[variant].sealed == step.variants[variant].after


def test_which_day_added_what() -> None:
    events = [
        *(exposure(f"a{n}", "single", n * HOUR) for n in range(30)),
        *(exposure(f"b{n}", "multi", n * HOUR) for n in range(30)),
        *(action(f"b{n}", "form_viewed", n * HOUR + 5) for n in range(26)),
        action("b0", "quote_requested", 30, properties={"amount": 7.5}),
    ]
    found = changed(knowing(events), minute(2 * DAY), minute(6 * DAY))
    seen, quote = found.steps[0], found.steps[2]
    assert {key: one.before for key, one in seen.variants.items()} == {
        "single": Sum(30, 0),
        "multi": Sum(30, 26),
    }  # one hour of time is over for all of them
    assert seen.days == []
    assert quote.variants["multi"].before == Sum(22, 1)  # the hours whose day and hour of grace were over
    assert [(f"{day.day:%d}", day.sums["multi"]) for day in quote.days] == [
        ("02", Sum(2, 0, 750)),  # the first day's value sealed with the day
        ("03", Sum(6, 0)),
    ]
    assert quote.variants["multi"].sealed == Sum(8, 0, 750)
    assert quote.variants["multi"].after == Sum(30, 1, 750)
    assert [one.waiting for one in quote.variants.values()] == [CountChange(8, 0)] * 2
    assert found.exposed == {"single": CountChange(30, 30), "multi": CountChange(30, 30)}


def test_decisions_reached_in_between_are_named() -> None:
    events = []
    for n in range(150):
        at = n * 4
        events += [exposure(f"a{n}", "single", at), exposure(f"b{n}", "multi", at)]
        if n % 2:
            events.append(action(f"b{n}", "form_viewed", at + 1))
    store = knowing(events)
    whole = changed(store, minute(0), minute(5 * DAY))
    decided = next(one.decision for one in whole.decisions if one.decision.step == "seen")
    assert decided.state == "better"
    at = decided.decided_at
    tick = timedelta(microseconds=1)
    for before, after, named in ((at, at + tick, True), (at - tick, at, False), (at + tick, minute(5 * DAY), False)):
        found = changed(store, before, after)
        assert (decided.key in [one.decision.key for one in found.decisions]) is named
        one = found.steps[0].comparisons[0]
        assert (one.before.state, one.after.state) == {
            at: ("undecided", "better"),
            at - tick: ("undecided", "undecided"),
            at + tick: ("better", "better"),
        }[before]


def test_a_withdrawal_that_changed_a_published_number_is_named(tmp_path: Path) -> None:
    now = [minute(0)]
    store = open_store(tmp_path / "yesladder.db", lambda: [PHASE], clock=lambda: now[0])
    try:
        now[0] = minute(60)
        store.append([exposure("v", "single", 0), action("v", "form_viewed", 5), exposure("w", "multi", 1)])
        before, now[0] = minute(DAY), minute(DAY)
        published = reported(store, before)
        assert published.steps[0].variants["single"].visitors == 1
        now[0] = minute(2 * DAY + 5)
        store.append([withdrawal("v", 2 * DAY)])
        found = changed(store, before, minute(3 * DAY))
        assert [one.before for one in found.steps[0].variants.values()] == [
            Sum(0, 0),
            Sum(1, 0),
        ]  # by today
        (touch,) = found.revisions
        assert (touch.revision.cause, touch.published, touch.dated_after) == ("consent-withdrawn", True, False)
        assert changed(store, before, minute(DAY + 5)).revisions[0].dated_after
        assert len(changed(store, minute(2 * DAY + 1), minute(3 * DAY)).revisions) == 1  # known by its day
        assert changed(store, minute(3 * DAY), minute(4 * DAY)).revisions == []
    finally:
        store.close()


def test_a_revision_of_cohorts_that_were_not_published_yet_is_told_apart() -> None:
    store = knowing([exposure("v", "single", 0)])
    late = Revision(minute(3 * DAY), "trusted-import", "form", 1, minute(2 * DAY), minute(2 * DAY))
    tables = replace(store.tables(PHASE), revisions=[late])
    found = change_report(tables, minute(DAY), minute(4 * DAY))
    assert [(touch.published, touch.dated_after) for touch in found.revisions] == [(False, False)]


def test_two_moments_the_wrong_way_round_are_refused() -> None:
    store = knowing([])
    with pytest.raises(ValueError, match="the earlier first"):
        changed(store, minute(DAY), minute(0))
