"""journey: its rules by cases, by the former judge, by a literal second reading, and by changing each rule."""

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
from experiments.events.contribution import Cell, Counts
from experiments.events.event import Event, distinct
from experiments.events.journey import Journey, concerns, journey
from experiments.events.person import people
from experiments.events.tally import Tally, add, tally
from tests.experiments.cases import former_judge
from tests.experiments.cases.any_facts import logs
from tests.experiments.cases.histories import DAY, PHASE, action, exposure, join, minute, withdrawal
from tests.experiments.cases.journey_cases import CASES, Case, failures


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case) -> None:
    assert not failures(case, PHASE, journey)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_order_does_not_matter_and_twice_is_once(case: Case) -> None:
    for events in itertools.islice(itertools.permutations(case.events), 24):
        assert journey(PHASE, events) == journey(PHASE, (*case.events, *case.events))


PHASES = [
    PHASE,
    PHASE.model_copy(update={"phase": 2, "started_at": minute(20 * DAY), "ended_at": None, "status": "running"}),
    PHASE.model_copy(
        update={
            "path": (*PHASE.path[:-1], PHASE.macro.model_copy(update={"value": 12.5})),
            "analysis": PHASE.analysis.model_copy(update={"adjust_for": ("device", "tier")}),
        }
    ),
    PHASE.model_copy(update={"path": (*PHASE.path[:-1], PHASE.macro.model_copy(update={"value": None}))}),
]


def summed(one: Journey) -> Journey:
    """The same with each cell once, in an order of their own."""
    cells: Tally = {}
    add(cells, one.rows)
    return dataclasses.replace(one, rows=sorted(cells.items(), key=str))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_former_judge_says_the_same_of_a_case(case: Case) -> None:
    assert not failures(case, PHASE, former_judge.journey)
    for phase in PHASES:
        assert summed(journey(phase, case.events)) == summed(former_judge.journey(phase, case.events))


@settings(max_examples=500)
@given(logs())
def test_the_former_judge_says_the_same_of_whatever_history(events: list[Event]) -> None:
    for phase in PHASES:
        assert tally(phase, events) == former_judge.tally(phase, events)
        for some in (events, *people(distinct(events))):
            assert summed(journey(phase, some)) == summed(former_judge.journey(phase, some))


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
    ("journey.py", "exposure.at < self.rules.started_at:", "exposure.at <= self.rules.started_at:"),
    ("journey.py", "if self.experiment.phase == 1", "if self.experiment.phase != 1"),
    ("journey.py", "exposure.at >= ended_at", "exposure.at > ended_at"),
    ("journey.py", "if exposure.experiment != self.experiment.key:", "if False:"),
    ("journey.py", "if exposure.variant not in self._variants:", "if False:"),
    ("contribution.py", "for name in self.names}", "for name in ['form_viewed']}"),
    ("journey.py", " and event.name in self.rules.names", " and event.name == 'form_viewed'"),
    ("journey.py", 'elif event.kind == "withdrawal":', 'elif event.kind == "never":'),
    ("journey.py", "if event.joined is not None and event.joined != event.visitor:", 'if event.kind == "join":'),
    ("journey.py", "if one.received_at <= table.sealed_at(one)]", "]"),
    ("journey.py", "if one.received_at <= table", "if one.received_at < table"),
    ("journey.py", "min(timely, key=in_time)", "timely[0]"),
    ("journey.py", "min(exposures, key=in_time)", "exposures[0]"),
    ("contribution.py", "return (event.at, event.received_at, event.message_id)", "return (event.received_at, event.at, event.message_id)"),
    ("contribution.py", "return (event.at, event.received_at, event.message_id)", "return (event.at, event.at, event.message_id)"),
    ("contribution.py", 'for flag in ("bot", "staff")', 'for flag in ("bot",)'),
    ("contribution.py", 'for flag in ("bot", "staff")', 'for flag in ("staff",)'),
    ("contribution.py", 'first.attributes.get(flag) == "true"', "flag in first.attributes"),
    ("contribution.py", "if action.at < first.at:", "if action.at <= first.at:"),
    ("contribution.py", "if action.at < first.at:", "if False:"),
    ("contribution.py", "if after <= limit:", "if after < limit:"),
    ("contribution.py", "(limit <= own[bit]) << bit", "(limit <= window) << bit"),
    ("contribution.py", "(limit <= window) << bit", "(limit <= own[bit]) << bit"),
    ("journey.py", "if action.received_at <= seal]", "if action.received_at < seal]"),
    ("journey.py", "if action.received_at <= seal]", "]"),
    ("contribution.py", "for later in experiment.path[index:]}", "for later in experiment.path[:0]}"),
    ("contribution.py", "for later in experiment.path[index:]}", "for later in experiment.path}"),
    ("journey.py", "if table.reached(self.rules.reaches(one.first, action)) & missing or (", "if ("),
    ("journey.py", "sale is not None and self.rules.sale", "False and self.rules.sale"),
    ("journey.py", "self.rules.sale(one.first, (sale, action)) is action", "self.rules.sale(one.first, (action,)) is action"),
    ("contribution.py", "return min((one for one", "return max((one for one"),
    ("journey.py", "self.rules.contribution(first, known, person.exposures)", "self.rules.contribution(first, tardy or known, person.exposures)"),
    ("contribution.py", "bad_value = worth is None", "bad_value = not worth"),
    ("contribution.py", "bad_value = worth is None", "bad_value = False"),
    ("contribution.py", "min(worth or 0, round(self.experiment.value_cap * 100))", "worth or 0"),
    ("contribution.py", "one.value**2", "one.value"),
    ("journey.py", '_replace(excluded="consent-withdrawn")', "_replace(excluded=None)"),
    ("contribution.py", "        if one.excluded:\n            continue\n", ""),
    ("contribution.py", "if one.variant != first.variant", ""),
    ("contribution.py", 'yield ("ledger", "second-variant", other)', 'yield ("ledger", "bad-value", other)'),
    ("contribution.py", "(one.others.count(other),)", "(1,)"),
    ("journey.py", "any(counted and count for", "any(False for"),
    ("journey.py", "join.received_at > table", "join.received_at >= table"),
    ("journey.py", "if judgement and join.received_at > table.sealed_at(judgement.first):", "if judgement:"),
    ("journey.py", "any(counted and count for", "any(counted for"),
    ("journey.py", "any(counted and count for", "any(count for"),
    ("journey.py", ' if row[0][0] != "ledger")', ")"),
    ("journey.py", "late.add(join.message_id)", "pass"),
    ("journey.py", "if one is None or in_time(exposure) < in_time(one.first):", "if False:"),
    ("journey.py", "if one is None or in_time(exposure) < in_time(one.first):", "if one is None:"),
    ("journey.py", "event.received_at - event.at > GRACE or ", ""),
    ("journey.py", " or event.visitor != events[0].visitor", ""),
    ("journey.py", 'elif event.kind != "exposure":\n                return None', 'elif event.kind != "exposure":\n                pass'),
    ("journey.py", 'elif belonging in ("before-start", "after-end"):\n                return None', 'elif belonging in ("before-start", "after-end"):\n                pass'),
    ("contribution.py", "Clock(HOUR, window)", "Clock(DAY, window)"),
    ("contribution.py", "Clock(DAY, window)", "Clock(HOUR, window)"),
    ("contribution.py", "Clock(DAY, experiment.window)", "Clock(HOUR, experiment.window)"),
    ("contribution.py", "Clock(HOUR, timedelta(0))", "Clock(HOUR, experiment.window)"),
    ("contribution.py", "(limit <= window) << bit ", "(limit <= window) << bit + 1 "),
    ("contribution.py", 'attributes["first_seen"] < ', 'attributes["first_seen"] <= '),
    ("contribution.py", "return attributes.get(name) or UNKNOWN", 'return attributes.get(name) or ""'),
    ("contribution.py", "attributes = first.attributes\n", "attributes: dict[str, str] = {}\n"),
    ("contribution.py", "for name in self.experiment.analysis.adjust_for", "for name in ()"),
    ("cohort.py", "(cohort + 1) * self.length + self.window + GRACE", "cohort * self.length + self.window + GRACE"),
    ("cohort.py", "(cohort + 1) * self.length + self.window + GRACE", "(cohort + 1) * self.length + GRACE"),
    ("cohort.py", "(cohort + 1) * self.length + self.window + GRACE", "(cohort + 1) * self.length + self.window"),
    ("money.py", "or amount < 0", ""),
    ("money.py", "not amount.is_finite() or ", ""),
    ("money.py", "* 100)", "* 10)"),
    ("event.py", "or event.supersedes(other)", ""),
    ("event.py", "key=lambda event: (event.received_at, event.message_id)", "key=lambda event: event.message_id"),
]  # fmt: skip


CHAIN = ("contribution.py", "journey.py")  # each is made again, of what the one before it says


@pytest.mark.parametrize(
    ("file", "rule", "broken"), MUTATIONS, ids=[f"{f}: {r[:60]} -> {b[:60]}" for f, r, b in MUTATIONS]
)
def test_breaking_a_rule_is_noticed(monkeypatch: pytest.MonkeyPatch, file: str, rule: str, broken: str) -> None:
    floor = Path(str(experiments.__file__)).parent
    for name in CHAIN if file in CHAIN else (file, *CHAIN):
        (place,) = floor.rglob(name)
        source = place.read_text()
        if name == file:
            assert rule in source
            source = source.replace(rule, broken)
        mutant = ModuleType(f"experiments.{place.parent.name}.{place.stem}")
        monkeypatch.setitem(sys.modules, mutant.__name__, mutant)
        exec(compile(source, mutant.__name__, "exec"), mutant.__dict__)
    assert any(_fails(case, mutant) for case in CASES) or _earlier_phase(mutant).rows, "no case notices"


def _fails(case: Case, mutant: Any) -> bool:
    try:
        return bool(failures(case, PHASE, mutant.journey))
    except Exception:
        return True
