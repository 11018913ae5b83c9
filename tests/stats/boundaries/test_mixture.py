"""The normal mixture against confseq's closed forms and gbstats' sequential engine (each with its own variance)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stats.boundaries.mixture import critical_value, log_e_value, p_value_of

# confseq 0.0.11: boundaries.normal_log_mixture(s, v, v_opt, alpha_opt=.05, is_one_sided=False) and
# boundaries.normal_mixture_bound(v, alpha=.05, v_opt, alpha_opt=.05, is_one_sided=False)
CONFSEQ = [
    (10.0, 100.0, 100.0, -0.6510051600071821, 30.35208990376253),
    (25.0, 100.0, 500.0, 1.4418508434475057, 33.638877257827815),
    (50.0, 1000.0, 200.0, -0.6336048329942583, 99.70757718046232),
]

# gbstats 0.8.0: SequentialTwoSidedTTest(a, b, SequentialConfig(alpha=.05, difference_type="absolute" or "relative",
# sequential_tuning_parameter=5000 or 20000)).compute_result():
# n of both arms, estimate, lower, upper, p-value, variance of the estimate, rho
GBSTATS = [
    (2000, 0.011, -0.016160768201342306, 0.0381607682013423, 0.7810142876622937, 4.9639e-05, 0.01992003338568684),
    (10000, 0.008, -0.001367920191047034, 0.017367920191047034, 0.1649291494434089, 9.3632e-06, 0.03984006677137368),
    (10000, 0.4, -0.1545923231222328, 0.9545923231222329, 0.4145710241286104, 0.032816, 0.03984006677137368),
    (40000, 0.004, -0.0004902593587507772, 0.008490259358750777, 0.12423181362388833, 2.1512e-06, 0.01992003338568684),
    (20000, 0.02, 0.0061698096003235635, 0.03383019039967641, 0.0002834950001576347, 1.956e-05, 0.03984006677137368),
    (200, 0.3, -0.5223438356663621, 1.1223438356663622, 0.7563952995038644, 0.026, 0.03984006677137368),
    (200, 0.15, -0.4777431083723058, 0.7777431083723059, 0.8736767387078048, 0.004775, 0.01992003338568684),
    (5000, 0.04, -0.009016510839308267, 0.08901651083930828, 0.19609319642721137, 0.0002608, 0.03984006677137368),
    (5000, 0.4, -0.10788760688493187, 0.907887606884932, 0.23636886044592295, 0.028, 0.03984006677137368),
    (2000, 0.011, -0.006547487124589819, 0.028547487124589817, 0.3679170637499651, 2.0719e-05, 0.01992003338568684),
    (40000, 0.03, -0.0025998415058630167, 0.06259984150586306, 0.10883348949810887, 0.000103, 0.03984006677137368),
    (
        40000,
        0.015,
        -0.0003039415449104278,
        0.030303941544910454,
        0.05946545286979663,
        2.498875e-05,
        0.01992003338568684,
    ),
]


@pytest.mark.parametrize(("s", "v", "v_opt", "log_e", "bound"), CONFSEQ)
def test_it_is_the_two_sided_mixture_of_confseq(s: float, v: float, v_opt: float, log_e: float, bound: float) -> None:
    """z = s / sqrt(v), g = v / rho, with the rho that confseq derives from v_opt."""
    rho = v_opt / (2 * np.log(1 / 0.05) + np.log(1 + 2 * np.log(1 / 0.05)))
    g = np.array([v / rho])
    assert log_e_value(np.array([s / v**0.5]), g)[0] == pytest.approx(log_e, rel=1e-9)
    assert critical_value(g, 0.05)[0] * v**0.5 == pytest.approx(bound, rel=1e-9)


@pytest.mark.parametrize(("n", "estimate", "lower", "upper", "p", "variance", "rho"), GBSTATS)
def test_it_is_the_sequence_of_gbstats_given_its_variance(
    n: int, estimate: float, lower: float, upper: float, p: float, variance: float, rho: float
) -> None:
    """z = estimate / sqrt(variance), g = n rho^2."""
    g = np.array([n * rho**2])
    half = critical_value(g, 0.05)[0] * variance**0.5
    assert (estimate - half, estimate + half) == pytest.approx((lower, upper), rel=1e-9, abs=1e-12)
    assert p_value_of(log_e_value(np.array([estimate / variance**0.5]), g))[0] == pytest.approx(p, rel=1e-9)


@given(st.floats(1e-6, 1e6), st.floats(1e-6, 0.4))
def test_the_critical_value_is_where_the_e_value_meets_one_over_alpha(g: float, alpha: float) -> None:
    scale = np.array([g])
    assert log_e_value(critical_value(scale, alpha), scale)[0] == pytest.approx(-np.log(alpha), rel=1e-9)


def test_without_information_there_is_no_evidence() -> None:
    none = np.zeros(1)
    assert log_e_value(np.array([3.0]), none)[0] == 0
    assert p_value_of(none)[0] == 1
    assert critical_value(none, 0.05)[0] == np.inf
