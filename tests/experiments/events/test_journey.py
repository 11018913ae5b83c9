"""journey: its rules by cases, by a literal second reading, and by changing each rule."""

from __future__ import annotations

import dataclasses
import itertools
import sys
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import experiments
from experiments.events.cohort import DAY as DAYS
from experiments.events.cohort import HOUR as HOURS
from experiments.events.cohort import Clock
from experiments.events.event import Event, distinct
from experiments.events.journey import Cell, Counts, concerns, journey
from experiments.events.tally import tally
from tests.experiments.cases.histories import DAY, PHASE, action, exposure, join, withdrawal
from tests.experiments.cases.journey_cases import CASES, Case, failures


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case) -> None:
    assert not failures(case, PHASE, journey)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_order_does_not_matter_and_twice_is_once(case: Case) -> None:
    for events in itertools.islice(itertools.permutations(case.events), 24):
        assert journey(PHASE, events) == journey(PHASE, (*case.events, *case.events))


def test_a_definition_that_never_ran_is_no_phase() -> None:
    with pytest.raises(ValueError, match="'form' has no started_at"):
        journey(PHASE.model_copy(update={"started_at": None}), [])


def test_exposures_before_a_later_phase_belong_to_an_earlier_one() -> None:
    assert not _earlier_phase(sys.modules[journey.__module__]).rows


def _earlier_phase(module: Any) -> Any:
    return module.journey(PHASE.model_copy(update={"phase": 2}), [exposure("v", "single", -5)])


@pytest.mark.parametrize(
    ("event", "matters"),
    [
        (exposure("v", "single", 0), True),
        (exposure("v", "single", 0, experiment="other"), False),
        (exposure("v", "single", 0, experiment="other", joined="w"), True),
        (action("v", "form_viewed", 0), True),
        (action("v", "hello", 0), False),
        (action("v", "hello", 0, joined="w"), True),
        (join("v", "w", 0), True),
        (withdrawal("v", DAY), True),
    ],
    ids=["exposure", "other", "other, joins", "step", "no step", "no step, joins", "join", "withdrawal"],
)
def test_what_concerns_a_phase(event: Event, matters: bool) -> None:
    assert concerns(PHASE, event) is matters


WHEN = st.one_of(st.integers(0, 400), st.integers(0, 4 * DAY))
DELAY = st.one_of(st.just(0), st.integers(0, 300), st.integers(0, 3 * DAY))
VISITOR = st.sampled_from("uvw")


@st.composite
def facts(draw: st.DrawFn, joins: bool = True) -> Event:
    at, visitor = draw(WHEN), draw(VISITOR) if joins else "v"
    received = at + draw(DELAY)
    message = draw(st.uuids()).hex
    match draw(
        st.sampled_from(["exposure", "exposure", "action", "action", "join"] if joins else ["exposure", "action"])
    ):
        case "exposure":
            return exposure(visitor, draw(st.sampled_from(["single", "multi"])), at, received, message)
        case "action":
            name = draw(st.sampled_from(["form_viewed", "email_given", "quote_requested", "testimonials_viewed"]))
            return action(visitor, name, at, received, message, properties={"amount": draw(st.integers(0, 50))})
        case _:
            return join(visitor, draw(VISITOR), at, received, message)


def published(cells: Any, at: Any) -> dict[Cell, Counts]:
    """The cells whose cohort was sealed at this moment."""
    found = {}
    for cell, counts in cells.items():
        match cell:
            case ("reach", str(step), attribute, _, int(cohort), *_):
                length = DAYS if attribute else HOURS
                window = next(PHASE.window_of(one) for one in PHASE.steps if one.step == step)
            case ("patterns", _, _, int(cohort), *_):
                length, window = DAYS, PHASE.window
            case ("exposed", int(cohort), _):
                length, window = HOURS, timedelta(0)
            case _:
                continue
        if at > Clock(length, window).seal(cohort):
            found[cell] = counts
    return found


@settings(max_examples=400)
@given(st.lists(facts(), max_size=9, unique_by=lambda event: event.message_id))
def test_a_published_number_does_not_change(events: list[Event]) -> None:
    final = tally(PHASE, events)
    for now in {event.received_at for event in events}:
        known = [event for event in events if event.received_at <= now]
        assert published(tally(PHASE, known), now) == published(final, now)


@settings(max_examples=100)
@given(st.lists(facts(joins=False), max_size=8, unique_by=(lambda event: event.message_id, lambda event: event.at)))
def test_the_literal_reading(events: list[Event]) -> None:
    """Fact by fact in order of receipt: each counts in a table unless it would change a cohort already sealed there."""
    final = {cell: counts for cell, counts in tally(PHASE, events).items() if cell[0] != "ledger"}
    literal: dict[Cell, Counts] = {}
    for table in {cell[:3] if cell[0] == "reach" else cell[:1] for cell in _all_cells(events)}:
        counted: list[Event] = []
        for event in distinct(events):
            before, after = _in_table(table, counted), _in_table(table, [*counted, event])
            changed = {cell: (1,) for cell in before.keys() | after.keys() if before.get(cell) != after.get(cell)}
            if not published(changed, event.received_at):
                counted.append(event)
        literal |= _in_table(table, counted)
    assert literal == final


def _all_cells(events: list[Event]) -> set[Cell]:
    return {cell for event in events for cell in tally(PHASE, [_prompt(event)]) if cell[0] != "ledger"}


def _in_table(table: Cell, events: list[Event]) -> dict[Cell, Counts]:
    cells = tally(PHASE, [_prompt(event) for event in events])
    return {cell: counts for cell, counts in cells.items() if cell[: len(table)] == table}


def _prompt(event: Event) -> Event:
    """The same fact as if it had been received at once, so that no seal plays a part."""
    return dataclasses.replace(event, received_at=event.at)


# Each rule, and how to break it: (file, the text that says it, a text that says something else)
MUTATIONS = [
    ("journey.py", "event.at < self.started_at:", "event.at <= self.started_at:"),
    ("journey.py", "if self.experiment.phase == 1:", "if self.experiment.phase != 1:"),
    ("journey.py", "event.at >= self.ended_at:", "event.at > self.ended_at:"),
    ("journey.py", "event.experiment == self.experiment.key and ", ""),
    ("journey.py", " and event.variant in self.variants", ""),
    ("journey.py", " and event.name in self.names", " and event.name == 'form_viewed'"),
    ("journey.py", 'elif event.kind == "withdrawal":', 'elif event.kind == "never":'),
    ("journey.py", "if event.joined is not None and event.joined != event.visitor:", 'if event.kind == "join":'),
    ("journey.py", "if event.received_at <= seal:", "if True:"),
    ("journey.py", "if event.received_at <= seal:", "if event.received_at < seal:"),
    ("journey.py", "sorted(person.exposures, key=_moment)", "person.exposures"),
    ("journey.py", "return (event.at, event.received_at, event.message_id)", "return (event.received_at, event.at, event.message_id)"),
    ("journey.py", "return (event.at, event.received_at, event.message_id)", "return (event.at, START, event.message_id)".replace("START", "event.at")),
    ("journey.py", 'for flag in ("bot", "staff")', 'for flag in ("bot",)'),
    ("journey.py", 'for flag in ("bot", "staff")', 'for flag in ("staff",)'),
    ("journey.py", 'event.attributes.get(flag) == "true"', "flag in event.attributes"),
    ("journey.py", "if event.at <= one.at <=", "if event.at < one.at <="),
    ("journey.py", "if event.at <= one.at <=", "if one.at <="),
    ("journey.py", "<= event.at + clock.window]", "< event.at + clock.window]"),
    ("journey.py", "event.at + clock.window]", "event.at + self.experiment.window]"),
    ("journey.py", "if one.received_at <= seal]", "if one.received_at < seal]"),
    ("journey.py", "if one.received_at <= seal]", "]"),
    ("journey.py", "for later in experiment.path[index:]}", "for later in experiment.path[:0]}"),
    ("journey.py", "for later in experiment.path[index:]}", "for later in experiment.path}"),
    ("journey.py", "late.update(event.message_id for event in sight.tardy if event.name in makes)", "pass"),
    ("journey.py", "late.update(e.message_id for e in sight.tardy if e.name == macro.event and _moment(e) < _moment(sale))", "pass"),
    ("journey.py", " and _moment(e) < _moment(sale))", ")"),
    ("journey.py", "sale = min(", "sale = max("),
    ("journey.py", "event for event in sight.known if event.name == macro.event", "event for event in sight.tardy or sight.known if event.name == macro.event"),
    ("journey.py", "judgement.bad_value = value is None", "judgement.bad_value = not value"),
    ("journey.py", "judgement.bad_value = value is None", "judgement.bad_value = False"),
    ("journey.py", "min(value or 0, round(self.experiment.value_cap * 100))", "value or 0"),
    ("journey.py", "judgement.value**2", "judgement.value"),
    ("journey.py", 'judgement.excluded = "consent-withdrawn"', "continue"),
    ("journey.py", "        if judgement.excluded:\n            return\n", ""),
    ("journey.py", "event.variant != judgement.first.variant", "True"),
    ("journey.py", 'yield "ledger", "second-variant"', 'yield "ledger", "bad-value"'),
    ("journey.py", "any(count and join.received_at > table", "any(False and join.received_at > table"),
    ("journey.py", "count and join.received_at > table", "count and join.received_at >= table"),
    ("journey.py", "any(count and join.received_at", "any(join.received_at"),
    ("journey.py", "late.add(join.message_id)", "pass"),
    ("journey.py", "            late.append(event.message_id)\n", ""),
    ("journey.py", "Clock(HOUR, experiment.window_of(step))", "Clock(DAY, experiment.window_of(step))"),
    ("journey.py", "Clock(DAY, experiment.window_of(step))", "Clock(HOUR, experiment.window_of(step))"),
    ("journey.py", "Clock(DAY, experiment.window)", "Clock(HOUR, experiment.window)"),
    ("journey.py", "Clock(HOUR, timedelta(0))", "Clock(HOUR, experiment.window)"),
    ("journey.py", "1 << bit", "2 << bit"),
    ("journey.py", 'attributes["first_seen"] < ', 'attributes["first_seen"] <= '),
    ("journey.py", "return attributes.get(attribute) or UNKNOWN", 'return attributes.get(attribute) or ""'),
    ("journey.py", "judgement.first.attributes", "{}"),
    ("journey.py", 'for name in self.experiment.analysis.adjust_for', "for name in ()"),
    ("cohort.py", "(cohort + 1) * self.length + self.window + GRACE", "cohort * self.length + self.window + GRACE"),
    ("cohort.py", "(cohort + 1) * self.length + self.window + GRACE", "(cohort + 1) * self.length + GRACE"),
    ("cohort.py", "(cohort + 1) * self.length + self.window + GRACE", "(cohort + 1) * self.length + self.window"),
    ("money.py", "or amount < 0", ""),
    ("money.py", "not amount.is_finite() or ", ""),
    ("money.py", "* 100)", "* 10)"),
    ("event.py", "or event.supersedes(other)", ""),
    ("event.py", "key=lambda event: (event.received_at, event.message_id)", "key=lambda event: event.message_id"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("file", "rule", "broken"), MUTATIONS, ids=[f"{f}: {r[:60]} -> {b[:60]}" for f, r, b in MUTATIONS]
)
def test_breaking_a_rule_is_noticed(monkeypatch: pytest.MonkeyPatch, file: str, rule: str, broken: str) -> None:
    floor = Path(str(experiments.__file__)).parent
    (place,) = floor.rglob(file)
    source = place.read_text()
    assert rule in source
    if file != "journey.py":
        changed = _module(f"experiments.{place.parent.name}.{place.stem}", source.replace(rule, broken))
        monkeypatch.setitem(sys.modules, changed.__name__, changed)
        source = (floor / "events/journey.py").read_text()
    else:
        source = source.replace(rule, broken)
    mutant = _module("mutant", source)
    monkeypatch.setitem(sys.modules, "mutant", mutant)
    assert any(_fails(case, mutant) for case in CASES) or _earlier_phase(mutant).rows, "no case notices"


def _module(name: str, source: str) -> ModuleType:
    module = ModuleType(name)
    sys.modules.setdefault(name, module)  # dataclasses look their module up
    exec(compile(source, name, "exec"), module.__dict__)
    return module


def _fails(case: Case, mutant: Any) -> bool:
    try:
        return bool(failures(case, PHASE, mutant.journey))
    except Exception:
        return True
