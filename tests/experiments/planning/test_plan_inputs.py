"""PlanInputs: what is said comes before what was measured, and that before the config file; the rest is missing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from experiments.definition.experiment import Experiment
from experiments.planning.baseline import MeasuredRate, Measurement
from experiments.planning.plan_inputs import PlanInputs, planned_steps
from tests.experiments.cases.experiments import as_step, guardrail, two_steps

START = datetime(2026, 11, 1, 9, tzinfo=UTC)
NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)


def experiment(**changes: object) -> Experiment:
    more = {"started_at": START, "secondary": [as_step("read")], "guardrails": [guardrail()]}
    return two_steps(**more | {"analysis": {"detect": "10%"}} | changes)


def measured(phase: Experiment) -> Measurement:
    rates = {"seen": MeasuredRate(1, 3), "sold": MeasuredRate(1, 30)}
    return Measurement(phase, rates, 1234.5, 14, (0,) * 24, visitors=25_000)


def test_what_is_said_comes_before_what_was_measured_and_that_before_the_config_file() -> None:
    phase = experiment()
    inputs = PlanInputs(phase, measured(phase), NOW)
    assert inputs.detect == 0.1
    assert inputs.rates == {"seen": 1 / 3, "sold": 1 / 30}
    assert inputs.visitors_per_day == 1234.5
    said = replace(inputs, said_detect=0.2, said_rates={"sold": 0.5}, said_visitors_per_day=7.0)
    assert (said.detect, said.rates, said.visitors_per_day) == (0.2, {"seen": 1 / 3, "sold": 0.5}, 7.0)


def test_rounded_so_that_not_every_visitor_makes_another_question() -> None:
    phase = experiment()
    inputs = PlanInputs(phase, measured(phase), NOW, digits=3)
    assert (inputs.rates, inputs.visitors_per_day) == ({"seen": 0.333, "sold": 0.0333}, 1230.0)


@pytest.mark.parametrize(
    ("said", "missing"),
    [
        ({}, ["detect", "rate", "traffic"]),
        ({"said_detect": 0.1, "said_rates": {"seen": 0.5}}, ["rate", "traffic"]),
        ({"said_detect": 0.1, "said_rates": {"sold": 0.0}}, ["rate", "traffic"]),
        ({"said_detect": 0.1, "said_rates": {"sold": 0.1}}, ["traffic"]),
        ({"said_detect": 0.1, "said_rates": {"sold": 0.1}, "said_visitors_per_day": 9.0}, []),
    ],
)
def test_what_is_missing(said: dict[str, object], missing: list[str]) -> None:
    inputs = PlanInputs(experiment(analysis={}), None, NOW)
    assert replace(inputs, **said).missing() == missing  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "start", "counted"),
    [
        pytest.param({}, START, True, id="running"),
        pytest.param({"status": "draft", "started_at": None}, NOW, False, id="draft"),
        pytest.param({"status": "stopped", "ended_at": NOW - timedelta(days=1)}, NOW, False, id="over"),
        pytest.param({"started_at": NOW + timedelta(days=1)}, NOW, False, id="as of before it started"),
    ],
)
def test_a_draft_and_what_is_over_would_begin_anew(changes: dict[str, object], start: datetime, counted: bool) -> None:
    phase = experiment(**changes)
    inputs = PlanInputs(phase, measured(phase), NOW)
    assert inputs.start == start
    assert (inputs.so_far is not None) == counted


@pytest.mark.parametrize(
    ("changes", "start", "counted"),
    [
        pytest.param({"status": "stopped", "ended_at": NOW - timedelta(days=1)}, START, True, id="over"),
        pytest.param({"started_at": NOW + timedelta(days=1)}, NOW, False, id="as of before it started"),
    ],
)
def test_what_is_over_may_be_planned_as_it_was(changes: dict[str, object], start: datetime, counted: bool) -> None:
    phase = experiment(**changes)
    inputs = PlanInputs(phase, measured(phase), NOW, looks_back=True)
    assert inputs.start == start
    assert (inputs.so_far is not None) == counted


def test_who_came_to_another_experiment_has_not_come_to_this_one() -> None:
    assert PlanInputs(experiment(), measured(experiment(key="other")), NOW).so_far is None


def test_guardrails_are_not_planned() -> None:
    assert planned_steps(experiment()) == ["seen", "sold", "read"]
