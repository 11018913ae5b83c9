"""ChangeReport: what changed in a phase's published numbers between two moments, and why.

The tables hold the counts of today. By them a number changes for one reason only: cohorts sealed in between, which add
their visitors. What was published before may have been different all the same, by a dated revision; how different
cannot be known from today's counts, so each revision that may have touched it is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from experiments.audit.decision_log import Entry, entries
from experiments.definition.definition import Step
from experiments.definition.experiment import Experiment
from experiments.definition.quantity import iso
from experiments.events.cohort import DAY, EPOCH, HOUR, Clock
from experiments.events.tables import Revision, Tables
from experiments.reporting.comparison import Comparison
from experiments.reporting.report import Report, report
from experiments.reporting.step_report import StepReport
from stats.tables.patterns import PatternTable
from stats.tables.reach import ReachTable


@dataclass(frozen=True, slots=True)
class Sum:
    """Visitors of some cohorts, and how many of them reached the step; `value` in hundredths of the currency unit."""

    visitors: int
    reached: int
    value: int = 0

    def __add__(self, other: Sum) -> Sum:
        return Sum(self.visitors + other.visitors, self.reached + other.reached, self.value + other.value)


@dataclass(frozen=True, slots=True)
class SealedDay:
    """What the cohorts of one UTC day that sealed in between add, variant key -> sum."""

    day: datetime
    sums: Mapping[str, Sum]


@dataclass(frozen=True, slots=True)
class StepChange:
    """One step before and after: by the counts of today, `before` + every one of `days` = `after`, for each variant.

    `waiting`: variant key -> visitors that had come but still had time for the step (before, after).
    `comparisons`: the same comparison (before, after), for every variant but the control.
    """

    step: Step
    before: Mapping[str, Sum]
    after: Mapping[str, Sum]
    days: Sequence[SealedDay]
    waiting: Mapping[str, tuple[int, int]]
    comparisons: Sequence[tuple[Comparison, Comparison]]

    def sealed(self, variant: str) -> Sum:
        """What the cohorts that sealed in between add to this variant."""
        return sum((day.sums[variant] for day in self.days), Sum(0, 0))


@dataclass(frozen=True, slots=True)
class Touch:
    """A dated revision, and what of it a reader of the two reports may have noticed.

    `published`: it changed cohorts that `before` had published already, so its numbers may have read differently
    then. `dated_after`: it came after the second moment, so both reports may have read differently.
    """

    revision: Revision
    published: bool
    dated_after: bool


@dataclass(frozen=True, slots=True)
class ChangeReport:
    """Everything that happened to the numbers of one phase between the moments of two reports."""

    before: Report
    after: Report
    came: Mapping[str, tuple[int, int]]
    steps: Sequence[StepChange]
    decisions: Sequence[Entry]
    revisions: Sequence[Touch]

    def only(self, step: str) -> ChangeReport:
        """The same for one step alone, by its key."""
        steps = [one for one in self.steps if one.step.step == step]
        return replace(self, steps=steps, decisions=[one for one in self.decisions if one.decision.step == step])

    def to_json(self) -> dict[str, object]:
        """The document that `yesladder why --json` prints."""
        return {
            "experiment": self.after.experiment.key,
            "phase": self.after.experiment.phase,
            "from": _state(self.before),
            "to": _state(self.after),
            "exposed": {key: {"from": old, "to": new} for key, (old, new) in self.came.items()},
            "steps": [_step(one) for one in self.steps],
            "decisions": [entry.to_json() for entry in self.decisions],
            "revisions": [_touch(one) for one in self.revisions],
        }


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
        before=older,
        after=newer,
        came={key: (older.exposed[key], number) for key, number in newer.exposed.items()},
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
    return StepChange(
        step=step,
        before=_sums(old),
        after=_sums(new),
        days=[SealedDay(EPOCH + day * DAY, sums) for day, sums in sorted(days.items())],
        waiting={key: (old.variants[key].immature, one.immature) for key, one in new.variants.items()},
        comparisons=list(zip(old.comparisons, new.comparisons, strict=True)),
    )


def _sums(step: StepReport) -> Mapping[str, Sum]:
    return {key: Sum(one.visitors, one.reached, round(one.value_sum * 100)) for key, one in step.variants.items()}


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


def _state(one: Report) -> dict[str, object]:
    return {"as_of": iso(one.as_of), "state": one.state, "reason": one.reason}


def _step(one: StepChange) -> dict[str, object]:
    return {
        "step": one.step.step,
        "variants": {
            key: {
                "from": _sum(one.before[key]),
                "sealed": _sum(one.sealed(key)),
                "to": _sum(after),
                "waiting": {"from": one.waiting[key][0], "to": one.waiting[key][1]},
            }
            for key, after in one.after.items()
        },
        "days": [
            {"day": f"{day.day:%Y-%m-%d}", "variants": {key: _sum(part) for key, part in day.sums.items()}}
            for day in one.days
        ],
        "comparisons": [{"variant": new.variant, "from": _look(old), "to": _look(new)} for old, new in one.comparisons],
    }


def _sum(one: Sum) -> dict[str, object]:
    return {"visitors": one.visitors, "reached": one.reached, "value_sum": one.value / 100}


def _look(one: Comparison) -> dict[str, object]:
    kept = ("state", "relative_lift", "relative_interval", "p_value_adjusted", "decided_at")
    return {name: value for name, value in one.to_json().items() if name in kept}


def _touch(one: Touch) -> dict[str, object]:
    revision = one.revision
    return {
        "revised_on": f"{revision.revised_at:%Y-%m-%d}",
        "cause": revision.cause,
        "cohort_from": iso(revision.cohort_from),
        "cohort_to": iso(revision.cohort_to),
        "published_before": one.published,
        "dated_after": one.dated_after,
    }
