"""Funnel: the same visitors at every step, from sealed days only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from experiments.reporting.funnel import Funnel, funnels
from stats.tables.patterns import PatternTable
from tests.experiments.cases.experiments import as_step, small

DAY_0 = datetime(2026, 11, 1, tzinfo=UTC)
FIRST = (DAY_0 - datetime(1970, 1, 1, tzinfo=UTC)).days
EXPERIMENT = small(
    started_at=DAY_0,
    path=[as_step("form-seen"), as_step("form-started"), as_step("job-booked", value="price")],
    secondary=[as_step("testimonials-read")],
)
# bits: form-seen 1, form-started 2, job-booked 4, testimonials-read 8
ROWS = [
    (FIRST, 0, 0b0000, 50, 0),
    (FIRST, 0, 0b1001, 20, 0),
    (FIRST, 0, 0b0011, 20, 0),
    (FIRST, 0, 0b0111, 10, 250_00),
    (FIRST, 1, 0b1000, 5, 0),
    (FIRST + 1, 0, 0b0111, 7, 100),
]


def table(rows: list[tuple[int, ...]]) -> PatternTable:
    """These rows (day, variant, pattern, visitors, value) as a table."""
    days, variant, pattern, visitors, value = np.array(rows, dtype=np.int64).reshape(len(rows), 5).T
    steps = tuple(step.step for step in EXPERIMENT.steps)
    return PatternTable(("single", "multi-step"), steps, days, variant, pattern, visitors, value, value**2)


SEALED = DAY_0 + timedelta(days=1 + 7, hours=1)  # the first day's end, its window, the grace


@pytest.mark.parametrize(
    ("as_of", "single"),
    [
        (SEALED, Funnel(0, (0, 0, 0), 0)),
        (SEALED + timedelta(seconds=1), Funnel(100, (50, 30, 10), 250_00)),
        (SEALED + timedelta(days=1, seconds=1), Funnel(107, (57, 37, 17), 251_00)),
    ],
    ids=["not sealed at its seal", "one day sealed", "two days sealed"],
)
def test_a_funnel_counts_sealed_days(as_of: datetime, single: Funnel) -> None:
    assert funnels(EXPERIMENT, table(ROWS), as_of)["single"] == single


def test_secondary_actions_are_no_part_of_it() -> None:
    assert funnels(EXPERIMENT, table(ROWS), SEALED + timedelta(hours=1))["multi-step"] == Funnel(5, (0, 0, 0), 0)


@pytest.mark.parametrize(
    ("funnel", "rates", "lost"),
    [
        (Funnel(100, (50, 30, 10), 0), [0.5, 0.6, 1 / 3], [50, 20, 20]),
        (Funnel(4, (0, 0, 0), 0), [0.0, None, None], [4, 0, 0]),
        (Funnel(0, (0, 0, 0), 0), [None, None, None], [0, 0, 0]),
    ],
    ids=["some reach", "nobody reaches", "nobody comes"],
)
def test_drop_off_is_of_those_who_reached_the_step_before(funnel: Funnel, rates: list[Any], lost: list[int]) -> None:
    assert [funnel.rate_of_previous(step) for step in range(3)] == rates
    assert [funnel.lost(step) for step in range(3)] == lost


def test_no_rows_at_all_are_an_empty_funnel() -> None:
    assert funnels(EXPERIMENT, table([]), SEALED) == dict.fromkeys(("single", "multi-step"), Funnel(0, (0, 0, 0), 0))
