"""ExposedPeople: the events of everybody who was exposed in a phase, one person at a time, however long the log is."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime

from experiments.definition.experiment import Experiment
from experiments.events.event import Event, VisitorId
from experiments.events.journey import concerns
from experiments.events.person import people
from experiments.maintenance import retention
from experiments.store.sqlite.engine import SqliteStore
from experiments.store.sqlite.event_rows import micros, of_ids
from experiments.store.sqlite.file import SqliteFile
from experiments.store.store import Store

EXPOSURES_AT_ONCE = 500  # whose people are read from the log together


def exposed_people(phase: Experiment, store: Store, until: datetime) -> Iterator[Sequence[Event]]:
    """All events of each person (of all ids that joins connect) with an exposure in this phase before `until`.

    Distinct and in order of receipt. An SQLite log is read a little at a time, in the order of first exposures, each
    time as it is then: no reader is kept open, and nobody waits for it. Raises StoreUnavailable.
    """
    if isinstance(store, SqliteStore):
        yield from _from_file(phase, store.file, until)
    else:
        yield from people(event for event in store.scan() if concerns(phase, event))


def raw_events_gone(phase: Experiment, store: Store) -> bool:
    """Have events of this phase been deleted, as `retention` says, so that only its counts are left?"""
    if not isinstance(store, SqliteStore):
        return False
    with store.file.reading() as connection:
        return (phase.key, phase.phase) in retention.gone(connection)


def _from_file(phase: Experiment, file: SqliteFile, until: datetime) -> Iterator[Sequence[Event]]:
    if phase.started_at is None:
        return
    end = micros(min(until, phase.ended_at or until))
    after = micros(phase.started_at) - 1
    while after < end - 1:
        with file.reading() as connection:
            last = min(_so_many_later(connection, phase.key, after) or end - 1, end - 1)
            rows = connection.execute(
                "SELECT DISTINCT visitor FROM events WHERE experiment = ? AND at > ? AND at <= ?",
                (phase.key, after, last),
            )
            found = list(people(of_ids(connection, [VisitorId(row[0]) for row in rows])))
        for person in found:
            # who was exposed more than once has a turn once, at the first of them
            if after < _first(phase, person) <= last:
                yield person
        after = last


def _so_many_later(connection: sqlite3.Connection, experiment: str, after: int) -> int | None:
    """The moment of the last of the next exposures after this one; None when there are fewer."""
    row = connection.execute(
        "SELECT at FROM events WHERE experiment = ? AND at > ? ORDER BY at LIMIT 1 OFFSET ?",
        (experiment, after, EXPOSURES_AT_ONCE - 1),
    ).fetchone()
    return None if row is None else int(row[0])


def _first(phase: Experiment, person: Sequence[Event]) -> int:
    """The moment of the first exposure in this phase."""
    assert phase.started_at is not None
    return min(micros(e.at) for e in person if e.experiment == phase.key and e.at >= phase.started_at)
