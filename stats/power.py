"""Power: how many visitors does a test need, how soon does it decide, and which effect can so many visitors show?

One comparison, variant against control, at one step; the whole experiment's visitors are counted, also those of other
variants. Under an effect the score statistic z(n) of score.py is nearly a Brownian motion with drift, seen at sqrt(n):

    z(n) = (drift n + spread W(n)) / sqrt(n),    drift = (pB - pA) / sd0,    spread = sd1 / sd0,

sd0 and sd1 being the standard deviations, for one visitor, of the difference without the effect (pooled) and with it.
One look at n visitors is then Fleiss (1981), Statistical Methods for Rates and Proportions, section 3.2 (unequal
shares: 3.4), without continuity correction. With looks, the chance of having crossed a boundary is that
of crossing.py.
"""

import functools
import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np

from stats.arrays import Floats
from stats.boundaries.alpha_spending import GRID, grid_boundary
from stats.boundaries.crossing import crossing_probabilities
from stats.boundaries.mixture import critical_value
from stats.proportions.design import ENOUGH
from stats.proportions.sequential import SPENT

Method = Literal["planned", "always-valid", "fixed"]

ENOUGH_VISITORS = 10**12  # no site has more: what would need more cannot be found

_LOOKS = 300  # with which "all the time" is computed; with more the answers change by less than 1 in 100
_TOLERANCE = 5e-4  # relative, of visitors and of lifts
_STRETCH = 0.12  # of a logarithm: the first step of a search


@dataclass(frozen=True, slots=True)
class Contrast:
    """What is there to be found: the share of visitors who reach the step, in the control (A) and in the variant (B).

    `rate_a`, `rate_b`: in (0, 1). `share_a`, `share_b`: of all visitors of the experiment, above 0, together at most 1.
    Raises ValueError naming the field and the value seen.
    """

    rate_a: float
    rate_b: float
    share_a: float = 0.5
    share_b: float = 0.5

    def __post_init__(self) -> None:
        for name, rate in (("rate_a", self.rate_a), ("rate_b", self.rate_b)):
            if not 0 < rate < 1:
                raise ValueError(f"{name} is {rate}, must be in (0, 1)")
        if not (self.share_a > 0 and self.share_b > 0 and self.share_a + self.share_b <= 1 + 1e-9):
            raise ValueError(f"shares are {self.share_a} and {self.share_b}, must be > 0 and together at most 1")

    def with_lift(self, relative_lift: float) -> Self:
        """The same control with a variant that has this relative lift. Raises ValueError when no rate has it."""
        return type(self)(self.rate_a, self.rate_a * (1 + relative_lift), self.share_a, self.share_b)

    @property
    def pooled(self) -> float:
        """The rate of both arms together."""
        return (self.share_a * self.rate_a + self.share_b * self.rate_b) / (self.share_a + self.share_b)

    @property
    def weight(self) -> float:
        """What one visitor of the experiment adds to the weight w = nA nB / (nA + nB)."""
        return self.share_a * self.share_b / (self.share_a + self.share_b)

    @property
    def sd_null(self) -> float:
        """sd0: with the pooled rate in both arms."""
        return math.sqrt(self.pooled * (1 - self.pooled) / self.weight)

    @property
    def sd_alternative(self) -> float:
        """sd1: with each arm's own rate."""
        spread_a, spread_b = self.rate_a * (1 - self.rate_a), self.rate_b * (1 - self.rate_b)
        return math.sqrt(spread_a / self.share_a + spread_b / self.share_b)

    @property
    def gate(self) -> float:
        """Visitors of the experiment before whom no test begins, because the smaller arm can expect too few."""
        smaller = min(self.share_a, self.share_b)
        return ENOUGH / (smaller * min(self.pooled, 1 - self.pooled))


@dataclass(frozen=True, slots=True)
class Judging:
    """How a comparison is judged. `level`: its own, alpha / family_size, in (0, 1); `tau` as in design.py, above 0.

    Raises ValueError naming the field and the value seen.
    """

    method: Method
    level: float
    tau: float

    def __post_init__(self) -> None:
        if not 0 < self.level < 1:
            raise ValueError(f"level is {self.level}, must be in (0, 1)")
        if self.tau <= 0:
            raise ValueError(f"tau is {self.tau}, must be > 0")


@dataclass(frozen=True, slots=True)
class SampleSize:
    """How many visitors of the experiment, all variants together?

    `visitors`: with so many the effect is found with the power asked for; the plan of a planned test, the one look of a
    fixed one. `mean_visitors`: how many have come on average when the test decides, counting those tests that never do
    with all `visitors`; at most `visitors`.
    """

    visitors: float
    mean_visitors: float


def sample_size(contrast: Contrast, judging: Judging, power: float) -> SampleSize | None:
    """How many visitors are needed to find this effect with this chance (`power` in (0, 1)), and when is it decided?

    None when there is no effect, or more visitors are needed than `ENOUGH_VISITORS`. Raises ValueError for a power
    not between level and 1.

    Of the control's visitors 2 % buy, and 20 % more of them are to be found in four cases of five:

    >>> a_fifth_more = Contrast(rate_a=0.02, rate_b=0.024)
    >>> size = sample_size(a_fifth_more, Judging("planned", level=0.05, tau=math.log(1.2)), power=0.8)
    >>> f"{size.visitors:,.0f} are planned, after {size.mean_visitors:,.0f} it is decided on average"
    '45,084 are planned, after 32,592 it is decided on average'
    """
    _require(power, judging)
    if contrast.rate_a == contrast.rate_b:
        return None
    one_look = max(_one_look(contrast, judging.level, power), contrast.gate)
    if one_look > ENOUGH_VISITORS:
        return None
    if judging.method == "fixed":
        return SampleSize(one_look, one_look)
    if judging.method == "planned":
        return _planned(contrast, judging, power, one_look)
    return _at_any_time(contrast, judging, power, one_look)


def power_at(contrast: Contrast, judging: Judging, visitors: float) -> float:
    """With what chance is this effect found by so many visitors of the experiment? In [0, 1]; either direction counts.

    A planned test has these visitors as its plan, a fixed one its look there.
    """
    return float(chances(contrast, judging, visitors)[-1])


def mean_visitors(contrast: Contrast, judging: Judging, visitors: float) -> float:
    """How many visitors have come on average when the test decides, those that never do counted with all `visitors`?"""
    found = chances(contrast, judging, visitors)
    return visitors * float(1 - found[:-1].sum() / len(found))


def chances(contrast: Contrast, judging: Judging, visitors: float) -> Floats:
    """With what chance has the test decided by each of its equally spaced looks, up to so many visitors?

    Ascending, shape (looks,). A planned test has these visitors as its plan, a fixed one its one look there.
    """
    if visitors < contrast.gate:
        return np.zeros(1)
    if judging.method == "fixed":
        from statsmodels.stats.power import normal_power_het  # noqa: PLC0415 - takes seconds to import

        difference = abs(contrast.rate_b - contrast.rate_a)
        sd = contrast.sd_null, contrast.sd_alternative
        return np.array([normal_power_het(difference, visitors, judging.level, *sd)])
    planned = judging.method == "planned"
    looks = GRID if planned else _LOOKS
    so_far = visitors * np.arange(1, looks + 1) / looks
    g = judging.tau**2 * contrast.weight * so_far * contrast.pooled / (1 - contrast.pooled)
    if planned:
        later = critical_value(g, (1 - SPENT) * judging.level)
        boundary = np.minimum(grid_boundary(SPENT * judging.level), later)
    else:
        boundary = critical_value(g, judging.level)
    boundary = np.where(so_far < contrast.gate * (1 - 1e-9), np.inf, boundary)
    drift = (contrast.rate_b - contrast.rate_a) * math.sqrt(visitors) / contrast.sd_null
    return crossing_probabilities(boundary, drift, contrast.sd_alternative / contrast.sd_null)


def detectable_lift(contrast: Contrast, judging: Judging, power: float, visitors: float) -> float | None:
    """What is the smallest relative lift that so many visitors show with this chance (`power` in (0, 1))?

    The control's rate and the shares are those of the contrast, its `rate_b` does not matter. None when even the
    largest lift there is (everybody reaches the step) is found less often.
    Raises ValueError for a power not between level and 1.
    """
    _require(power, judging)
    largest = math.log((1 - 1e-6) / contrast.rate_a)
    if largest <= _TOLERANCE:
        return None

    def lacking(log_size: float) -> float:
        return _normal(power_at(contrast.with_lift(math.expm1(math.exp(log_size))), judging, visitors)) - _normal(power)

    guess = min(math.log(2.8 * contrast.sd_null / math.sqrt(visitors) / contrast.rate_a), math.log(largest))
    found = _root(lacking, guess, math.log(largest))
    return None if found is None else math.expm1(math.exp(found))


def _require(power: float, judging: Judging) -> None:
    if not judging.level < power < 1:
        raise ValueError(f"power is {power}, must be above the level {judging.level:g} and below 1")


def _one_look(contrast: Contrast, level: float, power: float) -> float:
    from statsmodels.stats.power import normal_sample_size_one_tail  # noqa: PLC0415 - takes seconds to import

    difference = abs(contrast.rate_b - contrast.rate_a)
    sd = contrast.sd_null, contrast.sd_alternative
    return float(normal_sample_size_one_tail(difference, power, level / 2, *sd))


def _planned(contrast: Contrast, judging: Judging, power: float, one_look: float) -> SampleSize | None:
    def lacking(log_visitors: float) -> float:
        return _normal(power_at(contrast, judging, math.exp(log_visitors))) - _normal(power)

    found = _root(lacking, math.log(one_look * 1.08), math.log(ENOUGH_VISITORS))
    if found is None:
        return None
    visitors = math.exp(found)
    return SampleSize(visitors, mean_visitors(contrast, judging, visitors))


def _at_any_time(contrast: Contrast, judging: Judging, power: float, one_look: float) -> SampleSize | None:
    horizon = 2.5 * one_look
    while horizon < ENOUGH_VISITORS:
        found = chances(contrast, judging, horizon)
        if found[-1] >= power:
            last = int(np.argmax(found >= power))
            before = found[last - 1] if last else 0.0
            share = (power - before) / (found[last] - before)
            visitors = horizon * (last + share) / len(found)
            mean = horizon / len(found) * (np.sum(1 - found[:last]) + share)  # of the first look's stretch: all of it
            return SampleSize(float(visitors), float(min(visitors, mean)))
        horizon *= 2
    return None


def _root(lacking: Callable[[float], float], guess: float, largest: float) -> float | None:
    """Where an ascending function of a logarithm crosses zero, looked for around the guess; None: not before `largest`.

    It must be negative far down, and is quickly found where it is nearly straight.
    """
    from scipy.optimize import brentq  # noqa: PLC0415 - a third of a second to import

    lacking = functools.cache(lacking)  # both ends of the search are asked for twice
    low = high = guess
    stretch = _STRETCH
    if lacking(guess) < 0:
        while high < largest:
            low, high, stretch = high, min(high + stretch, largest), 2 * stretch
            if lacking(high) >= 0:
                break
        else:
            return None
    else:
        while lacking(low) >= 0:
            low, high, stretch = low - stretch, low, 2 * stretch
    return float(brentq(lacking, low, high, xtol=_TOLERANCE))


def _normal(probability: float) -> float:
    """The standard normal's quantile: that of a power is nearly straight in the drift, so a search is short."""
    return statistics.NormalDist().inv_cdf(min(max(probability, 1e-12), 1 - 1e-12))
