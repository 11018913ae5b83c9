"""Measurement: sealed cohorts for rates, whole days that are over for traffic, and whose visitors are comparable."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from experiments.definition.experiment import Experiment
from experiments.planning.baseline import MeasuredRate, Measurement, applied, comparable, measure
from stats.tables.reach import Exposed, ReachTable, StepReach
from tests.experiments.cases.experiments import as_step, small, variants

START = datetime(2026, 3, 2, 15, tzinfo=UTC)  # a Monday afternoon: the first whole day is the 3rd


def experiment(**changes: object) -> Experiment:
    more = {"key": "form", "started_at": START, "variants": variants("one", "two", weights=(60, 40))}
    path = [as_step("seen", window="1 hour"), as_step("sale")]
    return small(**more | {"trigger": {"visible": "#form"}, "path": path, "window": "2 days"} | changes)


def hourly(hours: int, visitors: tuple[int, int] = (6, 4), reached: tuple[int, int] = (3, 1)) -> ReachTable:
    """So many visitors in every hour since START, and so many of them reach each step."""
    cohorts = int(START.timestamp()) // 3600 + np.arange(hours)
    came = np.tile(np.array(visitors), (hours, 1))
    step = StepReach(cohorts, came[:, np.newaxis], np.tile(np.array(reached), (hours, 1))[:, np.newaxis])
    return ReachTable(("one", "two"), ("",), Exposed(cohorts, 2 * came), {"seen": step, "sale": step})


@pytest.mark.parametrize(
    ("after_hours", "sealed", "days", "per_day"),
    [
        pytest.param(2, None, 0, None, id="nothing sealed"),
        pytest.param(33, 31, 0, None, id="the first whole day is over, its grace is not"),
        pytest.param(34, 32, 1, 240, id="a day"),
        pytest.param(33 + 48 + 1, 80, 3, 240, id="three days"),
        pytest.param(33 + 20 * 24 + 1, 33 + 20 * 24 - 1, 14, 240, id="the last fourteen"),
    ],
)
def test_only_what_is_over_is_measured(after_hours: int, sealed: int | None, days: int, per_day: float | None) -> None:
    found = measure(experiment(), hourly(after_hours), START + timedelta(hours=after_hours, minutes=1))
    assert (found.days, found.visitors_per_day) == (days, per_day)
    assert sum(found.hours) == 240 * days
    if sealed is None:
        assert found.rates == {}
    else:
        assert found.rates["seen"] == MeasuredRate(4 * sealed, 10 * sealed)
        assert found.rates["seen"].rate == 0.4
        assert ("sale" in found.rates) == (sealed > 48)


def test_a_day_without_visitors_counts_as_one() -> None:
    found = measure(experiment(), hourly(9 + 24), START + timedelta(hours=9 + 48 + 1, minutes=1))
    assert (found.days, found.visitors_per_day) == (2, 120)


def test_after_its_end_a_phase_has_no_more_days() -> None:
    ended = experiment(status="stopped", ended_at=START + timedelta(days=3))
    found = measure(ended, hourly(72), START + timedelta(days=30))
    assert (found.days, found.visitors_per_day) == (2, 240)


def test_visitors_are_comparable_with_the_same_trigger_and_audience() -> None:
    mine = experiment(phase=2, status="draft", started_at=None)
    first = experiment(phase=1)
    others = [
        experiment(key="alike", started_at=START + timedelta(days=9)),
        experiment(key="elsewhere", trigger={"visible": "#other"}),
        experiment(key="phones", audience={"device": ["phone"]}),
        experiment(key="draft", status="draft", started_at=None),
        first,
    ]
    assert [one.key for one in comparable(mine, others)] == ["form", "alike"]
    assert comparable(experiment(key="none", trigger=None), [experiment(key="other", trigger=None)]) == []


def test_another_experiments_numbers_are_taken_over_where_they_mean_the_same() -> None:
    theirs = experiment(key="other", traffic="50%", path=[{"step": "looked", "event": "seen", "window": "1 hour"}])
    measurement = Measurement(theirs, {"looked": MeasuredRate(1, 4)}, 100.0, 14, (0,) * 24)
    taken = applied(measurement, experiment(exclusive={"layer": "forms", "slice": ["0%", "25%"]}))
    assert taken.rates == {"seen": MeasuredRate(1, 4)}
    assert taken.visitors_per_day == pytest.approx(50)
    longer = experiment(path=[{"step": "seen", "event": "seen", "window": "2 hours"}])
    assert applied(measurement, longer).rates == {}


def test_more_reached_than_came_is_refused() -> None:
    with pytest.raises(ValueError, match="reached is 3 of 2 visitors"):
        MeasuredRate(3, 2)
