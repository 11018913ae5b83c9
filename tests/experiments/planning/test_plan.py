"""Plan: visitors, days, weeks and lifts that go together, at the level that each step has in the report."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from experiments.definition.experiment import Experiment
from experiments.planning.plan import METHODS, Plan, plan
from experiments.reporting.report import report
from experiments.simulation.simulate import simulate_tables
from experiments.simulation.truth import plain_truth
from stats.power import Contrast, Judging, detectable_lift, sample_size
from tests.experiments.cases.experiments import as_step, draft, guardrail, variants
from tests.experiments.cases.json_schema import misfits

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
RATES = {"seen": 0.5, "sale": 0.04, "read": 0.1}


def experiment(weights: tuple[float, ...] = (50, 50), **changes: object) -> Experiment:
    arms = variants(*(f"v{k}" for k in range(len(weights))), weights=weights)
    path = [as_step("seen", window="1 hour"), as_step("sale")]
    more = {"key": "form", "variants": arms, "path": path, "secondary": [as_step("read")], "guardrails": [guardrail()]}
    return draft(**more | changes)


def planned(
    one: Experiment | None = None, *, per_day: float | None = 1000, days: int | None = None, rates: object = None
) -> Plan:
    known = RATES if rates is None else rates
    assert isinstance(known, dict)
    return plan(one or experiment(), known, per_day, detect=0.2, power=0.8, start=START, days=days)


def test_the_goal_needs_what_the_test_needs() -> None:
    macro = planned().macro
    for method in METHODS:
        size = sample_size(Contrast(0.04, 0.048), Judging(method, 0.05, math.log(1.2)), 0.8)
        need = macro.needs[method]
        assert size is not None
        assert size.visitors <= need.visitors < size.visitors + 2
        assert need.per_variant == {"v0": need.visitors / 2, "v1": need.visitors / 2}
        assert need.days == pytest.approx(size.visitors / 1000 + 7 + 2 / 24, abs=1e-6)
        assert need.mean_days == pytest.approx(size.mean_visitors / 1000 + 7 + 2 / 24, abs=1e-6)
    assert macro.needs["fixed"].visitors < macro.needs["planned"].visitors < macro.needs["always-valid"].visitors
    assert macro.needs["planned"].mean_visitors < macro.needs["fixed"].visitors


def test_every_variant_has_enough_when_the_smallest_has() -> None:
    uneven = planned(experiment((60, 30, 10))).macro.needs["planned"]
    size = sample_size(Contrast(0.04, 0.048, 0.6, 0.1), Judging("planned", 0.025, math.log(1.2)), 0.8)
    assert size is not None
    assert uneven.visitors == pytest.approx(size.visitors, abs=3)
    assert list(uneven.per_variant.values()) == pytest.approx(np.array([0.6, 0.3, 0.1]) * size.visitors, abs=1)


def test_each_step_has_the_level_of_its_family_in_the_report() -> None:
    three = experiment((50, 30, 20), status="running", started_at=START.replace(hour=0))
    reach, patterns = simulate_tables(
        three, plain_truth(three), np.random.default_rng(1), start=START.replace(hour=0), days=1, visitors=50
    )
    shown = report(three, reach, patterns, {}, START)
    levels = {step.step: 0.05 / step.comparisons[0].family_size for step in shown.steps}
    answer = planned(three)
    assert [step.step for step in answer.steps] == ["seen", "sale", "read"]
    assert {step.step: step.level for step in answer.steps} == pytest.approx(
        {step: level for step, level in levels.items() if step != "error"}
    )


def test_the_decision_comes_after_whole_weeks_and_not_before_it_may() -> None:
    need = planned().macro.needs["planned"]
    decision = planned().decision
    assert decision is not None
    assert need.days is not None
    assert need.mean_days is not None
    assert decision.expected_at == START + timedelta(weeks=math.ceil(need.mean_days / 7))
    assert decision.latest_at == START + timedelta(weeks=math.ceil(need.days / 7))
    late = planned(experiment(analysis={"at_least": "100 days"})).decision
    assert late is not None
    assert late.expected_at == late.latest_at == START + timedelta(days=105)


def test_what_the_config_plans_is_what_is_expected() -> None:
    answer = planned(experiment(analysis={"detect": "20%", "planned_visitors": 100_000}))
    few = planned(experiment(analysis={"detect": "20%", "planned_visitors": 5_000}))
    assert answer.decision is not None
    assert few.decision is not None
    assert answer.decision.visitors == 100_000
    assert answer.decision.found > 0.99
    assert answer.decision.latest_at == START + timedelta(weeks=16)
    assert answer.decision.expected_at < answer.decision.latest_at
    assert few.decision.found < 0.3
    expected = detectable_lift(Contrast(0.04, 0.048), Judging("planned", 0.05, math.log(1.2)), 0.8, 5_000)
    assert few.planned_detectable == expected
    assert few.doubt is not None
    assert planned(experiment(analysis={"detect": "20%", "planned_visitors": 22_000})).doubt is None


@pytest.mark.parametrize(
    ("changes", "method"),
    [
        pytest.param({}, "planned", id="a draft is told what to plan"),
        pytest.param({"analysis": {"method": "always-valid"}}, "always-valid", id="chosen"),
        pytest.param({"analysis": {"method": "fixed", "planned_visitors": 9}}, "fixed", id="fixed"),
        pytest.param({"status": "running", "started_at": START}, "always-valid", id="as it runs"),
    ],
)
def test_the_method_is_the_one_that_judges(changes: dict[str, object], method: str) -> None:
    assert planned(experiment(**changes)).method == method


def test_in_the_days_there_are_the_last_visitors_need_their_time() -> None:
    answer = planned(days=28)
    sale, seen = answer.macro.detectable, answer.steps[0].detectable
    judging = Judging("planned", 0.05, math.log(1.2))
    assert sale["planned"] == detectable_lift(Contrast(0.04, 0.048), judging, 0.8, 1000 * (28 - 7 - 2 / 24))
    assert all(lift is not None for lift in (*sale.values(), *seen.values()))
    assert planned(days=7).macro.detectable == {"planned": None, "always-valid": None, "fixed": None}
    assert planned().macro.detectable == {}


@pytest.mark.parametrize(
    ("rates", "missing"),
    [
        pytest.param({}, "no-rate", id="not measured"),
        pytest.param({"sale": 0.0}, "never-reached", id="nobody"),
        pytest.param({"sale": 0.9}, "no-room", id="nearly everybody"),
        pytest.param({"sale": 1e-12}, "too-many", id="hardly anybody"),
    ],
)
def test_what_cannot_be_planned_has_a_reason_and_no_number(rates: dict[str, float], missing: str) -> None:
    answer = planned(rates=rates)
    assert answer.macro.missing == missing
    assert answer.macro.needs == {}
    assert answer.decision is None


def test_without_traffic_there_are_visitors_and_no_days() -> None:
    answer = planned(per_day=None, days=28)
    assert answer.macro.needs["planned"].visitors > 0
    assert answer.macro.needs["planned"].days is None
    assert answer.macro.detectable == {}
    assert answer.decision is None


def test_it_can_be_written_as_json() -> None:
    document = json.loads(json.dumps(planned(days=28, rates={"sale": 0.04}).to_json(), allow_nan=False))
    assert misfits(document, Plan.json_schema()) == []
    assert document["decision"]["expected_at"].endswith("Z")
    assert document["steps"][0]["missing"] == "no-rate"


def test_no_change_cannot_be_planned() -> None:
    with pytest.raises(ValueError, match="detect is 0"):
        plan(experiment(), RATES, 10, detect=0, power=0.8, start=START)
