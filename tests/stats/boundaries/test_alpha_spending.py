"""Spending boundaries against rpact, against simulation, and the repeated p-value against the boundary itself."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from importlib import resources

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stats.arrays import Floats
from stats.boundaries.alpha_spending import (
    GRID,
    boundaries_of_levels,
    boundary,
    grid_boundary,
    grid_points,
    hwang_shih_decani,
    log_haste,
    repeated_p_values,
)

NORMAL = statistics.NormalDist()


def obrien_fleming(alpha: float) -> Callable[[Floats], Floats]:
    """Lan & DeMets' (1983) function of that type, in each tail."""
    quantile = NORMAL.inv_cdf(1 - alpha / 4)
    return lambda t: np.array([4 * NORMAL.cdf(-quantile / one**0.5) for one in t])


def pocock(alpha: float) -> Callable[[Floats], Floats]:
    return lambda t: alpha * np.log1p((np.e - 1) * t)


def hsd(alpha: float, gamma: float) -> Callable[[Floats], Floats]:
    return lambda t: hwang_shih_decani(t, alpha, gamma)


FOURTEEN = tuple(k / 14 for k in range(1, 15))
# rpact 3.3.4: getDesignGroupSequential(informationRates=..., alpha=..., sided=2, typeOfDesign="asOF", "asP", "asHSD"
# with gammaA=-2 or 1, or "asKD" with gammaA=2)$criticalValues; None where rpact answers Inf (nearly nothing is spent).
# At the second of 14 looks rpact answers 5.844, whose tails hold 5.1e-9 where its own function spends 6.05e-9; next to
# nothing has crossed before, so the boundary is the quantile of that: 5.815.
RPACT = [
    pytest.param(obrien_fleming(0.01), (0.5, 1), (3.801369, 2.577585), id="OF-2-.01"),
    pytest.param(obrien_fleming(0.05), (0.3, 1), (3.928573, 1.960223), id="OF-uneven"),
    pytest.param(obrien_fleming(0.01), (0.3, 1), (4.992726, 2.575837), id="OF-uneven-.01"),
    pytest.param(obrien_fleming(0.05), (1 / 3, 2 / 3, 1), (3.710303, 2.511427, 1.993047), id="OF-3"),
    pytest.param(obrien_fleming(0.01), (1 / 3, 2 / 3, 1), (4.722905, 3.245701, 2.589324), id="OF-3-.01"),
    pytest.param(obrien_fleming(0.01), (0.25, 0.5, 0.75, 1), (5.492961, 3.801395, 3.044483, 2.603007), id="OF-4-.01"),
    pytest.param(
        obrien_fleming(0.05), (0.2, 0.4, 0.6, 0.8, 1), (4.876885, 3.357012, 2.68028, 2.289817, 2.031032), id="OF-5"
    ),
    pytest.param(
        obrien_fleming(0.05),
        FOURTEEN,
        (None, 5.815327, 4.702637, 4.037218, 3.586929, 3.258477, 3.005927, 2.804129, 2.638152, 2.498539, 2.378985,
         2.275108, 2.183758, 2.102604),
        id="OF-14",
    ),
    pytest.param(pocock(0.05), (0.5, 1), (2.156999, 2.200977), id="P-2"),
    pytest.param(pocock(0.05), (0.3, 1), (2.311835, 2.123693), id="P-uneven"),
    pytest.param(pocock(0.01), (0.3, 1), (2.865969, 2.729604), id="P-uneven-.01"),
    pytest.param(pocock(0.05), (0.25, 0.5, 0.75, 1), (2.368328, 2.367524, 2.358168, 2.35003), id="P-4"),
    pytest.param(
        pocock(0.05), (0.2, 0.4, 0.6, 0.8, 1), (2.437977, 2.426814, 2.410194, 2.396645, 2.385985), id="P-5"
    ),
    pytest.param(pocock(0.05), (0.05, 0.2, 0.9, 1), (2.86874, 2.535856, 2.115856, 2.318931), id="P-very-uneven"),
    pytest.param(hsd(0.05, -2), (0.25, 0.5, 0.75, 1), (2.802119, 2.580104, 2.340792, 2.09034), id="HSD-2"),
    pytest.param(hsd(0.05, 1), (0.25, 0.5, 0.75, 1), (2.376103, 2.357132, 2.349901, 2.357462), id="HSD+1"),
    pytest.param(lambda t: 0.05 * t**2, (0.25, 0.5, 0.75, 1), (2.955167, 2.55935, 2.300855, 2.091966), id="KD-2"),
]  # fmt: skip


@pytest.mark.parametrize(("spending", "fractions", "critical"), RPACT)
def test_it_is_rpact_s_boundary(
    spending: Callable[[Floats], Floats], fractions: tuple[float, ...], critical: tuple[float | None, ...]
) -> None:
    t = np.array(fractions)
    for ours, theirs in zip(boundary(t, spending(t)), critical, strict=True):
        assert ours > 7 if theirs is None else ours == pytest.approx(theirs, abs=2e-4)


def test_one_look_that_spends_everything_is_the_fixed_test() -> None:
    assert boundary(np.ones(1), np.array([0.05]))[0] == pytest.approx(NORMAL.inv_cdf(0.975), abs=1e-12)


@pytest.mark.parametrize("level", [0.045, 0.2])
def test_the_grid_spends_just_the_level(level: float) -> None:
    """40,000 Brownian paths without drift, looked at 200 times: 4 standard errors either way."""
    rng = np.random.default_rng(20)
    paths = rng.standard_normal((40_000, GRID)).cumsum(axis=1) / np.sqrt(np.arange(1, GRID + 1))
    crossed = np.maximum.accumulate(np.abs(paths) >= grid_boundary(level), axis=1).mean(axis=0)
    expected = hwang_shih_decani(np.array([0.5, 1.0]), level)
    error = 4 * np.sqrt(expected / len(paths))
    assert np.abs(crossed[[GRID // 2 - 1, GRID - 1]] - expected).tolist() < error.tolist()
    assert abs(crossed[-1] - level) < error[-1]


@pytest.mark.parametrize(
    ("fractions", "spent"),
    [((0.5, 0.5), (0.01, 0.05)), ((0.5, 1.0), (0.05, 0.01)), ((0.0, 1.0), (0.01, 0.05))],
    ids=["a fraction twice", "less spent than before", "from nothing"],
)
def test_what_does_not_ascend_is_refused(fractions: tuple[float, ...], spent: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="must ascend"):
        boundary(np.array(fractions), np.array(spent))


def test_the_grid_is_pinned() -> None:
    """Computed here with four times as many nodes; another spending function is another method."""
    expected = [4.301551, 4.283292, 4.086207, 3.560759, 3.111365, 2.210680]
    assert grid_boundary(0.045)[[0, 1, 9, 50, 99, 199]] == pytest.approx(expected, abs=1e-6)


def test_the_shipped_boundaries_are_those_of_the_levels() -> None:
    """`make boundaries` writes them. Platforms may round the last digits differently."""
    with resources.files("stats.boundaries").joinpath("boundaries_of_levels.npy").open("rb") as file:
        shipped = np.load(file)
    assert shipped.shape == (25, GRID)
    assert shipped == pytest.approx(boundaries_of_levels(), rel=1e-10, abs=0)


def test_nothing_spent_is_never_crossed() -> None:
    edges = boundary(np.array([0.5, 1.0]), np.array([0.0, 0.05]))
    assert edges[0] == np.inf
    assert edges[1] == pytest.approx(NORMAL.inv_cdf(0.975), abs=1e-9)


@pytest.mark.parametrize(
    ("fractions", "points"),
    [
        ((0.001, 0.004, 0.005, 0.006, 0.0101), (0, 0, 1, 0, 2)),
        ((0.1, 0.1, 0.5, 0.99, 1.2, 1.4), (20, 0, 100, 198, 200, 0)),
        ((), ()),
    ],
    ids=["small cohorts", "large cohorts and beyond the plan", "none"],
)
def test_a_look_is_at_the_last_point_it_passed(fractions: tuple[float, ...], points: tuple[int, ...]) -> None:
    assert grid_points(np.array(fractions)).tolist() == list(points)
    assert grid_points(np.array([fractions, fractions])).tolist() == [list(points)] * 2


@settings(deadline=None)
@given(
    st.lists(st.floats(0, 9), min_size=1, max_size=40),
    st.sampled_from([0.045, 0.0225, 0.0009, 0.045 / 12, 0.3]),
    st.integers(1, GRID),
)
def test_the_repeated_p_value_is_at_most_the_level_where_the_boundary_is_crossed(
    sizes: list[float], level: float, first: int
) -> None:
    z = np.array(sizes) * np.where(np.arange(len(sizes)) % 2, -1, 1)
    points = np.minimum(np.arange(first, first + len(z)), GRID)
    p = repeated_p_values(z, points, level)
    assert (p <= level).tolist() == (np.abs(z) >= grid_boundary(level)[points - 1]).tolist()
    assert ((p > 0) & (p <= 1)).all()
    assert repeated_p_values(z, np.zeros(len(z), dtype=np.intp), level).tolist() == [1.0] * len(z)


@pytest.mark.parametrize("level", [1e-9, 2e-7, 3e-5, 0.001, 0.045, 0.15, 0.55])
def test_between_the_tabulated_levels_it_is_close_to_the_level_whose_boundary_is_met(level: float) -> None:
    p = repeated_p_values(grid_boundary(level), np.arange(1, GRID + 1), 0.0123)
    assert p == pytest.approx(level, rel=0.01)


def test_it_falls_as_the_statistic_grows() -> None:
    sizes = np.linspace(0, 9, 400)
    p = repeated_p_values(sizes, np.full(400, 100), 0.045)
    assert (np.diff(p) <= 0).all()
    assert p[0] == 1
    assert p[-1] == pytest.approx(1e-10)


@pytest.mark.parametrize(
    ("rates", "haste"),
    [
        ([1.0] * 100, 1.0),
        ([1.0] * 50 + [0.5] * 50, 1.0),  # falling: no relief
        ([1.0] * 80 + [2.0] * 20, (40 / 120) / 0.2),  # twice as fast over just the last fifth
        ([1.0] * 50 + [2.0] * 50, (40 / 150) / 0.2),
        ([1.0], 1.0),
        ([0.0] * 10, 1.0),
    ],
    ids=["steady", "falling", "doubled", "doubled at half", "one look", "no information"],
)
def test_haste_is_how_much_faster_information_comes_than_the_weight(rates: list[float], haste: float) -> None:
    weight = np.arange(1, len(rates) + 1).astype(float)
    assert log_haste(weight, np.cumsum(rates))[-1] == pytest.approx(np.log(haste), abs=1e-9)
