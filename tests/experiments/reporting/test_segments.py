"""Segments: every level's comparison, adjusted for how many were looked at, and never a verdict."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.definition.experiment import Experiment
from experiments.reporting.comparison import NON_STATIONARY, NOTHING_KNOWN
from experiments.reporting.segments import EXPLORATORY, SegmentComparison, SegmentReport, segment_report
from experiments.store.memory import MemoryStore
from stats.multiplicity import benjamini_yekutieli
from stats.proportions.design import Design
from stats.proportions.sequential import Asked, Evidence, sequential
from stats.tables.reach import Exposed, ReachTable, StepReach
from tests.experiments.cases.experiments import two_steps, variants
from tests.experiments.cases.histories import PHASE, action, exposure, minute
from tests.experiments.cases.json_schema import misfits

START = datetime(2026, 11, 2, tzinfo=UTC)
FIRST = int(START.timestamp()) // 86400
MUCH_LATER = START + timedelta(days=400)
Rows = Sequence[Sequence[int]]


def experiment(arms: int = 2, **changes: Any) -> Experiment:
    return two_steps(**{"started_at": START, "variants": variants(*"abcd"[:arms]), "window": "1 day"} | changes)


def table(visitors: Rows, **reached: Rows) -> ReachTable:
    """Daily cohorts; steps not named were reached by nobody."""
    counts = np.array(visitors)[:, np.newaxis]
    cohorts = FIRST + np.arange(len(counts))
    steps = {
        step: StepReach(cohorts, counts, np.array(reached[step])[:, np.newaxis] if step in reached else counts * 0)
        for step in ("seen", "sold")
    }
    return ReachTable(tuple("abcd"[: counts.shape[2]]), ("",), Exposed(cohorts[:0], counts[:0, 0]), steps)


def drawn(seed: int, rates: Mapping[str, Sequence[float]], days: int = 20) -> dict[str, ReachTable]:
    rng = np.random.default_rng(seed)
    tables = {}
    for level, each in rates.items():
        visitors = rng.poisson(150, size=(days, len(each)))
        tables[level] = table(visitors.tolist(), sold=rng.binomial(visitors, each).tolist())
    return tables


def by_level(report: SegmentReport) -> dict[str, SegmentComparison]:
    return {one.level: one for one in report.comparisons}


THOUSAND = [[1000, 1000]]
BETTER, SAME, LITTLE = [[100, 200]], [[200, 202]], [[2, 3]]


def test_what_a_report_says() -> None:
    tables = {
        "tablet": table([[90, 90]], sold=LITTLE),
        "phone": table(THOUSAND, sold=BETTER),
        "desktop": table([[800, 800]], sold=SAME),
    }
    report = segment_report(experiment(), "device", tables, MUCH_LATER)
    assert [one.level for one in report.comparisons] == ["phone", "desktop", "tablet"]  # most visitors first
    assert (report.attribute, report.kind, report.of, report.alpha) == ("device", EXPLORATORY, 2, 0.05)
    phone, tablet, desktop = (by_level(report)[level] for level in ("phone", "tablet", "desktop"))
    assert (phone.variant, phone.versus, phone.step) == ("b", "a", "sold")
    assert (phone.visitors, phone.reached) == ({"a": 1000, "b": 1000}, {"a": 100, "b": 200})
    assert phone.rates == {"a": 0.1, "b": 0.2}
    assert phone.effect.relative_lift == pytest.approx(1.0)
    assert phone.stands
    assert not desktop.stands
    assert phone.effect.p_value is not None
    assert phone.effect.p_value_adjusted == pytest.approx(phone.effect.p_value * 2 * 1.5)
    assert report.interval_level == pytest.approx(0.05 / (2 * 1.5))
    assert tablet.reason == "not enough data: the smaller variant can expect 2 conversions, must be 10"
    assert tablet.effect == NOTHING_KNOWN
    assert not tablet.stands
    document = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert misfits(document, SegmentReport.json_schema()) == []
    assert document["kind"] == "exploratory"
    assert document["comparisons"][0]["relative_interval"] == list(phone.effect.relative_interval or ())
    assert not {"state", "decided_at"} & set(document["comparisons"][0])


@settings(max_examples=40)
@given(st.integers(0, 5000), st.integers(2, 3), st.sampled_from([0.05, 0.2]))
def test_what_stands_is_what_the_interval_says(seed: int, arms: int, alpha: float) -> None:
    """For every comparison, standing or not, for the lift and for the difference."""
    rates = {"x": [0.1, 0.16, 0.1], "y": [0.1, 0.12, 0.07], "z": [0.1, 0.1, 0.1], "few": [0.001] * 3}
    tables = drawn(seed, {level: each[:arms] for level, each in rates.items()})
    report = segment_report(experiment(arms, analysis={"alpha": alpha}), "device", tables, MUCH_LATER)
    raw = [one.effect.p_value for one in report.comparisons if one.effect.p_value is not None]
    adjusted = [one.effect.p_value_adjusted for one in report.comparisons if one.effect.p_value_adjusted is not None]
    assert adjusted == benjamini_yekutieli(np.array(raw)).tolist()
    assert report.of == len(raw) == 3 * (arms - 1)
    for one in report.comparisons:
        for interval in (one.effect.relative_interval, one.effect.difference_interval):
            if interval is not None:
                lower, upper = interval
                assert ((lower or 0) > 0 or (upper is not None and upper < 0)) == one.stands


@settings(max_examples=25)
@given(st.integers(0, 5000))
def test_one_comparison_alone_is_the_always_valid_test(seed: int) -> None:
    """Also where the experiment has a plan: that is for all visitors."""
    tables = drawn(seed, {"phone": [0.1, 0.14]})
    plan = {"planned_visitors": 4000, "detect": "20%"}
    (one,) = segment_report(experiment(analysis=plan), "device", tables, MUCH_LATER).comparisons
    (evidence,) = sequential([Asked(tables["phone"].steps["sold"], 1, Design(0.5, 0.05, detect=0.2))])
    assert isinstance(evidence, Evidence)
    assert one.effect.p_value == one.effect.p_value_adjusted == evidence.p_value[-1]
    assert one.effect.relative_interval is not None
    assert one.effect.relative_interval[0] == pytest.approx(evidence.running.relative_lower[-1])


@settings(max_examples=25)
@given(st.integers(0, 5000))
def test_exchanging_the_arms_flips_the_signs(seed: int) -> None:
    tables = drawn(seed, {"x": [0.1, 0.15], "y": [0.2, 0.2]})
    turned = {
        level: dataclasses.replace(
            one,
            steps={
                key: StepReach(step.cohorts, step.visitors[:, :, ::-1], step.reached[:, :, ::-1])
                for key, step in one.steps.items()
            },
        )
        for level, one in tables.items()
    }
    mine, theirs = (by_level(segment_report(experiment(), "device", each, MUCH_LATER)) for each in (tables, turned))
    for level, one in mine.items():
        other = theirs[level]
        assert other.effect.p_value_adjusted == pytest.approx(one.effect.p_value_adjusted, rel=1e-9)
        assert other.effect.difference == pytest.approx(-(one.effect.difference or 0), rel=1e-9)
        if one.effect.difference_interval and other.effect.difference_interval:
            lower, upper = one.effect.difference_interval
            assert other.effect.difference_interval == pytest.approx((-(upper or 0), -(lower or 0)), rel=1e-6, abs=1e-9)


@settings(max_examples=25)
@given(st.integers(0, 5000))
def test_the_names_of_levels_and_variants_change_nothing_but_the_names(seed: int) -> None:
    tables = drawn(seed, {"x": [0.1, 0.15], "y": [0.2, 0.2]})
    phase = experiment(variants=[{"key": "left", "weight": 1}, {"key": "right", "weight": 1}])
    renamed = {f"a-{level}": dataclasses.replace(one, variants=("left", "right")) for level, one in tables.items()}
    mine = segment_report(experiment(), "device", tables, MUCH_LATER)
    theirs = segment_report(phase, "source", renamed, MUCH_LATER)
    for one, other in zip(mine.comparisons, theirs.comparisons, strict=True):
        assert other.level == f"a-{one.level}"
        for name in ("p_value_adjusted", "relative_interval"):
            assert getattr(other.effect, name) == getattr(one.effect, name)
        assert list(other.rates.values()) == list(one.rates.values())


def test_only_days_sealed_for_the_step_count() -> None:
    """A day seals a day, the step's window and an hour of grace after it began: at 01:00 of the third day."""
    tables = {"phone": table([[1000, 1000]] * 2, sold=[[100, 200]] * 2, seen=[[500, 500]] * 2)}
    seal = START + timedelta(days=2, hours=1)
    for as_of, visitors in (
        (seal, 0),
        (seal + timedelta(seconds=1), 1000),
        (seal + timedelta(days=1, seconds=1), 2000),
    ):
        (one,) = segment_report(experiment(), "device", tables, as_of).comparisons
        assert one.visitors == {"a": visitors, "b": visitors}
    (waiting,) = segment_report(experiment(), "device", tables, seal).comparisons
    assert (waiting.reason, waiting.rates) == ("no visitor has had time for this step yet", {"a": None, "b": None})
    phase = experiment()
    report = segment_report(phase, "device", tables, seal, steps=phase.path)
    assert [(one.step, one.visitors["a"]) for one in report.comparisons] == [("seen", 1000), ("sold", 0)]


def test_each_variant_is_compared_with_the_control_by_its_own_counts() -> None:
    tables = {"phone": table([[1000, 900, 800]], sold=[[100, 180, 80]])}
    one, two = segment_report(experiment(3), "device", tables, MUCH_LATER).comparisons
    assert (one.variant, one.visitors, one.reached) == ("b", {"a": 1000, "b": 900}, {"a": 100, "b": 180})
    assert (two.variant, two.visitors, two.reached) == ("c", {"a": 1000, "c": 800}, {"a": 100, "c": 80})
    assert (one.effect.relative_lift, two.effect.relative_lift) == pytest.approx((1.0, 0.0), abs=1e-12)


def test_more_steps_share_one_promise() -> None:
    tables = {
        "phone": table(THOUSAND, sold=BETTER, seen=[[500, 520]]),
        "desktop": table(THOUSAND, sold=SAME, seen=SAME),
    }
    phase = experiment()
    report = segment_report(phase, "device", tables, MUCH_LATER, steps=phase.path)
    assert report.of == len(report.comparisons) == 4
    assert [(one.level, one.step) for one in report.comparisons[:2]] == [("desktop", "seen"), ("desktop", "sold")]


def test_no_effect_that_fits_all_days_is_said() -> None:
    visitors = [[2000, 2000]] * 40
    (one,) = segment_report(
        experiment(), "device", {"phone": table(visitors, sold=[[200, 400]] * 5 + [[400, 200]] * 35)}, MUCH_LATER
    ).comparisons
    assert (one.reason, one.effect.relative_interval, one.effect.difference_interval) == (NON_STATIONARY, None, None)
    assert one.stands


def test_without_any_data_there_is_no_number() -> None:
    report = segment_report(experiment(), "device", {}, MUCH_LATER)
    assert (report.of, report.interval_level, list(report.comparisons)) == (0, None, [])
    few = segment_report(experiment(), "device", {"phone": table([[90, 90]], sold=LITTLE)}, MUCH_LATER)
    assert (few.of, few.interval_level, few.comparisons[0].effect.p_value) == (0, None, None)


def test_the_tables_of_a_store_are_what_it_reads() -> None:
    events = []
    for number in range(400):
        device, variant = ("phone", "desktop")[number % 2], ("single", "multi")[number // 2 % 2]
        events.append(exposure(f"v{number}", variant, number, attributes={"device": device}))
        if device == "phone" and (number % 8 == 0 or variant == "multi"):
            events.append(action(f"v{number}", "quote_requested", number + 5))
    store = MemoryStore(lambda: [PHASE])
    store.append(events)
    report = segment_report(PHASE, "device", store.tables(PHASE, ["device"]).by("device"), minute(5 * 24 * 60))
    phone = by_level(report)["phone"]
    assert (phone.visitors, phone.reached) == ({"single": 100, "multi": 100}, {"single": 50, "multi": 100})
    assert phone.stands
    assert "not enough data" in by_level(report)["desktop"].reason


def test_nineteen_levels_without_an_effect_rarely_make_one_stand() -> None:
    """60 experiments, looked at once at the end; each level by itself at alpha is the control that must fail."""
    false, naive = 0, 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        visitors = np.full((1, 2), 2000)
        tables = {
            str(level): table(visitors.tolist(), sold=rng.binomial(visitors, 0.1).tolist()) for level in range(19)
        }
        report = segment_report(experiment(), "source", tables, MUCH_LATER)
        false += any(one.stands for one in report.comparisons)
        naive += any(
            abs(one.reached["b"] - one.reached["a"]) > 1.96 * (0.18 * 2000) ** 0.5 for one in report.comparisons
        )
    assert false <= 0.05 * 60
    assert naive > 0.4 * 60
