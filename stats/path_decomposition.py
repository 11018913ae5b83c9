"""Decomposition: at which step of the path does the lift of the macro-conversion arise?

Arms are A (control) and B (variant); n_0 visitors, n_k of them reached the path's step k, and r_k = n_k / n_(k-1) is
the conditional rate. As the rates of an arm multiply to that of its macro-conversion (the last step, K), the log lift
is a sum: log(R_B / R_A) = sum over k of [log r_Bk - log r_Ak], and so is its variance, by the delta method for
binomial counts (Katz, Baptista, Azen & Pike (1978), Biometrics 34, eq. 2): the component's is, over both arms, the
sum of 1/n_k - 1/n_(k-1), which telescopes. It is an accounting identity: who reaches a step differs between the
variants, so a component is no causal effect of its own; only their total is randomised.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np

from stats.arrays import Floats
from stats.boundaries.mixture import critical_value
from stats.proportions.design import Design
from stats.tables.patterns import PatternTable

ENOUGH_AT_STEP = 25  # visitors of each arm who went on, and who did not, before a component gets an interval

Shortage = Literal["nobody", "too-few", "non-stationary"]


@dataclass(frozen=True, slots=True, eq=False)
class PathCounts:
    """How many visitors of each variant reached each step of the path, up to each look (a day)?

    `reached`: shape (looks, 1 + steps, variants); place 0 is all visitors, and nobody reaches a step without the one
    before. Raises ValueError when the shape or a count says otherwise.
    """

    reached: Floats

    def __post_init__(self) -> None:
        if self.reached.ndim != 3 or self.reached.shape[1] < 2:
            raise ValueError(f"PathCounts has shape {self.reached.shape}, must be (looks, 1 + steps, variants)")
        if (np.diff(self.reached, axis=1) > 0).any() or (self.reached < 0).any():
            raise ValueError("PathCounts has a negative count, or more visitors at a step than at the one before")

    @classmethod
    def of(cls, patterns: PatternTable, path: Sequence[str]) -> Self:
        """From sealed days. Raises ValueError for a step that the table does not know, or a pattern with a hole."""
        counts = [patterns.visitors, *(np.where(patterns.reached(step), patterns.visitors, 0) for step in path)]
        return cls(np.stack([patterns.so_far(count) for count in counts], axis=1))


@dataclass(frozen=True, slots=True)
class Component:
    """How much of the log lift (B minus A) arises here: of one step, or of the whole path.

    `log_lift` and its `variance` are of all looks together; None when nobody of an arm reached the step. `interval`:
    the effects in the anytime intervals of all looks so far, on the log scale, and `alone` that of the last look by
    itself; None with a `shortage`: "nobody" reached it in some arm; "too-few" went on, or did not, in some arm;
    "non-stationary" when no effect is in all of them (then `alone` is still there).
    """

    log_lift: float | None
    variance: float | None
    interval: tuple[float, float] | None
    alone: tuple[float, float] | None
    shortage: Shortage | None

    @property
    def excludes_zero(self) -> bool:
        """Is the component, by the last look alone, clearly not zero?"""
        return self.alone is not None and (self.alone[0] > 0 or self.alone[1] < 0)


@dataclass(frozen=True, slots=True)
class Decomposition:
    """The log lift of one variant, in total and by step; `steps` in the order of the path, they sum to the total."""

    total: Component
    steps: tuple[Component, ...]

    def share(self, step: int) -> float | None:
        """The part of the total that arises at this step (they sum to 1; some may be negative or above 1).

        None unless the total is clearly not zero by the last look alone: shares of nearly nothing mean nothing.
        """
        one, total = self.steps[step].log_lift, self.total.log_lift
        return one / total if one is not None and total and self.total.excludes_zero else None


def decompose(counts: PathCounts, variant: int, design: Design) -> Decomposition:
    """Where along the path does the lift of this variant (its index) over the control arise, as of the last look?

    The intervals are confidence sequences of mixture.py around the estimate: |log lift - truth| <= c(g, level) sd with
    g = tau^2 / variance, intersected over the looks. Those of the K steps are at alpha / K each, so that all of them
    hold at all looks with probability 1 - alpha; that of the total is at alpha by itself. `design` gives alpha,
    `detect`, and tau as for tests, by the pooled conditional rate at the first look with an interval.

    Looks begin when `ENOUGH_AT_STEP` visitors of each arm have reached the step (then the step before too), since the
    variance of a log count is 1/n only for n that are not small; and as many have not, since that of log r for r
    near 1 rests on the few who were lost (without this, a step that 98 or more of 100 go on from missed its truth in
    17 to 23 of 100 simulated experiments with a 90/10 split; with it, in less than 1). Both only grow, so looks, once
    begun, go on. Where everybody goes on, or too few are lost to say, the step has its share but no interval.
    """
    arms = counts.reached[:, :, [0, variant]]
    n_steps = arms.shape[1] - 1
    before = np.concatenate([arms[:, :-1], arms[:, :1]], axis=1)
    after = np.concatenate([arms[:, 1:], arms[:, -1:]], axis=1)
    levels = [design.alpha / n_steps] * n_steps + [design.alpha]
    components = [_component(before[:, k], after[:, k], level, design) for k, level in enumerate(levels)]
    return Decomposition(components[-1], tuple(components[:-1]))


def _component(before: Floats, after: Floats, level: float, design: Design) -> Component:
    """Of those `before`, this many went on, shape (looks, 2 arms)."""
    if not len(after) or (after[-1] == 0).any():
        return Component(None, None, None, None, "nobody")
    looks = np.flatnonzero((np.minimum(after, before - after) >= ENOUGH_AT_STEP).all(axis=1))
    first = int(looks[0]) if len(looks) else len(after) - 1
    before, after = before[first:], after[first:]
    log_rates = np.log(after / before)
    log_lift, variance = log_rates[:, 1] - log_rates[:, 0], (1 / after - 1 / before).sum(axis=1)
    estimate, its_variance = float(log_lift[-1]), float(variance[-1])
    if not len(looks):
        return Component(estimate, its_variance, None, None, "too-few")
    tau = design.tau(float(after[0].sum() / before[0].sum()))
    half = np.sqrt(variance) * critical_value(tau**2 / variance, level)
    lower, upper = log_lift - half, log_lift + half
    alone = float(lower[-1]), float(upper[-1])
    interval = float(lower.max()), float(upper.min())
    if interval[0] > interval[1]:
        return Component(estimate, its_variance, None, alone, "non-stationary")
    return Component(estimate, its_variance, interval, alone, None)
