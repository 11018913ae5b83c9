"""Time to convert: the visitors of the funnel and no others, with the times that `journey` gives them."""

from __future__ import annotations

import math
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.definition.experiment import Experiment
from experiments.events.cohort import DAY as ONE_DAY
from experiments.events.cohort import Clock
from experiments.events.event import Event, distinct
from experiments.events.person import people
from experiments.events.tally import tally
from experiments.maintenance.retention import expire
from experiments.reporting.time_to_convert import ENOUGH, TimeToConvert, sealed_until, time_to_convert
from experiments.store.memory import MemoryStore
from experiments.store.sqlite import event_rows
from experiments.store.sqlite.engine import SqliteStore, open_store
from experiments.store.store import Store
from tests.experiments.cases.any_facts import facts
from tests.experiments.cases.histories import DAY, PHASE, START, action, all_cells, exposure, join, minute, withdrawal
from tests.experiments.cases.json_schema import misfits

LATER = START + timedelta(days=30)


def told(events: list[Event], as_of: object = LATER, phase: Experiment = PHASE) -> TimeToConvert:
    """The times of these events."""
    return time_to_convert(phase, people(distinct(events)), as_of)  # type: ignore[arg-type]  # a moment


def counts(found: TimeToConvert) -> dict[tuple[str, str], tuple[int, int]]:
    """(step, variant) -> visitors and how many reached it."""
    return {(one.step, key): (t.visitors, t.reached) for one in found.steps for key, t in one.variants.items()}


def of_the_tables(events: list[Event], as_of: object) -> dict[tuple[str, str], tuple[int, int]]:
    """The same from the table of patterns, in which the funnel is read."""
    until = Clock(ONE_DAY, PHASE.window).first_unsealed(as_of)  # type: ignore[arg-type]  # a moment
    visitors: Counter[str] = Counter()
    reached: Counter[tuple[str, str]] = Counter()
    for cell, (number, *_) in tally(PHASE, events).items():
        if cell[:3] == ("patterns", "", "") and int(cell[3]) < until:
            variant, pattern = str(cell[4]), int(cell[5])
            visitors[variant] += number
            for bit, step in enumerate(PHASE.steps):
                reached[step.step, variant] += number if pattern >> bit & 1 else 0
    keys = [(step.step, variant.key) for step in PHASE.steps for variant in PHASE.variants]
    return {key: (visitors[key[1]], reached[key]) for key in keys}


@settings(max_examples=300)
@given(st.lists(facts(), max_size=25), st.integers(0, 30))
def test_it_counts_whom_the_funnel_counts(events: list[Event], days: int) -> None:
    as_of = START + timedelta(days=days)
    assert counts(told(events, as_of)) == of_the_tables(events, as_of)


@settings(max_examples=60)
@given(st.lists(facts(), max_size=25))
def test_every_engine_brings_the_same_people(tmp_path_factory: pytest.TempPathFactory, events: list[Event]) -> None:
    file = tmp_path_factory.mktemp("log") / "yesladder.db"
    engines: list[Store] = [MemoryStore(lambda: [PHASE]), open_store(file, lambda: [PHASE])]
    found = []
    for store in engines:
        if events:
            store.append(events)
        found.append(time_to_convert(PHASE, store.people(PHASE, LATER), LATER))
        store.close()
    assert found[0] == found[1]


@pytest.mark.parametrize("at_once", [1, 2, 3, 500])
def test_a_long_log_is_read_in_parts_and_nobody_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(event_rows, "EXPOSURES_AT_ONCE", at_once)
    events = [exposure(f"v{k}", "single", 10 * (k // 2)) for k in range(9)]  # two at each moment
    events += [exposure("v0", "single", 95, message="again"), exposure("w", "single", 96), join("w", "v3", 97)]
    events += [exposure("v1", "multi", 12, message="changed its mind"), action("v7", "form_viewed", 33)]
    events += [exposure("x", "single", 5, experiment="another")]
    store = open_store(tmp_path / "yesladder.db", lambda: [PHASE])
    store.append(events)
    brought = list(store.people(PHASE, LATER))
    ids = [sorted({event.visitor for event in person}) for person in brought]
    assert sorted(ids) == [["v0"], ["v1"], ["v2"], ["v3", "w"], ["v4"], ["v5"], ["v6"], ["v7"], ["v8"]]
    assert len(list(store.people(PHASE, minute(20)))) == 4
    store.close()


def test_times_are_those_after_the_first_exposure() -> None:
    """Twenty visitors who take 1 to 20 minutes, and as many who never do."""
    events = []
    for k in range(1, 21):
        events += [exposure(f"v{k}", "multi", k), exposure(f"v{k}", "multi", k + 0.5, message=f"again {k}")]
        events += [action(f"v{k}", "form_viewed", 2 * k), exposure(f"n{k}", "multi", k)]
    found = told(events)
    seen = next(one for one in found.steps if one.step == "seen").variants["multi"]
    assert (seen.visitors, seen.reached) == (40, 20)
    assert seen.quartiles is not None
    for given_, exact in zip(seen.quartiles, (5, 10, 15), strict=True):
        assert timedelta(minutes=exact) <= given_ <= timedelta(minutes=exact) * 1.01
    within = {one.within: one.reached for one in seen.curve}
    minutes = {60 * one: within[timedelta(minutes=60 * one)] for one in (4, 24)}
    assert [within[timedelta(minutes=one)] for one in (1, 5, 15, 60)] == [1, 5, 15, 20]
    assert minutes == {240: 20, 1440: 20}
    assert found.durations[-1] == PHASE.window
    assert (found.points[0], found.points[-1]) == (timedelta(seconds=1), PHASE.window)
    assert seen.course[0] == 0
    assert list(seen.course) == sorted(seen.course)
    assert seen.course[-1] == 20


def test_a_later_milestone_reaches_those_before_it_and_an_action_stands_alone() -> None:
    events = [exposure("v", "single", 0), action("v", "quote_requested", 100), action("v", "testimonials_viewed", 7)]
    found = {one.step: one.variants["single"] for one in told(events).steps}
    assert {key: one.reached for key, one in found.items()} == {
        "seen": 1,
        "email": 1,
        "quote": 1,
        "praise": 1,
        "error": 0,
    }
    within = {key: {point.within: point.reached for point in one.curve} for key, one in found.items()}
    assert within["seen"][timedelta(hours=1)] == 0
    assert within["seen"][timedelta(hours=4)] == 1
    assert within["praise"][timedelta(minutes=15)] == 1


def test_who_may_still_come_and_who_is_not_counted_are_left_out() -> None:
    events = [
        exposure("young", "single", 2 * DAY),
        action("young", "quote_requested", 2 * DAY + 1),
        exposure("edge", "single", DAY),  # the first moment of the second day
        exposure("old", "single", 0),
        exposure("robot", "single", 0, attributes={"bot": "true"}),
        exposure("gone", "single", 0),
        withdrawal("gone", 5),
    ]
    as_of = minute(2 * DAY + 61)  # the first day's end, its window, the grace, and a minute
    assert sealed_until(PHASE, as_of) == minute(DAY)
    assert counts(told(events, as_of))["quote", "single"] == (1, 0)
    assert counts(told(events))["quote", "single"] == (3, 1)


@pytest.mark.parametrize(("reached", "known"), [(0, False), (1, False), (ENOUGH - 1, False), (ENOUGH, True)])
def test_few_have_no_quartiles(reached: int, known: bool) -> None:
    events = [
        event for k in range(reached) for event in (exposure(f"v{k}", "single", 0), action(f"v{k}", "form_viewed", 3))
    ]
    found = told(events)
    assert (found.steps[0].variants["single"].quartiles is not None) == known
    cells = found.to_json()["steps"][0]["variants"]["single"]
    assert misfits(found.to_json(), TimeToConvert.json_schema()) == []
    assert (cells["half_within"] is not None) == known
    assert cells["curve"][0]["share"] == (0.0 if reached else None)


@settings(max_examples=200)
@given(st.lists(st.integers(0, 86_400), min_size=ENOUGH, max_size=60))
def test_a_quartile_is_never_too_short_and_hardly_too_long(seconds: list[int]) -> None:
    events = []
    for k, one in enumerate(seconds):
        events += [exposure(f"v{k}", "single", 0), action(f"v{k}", "form_viewed", one / 60)]
    found = told(events).steps[0].variants["single"].quartiles
    assert found is not None
    for given_, share in zip(found, (0.25, 0.5, 0.75), strict=True):
        exact = sorted(seconds)[math.ceil(len(seconds) * share) - 1]
        assert exact - 1e-6 <= given_.total_seconds() <= exact * 1.01 + 1


def test_it_is_said_when_the_raw_events_are_gone(tmp_path: Path) -> None:
    store = open_store(tmp_path / "yesladder.db", lambda: [PHASE], clock=lambda: START + timedelta(days=400))
    assert isinstance(store, SqliteStore)
    store.append([exposure("v", "single", 0)])
    assert all_cells(store, PHASE)
    assert not store.final_phases()
    expire(store, timedelta(days=100), START + timedelta(days=400), delete=True)
    assert ("form", 1) in store.final_phases()
    store.close()
