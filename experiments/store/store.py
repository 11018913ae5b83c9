"""Store: the durable, idempotent log of events, which answers in tables of counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from experiments.definition.experiment import Experiment
from experiments.events.decision import Decision
from experiments.events.event import Event, Refusal, VisitorId
from stats.tables.patterns import PatternTable
from stats.tables.reach import ReachTable


class StoreError(Exception):
    """The store cannot do what was asked; the message says why, in words for whoever runs the site."""


class StoreUnavailable(StoreError):
    """Nothing was written: the disk, the file or the lock refused. Ask again later."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one batch: `stored` new events, `duplicates` known already (or known by an earlier receipt)."""

    stored: int
    duplicates: int


@dataclass(frozen=True, slots=True)
class Revision:
    """A dated change of numbers already published, and what caused it."""

    revised_at: datetime
    cause: str  # forgotten, consent-withdrawn, trusted-import
    experiment: str
    phase: int
    cohort_from: datetime
    cohort_to: datetime


@dataclass(frozen=True, slots=True)
class Difference:
    """One cell in which the tables and a recount from the raw events disagree."""

    experiment: str
    phase: int
    cell: str
    table: tuple[int, ...]
    recount: tuple[int, ...]


class Store(Protocol):
    """One site's log. `experiment` arguments are phases: definitions with `started_at` set.

    Every method raises StoreUnavailable when the medium refuses.
    """

    def append(self, events: Sequence[Event], refusals: Sequence[Refusal] = ()) -> Receipt:
        """Make the events durable and counted, all or none, before returning. Idempotent by message id."""
        ...

    def reach(self, experiment: Experiment) -> ReachTable:
        """Visitors and reached per step, hourly cohort, stratum and variant, sealed or not."""
        ...

    def segment_reach(self, experiment: Experiment, attribute: str) -> Mapping[str, ReachTable]:
        """The same per level of one attribute, with daily cohorts and one stratum."""
        ...

    def patterns(self, experiment: Experiment) -> PatternTable:
        """Visitors and value per daily cohort, variant and pattern."""
        ...

    def ledger(self, experiment: Experiment) -> Mapping[str, Mapping[str, int]]:
        """reason -> variant (or "" where there is none) -> how many; what was not counted, or counted with a mark."""
        ...

    def revisions(self, experiment: Experiment) -> Sequence[Revision]:
        """Changes of published numbers, oldest first."""
        ...

    def record(self, decisions: Sequence[Decision], wait: bool = True) -> None:
        """Write these to the decision log, each with its `recorded_at`. What has its `key` there already stays.

        With `wait` False it is StoreUnavailable at once when somebody else is writing.
        """
        ...

    def decisions(self, experiment: Experiment) -> Sequence[Decision]:
        """The decision log of one phase, in the order in which the verdicts fell. Never waits for a writer."""
        ...

    def visitor(self, visitor: VisitorId) -> Sequence[Event]:
        """All events of this id and every id joined to it, in order of receipt."""
        ...

    def recent(self, limit: int) -> Sequence[Event | Refusal]:
        """The newest arrivals, accepted or refused, newest first."""
        ...

    def refused(self) -> Mapping[str, int]:
        """reason -> how many events were refused since the log began."""
        ...

    def forget(self, visitor: VisitorId) -> int:
        """Remove every event of this id and the ids joined to it; answers how many. A dated revision is kept."""
        ...

    def scan(self) -> Iterator[Event]:
        """Every event, in order of receipt."""
        ...

    def verify(self) -> Sequence[Difference]:
        """Recount everything from the raw events through `journey`; empty when the tables agree."""
        ...

    def health(self) -> Sequence[str]:
        """Reasons why events cannot be taken now; empty when all is well."""
        ...

    def close(self) -> None: ...
