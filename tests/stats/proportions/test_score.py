"""The score statistic against brute force, against other people's software, and against itself in other forms."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
from hypothesis import assume, given
from hypothesis import strategies as st

from stats.proportions.score import Pair, ScoreTest
from stats.tables.reach import StepReach


def pair_of(*strata: tuple[int, int, int, int]) -> Pair:
    """One look; each stratum is (nA, sA, nB, sB)."""
    columns = np.array(strata, dtype=np.float64).T[:, :, np.newaxis]
    return Pair(*columns)


@st.composite
def arm(draw: st.DrawFn, largest: int = 3000) -> tuple[int, int]:
    n = draw(st.integers(1, largest))
    return n, draw(st.integers(0, n))


tables = st.tuples(arm(), arm()).map(lambda arms: (*arms[0], *arms[1]))
strata = st.lists(tables, min_size=1, max_size=4)


# statsmodels 0.15.0: proportions_ztest([s_treatment, s_control], [n_treatment, n_control])
STATSMODELS_Z = [
    ((20000, 400, 20000, 480), 2.726962862734174),
    ((100, 50, 100, 65), 2.1455956195564547),
    ((4500, 450, 500, 70), 2.77968493747913),
]


@pytest.mark.parametrize(("table", "z"), STATSMODELS_Z, ids=["2 in 100", "half", "90/10"])
def test_one_stratum_is_the_pooled_z_test_of_statsmodels(table: tuple[int, int, int, int], z: float) -> None:
    assert ScoreTest(pair_of(table)).no_effect()[0] == pytest.approx(z, rel=1e-12)


def log_likelihood(table: tuple[int, int, int, int], p_a: float, p_b: float) -> float:
    n_a, s_a, n_b, s_b = table
    terms = ((s_a, p_a), (n_a - s_a, 1 - p_a), (s_b, p_b), (n_b - s_b, 1 - p_b))
    return sum(count * np.log(p) if count else 0.0 for count, p in terms)


def likeliest(table: tuple[int, int, int, int], p_b: object, low: float, high: float) -> float:
    """The rate of A that maximises the likelihood, searched without any formula."""
    found = scipy.optimize.minimize_scalar(
        lambda p_a: -log_likelihood(table, p_a, p_b(p_a)),  # type: ignore[operator] # a plain function
        bounds=(low, high),
        method="bounded",
        options={"xatol": 1e-12, "maxiter": 500},
    )
    return float(found.x)


CONSTRAINED = [
    ((1000, 20, 1000, 30), 0.005),
    ((1000, 20, 1000, 30), -0.005),
    ((4500, 450, 500, 70), 0.1),
    ((100, 50, 100, 65), -0.3),
    ((30, 1, 900, 880), 0.9),
]


@pytest.mark.parametrize(("table", "difference"), CONSTRAINED)
def test_the_rate_given_a_difference_is_the_likeliest(table: tuple[int, int, int, int], difference: float) -> None:
    low, high = max(0, -difference) + 1e-12, min(1, 1 - difference) - 1e-12
    best = likeliest(table, lambda p: p + difference, low, high)
    assert ScoreTest(pair_of(table)).rate_given_difference(np.array([difference]))[0, 0] == pytest.approx(
        best, abs=2e-8
    )


def test_the_known_trap_of_statsmodels_is_avoided() -> None:
    """score_test_proportions_2indep(30, 1000, 20, 1000, value=.005, compare="diff") of statsmodels 0.15.0: .0222424."""
    estimate = ScoreTest(pair_of((1000, 20, 1000, 30))).rate_given_difference(np.array([0.005]))[0, 0]
    assert estimate == pytest.approx(0.0222539, abs=5e-8)


@pytest.mark.parametrize(
    ("table", "ratio"), [(CONSTRAINED[0][0], 1.2), (CONSTRAINED[2][0], 0.4), (CONSTRAINED[4][0], 9)]
)
def test_the_rate_given_a_ratio_is_the_likeliest(table: tuple[int, int, int, int], ratio: float) -> None:
    best = likeliest(table, lambda p: ratio * p, 1e-12, min(1, 1 / ratio) - 1e-12)
    assert ScoreTest(pair_of(table)).rate_given_ratio(np.array([ratio]))[0, 0] == pytest.approx(best, abs=2e-8)


@given(strata)
def test_ratio_and_difference_agree_at_no_effect(cells: list[tuple[int, int, int, int]]) -> None:
    test, zero = ScoreTest(pair_of(*cells)), np.zeros(1)
    z = test.no_effect()[0]
    assert test.log_ratio(zero)[0] == pytest.approx(z, rel=1e-12, abs=1e-12)
    assert test.difference(zero)[0] == pytest.approx(z, rel=1e-12, abs=1e-12)


@given(strata, st.floats(0.001, 0.3))
def test_exchanging_the_arms_turns_every_sign(cells: list[tuple[int, int, int, int]], effect: float) -> None:
    pair = pair_of(*cells)
    there, back = ScoreTest(pair), ScoreTest(pair.swapped())
    assume(there.information[0] > 0)
    assert back.no_effect()[0] == pytest.approx(-there.no_effect()[0], rel=1e-12, abs=1e-12)
    at, against = np.array([effect]), np.array([-effect])
    for form in (ScoreTest.log_ratio, ScoreTest.difference):
        assert form(back, against)[0] == pytest.approx(-form(there, at)[0], rel=1e-7, abs=1e-7)


@given(tables, st.integers(1, 4))
def test_equal_strata_are_as_good_as_one(table: tuple[int, int, int, int], copies: int) -> None:
    """Strata with the same rates and shares carry the information of the pooled table."""
    split = ScoreTest(pair_of(*[table] * copies))
    pooled = ScoreTest(pair_of(tuple(copies * count for count in table)))
    assert split.no_effect()[0] == pytest.approx(pooled.no_effect()[0], rel=1e-12, abs=1e-12)
    assert split.log_ratio_variance()[0] == pytest.approx(pooled.log_ratio_variance()[0], rel=1e-12)


def test_cmh_by_hand_over_two_strata() -> None:
    """sum (sB - nB S/N) / sqrt(sum w p(1-p)): (7.5 + 2) / sqrt(50*.575*.425*... ) written out."""
    cells = [(100, 50, 100, 65), (300, 12, 100, 6)]
    excess = (65 - 100 * 115 / 200) + (6 - 100 * 18 / 400)
    variance = 50 * (115 / 200) * (85 / 200) + 75 * (18 / 400) * (382 / 400)
    assert ScoreTest(pair_of(*cells)).no_effect()[0] == pytest.approx(excess / variance**0.5, rel=1e-12)


def test_merging_the_cohorts_is_pooling_the_visitors() -> None:
    """Counts of hourly cohorts, against the z of the raw visitors' rows."""
    rng = np.random.default_rng(20261122)
    hour, variant = rng.integers(0, 48, size=5000), rng.integers(0, 2, size=5000)
    reached = rng.random(5000) < 0.1 + 0.02 * variant
    cohorts = np.arange(48)
    visitors = np.zeros((48, 1, 2), dtype=np.int64)
    successes = np.zeros((48, 1, 2), dtype=np.int64)
    np.add.at(visitors, (hour, 0, variant), 1)
    np.add.at(successes, (hour, 0, variant), reached.astype(np.int64))
    z = ScoreTest(Pair.of(StepReach(cohorts, visitors, successes), 1)).no_effect()
    a, b, pooled = reached[variant == 0], reached[variant == 1], reached.mean()
    raw = (b.mean() - a.mean()) / np.sqrt(pooled * (1 - pooled) * (1 / len(a) + 1 / len(b)))
    assert z[-1] == pytest.approx(raw, rel=1e-12)


@pytest.mark.parametrize("table", [(0, 0, 100, 50), (100, 0, 100, 0), (100, 100, 100, 100), (0, 0, 0, 0)], ids=str)
def test_without_information_there_is_no_statistic(table: tuple[int, int, int, int]) -> None:
    test = ScoreTest(pair_of(table))
    assert test.information[0] == 0
    assert test.no_effect()[0] == 0
    assert test.log_ratio_variance()[0] == np.inf


def test_more_successes_than_visitors_are_refused() -> None:
    with pytest.raises(ValueError, match="nobody reaches a step without being there"):
        pair_of((10, 11, 10, 5))
