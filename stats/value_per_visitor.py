"""Value per visitor: does a variant earn more than the control with everybody who came, buyers and others?

The unit is the visitor, worth the capped value of the own macro-conversion, mostly 0. Arms are A (control) and B
(variant); n visitors, mean value, and sum of squared deviations SS from the own mean; N = nA + nB, w = nA nB / N. Two
ways to suppose an effect: B is worth d more (shift), or r times as much (scale). Either way the values made alike by it
are pooled, and their variance about the pooled mean is that of the statistic, so at "no effect" (d = 0, r = 1) both
forms are one statistic; with values 0 and 1 it is the score statistic of two proportions (score.py).
"""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from stats.arrays import Counts, Flags, Floats
from stats.boundaries.mixture import critical_value, log_e_value, p_value_of
from stats.proportions.design import ENOUGH, Design
from stats.proportions.inversion import Intervals, lower_end_beside_zero
from stats.tables.patterns import PatternTable

ENOUGH_ORDERS = 100  # macro-conversions in both arms together, before sums of money are nearly normal


@dataclass(frozen=True, slots=True)
class TooFewOrders:
    """There is no answer yet: fewer orders than `needed` in both arms together, or nothing to compare.

    With enough of them, either an arm has no visitors yet or every visitor is worth the same.
    """

    n_visitors: int
    n_orders: int
    needed: int


@dataclass(frozen=True, slots=True, eq=False)
class ValueSums:
    """What were the visitors of each variant worth up to each look? All arrays have shape (looks, variants).

    `days`: the looks, days since 1970-01-01, shape (looks,). `visitors`, and `orders`: those with a macro-conversion.
    `mean`: value per visitor in hundredths of the currency unit, nan without visitors; `squares`: sum of squared
    deviations from it, >= 0, from exact integers: equal values give exactly 0.
    """

    days: Counts
    visitors: Floats
    orders: Floats
    mean: Floats
    squares: Floats

    @classmethod
    def of(cls, patterns: PatternTable, macro: str) -> Self:
        """From sealed days; `macro` is the macro-conversion. Raises ValueError when the table does not know it."""
        orders = patterns.so_far(np.where(patterns.reached(macro), patterns.visitors, 0))
        n = patterns.exactly_so_far(patterns.visitors)
        total, square = (patterns.exactly_so_far(column) for column in (patterns.value_sum, patterns.value_sq))
        visitors = n.astype(np.float64)
        anybody = np.maximum(n, 1)  # Python integers divide correctly rounded, whatever their size
        mean = np.where(visitors > 0, (total / anybody).astype(np.float64), np.nan)
        squares = ((n * square - total * total) / anybody).astype(np.float64)
        return cls(patterns.looks, visitors, orders, mean, squares)


class ValueTest:
    """What do the values of two arms say about any supposed effect? One answer per look, shape (looks,).

    Where nothing informs (an empty arm, all values equal) the statistic is 0 and its variance infinite.
    """

    def __init__(self, n_a: Floats, mean_a: Floats, squares_a: Floats, n_b: Floats, mean_b: Floats, squares_b: Floats):
        self.everybody: Floats = n_a + n_b
        self.weight: Floats = n_a * n_b / np.maximum(self.everybody, 1)
        self.mean_a: Floats = np.where(n_a > 0, mean_a, np.nan)
        self.mean_b: Floats = np.where(n_b > 0, mean_b, np.nan)
        self._a, self._b = np.where(n_a > 0, mean_a, 0.0), np.where(n_b > 0, mean_b, 0.0)
        self._squares_a, self._squares_b = squares_a, squares_b
        pooled_mean = (n_a * self._a + n_b * self._b) / np.maximum(self.everybody, 1)
        self._pooled_mean: Floats = pooled_mean
        self._miss: Floats = np.where(self.weight > 0, self._b - self._a, 0.0)
        self._pooled_squares: Floats = squares_a + squares_b + self.weight * self._miss**2
        self.informs: Flags = (self.weight > 0) & (self._pooled_squares > 0)

    @classmethod
    def of(cls, sums: ValueSums, variant: int, looks: slice = slice(None)) -> Self:
        """The control (variant 0) and this variant, at these looks."""
        columns = (column[looks, arm] for arm in (0, variant) for column in (sums.visitors, sums.mean, sums.squares))
        return cls(*columns)

    def no_effect(self) -> Floats:
        """By how many standard errors do the arms differ, if there is no effect? z, with the sign of B minus A.

        sqrt(w) (mean B - mean A) / sqrt(pooled SS / N), shape (looks,). Its square is at most N.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            z = self._miss * np.sqrt(self.weight * self.everybody / self._pooled_squares)
        return np.where(self.informs, z, 0.0)

    def log_ratio_variance(self) -> Floats:
        """How exactly is the log relative lift known, if there is no effect? V, its variance, above 0, shape (looks,).

        (pooled SS / N) / (w pooled mean^2), by the delta method; infinite where nothing informs.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = self._pooled_squares / self.everybody / (self.weight * self._pooled_mean**2)
        return np.where(self.informs, variance, np.inf)

    def relative_lift(self) -> Floats:
        """mean B / mean A - 1, shape (looks,); inf or nan when the control earned nothing."""
        with np.errstate(divide="ignore", invalid="ignore"):
            lift: Floats = self.mean_b / self.mean_a - 1
        return lift

    def difference(self) -> Floats:
        """mean B - mean A, in hundredths, shape (looks,); nan while an arm is empty."""
        return np.asarray(self.mean_b - self.mean_a)

    def intervals(self, critical: Floats, rejects: Flags) -> Intervals:
        """Which effects do the data not contradict at each look? All with |z(effect)| <= critical, shape (looks,).

        Differences are in hundredths; unbounded ends are -1, inf, -inf.

        With k = c^2 / ((N - c^2) w), and everything possible when c^2 >= N, since |z|^2 is never more than N:
        - shift: N w e^2 / (SS_A + SS_B + w e^2) <= c^2 with e = mean B - mean A - d is e^2 <= k (SS_A + SS_B);
        - scale: N w (b - r a)^2 / (r^2 SS_A + SS_B + w (b - r a)^2) <= c^2 is (b - r a)^2 <= k (r^2 SS_A + SS_B), a
          quadratic as in Fieller (1954), JRSS B 16, section 3: (a^2 - k SS_A) r^2 - 2 a b r + (b^2 - k SS_B) <= 0. As
          a, b, r >= 0 its solutions are one interval: below it ends at 0 unless b^2 > k SS_B, above it is unbounded
          unless a^2 > k SS_A. The root of the discriminant is written without differences.
        `rejects` must be |z(0)| >= critical, decided once by the caller: it keeps both intervals on that side of zero
        even where rounding makes the last digit. An arm that earned nothing has no scale: then the relative interval
        says on which side of zero the lift is, and no more.
        """
        a, b, squares_a, squares_b = self._a, self._b, self._squares_a, self._squares_b
        bounded = self.informs & (critical**2 < self.everybody)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            k = np.where(bounded, critical**2 / ((self.everybody - critical**2) * self.weight), 0.0)
            half = np.sqrt(k * (squares_a + squares_b))
            lead, last = a**2 - k * squares_a, b**2 - k * squares_b
            root = np.sqrt(
                k * np.where(lead >= 0, squares_b * lead + b**2 * squares_a, squares_a * last + a**2 * squares_b)
            )
            lower = np.where(bounded & (last > 0) & (a > 0), last / (a * b + root), 0.0)
            upper = np.where(bounded & (lead > 0) & (b > 0), (a * b + root) / lead, np.inf)
        estimate = self._miss
        above, below = rejects & (estimate > 0), rejects & (estimate < 0)
        return Intervals(
            lower_end_beside_zero(lower - 1, above),
            0.0 - lower_end_beside_zero(1 - upper, below),
            lower_end_beside_zero(np.where(bounded, estimate - half, -np.inf), above),
            0.0 - lower_end_beside_zero(np.where(bounded, -estimate - half, -np.inf), below),
        )


@dataclass(frozen=True, slots=True, eq=False)
class ValueEvidence:
    """What every look of one comparison says, shape (looks,) unless said otherwise, since the first with enough orders.

    `visitors`, `orders`: in both arms so far. `z`: at no effect, with the sign of variant minus control. `p_look`:
    min(1, 1/E) of the look alone; `p_value`: its running minimum; neither is adjusted. `rejects_alone`, `rejects`: what
    these two mean at the design's level. `mean_a`, `mean_b`, `difference`: in hundredths of the currency unit.
    `running`: the intersection of all intervals so far, `last` the interval of the last look alone, shape (1,), both
    with differences in hundredths.
    """

    days: Counts
    visitors: Counts
    orders: Counts
    tau: float
    z: Floats
    log_e: Floats
    p_look: Floats
    p_value: Floats
    rejects_alone: Flags
    rejects: Flags
    mean_a: Floats
    mean_b: Floats
    relative_lift: Floats
    difference: Floats
    running: Intervals
    last: Intervals


def value_per_visitor(sums: ValueSums, variant: int, design: Design) -> ValueEvidence | TooFewOrders:
    """Does the variant (its index) earn more or less per visitor than the control, as of every look?

    The always-valid test of mixture.py on z and V of `ValueTest`, from the first look with `ENOUGH_ORDERS` in both
    arms together, of which the smaller can expect `ENOUGH`; the gate does not see which arm they are of. tau as for
    rates: log(1 + detect), else by the pooled conversion rate at that look. "The interval excludes zero" and
    "p <= level" are one statement, at every look.

    It is another question than whether more visitors buy, asked of the same visitors at its own level: with probability
    at least 1 - alpha no value interval ever misses its truth, and separately the macro-conversion's verdict is wrong
    with probability at most alpha. Who acts on whichever of the two speaks first is wrong with at most 2 alpha.
    Sums of money are only nearly normal, so the level holds in the limit of many orders (time-uniform central limit
    theory: Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (2024), Ann. Stat. 52, section 2), not exactly.
    """
    test = ValueTest.of(sums, variant)
    visitors, orders = (column[:, 0] + column[:, variant] for column in (sums.visitors, sums.orders))
    needed = max(ENOUGH_ORDERS, math.ceil(ENOUGH / design.smaller_share))
    gated = np.flatnonzero((orders >= needed) & test.informs)
    if not len(gated):
        return TooFewOrders(int(visitors[-1:].sum()), int(orders[-1:].sum()), needed)
    since = slice(int(gated[0]), None)
    visitors, orders = visitors[since], orders[since]
    test = ValueTest.of(sums, variant, since)
    tau = design.tau(float(orders[0] / visitors[0]))
    z, g = test.no_effect(), tau**2 / test.log_ratio_variance()
    log_e = log_e_value(z, g)
    p_look = p_value_of(log_e)
    p_value = np.minimum.accumulate(p_look)
    rejects_alone = design.rejects(p_look)
    alone = test.intervals(critical_value(g, design.level), rejects_alone)
    return ValueEvidence(
        days=sums.days[since],
        visitors=visitors.astype(np.int64),
        orders=orders.astype(np.int64),
        tau=tau,
        z=z,
        log_e=log_e,
        p_look=p_look,
        p_value=p_value,
        rejects_alone=rejects_alone,
        rejects=design.rejects(p_value),
        mean_a=test.mean_a,
        mean_b=test.mean_b,
        relative_lift=test.relative_lift(),
        difference=test.difference(),
        running=alone.so_far(),
        last=alone.last(),
    )
