"""Learned values: what each micro-conversion is worth by the data, beside what the config declares, and how sure.

A learned value is an association. What makes it more than that is experiments: where variants that moved the
micro-conversion moved the macro-conversion the same way, again and again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from experiments.definition.definition import Step, StepKind
from experiments.definition.document import Document, Flat
from experiments.definition.experiment import Experiment
from experiments.reporting.value_per_visitor import NO_VALUE
from stats.learned_value import ENOUGH_BUYERS, ENOUGH_VISITORS, LearnedValue, learned_value
from stats.tables.patterns import PatternTable

Badge = Literal["declared", "associated", "moved together"]
Sign = Literal[-1, 0, 1]  # of a lift that was decided; 0 when it was not

EXPERIMENTS_NEEDED = 3  # in which step and macro-conversion moved together
TIGHTEST_AT = 5_000  # visitors, where no number is planned


@dataclass(frozen=True, slots=True)
class Movement:
    """What one finished experiment decided about one variant: the signs of the step's and the macro's lift."""

    step: Sign
    macro: Sign


@dataclass(frozen=True, slots=True)
class Backing(Document):
    """How well is it known that the step is worth something? `together`, `apart`: decided movements so far."""

    badge: Badge | None
    together: Annotated[int, Field(serialization_alias="moved_together")]
    apart: Annotated[int, Field(serialization_alias="moved_apart")]


@dataclass(frozen=True, slots=True)
class Learned(Document):
    """E[value | reached] - E[value | did not], in currency units, with its anytime interval.

    `reached`, `without`: visitors who reached the step, and who did not. None, with a `reason`, without enough data.
    """

    value: float | None
    interval: tuple[float, float] | None
    reached: int
    without: int
    reason: str | None


@dataclass(frozen=True, slots=True)
class LearnedStep(Document):
    """One micro-conversion: its value as declared in the config (currency units, None without), and as learned.

    `pooled`: from all variants together; `variants`: by variant key, each by itself.
    """

    step: str
    kind: StepKind
    declared: float | None
    backing: Annotated[Backing, Flat()]
    pooled: Learned
    variants: Mapping[str, Learned]


def learned_values(
    experiment: Experiment, sealed: PatternTable, movements: Mapping[str, Sequence[Movement]] | None = None
) -> list[LearnedStep]:
    """What is each milestone and secondary action worth? From the days that are `sealed`.

    `movements`: step key -> what finished experiments decided about this step, one for each experiment. The intervals
    of all micro-conversions pooled hold together, at all times, with probability 1 - alpha; those of one variant by
    itself likewise. They are tightest at the planned visitors, else at TIGHTEST_AT.
    """
    micro = (*experiment.path[:-1], *experiment.secondary)
    total = sum(variant.weight for variant in experiment.variants)

    def learned(step: Step, index: int | None) -> Learned:
        share = 1.0 if index is None else experiment.variants[index].weight / total
        answer = learned_value(
            sealed,
            step.step,
            experiment.macro.step,
            on_path=step in experiment.path,
            level=experiment.analysis.alpha / len(micro),
            tightest_at=max(1, round(share * (experiment.analysis.planned_visitors or TIGHTEST_AT))),
            variant=index,
        )
        if experiment.macro.value is None:
            return Learned(None, None, answer.reached, answer.without, NO_VALUE)
        if not isinstance(answer, LearnedValue):
            reason = (
                f"there is not enough data: of the visitors with the step, and of those without, {ENOUGH_VISITORS} who "
                f"bought nothing are needed, and orders that say as much as {ENOUGH_BUYERS} of equal value"
            )
            return Learned(None, None, answer.reached, answer.without, reason)
        low, high = answer.interval
        return Learned(answer.value / 100, (low / 100, high / 100), answer.reached, answer.without, None)

    steps = []
    for step in micro:
        declared = float(step.value) if isinstance(step.value, int | float) else None
        pooled = learned(step, None)
        variants = {variant.key: learned(step, index) for index, variant in enumerate(experiment.variants)}
        behind = backing(declared, pooled, (movements or {}).get(step.step, ()))
        steps.append(LearnedStep(step.step, experiment.kind_of(step), declared, behind, pooled, variants))
    return steps


def backing(declared: float | None, pooled: Learned, movements: Sequence[Movement]) -> Backing:
    """How well is it known that this step is worth something?

    "moved together": in at least EXPERIMENTS_NEEDED finished experiments the step and the macro-conversion both
    decidedly moved, the same way, and in opposite ways not more than once for every EXPERIMENTS_NEEDED of these.
    "associated": the learned value's interval excludes zero. "declared": the config says so, and no more is known.
    None: nothing is.
    """
    decided = [one for one in movements if one.step and one.macro]
    together = sum(one.step == one.macro for one in decided)
    apart = len(decided) - together
    badge: Badge | None = "declared" if declared is not None else None
    if pooled.interval is not None and (pooled.interval[0] > 0 or pooled.interval[1] < 0):
        badge = "associated"
    if together >= EXPERIMENTS_NEEDED and together >= EXPERIMENTS_NEEDED * apart:
        badge = "moved together"
    return Backing(badge, together, apart)
