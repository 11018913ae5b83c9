"""The stratified score statistic of one variant against the control, for every look at once.

It answers: by how many standard errors do the data miss a supposed effect? Arms are A (control) and B (variant);
effects are B minus A. In each stratum n visitors, s of them reached the step, N and S pooled, and the weight of
Cochran, Mantel and Haenszel w = nA nB / N. The variance at a supposed effect comes from the rates that fit the
data best among those with exactly that effect, so that at "no effect" ratio and difference form are one statistic.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from stats.arrays import Floats
from stats.tables.reach import StepReach


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """How many visitors of two arms, and how many of them reached the step, in each stratum and up to each look?

    All arrays have shape (strata, looks) and hold cumulative counts as floats, 0 <= s <= n.
    Raises ValueError when shapes or values disagree.
    """

    n_a: Floats
    s_a: Floats
    n_b: Floats
    s_b: Floats

    def __post_init__(self) -> None:
        shapes = {array.shape for array in (self.n_a, self.s_a, self.n_b, self.s_b)}
        if len(shapes) != 1 or self.n_a.ndim != 2:
            raise ValueError(f"Pair has shapes {sorted(shapes)}, must have one shape (strata, looks)")
        for n, s in ((self.n_a, self.s_a), (self.n_b, self.s_b)):
            if ((s < 0) | (s > n)).any():
                raise ValueError("Pair has s outside [0, n] in some cell; nobody reaches a step without being there")

    @classmethod
    def of(cls, step: StepReach, variant: int) -> Self:
        """The control (variant 0) and this variant up to each cohort of the step."""
        visitors = step.visitors.cumsum(axis=0).T.astype(np.float64)
        reached = step.reached.cumsum(axis=0).T.astype(np.float64)
        return cls(visitors[0], reached[0], visitors[variant], reached[variant])

    def looks(self, chosen: slice | npt.NDArray[np.intp]) -> Self:
        """The same arms at these looks only, shape (strata, chosen looks)."""
        return type(self)(*(array[:, chosen] for array in (self.n_a, self.s_a, self.n_b, self.s_b)))

    @classmethod
    def joined(cls, pairs: Sequence[Self]) -> Self:
        """The looks of all pairs in a row: looks are independent of each other, so one pass answers for all."""
        columns = ((pair.n_a, pair.s_a, pair.n_b, pair.s_b) for pair in pairs)
        return cls(*(np.concatenate(arrays, axis=1) for arrays in zip(*columns, strict=True)))

    def swapped(self) -> Self:
        """The same data with the arms exchanged: every effect changes its sign."""
        return type(self)(self.n_b, self.s_b, self.n_a, self.s_a)


class ScoreTest:
    """What do these counts say about any supposed effect? One answer per look, shape (looks,).

    A stratum with an empty arm has no weight. Where no stratum informs (`information` 0) statistics are 0.
    """

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        n_a, s_a, n_b, s_b = pair.n_a, pair.s_a, pair.n_b, pair.s_b
        everybody = np.maximum(n_a + n_b, 1)
        self._share_a, self._share_b = n_a / everybody, n_b / everybody
        self._weight = n_a * n_b / everybody
        self._reached = s_a + s_b
        pooled = self._reached / everybody
        # sums of w pA and w pB, in whole numbers as long as they can be: equal rates give exactly equal sums
        self._excess_a = (s_a * n_b / everybody).sum(axis=0)
        self._excess_b = (s_b * n_a / everybody).sum(axis=0)
        self.weight: Floats = self._weight.sum(axis=0)
        self.information: Floats = (self._weight * pooled * (1 - pooled)).sum(axis=0)
        self._weighted_reached: Floats = (self._weight * pooled).sum(axis=0)

    def no_effect(self) -> Floats:
        """By how many standard errors do the arms differ, if there is no effect? z(0), with the sign of B minus A.

        Shape (looks,). Mantel & Haenszel (1959), J. Natl. Cancer Inst. 22, eq. 2, without continuity correction
        and N/(N-1).
        """
        return _studentised(self._excess_b - self._excess_a, self.information)

    def log_ratio_variance(self) -> Floats:
        """How exactly is the log relative lift known, if there is no effect? V, its variance, above 0.

        Shape (looks,). Delta method on the weighted rates; infinite where nothing informs.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = self.information / self._weighted_reached**2
        return np.where(self.information > 0, variance, np.inf)

    def log_ratio_estimate(self) -> Floats:
        """What is the log relative lift, by the data alone? log of (weighted rate of B / that of A), shape (looks,).

        The effect at which the statistic is 0. Minus infinity when nobody in B reached the step, infinity when
        nobody in A did, nan when nobody did.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            estimate: Floats = np.log(self._excess_b / self._excess_a)
        return estimate

    def difference_estimate(self) -> Floats:
        """Weighted difference of the rates, B minus A, in [-1, 1]; nan while no stratum has both, shape (looks,)."""
        with np.errstate(invalid="ignore"):
            estimate: Floats = (self._excess_b - self._excess_a) / self.weight
        return estimate

    def log_ratio(self, effect: Floats) -> Floats:
        """By how many standard errors do the data miss this log ratio of rates? z, falling as the effect grows.

        `effect` and the answer have shape (looks,).

        Variance: Farrington & Manning (1990), Statistics in Medicine 9, eq. 2 with the estimate constrained to
        pB = ratio pA, which is Koopman's (1984), Biometrics 40, statistic.
        """
        ratio = np.exp(effect)
        rate_a = self.rate_given_ratio(ratio)
        rate_b = np.minimum(ratio * rate_a, 1)
        spread = self._share_a * rate_b * (1 - rate_b) + self._share_b * ratio**2 * rate_a * (1 - rate_a)
        return _studentised(self._excess_b - ratio * self._excess_a, (self._weight * spread).sum(axis=0))

    def difference(self, effect: Floats) -> Floats:
        """By how many standard errors do the data miss this difference of rates? z, falling as the effect grows.

        `effect`, in [-1, 1], and the answer have shape (looks,).

        Variance: Miettinen & Nurminen (1985), Statistics in Medicine 4, eq. 8 and 9, without their N/(N-1).
        """
        rate_a = self.rate_given_difference(effect)
        rate_b = np.minimum(np.maximum(rate_a + effect, 0), 1)
        spread = self._share_a * rate_b * (1 - rate_b) + self._share_b * rate_a * (1 - rate_a)
        excess = self._excess_b - self._excess_a - self.weight * effect
        return _studentised(excess, (self._weight * spread).sum(axis=0))

    def rate_given_ratio(self, ratio: Floats) -> Floats:
        """The likeliest rate of A when pB = ratio pA, shape (strata, looks).

        Smaller root of ratio N p^2 - (nA + sB + ratio (nB + sA)) p + S = 0 (Farrington & Manning 1990, appendix).
        Its discriminant is written as a sum of two non-negative terms, so that nothing cancels.
        """
        pair = self.pair
        without = (pair.n_a - pair.s_a) * (pair.n_b - pair.s_b)
        left, right = pair.n_a + pair.s_b, ratio * (pair.n_b + pair.s_a)
        root = np.sqrt((left - right) ** 2 + 4 * ratio * without)
        rate: Floats = 2 * self._reached / np.maximum(left + right + root, 1)
        return rate

    def rate_given_difference(self, effect: Floats) -> Floats:
        """The likeliest rate of A when pB = pA + effect, shape (strata, looks).

        The middle root of the cubic of Miettinen & Nurminen (1985), appendix 1, in its trigonometric form, which
        loses digits at small rates; Newton steps on the likelihood equation bring them back.
        """
        n_a, s_a, n_b = self.pair.n_a, self.pair.s_a, self.pair.n_b
        everybody = np.maximum(n_a + n_b, 1)
        l2 = ((n_b + 2 * n_a) * effect - everybody - self._reached) / (3 * everybody)
        l1 = ((n_a * effect - everybody - 2 * s_a) * effect + self._reached) / everybody
        l0 = s_a * effect * (1 - effect) / everybody
        q = l2 * (l2 * l2 - l1 / 2) + l0 / 2
        p = np.copysign(np.sqrt(np.maximum(l2**2 - l1 / 3, 0)), q)
        with np.errstate(divide="ignore", invalid="ignore"):
            cosine = np.where(p != 0, q / (p * p * p), 1.0)
        low, high = np.maximum(0, -effect), np.minimum(1, 1 - effect)
        angle = (np.pi + np.arccos(np.minimum(np.maximum(cosine, -1), 1))) / 3
        rate: Floats = np.minimum(np.maximum(2 * p * np.cos(angle) - l2, low), high)
        for _ in range(4):
            better = self._newton(rate, effect, low, high)
            close = np.abs(better - rate) <= 1e-7 * better  # the next step would change the 14th digit
            rate = better
            if close.all():
                break
        return rate

    def _newton(self, rate: Floats, effect: Floats, low: Floats, high: Floats) -> Floats:
        pair, other = self.pair, rate + effect
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            yes_a, no_a, yes_b, no_b = 1 / rate, 1 / (1 - rate), 1 / other, 1 / (1 - other)
            gains = (pair.s_a * yes_a, pair.s_b * yes_b, (pair.n_a - pair.s_a) * no_a, (pair.n_b - pair.s_b) * no_b)
            slope = gains[0] * yes_a + gains[1] * yes_b + gains[2] * no_a + gains[3] * no_b
            better = rate + (gains[0] + gains[1] - gains[2] - gains[3]) / slope
        return np.where((better > low) & (better < high), better, rate)  # at an edge, or undefined: leave it


def _studentised(excess: Floats, variance: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        z = excess / np.sqrt(variance)
    return np.where(excess == 0, 0.0, z)
