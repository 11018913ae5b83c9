"""Intervals: the ends are where the statistic meets the critical value, on the side that the test says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stats.proportions.inversion import Course, Intervals, invert, running_intersections
from stats.proportions.score import Pair, ScoreTest

# statsmodels 0.15.0: confint_proportions_2indep(s_b, n_b, s_a, n_a, method="score", compare="ratio", correction=False)
STATSMODELS_RATIO = [
    ((20000, 400, 20000, 480), (1.0525225094410466, 1.3681660730601164)),
    ((100, 50, 100, 65), (1.0229011731526019, 1.669698380450874)),
    ((4500, 450, 500, 70), (1.1049094544833817, 1.7625531898683084)),
]
Z_95 = 1.959963984540054


@st.composite
def courses(draw: st.DrawFn) -> Pair:
    """Cumulative counts of up to 40 looks and 2 strata, small rates and large, effects and none."""
    seed = draw(st.integers(0, 2**32 - 1))
    looks, strata = draw(st.integers(1, 40)), draw(st.integers(1, 2))
    rate_a, rate_b = draw(st.floats(0.0, 1.0)), draw(st.floats(0.0, 1.0))
    size = draw(st.sampled_from((1, 10, 1000)))
    rng = np.random.default_rng(seed)
    n_a, n_b = rng.poisson(size, size=(strata, looks)), rng.poisson(size, size=(strata, looks))
    s_a, s_b = rng.binomial(n_a, rate_a), rng.binomial(n_b, rate_b)
    return Pair(*(counts.cumsum(axis=1).astype(float) for counts in (n_a, s_a, n_b, s_b)))


criticals = st.floats(0.5, 8)


def rejections(test: ScoreTest, critical: np.ndarray) -> np.ndarray:
    return (np.abs(test.no_effect()) >= critical) & (test.information > 0)


@pytest.mark.parametrize(("table", "ends"), STATSMODELS_RATIO, ids=["2 in 100", "half", "90/10"])
def test_the_ratio_form_is_that_of_statsmodels(table: tuple[int, ...], ends: tuple[float, float]) -> None:
    test = ScoreTest(Pair(*(np.array([[float(count)]]) for count in table)))
    [interval] = invert([Course(test.pair, test.no_effect(), np.array([Z_95]), np.array([True]))])
    assert 1 + interval.relative_lower[0] == pytest.approx(ends[0], rel=1e-7)
    assert 1 + interval.relative_upper[0] == pytest.approx(ends[1], rel=1e-7)


@given(courses(), criticals)
def test_every_end_is_where_the_statistic_meets_the_critical_value(pair: Pair, level: float) -> None:
    test = ScoreTest(pair)
    critical = np.full(test.information.shape, level)
    [interval] = invert([Course(test.pair, test.no_effect(), critical, rejections(test, critical))])
    with np.errstate(divide="ignore"):
        ends = [
            (ScoreTest.log_ratio, np.log1p(interval.relative_lower), -np.inf, 1),
            (ScoreTest.log_ratio, np.log1p(interval.relative_upper), np.inf, -1),
            (ScoreTest.difference, interval.difference_lower, -1, 1),
            (ScoreTest.difference, interval.difference_upper, 1, -1),
        ]
    for form, end, limit, sign in ends:
        inner = np.where(end == limit, 0.0, end)
        z = form(test, inner)
        assert np.allclose(z[end != limit], sign * level, rtol=1e-6, atol=1e-6)


@given(courses(), criticals)
def test_an_interval_excludes_zero_exactly_when_the_test_rejects(pair: Pair, level: float) -> None:
    test = ScoreTest(pair)
    critical = np.full(test.information.shape, level)
    rejects = rejections(test, critical)
    [interval] = invert([Course(test.pair, test.no_effect(), critical, rejects)])
    up, down = rejects & (test.no_effect() > 0), rejects & (test.no_effect() < 0)
    for lower, upper in (
        (interval.relative_lower, interval.relative_upper),
        (interval.difference_lower, interval.difference_upper),
    ):
        assert ((lower > 0) == up).all()
        assert ((upper < 0) == down).all()
        assert (lower <= upper).all()


@given(courses(), criticals)
def test_the_running_intersection_is_what_all_intervals_have_in_common(pair: Pair, level: float) -> None:
    """The short cut (solve only looks that can narrow it) against solving every look."""
    test = ScoreTest(pair)
    critical = level + 1 / np.arange(1, len(test.information) + 1)
    rejects = rejections(test, critical)
    course = Course(test.pair, test.no_effect(), critical, rejects)
    [every], [running], [last] = invert([course]), running_intersections([course]), invert([course.last()])
    for name in ("relative_lower", "difference_lower"):
        assert np.allclose(getattr(running, name), np.maximum.accumulate(getattr(every, name)), rtol=1e-8, atol=1e-9)
    for name in ("relative_upper", "difference_upper"):
        assert np.allclose(getattr(running, name), np.minimum.accumulate(getattr(every, name)), rtol=1e-8, atol=1e-9)
    for name in Intervals.__dataclass_fields__:
        assert np.allclose(getattr(running, name), getattr(every.so_far(), name), rtol=1e-8, atol=1e-9)
        assert np.allclose(getattr(last, name), getattr(every.last(), name), rtol=1e-8, atol=1e-9)


@given(st.lists(courses().filter(lambda pair: len(pair.n_a) == 1), min_size=2, max_size=4), criticals)
def test_courses_answered_together_are_those_answered_alone(pairs: list[Pair], level: float) -> None:
    tests = [ScoreTest(pair) for pair in pairs]
    criticals = [np.full(test.information.shape, level) for test in tests]
    asked = [
        Course(test.pair, test.no_effect(), c, rejections(test, c)) for test, c in zip(tests, criticals, strict=True)
    ]
    for answers in (invert, running_intersections):
        for course, one in zip(asked, answers(asked), strict=True):
            (other,) = answers([course])
            for name in Intervals.__dataclass_fields__:
                assert np.allclose(getattr(one, name), getattr(other, name), rtol=1e-9, atol=1e-12)


@given(courses(), criticals)
def test_exchanging_the_arms_mirrors_the_intervals(pair: Pair, level: float) -> None:
    test, back = ScoreTest(pair), ScoreTest(pair.swapped())
    critical = np.full(test.information.shape, level)
    [there] = invert([Course(test.pair, test.no_effect(), critical, rejections(test, critical))])
    [mirrored] = invert([Course(back.pair, back.no_effect(), critical, rejections(back, critical))])
    assert np.allclose(there.difference_lower, -mirrored.difference_upper, rtol=1e-8, atol=1e-9)
    finite = np.isfinite(mirrored.relative_upper)
    assert np.allclose((1 + there.relative_lower)[finite], 1 / (1 + mirrored.relative_upper[finite]), rtol=1e-8)


@settings(max_examples=30)
@given(st.integers(10, 500), st.integers(1, 500), criticals)
def test_an_end_is_unbounded_only_when_nobody_in_the_control_reached_the_step(n: int, s: int, level: float) -> None:
    pair = Pair(*(np.array([[float(count)]]) for count in (n, 0, n, min(s, n))))
    test, critical = ScoreTest(pair), np.array([level])
    [interval] = invert([Course(test.pair, test.no_effect(), critical, rejections(test, critical))])
    assert interval.relative_upper[0] == np.inf
    assert np.isfinite([interval.relative_lower[0], interval.difference_lower[0], interval.difference_upper[0]]).all()


def test_without_information_the_interval_is_everything() -> None:
    test = ScoreTest(Pair(*(np.array([[float(count)]]) for count in (0, 0, 100, 50))))
    [interval] = invert([Course(test.pair, test.no_effect(), np.array([np.inf]), np.array([False]))])
    assert [float(getattr(interval, name)[0]) for name in Intervals.__dataclass_fields__] == [-1, np.inf, -1, 1]


@pytest.mark.parametrize("rejects", [True, False])
@pytest.mark.parametrize("table", [(20000, 400, 20000, 480), (20000, 480, 20000, 400)], ids=["up", "down"])
def test_on_the_very_boundary_the_interval_says_what_the_test_says(table: tuple[int, ...], rejects: bool) -> None:
    """|z(0)| equal to the critical value to the last digit: rounding must not let interval and p-value disagree."""
    test = ScoreTest(Pair(*(np.array([[float(count)]]) for count in table)))
    [interval] = invert([Course(test.pair, test.no_effect(), np.abs(test.no_effect()), np.array([rejects]))])
    for lower, upper in (
        (interval.relative_lower[0], interval.relative_upper[0]),
        (interval.difference_lower[0], interval.difference_upper[0]),
    ):
        assert (lower > 0 or upper < 0) == rejects
        assert min(abs(lower), abs(upper)) < 1e-9
