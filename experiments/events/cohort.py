"""Cohort: the hour (for patterns and segments: the day) of first exposure, and when its numbers seal for good."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from experiments.definition.definition import GRACE

if TYPE_CHECKING:
    from experiments.definition.experiment import Experiment
    from stats.tables.patterns import PatternTable

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Clock:
    """Cohorts of one length, numbered since 1970-01-01T00Z, of a step that visitors have `window` to reach."""

    length: timedelta
    window: timedelta

    def cohort(self, at: datetime) -> int:
        """Which cohort does this moment fall into?"""
        return (at - EPOCH) // self.length

    def start(self, cohort: int) -> datetime:
        """When does this cohort begin?"""
        return EPOCH + cohort * self.length

    def seal(self, cohort: int) -> datetime:
        """Until when may a fact still change this cohort? Its end, the window and GRACE later; inclusive."""
        return EPOCH + (cohort + 1) * self.length + self.window + GRACE

    def first_unsealed(self, as_of: datetime) -> int:
        """The first cohort not sealed yet: a fact received at the very instant of the seal still counts."""
        return -((EPOCH + self.window + GRACE - as_of) // self.length) - 1


def sealed_days(experiment: Experiment, patterns: PatternTable, as_of: datetime) -> PatternTable:
    """The days whose visitors have all had their whole window by this moment (aware UTC): they do not change."""
    return patterns.until(Clock(DAY, experiment.window).first_unsealed(as_of))
