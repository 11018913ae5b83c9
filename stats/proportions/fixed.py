"""Fixed: one test at one look that was planned before the start, and no verdict at any other time."""

import statistics
from dataclasses import dataclass

import numpy as np

from stats.proportions.design import Design, NotEnoughData
from stats.proportions.inversion import Course, Intervals, invert
from stats.proportions.score import Pair, ScoreTest
from stats.tables.reach import StepReach


@dataclass(frozen=True, slots=True)
class Waiting:
    """The look has not come: `n_visitors` of all variants are sealed, and it comes at `planned_visitors`."""

    n_visitors: int
    planned_visitors: int


@dataclass(frozen=True, slots=True, eq=False)
class FixedLook:
    """What the one look says. Effects are variant minus control; `p_value` is two-sided and not adjusted.

    `rejects` is what it means at the design's level, `intervals` (one look) are at that level: one statement.
    `visitors`: in both arms.
    """

    cohort: int
    visitors: int
    z: float
    p_value: float
    rejects: bool
    relative_lift: float
    difference: float
    intervals: Intervals


def fixed_look(
    step: StepReach, variant: int, design: Design, planned_visitors: int
) -> FixedLook | Waiting | NotEnoughData:
    """Does this variant differ from the control at the first look with `planned_visitors`, all variants together?

    Later cohorts change nothing. p-value: statsmodels' pooled score test of two proportions; with several strata the
    stratified score statistic, which with one is the same number (statsmodels' own stratified test carries the
    N/(N-1) that score.py leaves out). Intervals: the score statistic inverted, equal to statsmodels' ratio form;
    its difference form has a wrong coefficient in 0.15.0.
    """
    visitors = step.visitors.sum(axis=(1, 2)).cumsum()
    reached = np.flatnonzero(visitors >= planned_visitors)
    if not len(reached):
        return Waiting(int(visitors[-1]) if len(visitors) else 0, planned_visitors)
    look = int(reached[0])
    pair = Pair.of(step, variant).looks(slice(look, look + 1))
    enough = design.first_gated_look(pair)
    if isinstance(enough, NotEnoughData):
        return enough
    test = ScoreTest(pair)
    z, p_value = _two_sided(pair, test)
    rejects = design.rejects(np.array([p_value]))
    critical = np.array([statistics.NormalDist().inv_cdf(1 - design.level / 2)])
    [intervals] = invert([Course(pair, test.no_effect(), critical, rejects)])
    return FixedLook(
        cohort=int(step.cohorts[look]),
        visitors=int((pair.n_a + pair.n_b).sum()),
        z=z,
        p_value=p_value,
        rejects=bool(rejects[0]),
        relative_lift=float(np.expm1(test.log_ratio_estimate())[0]),
        difference=float(test.difference_estimate()[0]),
        intervals=intervals,
    )


def _two_sided(pair: Pair, test: ScoreTest) -> tuple[float, float]:
    if len(pair.n_a) == 1 and test.information[0] > 0:
        from statsmodels.stats.proportion import proportions_ztest  # noqa: PLC0415 - takes seconds to import

        z, p_value = proportions_ztest([pair.s_b[0, 0], pair.s_a[0, 0]], [pair.n_b[0, 0], pair.n_a[0, 0]])
        return float(z), float(p_value)
    z = float(test.no_effect()[0])
    return z, 2 * statistics.NormalDist().cdf(-abs(z))
