"""The one-sided mixture against its own integral, confseq's published numbers and scipy's special functions."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.integrate
import scipy.special
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from stats.boundaries import mixture
from stats.boundaries.one_sided_mixture import critical_value, log_e_value

# confseq 0.0.11, test/uniform_boundaries_unittest.cpp (from a reference implementation in R):
# OneSidedNormalMixture(v_opt=100, alpha_opt=.05): log_superMG(s=10, v=100), bound(v=100, log(1/.05)); to 1e-5
CONFSEQ = (-0.06502391, 27.66071)


def test_it_is_the_one_sided_mixture_of_confseq() -> None:
    """z = s / sqrt(v), g = v / rho, with the rho that confseq derives from v_opt and twice the level."""
    half = 2 * np.log(1 / 0.1)
    g = np.array([(half + np.log(1 + half)) / 2 * 2])  # v / rho with v = v_opt
    assert log_e_value(np.array([10 / 100**0.5]), g)[0] == pytest.approx(CONFSEQ[0], abs=1e-7)
    assert critical_value(g, 0.05)[0] * 100**0.5 == pytest.approx(CONFSEQ[1], abs=1e-5)


@pytest.mark.parametrize("z", [-40.0, -6.0, -1.0, 0.0, 0.3, 2.0, 5.0])
@pytest.mark.parametrize("g", [1e-4, 0.3, 1.0, 20.0, 1e4])
def test_it_is_the_mixture_over_half_a_normal(z: float, g: float) -> None:
    """E: the mean of exp(theta z - theta^2 / 2), likelihood ratio of N(theta, 1) to N(0, 1), over theta ~ |N(0, g)|."""
    tau = g**0.5

    def integrand(theta: float) -> float:
        return float(np.exp(theta * z - theta**2 / 2) * scipy.stats.halfnorm.pdf(theta, scale=tau))

    width = min(tau, 1.0) / max(1.0, abs(min(z, 0)))
    points = sorted({width, 5 * width, max(z, 0) + width, max(z, 0) + 5})
    e_value = scipy.integrate.quad(integrand, 0, max(40 * width, max(z, 0) + 40), points=points, limit=400)[0]
    assert log_e_value(np.array([z]), np.array([g]))[0] == pytest.approx(np.log(e_value), rel=1e-8, abs=1e-8)


def test_no_digit_is_lost_at_either_end() -> None:
    """h(x) = log(erfcx(-x / sqrt 2) / 2), as long as erfcx has a number; g of 1e16 leaves z as it is."""
    z = np.concatenate([-np.logspace(6, -6, 400), np.linspace(0, 37, 400)])
    g = np.full(z.shape, 1e16)
    ours = log_e_value(z, g) - np.log(2) + np.log1p(g) / 2
    assert ours == pytest.approx(np.log(scipy.special.erfcx(-z / 2**0.5) / 2), rel=1e-12, abs=1e-13)
    assert log_e_value(np.array([1e200, -1e200, np.inf]), np.ones(3)).tolist()[::2] == [np.inf, np.inf]
    assert log_e_value(np.array([1e5]), np.ones(1))[0] == pytest.approx(1e10 / 4 + np.log(2) / 2, rel=1e-14)


@given(st.floats(1e-9, 1e9), st.floats(1e-9, 0.999))
def test_the_critical_value_is_where_the_e_value_meets_one_over_alpha(g: float, alpha: float) -> None:
    scale = np.array([g])
    critical = critical_value(scale, alpha)
    assert log_e_value(critical, scale)[0] == pytest.approx(-np.log(alpha), rel=1e-11, abs=1e-11)
    assert critical[0] > 0
    above, below = critical * (1 + 1e-9), critical * (1 - 1e-9)
    assert log_e_value(above, scale)[0] > log_e_value(below, scale)[0]


@given(st.floats(1e-3, 1e3), st.floats(1e-6, 0.4))
def test_one_side_asks_for_less_than_two_and_for_more_than_two_at_twice_the_level(g: float, alpha: float) -> None:
    scale = np.array([g])
    assert critical_value(scale, alpha)[0] < mixture.critical_value(scale, alpha)[0]
    assert critical_value(scale, alpha)[0] > mixture.critical_value(scale, 2 * alpha)[0]


@given(st.floats(-30, 30), st.floats(1e-6, 1e6))
def test_both_directions_together_are_the_two_sided_mixture(z: float, g: float) -> None:
    """Half of a normal prior each: the mean of the two e-values."""
    scale = np.array([g])
    sides = np.logaddexp(log_e_value(np.array([z]), scale), log_e_value(np.array([-z]), scale)) - np.log(2)
    assert sides[0] == pytest.approx(mixture.log_e_value(np.array([z]), scale)[0], rel=1e-10, abs=1e-10)


@given(st.floats(-50, 50), st.floats(0.01, 5), st.floats(0.01, 100))
def test_more_in_the_direction_asked_for_is_more_evidence(z: float, more: float, g: float) -> None:
    e = log_e_value(np.array([z, z + more]), np.full(2, g))
    assert e[1] > e[0]


def test_without_information_there_is_no_evidence() -> None:
    none = np.zeros(1)
    assert log_e_value(np.array([3.0]), none)[0] == 0
    assert critical_value(none, 0.05)[0] == np.inf


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, 2.0])
def test_a_level_that_is_none_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha"):
        critical_value(np.ones(1), alpha)


def test_looking_all_the_time_rejects_falsely_at_most_at_the_level() -> None:
    """2,000 random walks of 1,000 steps; a one-sided z of 1.645 looked at as often is the control that must fail."""
    rng = np.random.default_rng(11)
    steps = np.arange(1, 1001)
    z = rng.standard_normal((2000, 1000)).cumsum(axis=1) / np.sqrt(steps)
    g = np.broadcast_to(steps / 100, z.shape)
    ours = (log_e_value(z, g) >= -np.log(0.05)).any(axis=1).mean()
    naive = (z > 1.645).any(axis=1).mean()
    assert ours <= 0.05 + 3 * (0.05 * 0.95 / 2000) ** 0.5
    assert ours > 0.02  # not vacuous
    assert naive > 0.3
