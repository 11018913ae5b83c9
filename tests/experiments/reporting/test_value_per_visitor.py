"""Value report: sealed days in currency units, compared with the control at its own level, or a reason why not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from experiments.definition.experiment import Experiment
from experiments.events.cohort import sealed_days
from experiments.reporting.comparison import NON_STATIONARY
from experiments.reporting.value_per_visitor import ALL_EQUAL, NO_VALUE, ValueReport, VariantValue, value_report
from stats.proportions.design import Design
from stats.tables.patterns import PatternTable
from stats.value_per_visitor import ValueEvidence, ValueSums, value_per_visitor
from tests.experiments.cases.experiments import small, variants

DAY_0 = datetime(2026, 11, 1, tzinfo=UTC)
FIRST = (DAY_0 - datetime(1970, 1, 1, tzinfo=UTC)).days
ALL_SEALED = DAY_0 + timedelta(days=100)
Row = tuple[int, ...]


def experiment(n_variants: int = 2, **more: Any) -> Experiment:
    path = [{"step": "form-seen", "event": "seen"}, {"step": "job-booked", "event": "booked", "value": "price"}]
    keys = ("single", "multi-step", "pop-up")[:n_variants]
    return small(**{"started_at": DAY_0, "variants": variants(*keys), "path": path} | more)


def table(of: Experiment, rows: list[Row]) -> PatternTable:
    """Rows are (day since the first, variant, pattern, visitors, value_sum, value_sq)."""
    columns = np.array(rows, dtype=np.int64).reshape(len(rows), 6).T
    columns[0] += FIRST
    keys = tuple(variant.key for variant in of.variants)
    return PatternTable(keys, tuple(step.step for step in of.steps), *columns)


def bought(day: int, variant: int, visitors: int, orders: int, each: int = 5000) -> list[Row]:
    """So many orders at the same price, in hundredths."""
    return [(day, variant, 1, visitors - orders, 0, 0), (day, variant, 3, orders, orders * each, orders * each**2)]


TWO_DAYS = [row for day in range(2) for row in (*bought(day, 0, 1000, 60), *bought(day, 1, 1000, 90))]


def test_values_are_those_of_sealed_days_in_currency_units() -> None:
    of = experiment()
    found = value_report(of, sealed_days(of, table(of, TWO_DAYS), DAY_0 + timedelta(days=8, hours=1, seconds=1)))
    assert found.variants == {
        "single": VariantValue(1000, 60, 3000.0, 3.0),
        "multi-step": VariantValue(1000, 90, 4500.0, 4.5),
    }


def test_the_comparison_is_that_of_the_statistics() -> None:
    of = experiment(3, analysis={"alpha": 0.04, "detect": "20%"})
    rows = [*TWO_DAYS, *bought(0, 2, 1000, 80), *bought(1, 2, 1000, 70)]
    patterns = table(of, rows)
    report = value_report(of, sealed_days(of, patterns, ALL_SEALED))
    assert [(one.variant, one.versus) for one in report.comparisons] == [("multi-step", "single"), ("pop-up", "single")]
    for index, one in enumerate(report.comparisons, 1):
        design = Design(0.5, 0.04, family_size=2, detect=0.2)
        evidence = value_per_visitor(ValueSums.of(patterns, "job-booked"), index, design)
        assert isinstance(evidence, ValueEvidence)
        running = evidence.running
        assert one.effect.relative_interval == (running.relative_lower[-1], running.relative_upper[-1])
        assert one.effect.difference_interval == (
            running.difference_lower[-1] / 100,
            running.difference_upper[-1] / 100,
        )
        assert one.effect.relative_lift == evidence.relative_lift[-1]
        assert one.effect.p_value == evidence.p_value[-1]
        assert one.effect.p_value_adjusted == min(1, 2 * evidence.p_value[-1])
        assert one.reason is None
    assert report.comparisons[0].effect.difference == pytest.approx(1.5, rel=1e-12)


def test_the_document() -> None:
    of = experiment()
    document = value_report(of, sealed_days(of, table(of, TWO_DAYS), ALL_SEALED)).to_json()
    assert document["variants"] == {
        "single": {"visitors": 2000, "orders": 120, "value_sum": 6000.0, "mean": 3.0},
        "multi-step": {"visitors": 2000, "orders": 180, "value_sum": 9000.0, "mean": 4.5},
    }
    [comparison] = document["comparisons"]  # type: ignore[misc] # a list of one
    assert list(comparison) == [
        "variant", "versus", "relative_lift", "relative_interval", "difference", "difference_interval", "p_value",
        "p_value_adjusted", "reason",
    ]  # fmt: skip
    assert comparison["relative_lift"] == pytest.approx(0.5)
    low, high = comparison["relative_interval"]
    assert 0 < low < 0.5 < high


TURNING = [
    row
    for day in range(40)
    for row in (*bought(day, 0, 2000, 200 if day < 6 else 400), *bought(day, 1, 2000, 400 if day < 6 else 200))
]


@pytest.mark.parametrize(
    ("rows", "more", "reason"),
    [
        ([], {}, "no day is sealed yet"),
        ([*bought(0, 0, 900, 50), *bought(0, 1, 900, 49)], {}, "99 orders in both variants, must be 100"),
        ([*bought(0, 0, 900, 500, each=0), *bought(0, 1, 900, 490, each=0)], {}, ALL_EQUAL),
        (bought(0, 0, 900, 500), {}, ALL_EQUAL),
        (TWO_DAYS, {"path": [{"step": "form-seen", "event": "s"}, {"step": "job-booked", "event": "b"}]}, NO_VALUE),
        (TURNING, {}, NON_STATIONARY),
    ],
    ids=["no day", "99 orders", "worth nothing", "an empty arm", "no value declared", "an effect that turns round"],
)
def test_what_cannot_be_said_is_null_with_its_reason(rows: list[Row], more: dict[str, Any], reason: str) -> None:
    of = experiment(**more)
    [one] = value_report(of, sealed_days(of, table(of, rows), ALL_SEALED)).comparisons
    assert one.reason is not None
    assert reason in one.reason
    assert one.effect.relative_interval is None
    assert one.effect.difference_interval is None
    assert (one.effect.p_value is None) == (reason != NON_STATIONARY)


def test_without_a_sealed_day_there_is_no_mean() -> None:
    of = experiment()
    nothing = VariantValue(0, 0, 0.0, None)
    report = value_report(of, sealed_days(of, table(of, TWO_DAYS), DAY_0))
    assert isinstance(report, ValueReport)
    assert report.variants == {"single": nothing, "multi-step": nothing}


def test_a_control_that_earned_nothing_leaves_no_number_for_the_lift() -> None:
    of = experiment()
    [one] = value_report(
        of, sealed_days(of, table(of, [*bought(0, 0, 1000, 0), *bought(0, 1, 1000, 200)]), ALL_SEALED)
    ).comparisons
    assert one.effect.relative_lift is None
    assert one.effect.relative_interval is not None
    assert one.effect.relative_interval[0] is not None
    assert (one.effect.relative_interval[0] > 0, one.effect.relative_interval[1]) == (True, None)
    assert one.effect.difference == 10
