"""Ladder: each visitor stands on the highest rung of what they did, and on all below it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from experiments.definition.experiment import Experiment
from experiments.events.cohort import sealed_days
from experiments.reporting.commitment_ladder import ladder
from stats.tables.patterns import PatternTable
from tests.experiments.cases.experiments import as_step, guardrail, small

DAY_0 = datetime(2026, 11, 1, tzinfo=UTC)
FIRST = (DAY_0 - datetime(1970, 1, 1, tzinfo=UTC)).days
ALL_SEALED = DAY_0 + timedelta(days=100)


def experiment(*grades: int | None, secondary: int | None, macro: int | None = None) -> Experiment:
    """Milestones with these grades, one secondary action, a guardrail with grade 3."""
    return small(
        path=[*(as_step(f"m{k}", grade=grade) for k, grade in enumerate(grades)), as_step("booked", grade=macro)],
        secondary=[as_step("read", grade=secondary)],
        guardrails=[guardrail(grade=3)],
        started_at=DAY_0,
    )


def table(of: Experiment, rows: list[tuple[int, ...]]) -> PatternTable:
    """Rows are (day since the first, variant, pattern, visitors)."""
    days, variant, pattern, visitors = np.array(rows, dtype=np.int64).reshape(len(rows), 4).T
    steps = tuple(step.step for step in of.steps)
    keys = tuple(one.key for one in of.variants)
    return PatternTable(keys, steps, days + FIRST, variant, pattern, visitors, visitors * 0, visitors * 0)


# bits of two milestones: m0 1, m1 2, booked 4, read 8, error 16
ROWS = [
    (0, 0, 0b00000, 100),
    (0, 0, 0b10000, 7),
    (0, 0, 0b00001, 50),
    (0, 0, 0b01000, 20),
    (0, 0, 0b01011, 10),
    (0, 0, 0b00111, 5),
    (1, 0, 0b00011, 4),
    (1, 1, 0b01001, 3),
]


@pytest.mark.parametrize(
    ("of", "single"),
    [
        (experiment(1, 3, secondary=2), {1: 89, 2: 39, 3: 19, None: 5}),
        (experiment(1, 3, secondary=None), {1: 69, 3: 19, None: 5}),
        (experiment(None, None, secondary=None, macro=3), {None: 5}),
        (experiment(3, 1, secondary=1), {1: 89, 3: 69, None: 5}),
        (experiment(None, None, secondary=1), {1: 35, None: 5}),
    ],
    ids=["all grades", "no grade 2", "no grades", "the first step is the strongest", "who books stands on all"],
)
def test_rungs_hold_who_reached_them_or_higher(of: Experiment, single: dict[int | None, int]) -> None:
    rungs = ladder(of, sealed_days(of, table(of, ROWS), ALL_SEALED))
    assert {rung.grade: rung.variants["single"].reached for rung in rungs} == single
    assert [rung.grade for rung in rungs] == list(single)
    assert {rung.variants["single"].visitors for rung in rungs} == {196}
    assert [rung.variants["single"].reached for rung in rungs] == sorted(single.values(), reverse=True)


def test_only_sealed_days_count() -> None:
    of = experiment(1, 3, secondary=2)
    rungs = ladder(of, sealed_days(of, table(of, ROWS), DAY_0 + timedelta(days=8, hours=1, seconds=1)))
    assert {key: one.visitors for key, one in rungs[0].variants.items()} == {"single": 192, "multi-step": 0}
    assert {key: one.share for key, one in rungs[0].variants.items()} == {"single": 85 / 192, "multi-step": None}


def test_the_document() -> None:
    of = experiment(1, 3, secondary=2)
    document = [rung.to_json() for rung in ladder(of, sealed_days(of, table(of, ROWS), ALL_SEALED))]
    assert [rung["rung"] for rung in document] == ["grade-1", "grade-2", "grade-3", "macro"]
    assert document[1]["variants"] == {
        "single": {"visitors": 196, "reached": 39, "share": 39 / 196},
        "multi-step": {"visitors": 3, "reached": 3, "share": 1.0},
    }
