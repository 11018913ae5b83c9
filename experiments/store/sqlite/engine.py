"""SqliteStore: the embedded engine. One file, and exact tables kept in the transaction that stores the events."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from pathlib import Path

from experiments.definition.experiment import Experiment
from experiments.events.cohort import EPOCH
from experiments.events.decision import Decision, in_order
from experiments.events.event import Event, MessageId, Refusal, VisitorId, newest_first
from experiments.events.increment import Growth
from experiments.events.journey import Meaning
from experiments.events.person import ids_of, people
from experiments.events.tables import Tables
from experiments.events.tally import Tally, add, difference, tally
from experiments.store.sqlite import count_rows, decision_rows, event_rows, wipe
from experiments.store.sqlite.copy import copy, looked_through
from experiments.store.sqlite.event_rows import micros
from experiments.store.sqlite.file import Durability, SqliteFile
from experiments.store.store import (
    Difference,
    Expired,
    Progress,
    Receipt,
    RuleOf,
    StoreUnavailable,
    Traces,
    without_progress,
)

_receipt = attrgetter("received_at", "message_id")
RECOUNTED_AT_ONCE = 2_000  # visitors, when a phase begins or ends

# what of a definition no count depends on
MEANINGLESS = {"name", "hypothesis", "labels", "status", "traffic", "serve", "decision"}


def open_store(
    path: Path,
    phases: Callable[[], Sequence[Experiment]],
    durability: Durability = "full",
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> SqliteStore:
    """The store in this file, which is made when first needed. `phases` gives every phase ever recorded."""
    return SqliteStore(SqliteFile(path, durability, clock), phases)


class SqliteStore:
    """Implements the Store protocol. May be used from many threads, and on one file from several processes."""

    def __init__(self, file: SqliteFile, phases: Callable[[], Sequence[Experiment]]) -> None:
        self.file = file
        self.phases = phases
        # what was found to agree: phase -> its definition in the file, and the identity of the one in force
        self._agreed: dict[tuple[str, int], tuple[str | None, int]] = {}

    def append(self, events: Sequence[Event], refusals: Sequence[Refusal] = ()) -> Receipt:
        with self.file.writing() as connection:
            phases = self._bring_up_to_date(connection)
            fresh: dict[MessageId, Event] = {}
            for event in events:
                if event.message_id not in fresh or event.supersedes(fresh[event.message_id]):
                    fresh[event.message_id] = event
            known = {event.message_id: event for event in event_rows.by_message(connection, fresh)}
            taken = [e for e in fresh.values() if e.message_id not in known or e.supersedes(known[e.message_id])]
            replaced = [known[event.message_id] for event in taken if event.message_id in known]
            before = event_rows.of_people(connection, [*taken, *replaced])
            cause = "consent-withdrawn" if any(event.kind == "withdrawal" for event in taken) else "trusted-import"
            if replaced:
                after = {event.message_id: event for event in chain(before, taken)}
                changes = _shifts(phases, before, list(after.values()))
            else:
                changes = _growths(phases, before, taken)
            self._change(connection, changes, cause)
            event_rows.write(connection, taken)
            event_rows.write_refusals(connection, refusals)
        stored = len(fresh.keys() - known.keys())
        return Receipt(stored, len(events) - stored)

    def tables(self, experiment: Experiment, segments: Collection[str] | None = ()) -> Tables:
        with self._reading() as connection:
            cells = count_rows.read(connection, experiment, segments)
            revisions = list(count_rows.revisions(connection, experiment))
            decisions = sorted(decision_rows.read(connection, [experiment]), key=in_order)
        return Tables(experiment, cells, None if segments is None else frozenset(segments), revisions, decisions)

    def decisions(self, phases: Sequence[Experiment]) -> Sequence[Decision]:
        with self.file.reading() as connection:
            return sorted(decision_rows.read(connection, phases), key=in_order)

    def record(self, decisions: Sequence[Decision], wait: bool = True) -> None:
        with self.file.writing(wait) as connection:
            decision_rows.write(connection, decisions)

    def people(self, experiment: Experiment, until: datetime) -> Iterator[Sequence[Event]]:
        assert experiment.started_at is not None
        after = micros(experiment.started_at) - 1
        end = micros(min(until, experiment.ended_at or until))
        while after < end - 1:
            with self.file.reading() as connection:
                after, found = event_rows.exposed_next(connection, experiment, after, end)
            yield from found

    def visitor(self, visitor: VisitorId) -> Sequence[Event]:
        with self._reading() as connection:
            return event_rows.of_ids(connection, [visitor])

    def traces(self, visitor: VisitorId) -> Traces:
        with self._reading() as connection:
            return wipe.traces(connection, visitor)

    def recent(self, limit: int) -> Sequence[Event | Refusal]:
        with self._reading() as connection:
            newest: list[Event | Refusal] = [*event_rows.newest(connection, limit)]
            newest += event_rows.newest_refusals(connection, limit)
        return newest_first(newest, limit)

    def refused(self) -> Mapping[str, int]:
        with self._reading() as connection:
            return dict(connection.execute("SELECT reason, count FROM refused ORDER BY reason").fetchall())

    def forget(self, visitor: VisitorId) -> int:
        with self.file.writing() as connection:
            connection.execute("PRAGMA secure_delete = ON")
            phases = self._bring_up_to_date(connection)
            events = event_rows.of_ids(connection, [visitor])
            ids = ids_of(visitor, events)
            self._change(connection, _shifts(phases, events, []), "forgotten")
            event_rows.delete(connection, events)
            wipe.delete_mentions(connection, ids)
        wipe.wipe(self.file, {*ids, *(event.message_id for event in events)})
        return len(events)

    def expire(self, rule: RuleOf, delete: bool, progress: Progress = without_progress) -> Expired:
        with self._reading():
            pass  # brings the counts up to date before what they follow from goes
        return wipe.expire(self.file, rule, delete, progress)

    def final_phases(self) -> Mapping[tuple[str, int], datetime]:
        with self.file.reading() as connection:
            return count_rows.final(connection)

    def scan(self) -> Iterator[Event]:
        with self._reading() as connection:
            yield from event_rows.every(connection)

    def verify(self) -> Sequence[Difference]:
        with self._reading() as connection:
            final, definitions = count_rows.final(connection), count_rows.definitions(connection)
            phases = [_parsed(definition) for phase, definition in definitions.items() if phase not in final]
            recounts: list[tuple[Meaning, Tally]] = [(Meaning(phase), {}) for phase in phases]
            for person in event_rows.persons(connection):
                for meaning, recount in recounts:
                    add(recount, meaning.journey(person).rows)
            found = []
            for phase, (_, recount) in zip(phases, recounts, strict=True):
                table = count_rows.read(connection, phase)
                for cell in sorted(difference(recount, table), key=str):
                    name = "/".join(map(str, cell))
                    counts = table.get(cell, ()), recount.get(cell, ())
                    found.append(Difference(phase.key, phase.phase, name, *counts))
        return found

    def copy(self, folder: Path, progress: Progress = without_progress) -> int:
        to = folder / self.file.path.name
        with self.file.reading() as connection:
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            with progress(pages) as advance:
                copy(connection, to, advance)
        return looked_through(to)

    def health(self) -> Sequence[str]:
        try:
            self.file.check()
        except StoreUnavailable as reason:
            return (str(reason),)
        return ()

    def close(self) -> None:
        self.file.close()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self.file.reading() as connection:
            if not any(self._changed(count_rows.definitions(connection), count_rows.final(connection))):
                yield connection
                return
        with self.file.writing() as connection:
            self._bring_up_to_date(connection)
        with self.file.reading() as connection:
            yield connection

    def _change(self, connection: sqlite3.Connection, changes: Iterable[tuple[Experiment, Tally]], cause: str) -> None:
        for phase, change in changes:
            if change:
                count_rows.change(connection, phase, change)
                count_rows.revise(connection, phase, change, cause, self.file.clock())

    def _changed(
        self, definitions: Mapping[tuple[str, int], str], final: Collection[tuple[str, int]]
    ) -> Iterator[tuple[Experiment | None, Experiment]]:
        """Phases that the tables do not count yet by the definition in force: how they were counted, how they must be.

        Another process may know of an end before this one does: an end once known is never taken back. The counts of a
        phase whose raw events began to go are final, whatever its definition becomes.
        """
        for phase in self.phases():
            if (phase.key, phase.phase) in final:
                continue
            definition = definitions.get((phase.key, phase.phase))
            if self._agreed.get((phase.key, phase.phase)) == (definition, id(phase)):
                continue
            old = _parsed(definition) if definition is not None else None
            if old is None or (_meaning(old) != _meaning(phase) and not (old.ended_at and not phase.ended_at)):
                yield old, phase
            else:
                self._agreed[phase.key, phase.phase] = (definition, id(phase))

    def _bring_up_to_date(self, connection: sqlite3.Connection) -> Sequence[Growth]:
        """Count by the definitions in force: what is new or has ended is recounted from the log. Answers all phases
        whose counts may still change."""
        definitions, final = count_rows.definitions(connection), count_rows.final(connection)
        changed = list(self._changed(definitions, final))
        for old, phase in changed:
            self._recount(connection, old, phase)
            count_rows.define(connection, phase)
        if changed:
            definitions = count_rows.definitions(connection)
        return [_growth(definition) for phase, definition in definitions.items() if phase not in final]

    def _recount(self, connection: sqlite3.Connection, old: Experiment | None, new: Experiment) -> None:
        only_ended = old is not None and _meaning(old) == _meaning(new.model_copy(update={"ended_at": old.ended_at}))
        since = new.ended_at if only_ended else new.started_at if new.phase > 1 else None
        ids = event_rows.exposed(connection, new.key, since or EPOCH)
        seen: set[VisitorId] = set()
        for start in range(0, len(ids), RECOUNTED_AT_ONCE):
            asked = [visitor for visitor in ids[start : start + RECOUNTED_AT_ONCE] if visitor not in seen]
            events = event_rows.of_ids(connection, asked)
            seen.update(event.visitor for event in events)
            before = tally(old, events) if old is not None else {}
            self._change(connection, [(new, difference(tally(new, events), before))], "definition-changed")


def _growths(
    phases: Iterable[Growth], before: Sequence[Event], taken: Sequence[Event]
) -> Iterator[tuple[Experiment, Tally]]:
    """What these people add to each phase's tables now that more of them is known: none of `taken` was."""
    concerned = defaultdict(list)
    for person in people(sorted(chain(before, taken), key=_receipt)):
        for key in {event.experiment for event in person if event.experiment is not None}:
            concerned[key].append(person)
    fresh = {event.message_id for event in taken}
    for growth in phases:
        phase = growth.meaning.experiment
        yield phase, growth.by(concerned[phase.key], fresh)


def _shifts(
    phases: Iterable[Growth], before: Sequence[Event], after: Sequence[Event]
) -> Iterator[tuple[Experiment, Tally]]:
    """What each phase's tables change by when these people add what follows from `after`, and no more from `before`."""
    exposed_to = {event.experiment for event in chain(before, after) if event.kind == "exposure"}
    for phase in (growth.meaning.experiment for growth in phases):
        if phase.key in exposed_to:
            yield phase, difference(tally(phase, after), tally(phase, before))


@lru_cache(maxsize=1_000)
def _parsed(definition: str) -> Experiment:
    return Experiment.model_validate_json(definition)


@lru_cache(maxsize=1_000)
def _growth(definition: str) -> Growth:
    return Growth(Meaning(_parsed(definition)))


def _meaning(phase: Experiment) -> object:
    """What of a definition the counts depend on."""
    return phase.model_dump(exclude=MEANINGLESS)
