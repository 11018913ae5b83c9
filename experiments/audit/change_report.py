"""ChangeReport: what changed in a phase's published numbers between two moments, and why.

The tables hold the counts of today. By them a number changes for one reason only: cohorts sealed in between, which add
their visitors. What was published before may have been different all the same, by a dated revision; how different
cannot be known from today's counts, so each revision that may have touched it is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Annotated, Self

from pydantic import Field

from experiments.audit.decision_log import Entry, entries
from experiments.definition.definition import Step
from experiments.definition.document import Document, Flat, Hundredths, NamedPhase, Written
from experiments.definition.experiment import Experiment
from experiments.events.cohort import DAY, EPOCH, HOUR, Clock
from experiments.events.tables import Revision, Tables
from experiments.reporting.comparison import Comparison, ComparisonState, Effect
from experiments.reporting.report import Report, State, report
from experiments.reporting.step_report import StepReport, VariantReach
from stats.tables.patterns import PatternTable
from stats.tables.reach import ReachTable

_FROM, _TO = Field(serialization_alias="from"), Field(serialization_alias="to")


@dataclass(frozen=True, slots=True)
class Sum(Document):
    """Visitors of some cohorts, and how many of them reached the step; `value` in hundredths of the currency unit."""

    visitors: int
    reached: int
    value: Annotated[Hundredths, Field(serialization_alias="value_sum")] = 0

    def __add__(self, other: Sum) -> Sum:
        return Sum(self.visitors + other.visitors, self.reached + other.reached, self.value + other.value)


@dataclass(frozen=True, slots=True)
class CountChange(Document):
    """A number of visitors at the two moments."""

    before: Annotated[int, _FROM]
    after: Annotated[int, _TO]


@dataclass(frozen=True, slots=True)
class SealedDay(Document):
    """What the cohorts of one UTC day that sealed in between add, variant key -> sum."""

    day: date
    sums: Annotated[Mapping[str, Sum], Field(serialization_alias="variants")]


@dataclass(frozen=True, slots=True)
class VariantChange(Document):
    """One variant at one step, by the counts of today: `before` + `sealed` in between = `after`.

    `waiting`: visitors that had come but still had time for the step.
    """

    before: Annotated[Sum, _FROM]
    sealed: Sum
    after: Annotated[Sum, _TO]
    waiting: CountChange


@dataclass(frozen=True, slots=True)
class Standing(Document):
    """How a comparison stood at one of the moments."""

    effect: Annotated[Effect, Flat(("relative_lift", "relative_interval", "p_value_adjusted"))]
    decided_at: datetime | None
    state: ComparisonState

    @classmethod
    def of(cls, one: Comparison) -> Self:
        """That of this comparison."""
        return cls(one.effect, one.decided_at, one.state)


@dataclass(frozen=True, slots=True)
class ComparisonChange(Document):
    """The same comparison at the two moments."""

    variant: str
    before: Annotated[Standing, _FROM]
    after: Annotated[Standing, _TO]


@dataclass(frozen=True, slots=True)
class StepChange(Document):
    """One step at the two moments: what each variant had and got, day by day, and its comparisons with the control."""

    step: str
    variants: Mapping[str, VariantChange]
    days: Sequence[SealedDay]
    comparisons: Sequence[ComparisonChange]


@dataclass(frozen=True, slots=True)
class Revised:
    """A dated revision, as it is known: by its day."""

    revised_on: date
    cause: str
    cohort_from: datetime
    cohort_to: datetime


def _revised(one: Revision) -> Revised:
    return Revised(one.revised_at.date(), one.cause, one.cohort_from, one.cohort_to)


@dataclass(frozen=True, slots=True)
class Touch(Document):
    """A dated revision, and what of it a reader of the two reports may have noticed.

    `published`: it changed cohorts that `before` had published already, so its numbers may have read differently
    then. `dated_after`: it came after the second moment, so both reports may have read differently.
    """

    revision: Annotated[Revision, Written(_revised), Flat()]
    published: Annotated[bool, Field(serialization_alias="published_before")]
    dated_after: bool


@dataclass(frozen=True, slots=True)
class Stated(Document):
    """What a report says as a whole."""

    as_of: datetime
    state: State
    reason: str

    @classmethod
    def by(cls, one: Report) -> Self:
        """What this report says."""
        return cls(one.as_of, one.state, one.reason)


@dataclass(frozen=True, slots=True)
class ChangeReport(Document):
    """Everything that happened to the numbers of one phase between the moments of two reports.

    `exposed`: variant key -> how many had come, before exclusions.
    """

    phase: NamedPhase
    before: Annotated[Stated, _FROM]
    after: Annotated[Stated, _TO]
    exposed: Mapping[str, CountChange]
    steps: Sequence[StepChange]
    decisions: Sequence[Entry]
    revisions: Sequence[Touch]

    def only(self, step: str) -> ChangeReport:
        """The same for one step alone, by its key."""
        steps = [one for one in self.steps if one.step == step]
        return replace(self, steps=steps, decisions=[one for one in self.decisions if one.decision.step == step])


def change_report(tables: Tables, before: datetime, after: datetime) -> ChangeReport:
    """What changed between these two moments (aware) in what is reported from these tables, and why?

    Raises ValueError when `before` is not the earlier one.
    """
    if before > after:
        raise ValueError(f"the moments are {before} and {after}, must be in order, the earlier first")
    phase, reach, patterns = tables.phase, tables.reach, tables.patterns
    older, newer = (report(phase, reach, patterns, tables.ledger, moment) for moment in (before, after))
    log = entries(tables.decisions, newer, reach)
    return ChangeReport(
        phase=phase,
        before=Stated.by(older),
        after=Stated.by(newer),
        exposed={key: CountChange(older.exposed[key], number) for key, number in newer.exposed.items()},
        steps=[
            _step_change(phase, step, reports, reach, patterns, (before, after))
            for step, *reports in zip(phase.steps, older.steps, newer.steps, strict=True)
        ],
        decisions=[one for one in log if before <= one.decision.decided_at < after],
        revisions=[_touched(phase, one, before, after) for one in tables.revisions if _later(one, before)],
    )


def _step_change(
    phase: Experiment,
    step: Step,
    reports: Sequence[StepReport],
    reach: ReachTable,
    patterns: PatternTable,
    moments: tuple[datetime, datetime],
) -> StepChange:
    old, new = reports
    none = {key: Sum(0, 0) for key in reach.variants}
    days: dict[int, dict[str, Sum]] = {}
    parts = [*_reached(phase, step, reach, moments), *(_worth(phase, patterns, moments) if step is phase.macro else ())]
    for day, variant, part in parts:
        sums = days.setdefault(day, dict(none))
        sums[variant] += part
    sealed = {key: sum((sums[key] for sums in days.values()), Sum(0, 0)) for key in reach.variants}
    pairs = zip(old.comparisons, new.comparisons, strict=True)
    return StepChange(
        step=step.step,
        variants={key: _variant_change(old.variants[key], sealed[key], one) for key, one in new.variants.items()},
        days=[SealedDay((EPOCH + day * DAY).date(), sums) for day, sums in sorted(days.items())],
        comparisons=[ComparisonChange(then.variant, Standing.of(then), Standing.of(now)) for then, now in pairs],
    )


def _variant_change(old: VariantReach, sealed: Sum, new: VariantReach) -> VariantChange:
    before, after = (Sum(one.visitors, one.reached, round(one.value_sum * 100)) for one in (old, new))
    return VariantChange(before, sealed, after, CountChange(old.immature, new.immature))


def _reached(
    phase: Experiment, step: Step, reach: ReachTable, moments: tuple[datetime, datetime]
) -> Iterator[tuple[int, str, Sum]]:
    """(day, variant, sum) of every hour that sealed for this step between the two moments."""
    clock = Clock(HOUR, phase.window_of(step))
    first, end = (clock.first_unsealed(moment) for moment in moments)
    fresh = reach.steps[step.step].since(first).until(end)
    visitors, reached = fresh.visitors.sum(axis=1).tolist(), fresh.reached.sum(axis=1).tolist()
    for hour, came, got in zip(fresh.cohorts.tolist(), visitors, reached, strict=True):
        for variant, *pair in zip(reach.variants, came, got, strict=True):
            yield hour * HOUR // DAY, variant, Sum(*pair)


def _worth(
    phase: Experiment, patterns: PatternTable, moments: tuple[datetime, datetime]
) -> Iterator[tuple[int, str, Sum]]:
    """(day, variant, value) of every day whose patterns sealed between the two moments."""
    clock = Clock(DAY, phase.window)
    first, end = (clock.first_unsealed(moment) for moment in moments)
    rows = zip(patterns.days.tolist(), patterns.variant.tolist(), patterns.value_sum.tolist(), strict=True)
    for day, variant, value in rows:
        if first <= day < end:
            yield day, patterns.variants[variant], Sum(0, 0, value)


def _later(revision: Revision, moment: datetime) -> bool:
    """Was it made on the day of this moment or later? A revision is known by its day."""
    return revision.revised_at.date() >= moment.date()


def _touched(phase: Experiment, revision: Revision, before: datetime, after: datetime) -> Touch:
    """The cohorts published by `before` begin with the phase, so it touched them if it reaches back that far."""
    shortest = min(phase.window_of(step) for step in phase.steps)
    clock = Clock(HOUR, shortest)
    return Touch(
        revision=revision,
        published=revision.cohort_from < clock.start(clock.first_unsealed(before)),
        dated_after=revision.revised_at.date() > after.date(),
    )
