"""Power: other people's numbers, the recursion against a simulation of the real test, and each answer's inverse."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import power_proportions_2indep, proportion_effectsize

from stats.arrays import Floats
from stats.boundaries.alpha_spending import GRID, grid_boundary
from stats.boundaries.crossing import crossing_probabilities
from stats.boundaries.mixture import critical_value
from stats.power import (
    ENOUGH_VISITORS,
    Contrast,
    Judging,
    Method,
    chances,
    detectable_lift,
    mean_visitors,
    power_at,
    sample_size,
)

METHODS: tuple[Method, ...] = ("planned", "always-valid", "fixed")
TAU = math.log(1.2)


def judged(method: Method, tau: float = TAU, level: float = 0.05) -> Judging:
    return Judging(method, level, tau)


# rpact 3.3.4: getSampleSizeRates(groups=2, pi1=rate_b, pi2=rate_a, alpha=.05, sided=2, beta=1-power,
#   allocationRatioPlanned=ratio): rate_a, rate_b, power, ratio = n_b / n_a, n_total
RPACT = [
    (0.02, 0.024, 0.8, 1.0, 42216.7661407833),
    (0.1, 0.12, 0.8, 1.0, 7681.6949648726),
    (0.1, 0.12, 0.9, 1.0, 10282.6123660761),
    (0.1, 0.11, 0.8, 1.0, 29501.5809380899),
    (0.005, 0.0065, 0.9, 1.0, 106787.45630811),
    (0.5, 0.52, 0.8, 1.0, 19611.9924174773),
    (0.05, 0.04, 0.8, 1.0, 13489.8661497698),
    (0.05, 0.04, 0.9, 1.0, 18058.1057078833),
    (0.2, 0.25, 0.9, 1.0, 2927.4146100591),
    (0.01, 0.012, 0.9, 1.0, 114306.101258361),
    (0.1, 0.12, 0.8, 0.25, 11764.7551964824),
]


@pytest.mark.parametrize(("rate_a", "rate_b", "power", "ratio", "total"), RPACT)
def test_one_look_needs_what_rpact_says(rate_a: float, rate_b: float, power: float, ratio: float, total: float) -> None:
    contrast = Contrast(rate_a, rate_b, 1 / (1 + ratio), ratio / (1 + ratio))
    size = sample_size(contrast, judged("fixed"), power)
    assert size is not None
    assert size.visitors == pytest.approx(total, rel=1e-10)
    assert size.mean_visitors == size.visitors
    assert power_at(contrast, judged("fixed"), total) == pytest.approx(power, abs=1e-4)


# statsmodels 0.15.0: power_proportions_2indep(rate_b - rate_a, rate_a, 5000, ratio=1, alpha=.05).power
STATSMODELS = [
    (0.005, 0.0065, 0.16807939149050943),
    (0.3, 0.33, 0.897934043170492),
    (0.05, 0.04, 0.6744014855630668),
    (0.2, 0.25, 0.9999725958225382),
    (0.8, 0.82, 0.7221702632915752),
]


@pytest.mark.parametrize(("rate_a", "rate_b", "power"), STATSMODELS)
def test_one_look_has_the_power_that_statsmodels_says(rate_a: float, rate_b: float, power: float) -> None:
    assert power_at(Contrast(rate_a, rate_b), judged("fixed"), 10_000) == pytest.approx(power, abs=1e-12)
    installed = power_proportions_2indep(rate_b - rate_a, rate_a, 5000, ratio=1, alpha=0.05).power
    assert installed == pytest.approx(power, abs=1e-12)


# statsmodels 0.15.0: NormalIndPower().solve_power(proportion_effectsize(rate_b, rate_a), alpha=.05, power=power,
#   ratio=ratio, alternative="two-sided"): n of the control. Another approximation (Cohen's h), so close and not equal.
ARCSINE = [
    (0.02, 0.024, 0.8, 1.0, 21066.437206055296),
    (0.1, 0.12, 0.8, 1.0, 3834.595739884031),
    (0.1, 0.11, 0.8, 1.0, 14744.104836925611),
    (0.005, 0.0065, 0.9, 1.0, 53168.57176253143),
    (0.5, 0.52, 0.9, 1.0, 13127.267072722587),
    (0.3, 0.33, 0.8, 1.0, 3761.596974012092),
    (0.05, 0.04, 0.9, 1.0, 9003.980475835333),
    (0.2, 0.25, 0.8, 1.0, 1091.8961587171943),
    (0.2, 0.25, 0.9, 1.0, 1461.7422335136887),
    (0.01, 0.012, 0.8, 1.0, 42606.12642025786),
    (0.1, 0.12, 0.8, 0.25, 9586.489349693176),
    (0.1, 0.12, 0.8, 0.5, 5751.893609817835),
]


@pytest.mark.parametrize(("rate_a", "rate_b", "power", "ratio", "control"), ARCSINE)
def test_the_arcsine_approximation_is_close(
    rate_a: float, rate_b: float, power: float, ratio: float, control: float
) -> None:
    h = proportion_effectsize(rate_b, rate_a)
    assert NormalIndPower().solve_power(h, alpha=0.05, power=power, ratio=ratio) == pytest.approx(control, rel=1e-6)
    size = sample_size(Contrast(rate_a, rate_b, 1 / (1 + ratio), ratio / (1 + ratio)), judged("fixed"), power)
    assert size is not None
    assert size.visitors / (1 + ratio) == pytest.approx(control, rel=0.02)


# rpact 3.3.4: getSampleSizeRates(getDesignGroupSequential(kMax=K, alpha=.05, sided=2, beta=.2, typeOfDesign=...),
#   groups=2, pi1=.12, pi2=.1): n_max, expected n under the effect, critical values. One look needs 7681.69.
GROUP_SEQUENTIAL = {
    "asOF 5": (7871.5855505193, 6327.1227139576, [4.8768849488, 3.3570119217, 2.680280067, 2.2898167744, 2.0310320482]),
    "asP 3": (8990.8100158922, 6294.3307631276, [2.2794282389, 2.2949111387, 2.2959383503]),
    "asP 10": (
        9582.9438833349,
        5994.2583941892,
        [
            *(2.655110048, 2.6232419536, 2.589636676, 2.5620779917, 2.539743863),
            *(2.521394752, 2.5060675517, 2.4930659905, 2.4818870798, 2.4721618518),
        ],
    ),
}


@pytest.mark.parametrize(("n_max", "expected", "boundary"), GROUP_SEQUENTIAL.values(), ids=GROUP_SEQUENTIAL)
def test_group_sequential_designs_have_their_level_power_and_mean(
    n_max: float, expected: float, boundary: list[float]
) -> None:
    drift = (1.959963985 + 0.841621234) * math.sqrt(n_max / 7681.6949648726)
    found = crossing_probabilities(np.array(boundary), drift)
    assert found[-1] == pytest.approx(0.8, abs=5e-4)
    assert n_max * (1 - found[:-1].sum() / len(found)) == pytest.approx(expected, rel=2e-4)
    assert crossing_probabilities(np.array(boundary), 0.0)[-1] == pytest.approx(0.05, abs=1e-4)


def test_the_recursion_spends_what_the_spending_boundary_was_made_for() -> None:
    assert crossing_probabilities(grid_boundary(0.045), 0.0)[-1] == pytest.approx(0.045, abs=3e-4)
    assert crossing_probabilities(np.full(20, np.inf), 3.0)[-1] == pytest.approx(0, abs=1e-9)


def test_naive_peeking_is_as_wrong_as_it_is_known_to_be() -> None:
    """Armitage, McPherson & Rowe (1969), table 2."""
    wrong = [crossing_probabilities(np.full(looks, 1.959964), 0.0)[-1] for looks in (1, 5, 20, 200)]
    assert wrong == pytest.approx([0.05, 0.142, 0.248, 0.424], abs=1e-3)


# of a fixed look's visitors: N_max for 80 and for 90 in 100, and the mean when it decides, at tau = the effect
PRICES = {"always-valid": ((1.68, 1.59), (1.0, 0.8)), "planned": ((1.085, 1.077), (0.785, 0.694))}


@pytest.mark.parametrize("method", PRICES)
@pytest.mark.parametrize("rate", [0.02, 0.3])
def test_the_price_of_looking_all_the_time(method: Method, rate: float) -> None:
    for power, most, mean in zip((0.8, 0.9), *PRICES[method], strict=True):
        contrast = Contrast(rate, rate * 1.1)
        size = sample_size(contrast, judged(method, math.log(1.1)), power)
        one_look = sample_size(contrast, judged("fixed"), power)
        assert size is not None
        assert one_look is not None
        assert size.visitors / one_look.visitors == pytest.approx(most, rel=0.02)
        assert size.mean_visitors / one_look.visitors == pytest.approx(mean, rel=0.02)


# Power by the plan of 20,000 visitors per arm and mean n per arm until then, 4,000 simulated runs of `planned` with 200
# looks and tau = log 1.2 each
SIMULATED = [
    (0.005, 0.0065, 0.479, 17_437),
    (0.02, 0.024, 0.747, 15_145),
    (0.1, 0.11, 0.882, 13_289),
    (0.1, 0.12, 1.00, 5_847),
    (0.5, 0.52, 0.973, 10_668),
]


@pytest.mark.parametrize(("rate_a", "rate_b", "power", "mean"), SIMULATED)
def test_planned_has_the_power_that_was_simulated(rate_a: float, rate_b: float, power: float, mean: float) -> None:
    contrast = Contrast(rate_a, rate_b)
    assert power_at(contrast, judged("planned"), 40_000) == pytest.approx(power, abs=0.02)
    size = sample_size(contrast, judged("planned"), power_at(contrast, judged("planned"), 40_000) - 1e-9)
    assert size is not None
    assert size.visitors == pytest.approx(40_000, rel=5e-3) or power == 1.0
    if power < 1:
        assert size.mean_visitors / 2 == pytest.approx(mean, rel=0.02)


@pytest.mark.parametrize(("share_a", "share_b"), [(0.5, 0.5), (0.9, 0.1), (0.6, 0.2)])
@pytest.mark.parametrize("method", ["planned", "always-valid"])
def test_the_real_test_on_simulated_counts_has_this_power(method: Method, share_a: float, share_b: float) -> None:
    """Binomial counts, the score statistic and its gate: 4,000 runs, so 3 in 100 are four standard errors."""
    contrast, judging = Contrast(0.02, 0.025, share_a, share_b), judged(method)
    size = sample_size(contrast, judging, 0.7)
    assert size is not None
    found = _simulated(contrast, judging, size.visitors, np.random.default_rng(1))
    assert found == pytest.approx(0.7, abs=0.03)


def _simulated(contrast: Contrast, judging: Judging, visitors: float, rng: np.random.Generator) -> float:
    n_a, n_b = (round(visitors * share / GRID) for share in (contrast.share_a, contrast.share_b))
    s_a = rng.binomial(n_a, contrast.rate_a, size=(4_000, GRID)).cumsum(axis=1)
    s_b = rng.binomial(n_b, contrast.rate_b, size=(4_000, GRID)).cumsum(axis=1)
    looks = np.arange(1, GRID + 1)
    pooled = (s_a + s_b) / (looks * (n_a + n_b))
    w = looks * n_a * n_b / (n_a + n_b)
    gated = min(n_a, n_b) / (n_a + n_b) * (s_a + s_b) >= 10
    with np.errstate(all="ignore"):
        z = np.abs(s_b / (looks * n_b) - s_a / (looks * n_a)) * np.sqrt(w / (pooled * (1 - pooled)))
        g = judging.tau**2 * w * pooled / (1 - pooled)
        critical: Floats = critical_value(g, judging.level * (0.1 if judging.method == "planned" else 1))
    if judging.method == "planned":
        critical = np.minimum(critical, grid_boundary(0.9 * judging.level))
    return float((gated & (z >= critical)).any(axis=1).mean())


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=10)
@given(st.floats(0.003, 0.6), st.floats(0.03, 0.4), st.floats(0.1, 0.5), st.floats(0.5, 0.95))
def test_visitors_power_and_lift_are_inverses(
    method: Method, rate: float, lift: float, share: float, power: float
) -> None:
    contrast = Contrast(rate, min(rate * (1 + lift), 0.99), 1 - share, share)
    judging = judged(method, math.log(1 + lift))
    size = sample_size(contrast, judging, power)
    assert size is not None
    assert 0 < size.mean_visitors <= size.visitors
    if size.visitors > 1.01 * contrast.gate:
        assert power_at(contrast, judging, size.visitors) == pytest.approx(power, abs=0.01)
        detected = detectable_lift(contrast, judging, power, size.visitors)
        assert detected == pytest.approx(contrast.rate_b / rate - 1, rel=0.02)


@settings(max_examples=15)
@given(st.floats(0.01, 0.5), st.floats(0.05, 0.4), st.sampled_from(METHODS))
def test_a_stricter_level_an_uneven_split_and_more_power_cost_visitors(
    rate: float, lift: float, method: Method
) -> None:
    contrast, judging = Contrast(rate, rate * (1 + lift)), judged(method, math.log(1 + lift))
    base = sample_size(contrast, judging, 0.8)
    dearer = (
        sample_size(contrast, judging, 0.9),
        sample_size(contrast, judged(method, math.log(1 + lift), 0.01), 0.8),
        sample_size(Contrast(rate, rate * (1 + lift), 0.8, 0.2), judging, 0.8),
        sample_size(Contrast(rate, rate * (1 + lift / 2)), judging, 0.8),
    )
    assert base is not None
    assert all(one is not None and one.visitors > base.visitors for one in dearer)


def test_what_cannot_be_is_none_and_not_a_number() -> None:
    assert sample_size(Contrast(0.1, 0.1), judged("planned"), 0.8) is None
    assert sample_size(Contrast(1e-6, 1e-6 * (1 + 1e-6)), judged("fixed"), 0.8) is None
    for method in METHODS:
        assert sample_size(Contrast(1e-5, 1.00001e-5), judged(method), 0.8) is None
        assert detectable_lift(Contrast(0.9, 0.95), judged(method), 0.8, 40) is None
        assert power_at(Contrast(0.01, 0.02), judged(method), 100) == 0  # the gate: too few can be expected
    assert ENOUGH_VISITORS > 1e11


@pytest.mark.parametrize(("rate", "gate"), [(0.02, 5000), (0.98, 5000), (0.5, 200)])
def test_the_gate_is_where_the_smaller_arm_expects_ten(rate: float, gate: float) -> None:
    assert Contrast(rate, rate, 0.9, 0.1).gate == pytest.approx(gate)
    assert Contrast(rate, rate, 0.1, 0.9).gate == pytest.approx(gate)
    assert Contrast(rate, rate, 0.4, 0.1).gate == pytest.approx(gate)


def test_an_effect_that_nobody_can_miss_is_decided_at_the_gate() -> None:
    contrast = Contrast(0.01, 0.9)
    assert mean_visitors(contrast, judged("planned"), 20 * contrast.gate) == pytest.approx(contrast.gate, rel=1e-3)
    assert mean_visitors(contrast, judged("fixed"), 20 * contrast.gate) == 20 * contrast.gate
    assert mean_visitors(contrast, judged("planned"), contrast.gate / 2) == contrast.gate / 2


def test_few_visitors_are_never_fewer_than_the_gate_lets_through() -> None:
    contrast = Contrast(0.01, 0.2)
    for method in METHODS:
        size = sample_size(contrast, judged(method), 0.8)
        assert size is not None
        assert size.visitors >= contrast.gate * 0.999


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(lambda: Contrast(0, 0.1), "rate_a is 0, must be in", id="rate"),
        pytest.param(lambda: Contrast(0.5, 0.6).with_lift(1.0), "rate_b is 1.0, must be in", id="lift"),
        pytest.param(lambda: Contrast(0.1, 0.2, 0.7, 0.5), "shares are 0.7 and 0.5", id="shares"),
        pytest.param(lambda: Judging("fixed", 1.0, 0.1), "level is 1.0", id="level"),
        pytest.param(lambda: Judging("fixed", 0.05, 0.0), "tau is 0.0", id="tau"),
        pytest.param(lambda: sample_size(Contrast(0.1, 0.2), judged("fixed"), 0.04), "power is 0.04", id="power"),
        pytest.param(lambda: detectable_lift(Contrast(0.1, 0.2), judged("fixed"), 1, 9), "power is 1", id="no doubt"),
    ],
)
def test_impossible_questions_are_refused(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()  # type: ignore[operator]  # a table of calls


@pytest.mark.parametrize("method", METHODS)
def test_the_chances_rise_to_the_power_and_have_its_mean(method: Method) -> None:
    contrast, visitors = Contrast(0.02, 0.024), 60_000
    found = chances(contrast, judged(method), visitors)
    assert found[-1] == power_at(contrast, judged(method), visitors)
    assert (np.diff(found) >= 0).all()
    decided_late = 1 - found[:-1].sum() / len(found)
    assert mean_visitors(contrast, judged(method), visitors) == pytest.approx(visitors * decided_late)
    assert chances(contrast, judged(method), 100).tolist() == [0.0]  # the gate: nothing is decided before it
