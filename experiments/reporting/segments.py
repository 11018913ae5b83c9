"""Segments: does the variant do better on phones than on desktops? Exploration of one attribute, never a verdict."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Literal

import numpy as np

from experiments.definition.definition import Step
from experiments.definition.document import Document, Flat
from experiments.definition.experiment import Experiment
from experiments.events.cohort import DAY, Clock
from experiments.events.contribution import SEGMENTS
from experiments.reporting.comparison import NON_STATIONARY, NOTHING_KNOWN, Effect, design_of, effect_at
from stats.multiplicity import benjamini_yekutieli, selected_level
from stats.proportions.design import ENOUGH, NotEnoughData
from stats.proportions.sequential import Asked, Evidence, sequential
from stats.tables.reach import ReachTable, StepReach

EXPLORATORY: Literal["exploratory"] = "exploratory"


@dataclass(frozen=True, slots=True)
class SegmentComparison(Document):
    """One variant against the control at one step, among the visitors of one level of an attribute.

    `visitors`, `reached`, `rates`: of the sealed days, per variant key (both variants; a rate is None without
    visitors). `p_value` is always valid, `p_value_adjusted` Benjamini-Yekutieli over all comparisons of the report; the
    intervals are at the report's `interval_level`. `reason`: why there is not enough data, or no effect that fits all
    days; else empty.
    `stands`: the adjusted p-value is at most alpha, and so the interval excludes no effect.
    """

    level: str
    step: str
    variant: str
    versus: str
    visitors: Mapping[str, int]
    reached: Mapping[str, int]
    rates: Mapping[str, float | None]
    effect: Annotated[Effect, Flat()]
    stands: bool
    reason: str


@dataclass(frozen=True, slots=True)
class SegmentReport(Document):
    """All levels of one attribute, those with most visitors first. `kind` is always "exploratory".

    No state and no verdict: of the comparisons that stand, on average at most the share `alpha` is a false alarm, and
    of their intervals at most the share `alpha` misses the truth. A surprise here is a question for the next
    experiment. `of`: how many comparisons had enough data and share this promise. `interval_level`: the level at which
    each interval by itself was made, None without any.
    """

    attribute: str
    as_of: datetime
    kind: Literal["exploratory"]
    alpha: float
    of: int
    interval_level: float | None
    comparisons: Sequence[SegmentComparison]


@dataclass(frozen=True, slots=True)
class _LevelAtStep:
    level: str
    step: Step
    index: int
    sealed: StepReach


def segment_attributes(experiment: Experiment) -> Sequence[str]:
    """By which attributes are the visitors of this experiment split?"""
    return tuple(dict.fromkeys(SEGMENTS + experiment.segments))


def segment_report(
    experiment: Experiment,
    attribute: str,
    tables: Mapping[str, ReachTable],
    as_of: datetime,
    steps: Sequence[Step] | None = None,
) -> SegmentReport:
    """How does each variant compare with the control among the visitors of each level, as of this moment (aware UTC)?

    `tables`: level -> its reach table, with daily cohorts. `steps`: of the experiment; the macro-conversion alone when
    None: every further step makes the promise harder to keep. Only days sealed for the step count, by the always-valid
    test, also in an experiment with a plan: a plan is for all visitors.
    """
    alpha = experiment.analysis.alpha
    questions = list(_questions(experiment, tables, as_of, steps or [experiment.macro]))
    found = _answers(experiment, questions, alpha)
    p_values = np.array([float(one.p_value[-1]) for one in found if isinstance(one, Evidence)])
    if not len(p_values):
        comparisons = [_comparison(experiment, *one, None) for one in zip(questions, found, strict=True)]
        return SegmentReport(attribute, as_of, EXPLORATORY, alpha, 0, None, comparisons)
    adjusted = benjamini_yekutieli(p_values)
    interval_level = selected_level(adjusted, alpha)
    found = _answers(experiment, questions, interval_level)  # now with the intervals that the selection asks for
    left = iter(adjusted.tolist())
    comparisons = [
        _comparison(experiment, question, one, next(left) if isinstance(one, Evidence) else None)
        for question, one in zip(questions, found, strict=True)
    ]
    return SegmentReport(attribute, as_of, EXPLORATORY, alpha, len(p_values), interval_level, comparisons)


def _questions(
    experiment: Experiment, tables: Mapping[str, ReachTable], as_of: datetime, steps: Sequence[Step]
) -> Iterator[_LevelAtStep]:
    clocks = {step.step: Clock(DAY, experiment.window_of(step)) for step in steps}
    sealed = {
        (level, key): table.steps[key].until(clock.first_unsealed(as_of))
        for level, table in tables.items()
        for key, clock in clocks.items()
    }
    size = {level: max(int(sealed[level, key].visitors.sum()) for key in clocks) for level in tables}
    for level in sorted(tables, key=lambda level: (-size[level], level)):
        for step in steps:
            for index in range(1, len(experiment.variants)):
                yield _LevelAtStep(level, step, index, sealed[level, step.step])


def _answers(experiment: Experiment, questions: Sequence[_LevelAtStep], level: float) -> list[Evidence | NotEnoughData]:
    return sequential(
        [Asked(one.sealed, one.index, design_of(experiment, one.index, alpha=level)) for one in questions]
    )


def _comparison(
    experiment: Experiment, question: _LevelAtStep, found: Evidence | NotEnoughData, adjusted: float | None
) -> SegmentComparison:
    control, variant = experiment.control.key, experiment.variants[question.index].key
    counts = [table.sum(axis=(0, 1)).tolist() for table in (question.sealed.visitors, question.sealed.reached)]
    visitors, reached = ({control: one[0], variant: one[question.index]} for one in counts)
    rates = {key: reached[key] / visitors[key] if visitors[key] else None for key in visitors}
    if isinstance(found, NotEnoughData):
        effect, reason = NOTHING_KNOWN, _shortage(found)
    else:
        effect = effect_at(found, -1, design_of(experiment, question.index))
        effect = replace(effect, p_value_adjusted=adjusted)  # over all levels, not by a family of steps
        reason = NON_STATIONARY if found.running.empty[-1] else ""
    return SegmentComparison(
        level=question.level,
        step=question.step.step,
        variant=variant,
        versus=control,
        visitors=visitors,
        reached=reached,
        rates=rates,
        effect=effect,
        stands=adjusted is not None and adjusted <= experiment.analysis.alpha,
        reason=reason,
    )


def _shortage(shortage: NotEnoughData) -> str:
    if not shortage.n_visitors:
        return "no visitor has had time for this step yet"
    few = min(shortage.expected_reached, shortage.expected_without)
    what = "conversions" if few == shortage.expected_reached else "visitors without a conversion"
    return f"not enough data: the smaller variant can expect {few:.0f} {what}, must be {ENOUGH}"
