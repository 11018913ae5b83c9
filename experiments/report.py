"""Report: everything a result page shows, unformatted. Pure in (experiment, tables, as_of)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from experiments.definition import Experiment, StepKind
from stats.patterns import PatternTable
from stats.reach import ReachTable

State = Literal["collecting", "undecided", "better", "worse", "equivalent", "withdrawn"]
Interval = tuple[float | None, float | None]  # None: unbounded on that side


@dataclass(frozen=True, slots=True)
class VariantReach:
    """One variant at one step: `visitors` and `reached` of the sealed cohorts, `immature` visitors still waiting."""

    visitors: int
    reached: int
    rate: float | None
    value_sum: float
    immature: int
    immature_reached: int


@dataclass(frozen=True, slots=True)
class Look:
    """One look at one comparison: the effect then, the running interval, the running p-value."""

    at: datetime
    visitors: int
    relative_lift: float | None
    relative_interval: Interval | None
    difference: float | None
    difference_interval: Interval | None
    p_value: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """One variant against the control at one step. Effects are variant minus control.

    `p_value` is the running minimum; `p_value_adjusted` and both intervals are Bonferroni-adjusted within the family
    (`family`: "primary" for the macro-conversion, "diagnostic" else; `family_size` comparisons in it).
    `looks` holds every gated look, in order, for the chart over time; the last one is today's.
    `decides_today` says whether the last look alone would decide (a running minimum may have decided earlier).
    """

    variant: str
    versus: str
    relative_lift: float | None
    relative_interval: Interval | None
    difference: float | None
    difference_interval: Interval | None
    p_value: float | None
    p_value_adjusted: float | None
    decided_at: datetime | None
    state: State
    reason: str
    decides_today: bool
    family: Literal["primary", "diagnostic"]
    family_size: int
    looks: Sequence[Look]


@dataclass(frozen=True, slots=True)
class StepReport:
    step: str
    event: str
    kind: StepKind
    grade: int | None
    window: str
    variants: Mapping[str, VariantReach]
    comparisons: Sequence[Comparison]


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """Do the variants get visitors in the planned ratio? `p_value` None before the first closed hour."""

    p_value: float | None
    alarm: bool
    expected: Mapping[str, float]
    since: datetime | None  # when the alarm was raised


@dataclass(frozen=True, slots=True)
class Report:
    experiment: Experiment
    as_of: datetime
    method: Literal["always-valid", "fixed", "planned"]
    method_reason: str
    alpha: float
    state: State
    reason: str
    decided_at: datetime | None
    exposed: Mapping[str, int]
    sample_ratio: SampleRatio
    steps: Sequence[StepReport]
    ledger: Mapping[str, Mapping[str, int]]

    def to_json(self) -> dict[str, object]:
        """The document of DESIGN 7."""
        raise NotImplementedError


def report(
    experiment: Experiment,
    reach: ReachTable,
    patterns: PatternTable,
    ledger: Mapping[str, Mapping[str, int]],
    as_of: datetime,
) -> Report:
    """What do the data say about this phase as of this moment?"""
    raise NotImplementedError
