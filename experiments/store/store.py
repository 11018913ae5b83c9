"""Store: the durable, idempotent log of events, which answers in tables of counts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from experiments.definition.experiment import Experiment
from experiments.events.decision import Decision
from experiments.events.event import Event, Refusal, VisitorId
from experiments.events.tables import Tables


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

    def tables(self, experiment: Experiment, segments: Collection[str] = ()) -> Tables:
        """Everything counted and noted of one phase, of one moment: an event is in all its tables or in none.

        The cells are those that `tally` gives for all events in the log; of segments only the attributes asked for.
        """
        ...

    def decisions(self, phases: Sequence[Experiment]) -> Sequence[Decision]:
        """The decision logs of these phases, in the order in which the verdicts fell. Never waits for a writer."""
        ...

    def record(self, decisions: Sequence[Decision], wait: bool = True) -> None:
        """Write these to the decision log, each with its `recorded_at`. What has its `key` there already stays.

        With `wait` False it is StoreUnavailable at once when somebody else is writing.
        """
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
