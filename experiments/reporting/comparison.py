"""Comparison: one variant against the control at one step, with its verdict and the looks that led to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, overload

import numpy as np

from experiments.definition.definition import Family, Interval, Step
from experiments.definition.document import HIDDEN, Document, Flat
from experiments.definition.experiment import Experiment
from experiments.events.cohort import Clock
from stats.arrays import Floats
from stats.proportions.design import Design
from stats.proportions.inversion import Intervals
from stats.proportions.non_inferiority import GuardEvidence
from stats.proportions.sequential import Evidence
from stats.value_per_visitor import ValueEvidence

ComparisonState = Literal["collecting", "undecided", "better", "worse", "equivalent", "safe", "harmed"]

NON_STATIONARY = "non-stationary"  # the reason when no effect is in the intervals of all looks


@dataclass(frozen=True, slots=True)
class Effect:
    """How much more a visitor of the variant does than one of the control: variant minus control, also at guardrails.

    `relative_lift`: 0.1 is 10 in 100 more. `difference`: of the rates, or in currency units per visitor. The intervals
    are the running ones, of all looks so far. `p_value`: the running minimum; `p_value_adjusted`: for the comparisons
    that share one alpha. None: no number, or (an interval) no effect is left that fits all looks.
    """

    relative_lift: float | None = None
    relative_interval: Interval | None = None
    difference: float | None = None
    difference_interval: Interval | None = None
    p_value: float | None = None
    p_value_adjusted: float | None = None


NOTHING_KNOWN = Effect()


def effect_at(evidence: Evidence | GuardEvidence | ValueEvidence, look: int, design: Design, unit: float = 1) -> Effect:
    """What a test says at this look (from 0 on, or -1 for the last). `unit`: in which differences are told."""
    found = evidence.relative_lift[look], evidence.difference[look], evidence.p_value[look]
    return effect_of(*found, None if evidence.running.empty[look] else evidence.running, look, design, unit)


def effect_of(
    relative_lift: float,
    difference: float,
    p_value: float,
    intervals: Intervals | None,
    look: int,
    design: Design,
    unit: float = 1,
) -> Effect:
    """The same from single numbers, and the intervals of this look; None when no effect fits all looks."""
    return Effect(
        relative_lift=number(relative_lift),
        relative_interval=_ends(intervals.relative_lower, intervals.relative_upper, look) if intervals else None,
        difference=number(difference, unit),
        difference_interval=(
            _ends(intervals.difference_lower, intervals.difference_upper, look, unit) if intervals else None
        ),
        p_value=float(p_value),
        p_value_adjusted=float(design.adjusted(np.asarray(p_value))),
    )


def _ends(lower: Floats, upper: Floats, look: int, unit: float = 1) -> Interval:
    return number(lower[look], unit), number(upper[look], unit)


@dataclass(frozen=True, slots=True)
class Look:
    """One look at one comparison. `at`: when the cohort sealed. `visitors`: of both variants so far."""

    at: datetime
    visitors: int
    effect: Effect


class Looks(Sequence[Look]):
    """Every look of a sequential test, made and kept when it is first asked for: a page shows few of the thousands."""

    def __init__(self, evidence: Evidence | GuardEvidence, clock: Clock, design: Design) -> None:
        self._evidence = evidence
        self._clock = clock
        self._design = design
        self._made: dict[int, Look] = {}

    def __len__(self) -> int:
        return len(self._evidence.z)

    @overload
    def __getitem__(self, index: int) -> Look: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Look]: ...

    def __getitem__(self, index: int | slice) -> Look | Sequence[Look]:
        if isinstance(index, slice):
            return [self._look(i) for i in range(*index.indices(len(self)))]
        return self._look(range(len(self))[index])

    def _look(self, i: int) -> Look:
        if i not in self._made:
            found = self._evidence
            at = self._clock.seal(int(found.cohorts[i]))
            self._made[i] = Look(at, int(found.visitors[i]), effect_at(found, i, self._design))
        return self._made[i]


@dataclass(frozen=True, slots=True)
class Comparison(Document):
    """One variant against the control at one step, with its `effect` by the last look.

    Intervals and `p_value_adjusted` are Bonferroni-adjusted within the `family`: "primary" for the macro-conversion,
    "diagnostic" for milestones and secondary actions; `family_size` comparisons share its alpha. A "guardrail" is by
    itself, and is `safe` or `harmed`: its p-value is one-sided, of no harm, and each bound of its intervals is at alpha
    by itself. `looks`: every look with enough data, in order; the last one is today's. `decides_today`: would the last
    look alone decide the same? (A running minimum may have decided earlier.) `reason` is `non-stationary` when no
    effect is in the intervals of all looks: both intervals are None then, and a state already decided stays.
    """

    variant: str
    versus: str
    effect: Annotated[Effect, Flat()]
    decided_at: datetime | None
    state: ComparisonState
    reason: str
    decides_today: Annotated[bool, HIDDEN]
    family: Annotated[Family, HIDDEN]
    family_size: Annotated[int, HIDDEN]
    looks: Annotated[Sequence[Look], HIDDEN]


def design_of(experiment: Experiment, variant: int, family_size: int = 1, alpha: float | None = None) -> Design:
    """By which design is this variant (its index in the config) compared with the control?

    `family_size`: how many comparisons share `alpha`, the experiment's unless told otherwise.
    """
    weights = experiment.control.weight, experiment.variants[variant].weight
    analysis = experiment.analysis
    return Design(min(weights) / sum(weights), alpha or analysis.alpha, family_size, analysis.detect)


def family_of(experiment: Experiment, step: Step) -> tuple[Family, int]:
    """With whom does a comparison at this step share alpha, and how many are they, itself included?

    Guardrails enter no family: each is tested at alpha by itself.
    """
    pairs = len(experiment.variants) - 1
    match experiment.kind_of(step):
        case "macro":
            return "primary", pairs
        case "guardrail":
            return "guardrail", 1
        case _:
            return "diagnostic", pairs * (len(experiment.path) - 1 + len(experiment.secondary))


def number(value: float | np.float64, unit: float = 1) -> float | None:
    """A finite number in this unit; None for infinite and undefined ones."""
    return float(value) / unit if np.isfinite(value) else None
