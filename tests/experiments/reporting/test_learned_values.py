"""Learned values of one experiment: beside the declared ones, with a badge for how well they are known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from experiments.definition.experiment import Experiment
from experiments.events.cohort import sealed_days
from experiments.reporting.learned_values import (
    Backing,
    Badge,
    Learned,
    Movement,
    Sign,
    backing,
    learned_values,
)
from experiments.reporting.value_per_visitor import NO_VALUE
from stats.learned_value import LearnedValue, learned_value
from stats.tables.patterns import PatternTable
from tests.experiments.cases.experiments import small, variants

DAY_0 = datetime(2026, 11, 1, tzinfo=UTC)
FIRST = (DAY_0 - datetime(1970, 1, 1, tzinfo=UTC)).days
ALL_SEALED = DAY_0 + timedelta(days=100)
PATH = [
    {"step": "form-seen", "event": "seen", "value": 2},
    {"step": "job-booked", "event": "booked", "value": "price"},
]


def experiment(**more: Any) -> Experiment:
    steps = {"path": PATH, "secondary": [{"step": "testimonials-read", "event": "read"}]}
    steps["guardrails"] = [{"step": "form-error", "event": "error", "harm": "more", "margin": "10%"}]
    arms = variants("single", "multi-step", weights=(30, 10))
    return small(**{"started_at": DAY_0, "variants": arms} | steps | more)


def table(days: int = 2) -> PatternTable:
    """Who reads the testimonials buys more often; everybody who buys spends 50.00; few visitors see multi-step."""
    rows = []
    for day in range(days):
        for variant, scale in enumerate((10, 1)):
            for pattern, visitors in ((0, 100), (1, 60), (3, 5), (4, 40), (5, 40), (7, 12)):
                n, worth = scale * visitors, 5000 * (pattern in (3, 7))
                rows.append((FIRST + day, variant, pattern, n, n * worth, n * worth**2))
    steps = ("form-seen", "job-booked", "testimonials-read", "form-error")
    return PatternTable(("single", "multi-step"), steps, *np.array(rows, dtype=np.int64).T)


def test_every_micro_conversion_is_worth_what_the_statistics_say() -> None:
    of, patterns = experiment(analysis={"alpha": 0.06, "planned_visitors": 8000}), table()
    seen, read = learned_values(of, sealed_days(of, patterns, ALL_SEALED))
    assert [(one.step, one.kind, one.declared) for one in (seen, read)] == [
        ("form-seen", "milestone", 2.0),
        ("testimonials-read", "secondary", None),
    ]
    for one, on_path in ((seen, True), (read, False)):
        for learned, variant, planned in ((one.pooled, None, 8000), (one.variants["single"], 0, 6000)):
            expected = learned_value(
                patterns, one.step, "job-booked", on_path=on_path, level=0.03, tightest_at=planned, variant=variant
            )
            assert isinstance(expected, LearnedValue)
            assert learned.value == expected.value / 100
            assert learned.interval == (expected.interval[0] / 100, expected.interval[1] / 100)
            assert (learned.reached, learned.without) == (expected.reached, expected.without)
    assert read.pooled.value == pytest.approx(50 * (12 / 92 - 5 / 165), rel=1e-12)
    assert read.backing == Backing("associated", 0, 0)


def test_one_small_variant_has_not_enough_data_and_says_so() -> None:
    _, read = learned_values(experiment(), sealed_days(experiment(), table(), ALL_SEALED))
    small = read.variants["multi-step"]
    assert (small.value, small.interval, small.reached, small.without) == (None, None, 184, 330)
    assert small.reason is not None
    assert "there is not enough data" in small.reason


def test_only_sealed_days_count() -> None:
    seen, _ = learned_values(
        experiment(), sealed_days(experiment(), table(), DAY_0 + timedelta(days=8, hours=1, seconds=1))
    )
    assert seen.pooled.reached + seen.pooled.without == 11 * 257
    nobody = learned_values(experiment(), sealed_days(experiment(), table(), DAY_0))[0].pooled
    assert (nobody.value, nobody.reached) == (None, 0)


def test_without_a_value_in_the_config_nothing_is_learned() -> None:
    of = experiment(path=[{"step": "form-seen", "event": "s"}, {"step": "job-booked", "event": "b"}])
    for one in learned_values(of, sealed_days(of, table(), ALL_SEALED)):
        assert (one.pooled.value, one.pooled.reason) == (None, NO_VALUE)


def test_a_path_of_one_step_has_no_micro_conversion() -> None:
    of = experiment(path=PATH[1:], secondary=[])
    assert learned_values(of, sealed_days(of, table(), ALL_SEALED)) == []


def movements(together: int = 0, apart: int = 0, undecided: int = 0) -> list[Movement]:
    signs: list[tuple[Sign, Sign]] = [(1, 1), (-1, -1)]
    return [
        *(Movement(*signs[k % 2]) for k in range(together)),
        *(Movement(1, -1) for _ in range(apart)),
        *(Movement(0, 1) for _ in range(undecided)),
        *(Movement(-1, 0) for _ in range(undecided)),
    ]


UNKNOWN = Learned(None, None, 0, 0, "why")
NOTHING = Learned(0.5, (-1.0, 2.0), 100, 100, None)
MORE = Learned(5.0, (1.0, 9.0), 100, 100, None)
LESS = Learned(-5.0, (-9.0, -1.0), 100, 100, None)


@pytest.mark.parametrize(
    ("declared", "pooled", "history", "badge"),
    [
        (None, UNKNOWN, movements(), None),
        (None, NOTHING, movements(2), None),
        (3.0, NOTHING, movements(), "declared"),
        (0.0, UNKNOWN, movements(), "declared"),
        (3.0, MORE, movements(2), "associated"),
        (None, LESS, movements(), "associated"),
        (3.0, MORE, movements(3), "moved together"),
        (None, UNKNOWN, movements(3, apart=1), "moved together"),
        (None, MORE, movements(3, apart=2), "associated"),
        (None, MORE, movements(2, undecided=9), "associated"),
        (None, MORE, movements(apart=9), "associated"),
    ],
)
def test_badges(declared: float | None, pooled: Learned, history: list[Movement], badge: Badge | None) -> None:
    together = sum(one.step * one.macro == 1 for one in history)
    apart = sum(one.step * one.macro == -1 for one in history)
    assert backing(declared, pooled, history) == Backing(badge, together, apart)


def test_history_belongs_to_its_step() -> None:
    found = learned_values(
        experiment(), sealed_days(experiment(), table(), ALL_SEALED), {"testimonials-read": movements(3)}
    )
    assert [one.backing.badge for one in found] == ["associated", "moved together"]


def test_the_document() -> None:
    document = learned_values(experiment(), sealed_days(experiment(), table(), ALL_SEALED))[1].to_json()
    assert list(document) == [
        "step", "kind", "declared", "badge", "moved_together", "moved_apart", "pooled", "variants",
    ]  # fmt: skip
    assert isinstance(document["pooled"], dict)
    assert list(document["pooled"]) == ["value", "interval", "reached", "without", "reason"]
    assert isinstance(document["variants"], dict)
    assert document["variants"]["multi-step"]["value"] is None
