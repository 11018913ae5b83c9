"""Learned value: what is a visitor who made this micro-conversion worth more than one who did not?

v = E[macro value | reached the step] - E[macro value | did not], from visitors whose whole window is over. It is an
association: those who reached the step chose to. Whether *making* more visitors reach it earns v each is another
question, which only experiments answer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stats.arrays import Counts, Flags
from stats.boundaries.mixture import critical_value
from stats.tables.patterns import PatternTable

ENOUGH_VISITORS = 25  # who bought nothing, of those who reached the step, and of those who did not
ENOUGH_BUYERS = 40  # of equal value, in each group that can buy: fewer say too little of the spread of their values


@dataclass(frozen=True, slots=True)
class TooFew:
    """There is no answer yet: too few buyers, or others, among the visitors who `reached` the step or are `without` it.

    `equal_buyers_...`: as many buyers of equal value would tell as much about a mean as these did.
    """

    reached: int
    without: int
    equal_buyers_reached: float
    equal_buyers_without: float


@dataclass(frozen=True, slots=True)
class LearnedValue:
    """v and its anytime `interval`, in hundredths of the currency unit per visitor.

    It rests on the visitors who `reached` the step and those `without` it.
    """

    value: float
    interval: tuple[float, float]
    reached: int
    without: int

    @property
    def excludes_zero(self) -> bool:
        """Is the value, at the level of the interval, not zero?"""
        return self.interval[0] > 0 or self.interval[1] < 0


def learned_value(
    patterns: PatternTable,
    step: str,
    macro: str,
    *,
    on_path: bool,
    level: float,
    tightest_at: int,
    variant: int | None = None,
) -> LearnedValue | TooFew:
    """What is reaching this step worth, by association, in one variant (its index) or in all together (None)?

    Given are the patterns of sealed days. The interval holds at all times together with probability 1 - `level` in the
    limit of many buyers: see `anytime_half_width`. `tightest_at` is settled before the data: the visitors at which
    one expects to read it. v is a mean over visitors up to terms of lower order, its variance estimated by
    sum over the two groups of (variance of the values / visitors).
    `on_path`: the step is a milestone, without which nobody buys (a later step implies it): those without are worth
    exactly 0. There is no answer until each group has `ENOUGH_VISITORS` who bought nothing, and each that can buy has
    `ENOUGH_BUYERS`: of few, the variance itself is not known. Buyers are counted as Kish (1965), Survey Sampling,
    section 11.7, counts unequal weights, (sum of values)^2 / sum of squares, so that a few large orders do not pass for
    many: in 200 simulated experiments each, looked at daily, with gamma orders of a coefficient of variation up to
    3.2, the interval missed the truth in at most 3.5 of 100 (behind a gate of 25 plain orders: in up to 19).
    Raises ValueError for an unknown step, a level outside (0, 1), or `tightest_at` below 1.
    """
    everybody = np.ones(patterns.visitors.shape, dtype=np.bool_) if variant is None else patterns.variant == variant
    reached, bought = patterns.reached(step), patterns.reached(macro)
    with_step, without = (_Group.of(patterns, everybody & part, bought) for part in (reached, ~reached))
    visitors = with_step.visitors, without.visitors
    buyers = min(with_step.equal_buyers, np.inf if on_path else without.equal_buyers)
    if buyers < ENOUGH_BUYERS or min(with_step.idle, without.idle) < ENOUGH_VISITORS:
        return TooFew(*visitors, with_step.equal_buyers, without.equal_buyers)
    variance = with_step.variance_of_mean + without.variance_of_mean
    value = with_step.mean - without.mean
    half = anytime_half_width(variance, sum(visitors), level=level, tightest_at=tightest_at)
    return LearnedValue(value, (value - half, value + half), *visitors)


def anytime_half_width(variance: float, n_visitors: int, *, level: float, tightest_at: int) -> float:
    """How far may the mean of n visitors be from the truth, at any n, with probability 1 - level, in the limit?

    `variance`: of the mean, estimated. The normal mixture with rho^2 per visitor, g = rho^2 n: Waudby-Smith, Arbour,
    Sinha, Kennedy & Ramdas (2024), Ann. Stat. 52, theorem 2.2. It is tightest at n = `tightest_at` with
    rho^2 = (-2 log level + log(1 - 2 log level)) / `tightest_at` (appendix B.2, an approximation that costs nothing to
    speak of); at level .05 the critical value is 7 in 100 larger at ten times as many, 27 in 100 at a tenth.
    Raises ValueError for a level outside (0, 1) or `tightest_at` below 1.
    """
    if not 0 < level < 1:
        raise ValueError(f"level is {level}, must be in (0, 1)")
    if tightest_at < 1:
        raise ValueError(f"tightest_at is {tightest_at}, must be at least 1 visitor")
    bits = -2 * np.log(level)
    g = (bits + np.log1p(bits)) * n_visitors / tightest_at
    return float(np.sqrt(variance) * critical_value(np.array([g]), level)[0])


@dataclass(frozen=True, slots=True)
class _Group:
    """Visitors, how many bought nothing (`idle`), the others as buyers of equal value, mean, and the variance of that.

    Values are in hundredths.
    """

    visitors: int
    idle: int
    equal_buyers: float
    mean: float
    variance_of_mean: float

    @classmethod
    def of(cls, patterns: PatternTable, rows: Flags, bought: Flags) -> _Group:
        """The visitors of these rows of the table, of whom `bought` says which had a macro-conversion; shape (R,)."""
        n, total, square = (
            _exact_sum(column[rows]) for column in (patterns.visitors, patterns.value_sum, patterns.value_sq)
        )
        if not n:
            return cls(0, 0, 0.0, 0.0, 0.0)
        idle = int(patterns.visitors[rows & ~bought].sum())
        equal_buyers = total * total / square if square else 0.0
        return cls(n, idle, equal_buyers, total / n, (n * square - total * total) / n**3)


def _exact_sum(amounts: Counts) -> int:
    """As Python's integer: sums of squares of money do not fit into 64 bits."""
    high, low = np.divmod(amounts, 2**31)
    return int(high.sum()) * 2**31 + int(low.sum())
