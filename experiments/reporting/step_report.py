"""StepReport: what happened at one step, and how each variant compares there with the control."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from experiments.definition.definition import Guardrail, Step, StepKind
from experiments.definition.document import HIDDEN, Document
from experiments.definition.experiment import Experiment
from experiments.definition.quantity import write_duration
from experiments.events.cohort import HOUR, Clock
from experiments.reporting.comparison import Comparison, design_of, family_of
from experiments.reporting.verdict import Question, compare
from stats.proportions.non_inferiority import Margin
from stats.tables.patterns import PatternTable
from stats.tables.reach import ReachTable, StepReach


@dataclass(frozen=True, slots=True)
class VariantReach(Document):
    """One variant at one step: `visitors` and `reached` of the cohorts sealed for it.

    `rate`: reached / visitors in [0, 1], None without visitors. `value_sum`: of the macro-conversion, in currency
    units, from the days whose patterns are sealed; 0 at other steps. `immature` visitors came too recently, and
    `immature_reached` of them have reached the step already; they decide nothing.
    """

    visitors: int
    reached: int
    rate: float | None
    value_sum: float
    immature: int
    immature_reached: Annotated[int, HIDDEN]


@dataclass(frozen=True, slots=True)
class StepReport(Document):
    """One step: counts per variant key and, for every variant but the control, the comparison with it."""

    step: str
    event: Annotated[str, HIDDEN]
    kind: StepKind
    grade: int | None
    window: Annotated[str, HIDDEN]
    variants: Mapping[str, VariantReach]
    comparisons: Sequence[Comparison]


def step_reports(
    experiment: Experiment, reach: ReachTable, sealed_patterns: PatternTable, as_of: datetime
) -> list[StepReport]:
    """What do the tables say about each step as of this moment (aware UTC)? Sealed cohorts decide."""
    clocks = [Clock(HOUR, experiment.window_of(step)) for step in experiment.steps]
    sealed = [
        reach.steps[step.step].until(clock.first_unsealed(as_of))
        for step, clock in zip(experiment.steps, clocks, strict=True)
    ]
    variants = range(1, len(experiment.variants))
    comparisons = iter(
        compare(
            [
                _question(experiment, step, index, cohorts, clock)
                for step, cohorts, clock in zip(experiment.steps, sealed, clocks, strict=True)
                for index in variants
            ]
        )
    )
    value = (sealed_patterns.value_by_variant() / 100).tolist()
    return [
        StepReport(
            step=step.step,
            event=step.event,
            kind=experiment.kind_of(step),
            grade=step.grade,
            window=write_duration(clock.window),
            variants=_counts(experiment, step, reach.steps[step.step], clock, value, as_of),
            comparisons=[next(comparisons) for _ in variants],
        )
        for step, clock in zip(experiment.steps, clocks, strict=True)
    ]


def _counts(
    experiment: Experiment, step: Step, reach: StepReach, clock: Clock, value: list[float], as_of: datetime
) -> Mapping[str, VariantReach]:
    unsealed = clock.first_unsealed(as_of)
    parts = reach.until(unsealed), reach.since(unsealed).until(clock.cohort(as_of) + 1)
    sums = [counts.sum(axis=(0, 1)).tolist() for part in parts for counts in (part.visitors, part.reached)]
    values = value if step is experiment.macro else [0.0] * len(value)
    return {
        variant.key: VariantReach(visitors, reached, reached / visitors if visitors else None, worth, waiting, early)
        for variant, visitors, reached, waiting, early, worth in zip(experiment.variants, *sums, values, strict=True)
    }


def _question(experiment: Experiment, step: Step, index: int, sealed: StepReach, clock: Clock) -> Question:
    """Guardrails are never equivalent: they have a margin, and one-sided tests at alpha each."""
    control, variant = experiment.control.weight, experiment.variants[index].weight
    family, size = family_of(experiment, step)
    margin = Margin(step.harm, step.margin) if isinstance(step, Guardrail) else None
    method = "always-valid" if margin else experiment.analysis.method_in_force
    planned = experiment.analysis.planned_visitors or 0
    planned_weight = planned * control * variant / (control + variant) / sum(one.weight for one in experiment.variants)
    return Question(
        variant=experiment.variants[index].key,
        versus=experiment.control.key,
        index=index,
        sealed=sealed,
        clock=clock,
        design=design_of(experiment, index, size),
        family=family,
        within=None if margin else experiment.analysis.detect,
        margin=margin,
        one_look=planned if method == "fixed" else None,
        planned_weight=planned_weight if method == "planned" else None,
    )
