"""Comparison: one variant against the control at one step, with its verdict and the looks that led to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, overload

import numpy as np

from experiments.definition.definition import Family, Interval
from experiments.definition.quantity import iso
from experiments.events.cohort import Clock
from stats.proportions.inversion import Intervals
from stats.proportions.non_inferiority import GuardEvidence
from stats.proportions.sequential import Evidence

ComparisonState = Literal["collecting", "undecided", "better", "worse", "equivalent", "safe", "harmed"]

NON_STATIONARY = "non-stationary"  # the reason when no effect is in the intervals of all looks


@dataclass(frozen=True, slots=True)
class Look:
    """One look at one comparison: the effect then, the running intervals, the running p-value (not adjusted).

    `at`: when the cohort sealed. `visitors`: of both variants so far. None: no number, or no effect left.
    """

    at: datetime
    visitors: int
    relative_lift: float | None
    relative_interval: Interval | None
    difference: float | None
    difference_interval: Interval | None
    p_value: float | None


class Looks(Sequence[Look]):
    """Every look of a sequential test, made one by one when asked for: a page shows few of the thousands."""

    def __init__(self, evidence: Evidence | GuardEvidence, clock: Clock) -> None:
        self._evidence = evidence
        self._clock = clock

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
        evidence, empty = self._evidence, bool(self._evidence.empty[i])
        return Look(
            at=self._clock.seal(int(evidence.cohorts[i])),
            visitors=int(evidence.visitors[i]),
            relative_lift=number(evidence.relative_lift[i]),
            relative_interval=None if empty else relative_interval(evidence.running, i),
            difference=number(evidence.difference[i]),
            difference_interval=None if empty else difference_interval(evidence.running, i),
            p_value=float(evidence.p_value[i]),
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """One variant against the control at one step. Effects are variant minus control, also at guardrails.

    `p_value` is the running minimum; `p_value_adjusted` and both intervals are Bonferroni-adjusted within the family
    ("primary" for the macro-conversion, "diagnostic" for milestones and secondary actions; `family_size` comparisons
    share its alpha). A "guardrail" is by itself, and is `safe` or `harmed`: its p-value is one-sided, of no harm, and
    each bound of its intervals is at alpha by itself. `looks` holds every look with enough data, in order; the last
    one is today's. `decides_today` says whether the last look alone would decide the same (a running minimum may have
    decided earlier). `reason` is `non-stationary` when no effect is in the intervals of all looks: both intervals are
    None then, and a state already decided stays.
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
    state: ComparisonState
    reason: str
    decides_today: bool
    family: Family
    family_size: int
    looks: Sequence[Look]

    def to_json(self) -> dict[str, object]:
        """One of the `comparisons` of the JSON document."""
        return {
            "variant": self.variant,
            "versus": self.versus,
            "relative_lift": self.relative_lift,
            "relative_interval": _ends(self.relative_interval),
            "difference": self.difference,
            "difference_interval": _ends(self.difference_interval),
            "p_value": self.p_value,
            "p_value_adjusted": self.p_value_adjusted,
            "decided_at": iso(self.decided_at),
            "state": self.state,
            "reason": self.reason,
        }


def number(value: float | np.float64) -> float | None:
    """A finite number as it is; None for infinite and undefined ones."""
    return float(value) if np.isfinite(value) else None


def relative_interval(intervals: Intervals, i: int) -> Interval:
    """The interval of the relative lift at look i."""
    return number(intervals.relative_lower[i]), number(intervals.relative_upper[i])


def difference_interval(intervals: Intervals, i: int) -> Interval:
    """The interval of the difference at look i."""
    return number(intervals.difference_lower[i]), number(intervals.difference_upper[i])


def _ends(interval: Interval | None) -> list[float | None] | None:
    return None if interval is None else list(interval)
