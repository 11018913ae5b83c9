"""Decomposition of one experiment: its own path, sealed days, and words where there is no number."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from experiments.events.cohort import sealed_days
from experiments.reporting.comparison import NOTHING_KNOWN, Effect
from experiments.reporting.lift_decomposition import ACCOUNTING_IDENTITY, Part, VariantDecomposition, decomposition
from stats.path_decomposition import PathCounts, decompose
from stats.proportions.design import Design
from stats.tables.patterns import PatternTable
from tests.experiments.cases.experiments import as_step, small, variants

DAY_0 = datetime(2026, 11, 1, tzinfo=UTC)
FIRST = (DAY_0 - datetime(1970, 1, 1, tzinfo=UTC)).days
ALL_SEALED = DAY_0 + timedelta(days=100)
EXPERIMENT = small(
    started_at=DAY_0,
    variants=variants("single", "multi-step", "pop-up"),
    path=[as_step("form-seen"), as_step("form-started"), as_step("job-booked")],
    secondary=[as_step("testimonials-read")],
    analysis={"detect": "20%"},
)
PATTERNS = (0b0000, 0b1001, 0b0011, 0b0111, 0b1111)


def table(*arms: tuple[int, ...], days: int = 1) -> PatternTable:
    """Visitors of each variant per pattern, the same on every day."""
    rows = [
        (FIRST + day, variant, pattern, visitors)
        for day in range(days)
        for variant, counts in enumerate(arms)
        for pattern, visitors in zip(PATTERNS, counts, strict=True)
        if visitors
    ]
    day, variant, pattern, visitors = np.array(rows, dtype=np.int64).reshape(len(rows), 4).T
    keys = tuple(one.key for one in EXPERIMENT.variants)
    steps = tuple(step.step for step in EXPERIMENT.steps)
    return PatternTable(keys, steps, day, variant, pattern, visitors, visitors * 0, visitors * 0)


CONTROL = (400, 300, 200, 60, 40)
BETTER = (400, 200, 200, 120, 80)
EVERYBODY = (0, 700, 200, 60, 40)


def test_parts_multiply_to_the_lift_of_the_macro_conversion() -> None:
    better, everybody = decomposition(
        EXPERIMENT, sealed_days(EXPERIMENT, table(CONTROL, BETTER, EVERYBODY), ALL_SEALED)
    )
    assert (better.variant, better.versus) == ("multi-step", "single")
    assert [part.step for part in better.steps] == ["form-seen", "form-started", "job-booked"]
    assert better.total.effect.relative_lift == pytest.approx(1, rel=1e-12)
    for one in (better, everybody):
        lifts = [part.effect.relative_lift for part in one.steps if part.effect.relative_lift is not None]
        assert one.total.effect.relative_lift is not None
        assert math.prod(1 + lift for lift in lifts) == pytest.approx(1 + one.total.effect.relative_lift, rel=1e-12)
    assert [part.effect.relative_lift for part in better.steps] == pytest.approx([0, 4 / 3 - 1, 0.5], rel=1e-12)
    assert sum(part.share or 0 for part in better.steps) == pytest.approx(1, rel=1e-12)
    assert [part.share for part in everybody.steps] == [None] * 3


def test_the_numbers_are_those_of_the_statistics_over_sealed_days() -> None:
    patterns = table(CONTROL, BETTER, EVERYBODY, days=3)
    as_of = DAY_0 + timedelta(days=2 + 7, hours=1, seconds=1)
    better, _ = decomposition(EXPERIMENT, sealed_days(EXPERIMENT, patterns, as_of))
    counts = PathCounts.of(patterns.until(FIRST + 2), ["form-seen", "form-started", "job-booked"])
    parts = decompose(counts, 1, Design(0.5, 0.05, detect=0.2))
    assert len(counts.reached) == 2
    for part, component in zip((better.total, *better.steps), (parts.total, *parts.steps), strict=True):
        assert component.interval is not None
        assert part.log_lift == component.log_lift
        assert part.effect.relative_interval == tuple(math.expm1(end) for end in component.interval)


@pytest.mark.parametrize(
    ("arm", "reasons"),
    [
        ((400, 300, 300, 0, 0), [None, None, "in one of the variants nobody has got this far"]),
        (EVERYBODY, ["in each variant 25 visitors must have gone on, and 25 not", None, None]),
    ],
    ids=["nobody booked", "everybody saw the form"],
)
def test_what_cannot_be_said_has_its_reason(arm: tuple[int, ...], reasons: list[str | None]) -> None:
    _, one = decomposition(EXPERIMENT, sealed_days(EXPERIMENT, table(CONTROL, BETTER, arm), ALL_SEALED))
    assert [part.reason for part in one.steps] == reasons


def test_before_the_first_sealed_day_there_is_nothing() -> None:
    nobody = "in one of the variants nobody has got this far"
    for one in decomposition(EXPERIMENT, sealed_days(EXPERIMENT, table(CONTROL, BETTER, EVERYBODY), DAY_0)):
        assert one.total == Part("job-booked", None, NOTHING_KNOWN, None, nobody)


def test_the_document() -> None:
    steps = [
        Part("form-seen", 0.1, Effect(0.105, (0.0, 0.2)), 0.5, None),
        Part("job-booked", None, NOTHING_KNOWN, None, "why"),
    ]
    document = VariantDecomposition("b", "a", Part("job-booked", 0.2, Effect(0.221), None, "why"), steps).to_json()
    assert document == {
        "variant": "b",
        "versus": "a",
        "log_lift": 0.2,
        "relative_lift": 0.221,
        "relative_interval": None,
        "reason": "why",
        "steps": [
            {
                "step": "form-seen",
                "log_lift": 0.1,
                "relative_lift": 0.105,
                "relative_interval": [0.0, 0.2],
                "share": 0.5,
                "reason": None,
            },
            {
                "step": "job-booked",
                "log_lift": None,
                "relative_lift": None,
                "relative_interval": None,
                "share": None,
                "reason": "why",
            },
        ],
    }


def test_pages_can_say_what_it_is_not() -> None:
    assert "accounting identity, not causal effects" in ACCOUNTING_IDENTITY
