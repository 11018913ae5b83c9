"""The always-valid test of a variant against the control, at every look since the first with enough data.

z(0), V, log E and the intervals come from score.py, mixture.py and inversion.py; here they become
running minimum and running intersection. A look is a sealed cohort; nothing depends on who looked when.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stats.design import Design, NotEnoughData
from stats.inversion import Course, Intervals, running_intersections
from stats.mixture import critical_value, log_e_value, p_value_of
from stats.reach import Counts, StepReach
from stats.score import Flags, Floats, Pair, ScoreTest


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What every look of one comparison says, shape (looks,) unless said otherwise, in the order of the cohorts.

    `visitors`: in both arms so far. `z`: at no effect, with the sign of variant minus control.
    `p_look`: min(1, 1/E) of the look alone; `p_value`: its running minimum, the always-valid p-value; neither is
    adjusted. `rejects_look`, `rejects`: what these two mean at the design's level.
    `running`: the intersection of all intervals so far; `empty`: no lift, or no difference, is in all of them;
    `last`: the interval of the last look alone, shape (1,).
    `relative_lift` (inf or nan when nobody in the control reached the step) and `difference` are plain estimates.
    """

    cohorts: Counts
    visitors: Counts
    tau: float
    z: Floats
    log_e: Floats
    p_look: Floats
    p_value: Floats
    rejects_look: Flags
    rejects: Flags
    relative_lift: Floats
    difference: Floats
    running: Intervals
    empty: Flags
    last: Intervals


@dataclass(frozen=True, slots=True)
class Asked:
    """One comparison: this variant (its index) against the control at a step, of which only sealed cohorts are here."""

    step: StepReach
    variant: int
    design: Design


def always_valid(asked: Sequence[Asked]) -> list[Evidence | NotEnoughData]:
    """Does the variant differ from the control at the step, as of every look? One answer for each that is asked.

    All must have the same strata. They are independent; together they are several times faster than one by one.
    """
    begun = [_begin(one) for one in asked]
    courses = [one.course for one in begun if not isinstance(one, NotEnoughData)]
    intervals = iter(running_intersections(courses))
    return [one if isinstance(one, NotEnoughData) else one.with_intervals(*next(intervals)) for one in begun]


@dataclass(frozen=True, slots=True, eq=False)
class _Begun:
    """A comparison since its first gated look, before its intervals are known."""

    cohorts: Counts
    tau: float
    log_e: Floats
    p_look: Floats
    design: Design
    course: Course

    def with_intervals(self, last: Intervals, running: Intervals) -> Evidence:
        test, p_value = self.course.test, np.minimum.accumulate(self.p_look)
        no_lift = running.relative_lower > running.relative_upper
        no_difference = running.difference_lower > running.difference_upper
        return Evidence(
            cohorts=self.cohorts,
            visitors=(test.pair.n_a + test.pair.n_b).sum(axis=0).astype(np.int64),
            tau=self.tau,
            z=test.no_effect(),
            log_e=self.log_e,
            p_look=self.p_look,
            p_value=p_value,
            rejects_look=self.course.rejects,
            rejects=self.design.rejects(p_value),
            relative_lift=np.expm1(test.log_ratio_estimate()),
            difference=test.difference_estimate(),
            running=running,
            empty=no_lift | no_difference,
            last=last,
        )


def _begin(asked: Asked) -> _Begun | NotEnoughData:
    pair = Pair.of(asked.step, asked.variant)
    first = asked.design.first_gated_look(pair)
    if isinstance(first, NotEnoughData):
        return first
    pair = pair.looks(slice(first, None))
    pooled_rate = (pair.s_a + pair.s_b)[:, 0].sum() / (pair.n_a + pair.n_b)[:, 0].sum()
    tau = asked.design.tau(float(pooled_rate))
    test = ScoreTest(pair)
    g = tau**2 / test.log_ratio_variance()
    log_e = log_e_value(test.no_effect(), g)
    p_look = p_value_of(log_e)
    course = Course(test, critical_value(g, asked.design.level), asked.design.rejects(p_look))
    return _Begun(asked.step.cohorts[first:], tau, log_e, p_look, asked.design, course)
