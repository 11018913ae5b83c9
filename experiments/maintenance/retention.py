"""retention: which raw events are old enough to go, and which are still needed by a test.

Counts stay as they are. A phase that is over for good (stopped, and every cohort of it sealed) may lose its raw events;
then it is noted in the table `expired`: its counts never change again, whatever arrives, and cannot be recounted. Every
other phase keeps all that its counts follow from, however old.

What goes is forgotten altogether: two ids that were joined, and came to no test that still counts, are two people when
they come again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from experiments.definition.definition import GRACE
from experiments.definition.experiment import Experiment
from experiments.events.cohort import DAY, Clock
from experiments.events.event import Event
from experiments.store.store import Expired, Progress, Store, without_progress


@dataclass(frozen=True, slots=True)
class Retention:
    """What goes: events received before `before` that none of the `needing` phases counts by.

    `ending`: phases whose counts are final from now on, because their events go, or went before.
    """

    before: datetime
    needing: tuple[Experiment, ...]
    ending: tuple[Experiment, ...]

    def expendable(self, person: Sequence[Event]) -> list[Event]:
        """Which events of one person (of all ids that joins connect) may go?

        Who withdrew consent stays known as such, under all their ids: they must not be counted in a later test.
        """
        needing = [phase for phase in self.needing if any(_exposes(event, phase) for event in person)]
        withdrew = any(event.kind == "withdrawal" for event in person)
        return [
            event
            for event in person
            if event.received_at < self.before
            and not (withdrew and _for_good(event))
            and not any(_counts(event, phase) for phase in needing)
        ]


def over_at(phase: Experiment) -> datetime | None:
    """From when on can nothing that is received change this phase's counts? None while it runs."""
    if phase.ended_at is None:
        return None
    clock = Clock(DAY, phase.window)  # no cohort seals later than a day's of the longest window
    return clock.seal(clock.cohort(phase.ended_at))


def rule(
    phases: Sequence[Experiment], gone: Mapping[tuple[str, int], datetime], kept: timedelta, now: datetime
) -> Retention:
    """What may go now, given every phase, and those whose raw events began to go before?"""
    needing = []
    ending = []
    for phase in phases:
        over = over_at(phase)
        if over is None or now <= over:
            kept = max(kept, phase.window + DAY + GRACE)  # an exposure may still arrive before what followed it
    before = now - kept
    for phase in phases:
        over = over_at(phase)
        old = over is not None and over < now and phase.started_at is not None and phase.started_at < before
        if old or (phase.key, phase.phase) in gone:
            ending.append(phase)
        else:
            needing.append(phase)
    return Retention(before, tuple(needing), tuple(ending))


def expire(
    store: Store, kept: timedelta, now: datetime, delete: bool, progress: Progress = without_progress
) -> Expired:
    """Delete what is older than that and no longer needed, or tell what would go. Raises what `Store.expire` raises."""
    return store.expire(lambda phases, final: rule(phases, final, kept, now), delete, progress)


def _for_good(event: Event) -> bool:
    """Does this say something of a person that holds for every test to come: who they are, that they withdrew?"""
    return event.joined is not None or event.kind == "withdrawal"


def _exposes(event: Event, phase: Experiment) -> bool:
    """Is this an exposure that a phase counts, if only in its ledger?"""
    return (
        event.kind == "exposure"
        and event.experiment == phase.key
        and (phase.phase == 1 or (phase.started_at is not None and event.at >= phase.started_at))
    )


def _counts(event: Event, phase: Experiment) -> bool:
    """May the counts of a phase to which its person was exposed depend on this event?"""
    if _for_good(event) or _exposes(event, phase):
        return True
    return event.kind == "action" and phase.started_at is not None and event.at >= phase.started_at
