"""Measurement: what a phase has shown of its visitors so far: how often they reach each step, how many come a day.

Pooled over the variants, so that planning with it tells nobody which variant is ahead.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from experiments.definition.experiment import Experiment
from experiments.events.cohort import DAY, EPOCH, HOUR, Clock
from experiments.store.store import Store
from stats.tables.reach import ReachTable

TRAFFIC_DAYS = 14  # whole weeks, the last ones


@dataclass(frozen=True, slots=True)
class MeasuredRate:
    """`reached` of `visitors`, all variants together, reached a step in time. Raises ValueError if more did."""

    reached: int
    visitors: int

    def __post_init__(self) -> None:
        if not 0 <= self.reached <= self.visitors or not self.visitors:
            raise ValueError(f"reached is {self.reached} of {self.visitors} visitors, must be among at least one")

    @property
    def rate(self) -> float:
        """In [0, 1]."""
        return self.reached / self.visitors


@dataclass(frozen=True, slots=True)
class Measurement:
    """What was measured in `phase`: step key -> rate, of steps with sealed visitors; visitors a day over `days` days.

    `visitors_per_day`: those who count (not bots, not staff), all variants together; None before the first whole day
    is over. `hours`: visitors in each hour of the UTC day, 24 of them, over the same days. `visitors`: all who count,
    of the whole phase; `newest_at`: when the hour of the last of them began, None before the first.
    """

    phase: Experiment
    rates: Mapping[str, MeasuredRate]
    visitors_per_day: float | None
    days: int
    hours: tuple[int, ...]
    visitors: int = 0
    newest_at: datetime | None = None


def measure(phase: Experiment, reach: ReachTable, as_of: datetime) -> Measurement:
    """What do the tables of this phase (with `started_at`) show as of this moment (aware UTC)?

    Rates are of the cohorts sealed for each step; traffic is of the last `TRAFFIC_DAYS` whole UTC days of the phase
    that are over.
    """
    rates = {}
    for step in phase.steps:
        sealed = reach.steps[step.step].until(Clock(HOUR, phase.window_of(step)).first_unsealed(as_of))
        visitors = int(sealed.visitors.sum())
        if visitors:
            rates[step.step] = MeasuredRate(int(sealed.reached.sum()), visitors)
    first, end = _whole_days(phase, as_of)
    first = max(first, end - TRAFFIC_DAYS)
    days = max(0, end - first)
    macro = reach.steps[phase.macro.step].since(first * 24).until(end * 24)
    hours = np.zeros(24, dtype=np.int64)
    np.add.at(hours, macro.cohorts % 24, macro.visitors.sum(axis=(1, 2)))
    per_day = int(hours.sum()) / days if days else None
    clock = Clock(HOUR, timedelta(0))
    begun = reach.steps[phase.macro.step].until(clock.cohort(as_of) + 1)
    came = begun.cohorts[begun.visitors.sum(axis=(1, 2)) > 0]
    newest_at = clock.start(int(came[-1])) if len(came) else None
    return Measurement(phase, rates, per_day, days, tuple(hours.tolist()), int(begun.visitors.sum()), newest_at)


def comparable(experiment: Experiment, others: Sequence[Experiment]) -> Sequence[Experiment]:
    """Phases whose visitors are those of this experiment, best first: its own, newest first, then other experiments'.

    Other experiments are comparable when they have the same trigger, audience and way of assignment.
    """
    started = sorted((one for one in others if one.started_at), key=_started_at, reverse=True)
    own = [one for one in started if one.key == experiment.key]
    alike = [one for one in started if one.key != experiment.key and _same_visitors(one, experiment)]
    return [*own, *alike]


def applied(measurement: Measurement, experiment: Experiment) -> Measurement:
    """What a comparable phase's measurement says about this experiment.

    A step is the same when its event and window are; traffic is what this experiment's share of those who meet the
    trigger would have been.
    """
    phase = measurement.phase
    theirs = {(step.event, phase.window_of(step)): step.step for step in phase.steps}
    rates = {}
    for step in experiment.steps:
        same = theirs.get((step.event, experiment.window_of(step)))
        if same is not None and same in measurement.rates:
            rates[step.step] = measurement.rates[same]
    per_day = measurement.visitors_per_day
    if per_day is not None:
        per_day *= _share(experiment) / _share(phase)
    return replace(measurement, rates=rates, visitors_per_day=per_day)


def measured(store: Store, phases: Sequence[Experiment], experiment: Experiment, as_of: datetime) -> Measurement | None:
    """What was known of this experiment's visitors at this moment: from itself, an earlier phase of it, or another one.

    `phases`: every phase ever recorded. The first comparable one that knows a rate and the traffic answers, else the
    first that knows anything; None when none does. Raises StoreUnavailable.
    """
    partly: Measurement | None = None
    for phase in comparable(experiment, [one for one in phases if one.started_at and one.started_at <= as_of]):
        known = applied(measure(phase, store.tables(phase).reach, as_of), experiment)
        if known.visitors_per_day and known.rates:
            return known
        partly = partly or (known if known.visitors_per_day or known.rates else None)
    return partly


def is_own(known: Measurement, experiment: Experiment) -> bool:
    """Was it measured in this very phase?"""
    return (known.phase.key, known.phase.phase) == (experiment.key, experiment.phase)


def _whole_days(phase: Experiment, as_of: datetime) -> tuple[int, int]:
    """The first whole day of the phase, and the first after it that is not over; days since 1970."""
    assert phase.started_at is not None, f"{phase.key} has not started"
    first = -((EPOCH - phase.started_at) // DAY)
    end = Clock(DAY, timedelta(0)).first_unsealed(as_of)
    return first, end if phase.ended_at is None else min(end, (phase.ended_at - EPOCH) // DAY)


def _started_at(phase: Experiment) -> datetime:
    assert phase.started_at is not None
    return phase.started_at


def _same_visitors(one: Experiment, other: Experiment) -> bool:
    mine, theirs = ((each.trigger, each.audience, each.assignment) for each in (one, other))
    return one.trigger is not None and mine == theirs


def _share(experiment: Experiment) -> float:
    low, high = experiment.exclusive.slice if experiment.exclusive else (0.0, 1.0)
    return max(experiment.traffic * (high - low), 1e-9)
