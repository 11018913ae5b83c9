"""A guardrail at every look: has the variant been shown to harm, and has harm beyond the margin been ruled out?

Two questions, each one-sided at the design's level, so that both may be asked all the time:

- harm: the lift is zero or in the harmless direction. Rejected: the variant is worse.
- safety: the lift is at the margin or beyond it. Rejected: the variant is not worse by more than the margin.

Both statistics are the score statistic of score.py, at no effect and at the margin; both e-values are the half-normal
mixture of one_sided_mixture.py; the bounds of the lift are all effects that the same test does not reject, in one
direction and in the other. So "harm is shown" and "the bound excludes zero", "safety is shown" and "the bound excludes
the margin" are the same statements, always.

tau, the scale of the mixture, is the distance from no effect to the margin (of the log ratio) for both questions.
Seen from the margin it is how far away the usual truth, no effect, lies. And harm smaller than the margin is found to
be safe in the end, so the harm that has to be found is about as large as the margin or larger. (With half of
it, or one and a half times as much, the power was between 1 and 6 points in 100 lower in simulations.)

Looks begin at the gate of every test. Safety waits until also the arm that would have the fewest conversions at the
margin can expect ENOUGH of them. Without that, at the level .01, a rate of .1, nine of ten visitors in the control and
a margin of .9 less, safety was shown falsely in .013 of 20,000 simulated experiments; with it in .002.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from stats.arrays import Counts, Flags, Floats
from stats.boundaries.mixture import p_value_of
from stats.boundaries.one_sided_mixture import critical_value, log_e_value
from stats.proportions.design import ENOUGH, Design, NotEnoughData
from stats.proportions.inversion import Begun, Course, Intervals, with_intervals
from stats.proportions.score import Pair, ScoreTest
from stats.tables.reach import StepReach


@dataclass(frozen=True, slots=True)
class Margin:
    """How much worse, relative to the control, is still acceptable, and which way is worse?

    `harm`: the variant is worse when it has "more" of the step, or "less". `share` > 0, and below 1 when less is
    harm: with a loss of 100 in 100 allowed there would be nothing to guard. (As 0.99 it asks only for a sign of life.)
    Raises ValueError.
    """

    harm: Literal["more", "less"]
    share: float

    def __post_init__(self) -> None:
        if self.harm not in ("more", "less"):
            raise ValueError(f"harm is {self.harm!r}, must be 'more' or 'less'")
        if not 0 < self.share < (math.inf if self.harm == "more" else 1):
            raise ValueError(f"share is {self.share}, must be > 0{'' if self.harm == 'more' else ' and < 1'}")

    @property
    def sign(self) -> int:
        """The sign of a lift that harms."""
        return 1 if self.harm == "more" else -1

    @property
    def relative_lift(self) -> float:
        """The lift at the margin: `share`, or minus it where less is harm."""
        return self.sign * self.share

    @property
    def log_ratio(self) -> float:
        """The same as a log ratio of rates, in which going to half is as far as going to the double."""
        return math.log1p(self.relative_lift)


@dataclass(frozen=True, slots=True)
class Guarded:
    """One guardrail of one variant (its index) against the control; of the step only sealed cohorts are here."""

    step: StepReach
    variant: int
    design: Design
    margin: Margin


@dataclass(frozen=True, slots=True, eq=False)
class GuardEvidence:
    """What every look since the first with enough data says, shape (looks,) unless said otherwise.

    `z`: at no effect, with the sign of variant minus control; `z_margin`: at the margin, with the same sign.
    `p_harm`, `p_safe`: always-valid one-sided p-values (running minima of 1/E), `p_safe_look` that of the look alone.
    `harmed`, `safe` (and `..._look`): what they mean at the design's level; both may be true: worse,
    but by less than the margin. `beyond`: worse by more than the margin is shown.
    `running`: lift and difference between their lower and upper bounds so far, each bound at the level by itself (so
    the pair misses the truth with at most twice that probability); `last`: the bounds of the last look alone, shape
    (1,). `visitors`: in both arms so far.
    `relative_lift` (inf or nan when nobody in the control reached the step) and `difference` are plain estimates.
    """

    margin: Margin
    cohorts: Counts
    visitors: Counts
    tau: float
    z: Floats
    z_margin: Floats
    p_harm: Floats
    p_safe_look: Floats
    p_safe: Floats
    harmed_look: Flags
    harmed: Flags
    safe_look: Flags
    safe: Flags
    beyond: Flags
    relative_lift: Floats
    difference: Floats
    running: Intervals
    last: Intervals

    @property
    def p_value(self) -> Floats:
        """`p_harm`: at most the level exactly where the bounds exclude zero on the side of harm."""
        return self.p_harm


@dataclass(frozen=True, slots=True, eq=False)
class Alone:
    """What looks say each by itself, shape (looks,): their one-sided p-values, min(1, 1/E).

    `p_benefit`: as `p_harm`, in the harmless direction. `g`: tau^2 / V. The rest is as in `GuardEvidence`.
    """

    z: Floats
    z_margin: Floats
    g: Floats
    p_harm: Floats
    p_benefit: Floats
    p_safe: Floats


def alone(test: ScoreTest, design: Design, margin: Margin) -> Alone:
    """What does each look say about harm and safety, whatever was seen before? No gate but that of safety."""
    z = test.no_effect()
    z_margin = test.log_ratio(np.full(z.shape, margin.log_ratio))
    g = margin.log_ratio**2 / test.log_ratio_variance()
    harm, benefit, safe = (p_value_of(log_e_value(margin.sign * one, g)) for one in (z, -z, -z_margin))
    return Alone(z, z_margin, g, harm, benefit, np.where(_enough_at_margin(test, design, margin), safe, 1.0))


def guarded(asked: Sequence[Guarded]) -> list[GuardEvidence | NotEnoughData]:
    """Is the variant harmed, or safe, as of every look? One answer for each that is asked.

    All must have the same strata. They are independent; together they are several times faster than one by one.
    The gate is that of every test: `Design.first_gated_look`.
    """
    return with_intervals([_begin(one) for one in asked])


def _begin(asked: Guarded) -> Begun[GuardEvidence] | NotEnoughData:
    everything, design, margin = Pair.of(asked.step, asked.variant), asked.design, asked.margin
    first = design.first_gated_look(everything)
    if isinstance(first, NotEnoughData):
        return first
    pair = everything.looks(slice(first, None))
    test = ScoreTest(pair)
    looks = alone(test, design, margin)
    p_harm, p_safe = np.minimum.accumulate(looks.p_harm), np.minimum.accumulate(looks.p_safe)
    safe_look, safe = design.rejects(looks.p_safe), design.rejects(p_safe)

    def evidence(running: Intervals, last: Intervals) -> GuardEvidence:
        bounds = _beside_margin(running, margin, safe)
        return GuardEvidence(
            margin=margin,
            cohorts=asked.step.cohorts[first:],
            visitors=(pair.n_a + pair.n_b).sum(axis=0).astype(np.int64),
            tau=abs(margin.log_ratio),
            z=looks.z,
            z_margin=looks.z_margin,
            p_harm=p_harm,
            p_safe_look=looks.p_safe,
            p_safe=p_safe,
            harmed_look=design.rejects(looks.p_harm),
            harmed=design.rejects(p_harm),
            safe_look=safe_look,
            safe=safe,
            beyond=(bounds.relative_lower if margin.sign > 0 else -bounds.relative_upper) > margin.share,
            relative_lift=np.expm1(test.log_ratio_estimate()),
            difference=test.difference_estimate(),
            running=bounds,
            last=_beside_margin(last, margin, safe_look[-1:]),
        )

    # the bounds exclude zero where harm or benefit is shown; which of the two, the sign of z says
    rejects = design.rejects(np.minimum(looks.p_harm, looks.p_benefit))
    course = Course(pair, looks.z, critical_value(looks.g, design.level), rejects)
    return Begun(course, course.last(), evidence)


def _enough_at_margin(test: ScoreTest, design: Design, margin: Margin) -> Flags:
    """Can each arm expect ENOUGH conversions if the effect is at the margin? Sees pooled counts, so costs no validity.

    Taken at its worst: the smaller arm is the one with the lower rate.
    """
    smaller = design.smaller_share * math.exp(-abs(margin.log_ratio))
    reached = (test.pair.s_a + test.pair.s_b).sum(axis=0)
    enough: Flags = smaller / (smaller + 1 - design.smaller_share) * reached >= ENOUGH
    return enough


def _beside_margin(intervals: Intervals, margin: Margin, safe: Flags) -> Intervals:
    """The bound on the side of the margin excludes it exactly where safety is shown, also in the last digit."""
    limit, inside = margin.relative_lift, np.nextafter(margin.relative_lift, 0)
    lower, upper = intervals.relative_lower, intervals.relative_upper
    if margin.sign > 0:
        upper = np.where(safe, np.minimum(upper, inside), np.maximum(upper, limit))
    else:
        lower = np.where(safe, np.maximum(lower, inside), np.minimum(lower, limit))
    return Intervals(lower, upper, intervals.difference_lower, intervals.difference_upper)
