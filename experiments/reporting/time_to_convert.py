"""TimeToConvert: how long after their first exposure do visitors reach each step? Description, no test.

A named scan of the log: the tables of counts do not keep times. Who is counted, and what is reached, is what `journey`
says for the patterns, so the visitors are those of the funnel: not excluded, of days whose whole window is over. Of
younger days only the quick ones would be there. Steps are followed for the experiment's whole window, also those that
the verdict gives a shorter one.

Those who reached a step differ between variants, so their times compare different people; the share of *all* visitors
who got there within a time compares the same ones.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Annotated

from pydantic import Field

from experiments.definition.definition import StepKind
from experiments.definition.document import HIDDEN, Document, Flat, NamedPhase, Written
from experiments.definition.experiment import Experiment
from experiments.definition.quantity import utc
from experiments.events.cohort import DAY, Clock
from experiments.events.event import Event
from experiments.events.journey import Meaning

ENOUGH = 20
"""So many visitors must have reached a step before quartiles of their times are told: five in each quarter."""

_FINENESS = 1.01  # edges of longer times are 1% apart, so a quartile is at most 1% too long
_POINTS = 48  # of the curve
_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)
_DURATIONS = (
    *(_MINUTE * n for n in (1, 5, 15)),
    *(_HOUR * n for n in (1, 4)),
    *(DAY * n for n in (1, 3, 7, 14, 30, 60, 120, 365)),
)

Quartiles = tuple[timedelta, timedelta, timedelta]


@dataclass(frozen=True, slots=True)
class Within:
    """Within how many seconds a quarter, a half and three quarters of those who reached a step did."""

    quarter_within: int | None
    half_within: int | None
    three_quarters_within: int | None


def _seconds(length: timedelta) -> int:
    return int(length.total_seconds())


_LONGEST = Written(lambda durations: _seconds(durations[-1]), int)


def _within(quartiles: Quartiles | None) -> Within:
    quarter, half, most = (None if one is None else _seconds(one) for one in quartiles or (None, None, None))
    return Within(quarter, half, most)


@dataclass(frozen=True, slots=True)
class ReachedWithin(Document):
    """How many had reached the step so long after their first exposure; `share` of all visitors, None of nobody."""

    within: Annotated[timedelta, Written(_seconds)]
    reached: int
    share: float | None


@dataclass(frozen=True, slots=True)
class Times(Document):
    """One variant at one step: how many of its `visitors` `reached` it.

    `quartiles`: within which times a quarter, a half and three quarters of those who reached it did, at most 1% too
    long; None of fewer than `ENOUGH`. `curve` and `course`: how many had reached it after each of the `durations` and
    `points` of the whole.
    """

    visitors: int
    reached: int
    quartiles: Annotated[Quartiles | None, Written(_within), Flat()]
    curve: Sequence[ReachedWithin]
    course: Annotated[Sequence[int], HIDDEN]

    def share(self, reached: int) -> float | None:
        """That part of all visitors, in [0, 1]; None of nobody."""
        return _share(reached, self.visitors)


@dataclass(frozen=True, slots=True)
class StepTimes(Document):
    """One step, and the times of each variant."""

    step: str
    kind: StepKind
    variants: Mapping[str, Times]


@dataclass(frozen=True, slots=True)
class TimeToConvert(Document):
    """The times of a whole phase as of a moment. `durations`: for a table; `points`: for a curve, from a second on."""

    experiment: NamedPhase
    as_of: datetime
    durations: Annotated[Sequence[timedelta], _LONGEST, Field(serialization_alias="window_seconds")]
    points: Annotated[Sequence[timedelta], HIDDEN]
    steps: Sequence[StepTimes]


def time_to_convert(
    experiment: Experiment,
    people: Iterable[Sequence[Event]],
    as_of: datetime,
    advance: Callable[[int], None] = lambda visitors: None,
) -> TimeToConvert:
    """How long do the visitors of this phase take, as of this moment (aware)?

    `people`: the events of each person who was exposed, of all ids that joins connect, distinct and in order of
    receipt; one person at a time is kept. `advance` is called with how many more were judged.
    Raises ValueError when the experiment is no phase.
    """
    meaning = Meaning(experiment)
    patterns = next(table for table in meaning.tables if table.kind == "patterns")
    sealed = sealed_until(experiment, as_of)
    durations = [*(one for one in _DURATIONS if one < experiment.window), experiment.window]
    points = _spread(experiment.window)
    edges = _edges(durations, points)
    seconds = [edge.total_seconds() for edge in edges]
    visitors = {variant.key: 0 for variant in experiment.variants}
    counts = {step.step: {key: [0] * len(edges) for key in visitors} for step in experiment.steps}
    for person in people:
        for _, judgement in meaning.judged(patterns, meaning.facts(person), set()):
            first = judgement.first
            if judgement.counted.excluded or first.at >= sealed or first.variant is None:
                continue
            visitors[first.variant] += 1
            for step, event in meaning.reached(patterns, judgement).items():
                counts[step][first.variant][bisect_left(seconds, (event.at - first.at).total_seconds())] += 1
        advance(1)
    place = {edge: index for index, edge in enumerate(edges)}

    def times(step: str, variant: str) -> Times:
        so_far = list(accumulate(counts[step][variant]))
        return Times(
            visitors[variant],
            so_far[-1],
            _quartiles(edges, so_far),
            [
                ReachedWithin(one, so_far[place[one]], _share(so_far[place[one]], visitors[variant]))
                for one in durations
            ],
            [so_far[place[one]] for one in points],
        )

    steps = [
        StepTimes(step.step, experiment.kind_of(step), {key: times(step.step, key) for key in visitors})
        for step in experiment.steps
    ]
    return TimeToConvert(experiment, utc(as_of), durations, points, steps)


def sealed_until(experiment: Experiment, as_of: datetime) -> datetime:
    """Visitors who came before this moment have had their whole window by `as_of` (aware)."""
    clock = Clock(DAY, experiment.window)
    return clock.start(clock.first_unsealed(utc(as_of)))


def _spread(window: timedelta) -> list[timedelta]:
    """Points from a second to the window, evenly spaced on a logarithmic scale, in whole seconds."""
    whole = window.total_seconds()
    found = {round(whole ** (k / (_POINTS - 1))) for k in range(_POINTS)}
    return [timedelta(seconds=one) for one in sorted(found)]


def _edges(*exact: Sequence[timedelta]) -> list[timedelta]:
    """Times between which visitors are counted together: no time is lost at those that are `exact`."""
    window = max(one for some in exact for one in some).total_seconds()
    found = {one.total_seconds() for some in exact for one in some} | {0.0}
    edge = 1.0
    while edge < window:
        found.add(edge)
        edge = max(edge + 1, math.floor(edge * _FINENESS))
    return [timedelta(seconds=one) for one in sorted(found)]


def _quartiles(edges: Sequence[timedelta], so_far: Sequence[int]) -> Quartiles | None:
    reached = so_far[-1]
    if reached < ENOUGH:
        return None
    quarter, half, most = (edges[bisect_left(so_far, math.ceil(reached * share))] for share in (0.25, 0.5, 0.75))
    return quarter, half, most


def _share(reached: int, visitors: int) -> float | None:
    return reached / visitors if visitors else None
