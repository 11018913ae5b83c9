"""When it is decided: the days on which so many visitors are there, and the chance of having decided by a day."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.definition.experiment import Experiment
from experiments.planning.cumulative_power import courses
from experiments.planning.forecast import SoFar, Target, date, decision, target
from stats.power import Contrast, Judging, mean_visitors, power_at, sample_size
from tests.experiments.cases.experiments import as_step, small

START = datetime(2026, 3, 2, 9, tzinfo=UTC)


def experiment(**changes: object) -> Experiment:
    return small(**{"key": "form", "started_at": START, "path": [as_step("sale")]} | changes)


@pytest.mark.parametrize(
    ("visitors", "so_far", "weeks"),
    [
        pytest.param(10_000, None, 3, id="ten days, and a week for the last"),
        pytest.param(10_000, SoFar(0, START + timedelta(days=10)), 4, id="nobody came for ten days"),
        pytest.param(10_000, SoFar(9_000, START + timedelta(days=2)), 2, id="most have come at once"),
        pytest.param(10_000, SoFar(40_000, START + timedelta(days=20)), 2, id="they came long ago: on day 5"),
        pytest.param(10_000, SoFar(10_000, START + timedelta(days=6)), 2, id="the last just came"),
    ],
)
def test_the_rest_comes_at_todays_pace(visitors: int, so_far: SoFar | None, weeks: int) -> None:
    assert date(experiment(), visitors, 1000, START, so_far) == START + timedelta(weeks=weeks)


def test_what_takes_longer_than_a_century_has_no_date() -> None:
    assert date(experiment(), 10**12, 1, START) is None
    assert decision(experiment(), Target(10**12, 0.8, 1000), 1, START) is None
    assert date(experiment(), 36_000, 1, START) is not None


def test_a_plan_of_the_config_is_judged_and_else_what_is_needed() -> None:
    contrast, tau = Contrast(0.04, 0.048), math.log(1.2)
    judged = Judging("planned", 0.05, tau)
    configured = target(experiment(analysis={"planned_visitors": 30_000}), 0.04, 0.2)
    assert configured == Target(30_000, power_at(contrast, judged, 30_000), mean_visitors(contrast, judged, 30_000))
    needed, size = target(experiment(), 0.04, 0.2), sample_size(contrast, Judging("always-valid", 0.05, tau), 0.8)
    assert needed is not None
    assert size is not None
    assert needed.visitors == pytest.approx(size.visitors, abs=2)
    assert needed.found == 0.8


@pytest.mark.parametrize(("rate", "detect"), [(0.0, 0.2), (0.9, 0.2), (1.0, 0.1), (1e-12, 0.001)])
def test_what_cannot_be_found_has_no_target(rate: float, detect: float) -> None:
    assert target(experiment(), rate, detect) is None


@settings(max_examples=40, deadline=None)
@given(
    rate=st.floats(1e-6, 0.999),
    detect=st.floats(0.001, 1.0),
    planned=st.none() | st.integers(1, 10**9),
    method=st.sampled_from([None, "always-valid", "fixed"]),
    per_day=st.floats(1e-3, 1e9),
    come=st.integers(0, 10**9),
)
def test_whatever_is_measured_there_is_an_answer(
    rate: float, detect: float, planned: int | None, method: str | None, per_day: float, come: int
) -> None:
    """Whatever the numbers, there is a date in order, or none; nothing is raised."""
    analysis = {"planned_visitors": planned or 1, "method": method} if method == "fixed" else {"method": method}
    one = experiment(analysis=analysis if planned is None else analysis | {"planned_visitors": planned})
    found = target(one, rate, detect)
    when = found and decision(one, found, per_day, START, SoFar(come, START + timedelta(days=40)))
    if found and when:
        assert 0 <= found.found <= 1
        assert START < when.expected_at <= when.latest_at
        assert all((at - START) % timedelta(weeks=1) == timedelta(0) for at in (when.expected_at, when.latest_at))


def test_the_chances_end_at_the_power_and_grow_with_the_change() -> None:
    plan = experiment(analysis={"planned_visitors": 22_000})
    none, half, asked, double = courses(plan, 0.04, 0.2, 22_000, 1000)
    assert [one.lift for one in (none, half, asked, double)] == [0.0, 0.1, 0.2, 0.4]
    assert asked.found[-1] == power_at(Contrast(0.04, 0.048), Judging("planned", 0.05, math.log(1.2)), 22_000)
    assert none.found[-1] <= 0.05
    for less, more in ((none, half), (half, asked), (asked, double)):
        assert (np.array(less.found) <= np.array(more.found) + 1e-9).all()
    assert asked.days[-1] == pytest.approx(22 + 7 + 2 / 24)
    assert (asked.by(7), asked.by(1000)) == (0.0, asked.found[-1])
    assert asked.by(asked.days[100]) == asked.found[100]


def test_a_test_without_a_plan_is_followed_beyond_what_it_needs() -> None:
    (_, _, asked, _) = courses(experiment(), 0.04, 0.2, 20_000, 1000)
    assert asked.days[-1] == pytest.approx(30 + 7 + 2 / 24)
    assert courses(experiment(), 0.04, 0.2, 20_000, 5) == ()
    assert [one.lift for one in courses(experiment(), 0.6, 0.5, 20_000, 1000)] == [0.0, 0.25, 0.5]


def test_one_look_has_one_chance() -> None:
    fixed = experiment(analysis={"planned_visitors": 22_000, "method": "fixed"})
    (_, _, asked, _) = courses(fixed, 0.04, 0.2, 22_000, 1000)
    assert len(asked.found) == 1
    assert asked.by(29) == 0
    assert asked.by(29.2) > 0.7
