"""Rows of the event log: events and refusals, written to and read from an SQLite connection."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from experiments.definition.experiment import Experiment
from experiments.events.cohort import EPOCH
from experiments.events.event import Event, MessageId, Refusal, VisitorId
from experiments.events.person import first_exposed, ids_in, people
from experiments.store.sqlite.bulk_insert import insert

COLUMNS = "message_id, kind, visitor, at, received_at, name, joined, experiment, variant, properties, attributes"
IN_ORDER = "ORDER BY received_at, message_id"
AMONG = "IN (SELECT value FROM json_each(?))"
KEPT_REFUSALS = 1_000
KEPT_ATTRIBUTES = 1_000  # as text, some 200 bytes each
MICROSECOND = timedelta(microseconds=1)
EXPOSURES_AT_ONCE = 500  # whose people are read from the log together
VISITORS_AT_ONCE = 2_000  # whose events are read from the log together, and deleted: nobody waits for longer
_encoded = json.JSONEncoder(separators=(",", ":")).encode  # made once: json.dumps makes one for each call


def micros(time: datetime) -> int:
    """An instant as microseconds since 1970-01-01T00Z."""
    return (time - EPOCH) // MICROSECOND


def moment(number: int) -> datetime:
    """The instant of so many microseconds since 1970-01-01T00Z."""
    return EPOCH + timedelta(microseconds=number)


def write(connection: sqlite3.Connection, events: Iterable[Event]) -> None:
    """Store these events, replacing what has their message ids."""
    insert(
        connection,
        f"INSERT OR REPLACE INTO events ({COLUMNS})",
        [
            (
                event.message_id,
                event.kind,
                event.visitor,
                micros(event.at),
                micros(event.received_at),
                event.name,
                event.joined,
                event.experiment,
                event.variant,
                _encoded(event.properties) if event.properties else "{}",
                _attributes(tuple(event.attributes.items())),
            )
            for event in events
        ],
    )


@lru_cache(maxsize=KEPT_ATTRIBUTES)
def _attributes(items: tuple[tuple[str, str], ...]) -> str:
    """Attributes as JSON: many visitors have the same. They are texts, so equal ones are the same text."""
    return _encoded(dict(items))


def delete(connection: sqlite3.Connection, events: Iterable[Event]) -> None:
    """Remove these events."""
    connection.executemany("DELETE FROM events WHERE message_id = ?", [(event.message_id,) for event in events])


def by_message(connection: sqlite3.Connection, messages: Iterable[MessageId]) -> Iterator[Event]:
    """The stored events with these message ids."""
    return _select(connection, f"WHERE message_id {AMONG}", [json.dumps(list(messages))])


def of_people(connection: sqlite3.Connection, events: Iterable[Event]) -> list[Event]:
    """Every stored event of everybody whom these events concern, as stored joins and those among `events` connect."""
    return of_ids(connection, ids_in(events))


def of_ids(connection: sqlite3.Connection, ids: Iterable[VisitorId]) -> list[Event]:
    """Every stored event of these ids and of all ids joined to them, in order of receipt."""
    found = set(ids)
    frontier = found
    while frontier:
        asked = json.dumps(list(frontier))
        rows = connection.execute(
            f"SELECT joined FROM events WHERE visitor {AMONG} AND joined IS NOT NULL "
            f"UNION SELECT visitor FROM events WHERE joined {AMONG}",
            [asked, asked],
        )
        frontier = {VisitorId(row[0]) for row in rows} - found
        found |= frontier
    return list(_select(connection, f"WHERE visitor {AMONG} {IN_ORDER}", [json.dumps(list(found))]))


def every(connection: sqlite3.Connection) -> Iterator[Event]:
    """The whole log, in order of receipt."""
    return _select(connection, IN_ORDER, [])


def persons(connection: sqlite3.Connection) -> Iterator[list[Event]]:
    """The whole log, the events of one person (of all ids that joins connect) at a time, in order of receipt.

    Never more of it in memory than that of VISITORS_AT_ONCE ids and of whom they are joined to.
    """
    after = VisitorId("")
    while True:
        ids, found = persons_next(connection, after)
        if not ids:
            return
        yield from found
        after = ids[-1]


def persons_next(
    connection: sqlite3.Connection, after: VisitorId, before: datetime | None = None
) -> tuple[Sequence[VisitorId], Sequence[list[Event]]]:
    """The next VISITORS_AT_ONCE ids, in order, with an event received before a moment, and all events of each person.

    Who is known by several ids has a turn once, at the first of them that has such an event.
    """
    # the plus keeps SQLite to the index on visitors, so that no part of the log is looked at twice
    timely, values = ("", []) if before is None else ("AND +received_at < ?", [micros(before)])
    query = f"SELECT DISTINCT visitor FROM events WHERE visitor > ? {timely} ORDER BY visitor LIMIT ?"
    ids = [VisitorId(row[0]) for row in connection.execute(query, [after, *values, VISITORS_AT_ONCE])]
    found = []
    for person in people(of_ids(connection, ids)):
        first = min((one.visitor for one in person if before is None or one.received_at < before), default=None)
        if first is not None and ids[0] <= first <= ids[-1]:
            found.append(person)
    return ids, found


def exposed(connection: sqlite3.Connection, experiment: str, since: datetime) -> list[VisitorId]:
    """Ids with an exposure to this experiment at or after a moment."""
    rows = connection.execute(
        "SELECT DISTINCT visitor FROM events WHERE experiment = ? AND at >= ?", (experiment, micros(since))
    )
    return [VisitorId(row[0]) for row in rows]


def exposed_next(
    connection: sqlite3.Connection, phase: Experiment, after: int, end: int
) -> tuple[int, list[list[Event]]]:
    """People first exposed in a phase after one moment and before another, those of the next EXPOSURES_AT_ONCE.

    Moments are in microseconds. Answers up to which moment they were looked for, and all events of each person.
    """
    row = connection.execute(
        "SELECT at FROM events WHERE experiment = ? AND at > ? ORDER BY at LIMIT 1 OFFSET ?",
        (phase.key, after, EXPOSURES_AT_ONCE - 1),
    ).fetchone()
    last = end - 1 if row is None else min(int(row[0]), end - 1)
    rows = connection.execute(
        "SELECT DISTINCT visitor FROM events WHERE experiment = ? AND at > ? AND at <= ?", (phase.key, after, last)
    )
    found = people(of_ids(connection, [VisitorId(row[0]) for row in rows]))
    # who was exposed more than once has a turn once, at the first of them
    firsts = ((person, first_exposed(phase, person)) for person in found)
    return last, [person for person, first in firsts if first is not None and after < micros(first) <= last]


def newest(connection: sqlite3.Connection, limit: int) -> Iterator[Event]:
    """The events received last, newest first."""
    return _select(connection, "ORDER BY received_at DESC, message_id DESC LIMIT ?", [limit])


def write_refusals(connection: sqlite3.Connection, refusals: Sequence[Refusal]) -> None:
    """Keep the newest refusals to look at, and count them all."""
    if not refusals:
        return
    connection.executemany(
        "INSERT INTO refusals (refused_at, reason, detail, message_id, name, visitor, experiment) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(micros(r.refused_at), r.reason, r.detail, r.message_id, r.name, r.visitor, r.experiment) for r in refusals],
    )
    connection.executemany(
        "INSERT INTO refused (reason, count) VALUES (?, 1) ON CONFLICT (reason) DO UPDATE SET count = count + 1",
        [(refusal.reason,) for refusal in refusals],
    )
    connection.execute("DELETE FROM refusals WHERE id <= (SELECT max(id) FROM refusals) - ?", (KEPT_REFUSALS,))


def newest_refusals(connection: sqlite3.Connection, limit: int) -> Iterator[Refusal]:
    """The refusals kept last, newest first."""
    columns = "reason, detail, refused_at, message_id, name, visitor, experiment"
    for reason, detail, refused_at, *what in connection.execute(
        f"SELECT {columns} FROM refusals ORDER BY id DESC LIMIT ?", (limit,)
    ):
        yield Refusal(reason, detail, moment(refused_at), *what)


def _select(connection: sqlite3.Connection, where: str, values: Sequence[Any]) -> Iterator[Event]:
    rows = connection.execute(f"SELECT {COLUMNS} FROM events {where}", values)
    for message, kind, visitor, at, received_at, name, joined, experiment, variant, properties, attributes in rows:
        said = {} if properties == "{}" else json.loads(properties)
        known = json.loads(attributes)
        yield Event(
            message, kind, visitor, moment(at), moment(received_at), name, joined, experiment, variant, said, known
        )
