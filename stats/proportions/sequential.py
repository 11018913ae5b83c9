"""The sequential test of a variant against the control, at every look since the first with enough data.

Without a plan it is the always-valid test of mixture.py. With one, `planned`: SPENT of the level is spent up to the
plan (alpha_spending.py), the rest goes to the always-valid test, which goes on after the plan; either may reject,
which by the union bound keeps the level. Both look at the same score statistic (score.py), so at each look they are
one test with the smaller of two critical values, and its intervals (inversion.py) are the intersection of the repeated
confidence interval and the confidence sequence. A look is a sealed cohort; nothing depends on who looked when.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stats.arrays import Counts, Flags, Floats
from stats.boundaries.alpha_spending import grid_boundary, grid_points, log_haste, repeated_p_values
from stats.boundaries.mixture import critical_value, log_e_value, p_value_of
from stats.proportions.design import Design, NotEnoughData
from stats.proportions.inversion import Begun, Course, Intervals, with_intervals
from stats.proportions.score import Pair, ScoreTest
from stats.tables.reach import StepReach

SPENT = 0.95  # share of the level that a planned test spends by the plan


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What every look of one comparison says, shape (looks,) unless said otherwise, in the order of the cohorts.

    `visitors`: in both arms so far. `z`: at no effect, with the sign of variant minus control.
    `fraction`: information over its planned value (it goes on above 1), None without a plan.
    `p_look`: of the look alone, min(1, 1/E), or with a plan min(p of the spending / SPENT, 1/E / (1 - SPENT));
    `p_value`: its running minimum; neither is adjusted. `rejects`: what the running minimum means at the design's
    level; `rejects_alone`: would this look by itself reject, if the boundary were that of the last grid point?
    `running`: the intersection of all intervals so far; `last`: the interval of the last look alone, shape (1,).
    `relative_lift` (inf or nan when nobody in the control reached the step) and `difference` are plain estimates.
    """

    cohorts: Counts
    visitors: Counts
    tau: float
    fraction: Floats | None
    z: Floats
    log_e: Floats
    p_look: Floats
    p_value: Floats
    rejects_alone: Flags
    rejects: Flags
    relative_lift: Floats
    difference: Floats
    running: Intervals
    last: Intervals


@dataclass(frozen=True, slots=True)
class Asked:
    """One comparison: this variant (its index) against the control at a step, of which only sealed cohorts are here.

    `planned_weight`: with a plan, what the sum over strata of nA nB / (nA + nB) comes to at its end: the weight of
    these two arms alone, blind to what they do. None is the always-valid test.
    """

    step: StepReach
    variant: int
    design: Design
    planned_weight: float | None = None


def sequential(asked: Sequence[Asked]) -> list[Evidence | NotEnoughData]:
    """Does the variant differ from the control at the step, as of every look? One answer for each that is asked.

    Always-valid: Howard, Ramdas, McAuliffe & Sekhon (2021), eq. 14, on the score statistic. Planned: Lan & DeMets
    (1983), with repeated p-values and intervals of Jennison & Turnbull (2000), sections 9.1 and 9.5.
    Raises ValueError when a design or its counts are none (design.py, score.py).
    All must have the same strata. They are independent; together they are several times faster than one by one.
    """
    return with_intervals([_begin(one) for one in asked])


def _begin(asked: Asked) -> Begun[Evidence] | NotEnoughData:
    everything, design = Pair.of(asked.step, asked.variant), asked.design
    first = design.first_gated_look(everything)
    if isinstance(first, NotEnoughData):
        return first
    since = slice(first, None)
    pair, so_far = everything.looks(since), ScoreTest(everything)
    pooled_rate = (pair.s_a + pair.s_b)[:, 0].sum() / (pair.n_a + pair.n_b)[:, 0].sum()
    tau = design.tau(float(pooled_rate))
    z, g = so_far.no_effect()[since], tau**2 / so_far.log_ratio_variance()[since]
    log_e = log_e_value(z, g)
    p_look, fraction = p_value_of(log_e), None
    critical = critical_alone = critical_value(g, design.level)
    rejects = rejects_alone = design.rejects(p_look)
    if asked.planned_weight is not None:
        fractions = so_far.weight / asked.planned_weight
        haste = log_haste(so_far.weight, so_far.information)[since]
        points, fraction = grid_points(fractions)[since], fractions[since]
        spent, kept = SPENT * design.level, (1 - SPENT) * design.level
        mixture = critical_value(g, kept)
        spending = np.append(np.inf, grid_boundary(spent))  # at point 0 nothing is spent
        critical = np.minimum(mixture, np.sqrt(spending[points] ** 2 + haste))
        # by itself, whatever was looked at before: the boundary of the last grid point applies until the next one
        critical_alone = np.minimum(mixture, np.sqrt(spending[np.maximum.accumulate(points)] ** 2 + haste))
        rejects, rejects_alone = np.abs(z) >= critical, np.abs(z) >= critical_alone
        p_spending = repeated_p_values(np.sqrt(np.maximum(z**2 - haste, 0)), points, spent)
        p_look = _agreeing(np.minimum(np.minimum(p_spending / SPENT, p_look / (1 - SPENT)), 1), rejects, design)
    p_value = np.minimum.accumulate(p_look)

    def evidence(running: Intervals, last: Intervals) -> Evidence:
        return Evidence(
            cohorts=asked.step.cohorts[since],
            visitors=(pair.n_a + pair.n_b).sum(axis=0).astype(np.int64),
            tau=tau,
            fraction=fraction,
            z=z,
            log_e=log_e,
            p_look=p_look,
            p_value=p_value,
            rejects_alone=rejects_alone,
            rejects=design.rejects(p_value),
            relative_lift=np.expm1(so_far.log_ratio_estimate()[since]),
            difference=so_far.difference_estimate()[since],
            running=running,
            last=last,
        )

    course, alone = Course(pair, z, critical, rejects), Course(pair, z, critical_alone, rejects_alone)
    return Begun(course, alone.last(), evidence)


def _agreeing(p_value: Floats, rejects: Flags, design: Design) -> Floats:
    """The p-values, moved by the last digit where rounding would have them say other than the boundary."""
    highest = design.level
    while not design.rejects(np.array([highest]))[0]:
        highest = float(np.nextafter(highest, 0))
    above = highest
    while design.rejects(np.array([above]))[0]:
        above = float(np.nextafter(above, 1))
    return np.where(rejects, np.minimum(p_value, highest), np.maximum(p_value, above))
