"""Store: the durable, idempotent log of events, which answers in tables of counts.

The protocol is all that anybody knows of an engine, and `tests/experiments/store/test_store_contract.py` all that an
engine must pass. What the events mean is `journey`, and every engine's counts are those of `tally`.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from experiments.definition.experiment import Experiment
from experiments.events.decision import Decision
from experiments.events.event import Event, MessageId, Refusal, VisitorId
from experiments.events.tables import Tables

Progress = Callable[[int], AbstractContextManager[Callable[[int], None]]]
"""Shows how far a long work has come: told how much there is to do, then each time how much more is done."""


def without_progress(_: int) -> AbstractContextManager[Callable[[int], None]]:
    """Shows nothing."""
    return nullcontext(lambda more: None)


class StoreError(Exception):
    """The store cannot do what was asked; the message says why, in words for whoever runs the site."""


class StoreUnavailable(StoreError):
    """Nothing was written: the disk, the file or the lock refused. Ask again later."""


class StillReadable(StoreError):
    """The rows are deleted, and somebody who has been reading since before keeps their bytes."""


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


@dataclass(frozen=True, slots=True)
class Traces:
    """What a log holds of one person: their `events`, in order of receipt, and all their `ids`.

    `refused`: how many refused events are from them or name them (`person.mentions`). `quoted_by`: events of others
    that have one of the ids as a whole text in their properties or attributes, also within lists; sorted.
    """

    events: Sequence[Event]
    ids: frozenset[VisitorId]
    refused: int
    quoted_by: Sequence[MessageId]


class Rule(Protocol):
    """What may go from a log (`retention`): only what was received `before`, and of each person what `expendable` says.

    `ending`: phases whose events go, so that their counts are final.
    """

    @property
    def before(self) -> datetime: ...

    @property
    def ending(self) -> Sequence[Experiment]: ...

    def expendable(self, person: Sequence[Event]) -> Sequence[Event]:
        """Which events of one person may go, given all of them?"""


RuleOf = Callable[[Sequence[Experiment], Mapping[tuple[str, int], datetime]], Rule]
"""The rule for a log that counts these phases, of which these (`Store.final_phases`) have lost events already."""


@dataclass(slots=True)
class Expired:
    """What went, or would go, of what was received `before`: events by what they are, of how many people, refusals.

    `ending`: of the Rule.
    """

    before: datetime
    ending: Sequence[Experiment]
    events: Counter[str] = field(default_factory=Counter)
    people: int = 0
    refusals: int = 0

    def add(self, events: Sequence[Event]) -> None:
        """Count what goes of one person."""
        self.people += 1
        self.events.update(event.name or event.kind for event in events)


class Store(Protocol):
    """One site's log. `experiment` arguments are phases: definitions with `started_at` set.

    A store is made with a function that gives every phase ever recorded. It asks it anew before it answers or counts:
    a phase that is new, or has ended since, is counted from the log first; an end once known is never taken back, not
    by an `experiment` argument without it either. A log that is kept is also made with a clock, for its revisions.
    May be used from many threads, and what several processes write to one log is in the answers of each of them.
    Every method raises StoreUnavailable when the medium refuses, and then nothing has changed.
    """

    def append(self, events: Sequence[Event], refusals: Sequence[Refusal] = ()) -> Receipt:
        """Make the events durable and counted, all or none, before returning. Idempotent by message id.

        Of two events with one message id the one that `Event.supersedes` prefers stays, whichever comes first. What
        changes cohorts that are sealed by now leaves a `Revision`, if the log is kept. Refusals have no id: each that
        is handed in is counted, and at least the newest 1,000 are kept.
        """

    def tables(self, experiment: Experiment, segments: Collection[str] | None = ()) -> Tables:
        """Everything counted and noted of one phase, of one moment: an event is in all its tables or in none.

        The cells are those that `tally` gives for all events in the log: those of the main tables, and of segments
        those of the reach table for the attributes asked for; all of them when `segments` is None.
        """

    def decisions(self, phases: Sequence[Experiment]) -> Sequence[Decision]:
        """The decision logs of these phases, in the order in which the verdicts fell. Never waits for a writer."""

    def record(self, decisions: Sequence[Decision], wait: bool = True) -> None:
        """Write these to the decision log, each with its `recorded_at`. What has its `key` there already stays.

        With `wait` False it is StoreUnavailable at once when somebody else is writing.
        """

    def people(self, experiment: Experiment, until: datetime) -> Iterator[Sequence[Event]]:
        """All events of each person (of all ids that joins connect) with an exposure in this phase before `until`.

        Each person once; their events distinct and in order of receipt. A long log is read a little at a time, each
        time as it is then: nobody waits for it, and it keeps nobody from deleting.
        """

    def visitor(self, visitor: VisitorId) -> Sequence[Event]:
        """All events of this id and every id joined to it, in order of receipt."""

    def traces(self, visitor: VisitorId) -> Traces:
        """All that is kept of this person, and who else names them: what `forget` deletes, and what it does not."""

    def recent(self, limit: int) -> Sequence[Event | Refusal]:
        """The newest arrivals, accepted or refused, newest first; those of one moment in any order."""

    def refused(self) -> Mapping[str, int]:
        """reason -> how many events were refused since the log began."""

    def forget(self, visitor: VisitorId) -> int:
        """Remove every event of this id and the ids joined to it; answers how many. It leaves a `Revision`.

        Refused events that mention one of the ids go too. Counts that are final (`expire`) stay. When it returns, no
        byte of the log has one of them. Raises StillReadable when all is deleted and somebody who reads keeps the
        bytes.
        """

    def expire(self, rule: RuleOf, delete: bool, progress: Progress = without_progress) -> Expired:
        """Delete what the rule lets go, refused events of that age among it; without `delete` only tell what would go.

        The counts stay as they are, and those of the phases that end by it are final: what arrives later changes them
        no more, `verify` leaves them out. When no event goes, no phase becomes final. The rule is asked anew for each
        part of the log. Interrupted, it is finished by doing it again. Raises what `forget` raises.
        """

    def final_phases(self) -> Mapping[tuple[str, int], datetime]:
        """Phases that have lost events: nothing of them that was received before that moment is sure to be there.

        (key, phase) -> the latest `before` of the rules by which events went.
        """

    def scan(self) -> Iterator[Event]:
        """Every event, in order of receipt."""

    def verify(self) -> Sequence[Difference]:
        """Recount everything from the raw events through `journey`; empty when the tables agree."""

    def copy(self, folder: Path, progress: Progress = without_progress) -> int:
        """Put this log into that folder, which has none, as it is at one moment, so that a site there opens with it.

        Answers how many events are in it, when it is complete, on disk and has been looked through. Raises StoreError
        when the log is damaged, or of a kind that is not kept in files, and OSError; then there is no new file.
        """

    def health(self) -> Sequence[str]:
        """Reasons why events cannot be taken now; empty when all is well."""

    def close(self) -> None:
        """Let go of the medium. The store is not used up: the next question takes the medium up again."""
