"""retention: which raw events are old enough to go, and which are still needed by a test.

Counts stay as they are. A phase that is over for good (stopped, and every cohort of it sealed) may lose its raw events;
then it is noted in the table `expired`: its counts never change again, whatever arrives, and cannot be recounted. Every
other phase keeps all that its counts follow from, however old.

What goes is forgotten altogether: two ids that were joined, and came to no test that still counts, are two people when
they come again.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from experiments.definition.definition import GRACE
from experiments.definition.experiment import Experiment
from experiments.events.cohort import DAY, Clock
from experiments.events.event import Event, VisitorId
from experiments.events.person import people
from experiments.maintenance.erasure import wipe
from experiments.store.sqlite import count_rows, event_rows
from experiments.store.sqlite.event_rows import micros, moment
from experiments.store.sqlite.file import SqliteFile

VISITORS_AT_ONCE = 2_000  # in one transaction; a served site's own events wait for no longer

Phase = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Rule:
    """What goes: events received before `before` that none of the `needing` phases counts by.

    `ending`: phases whose counts are final from now on, because their events go, or went before.
    """

    before: datetime
    needing: tuple[Experiment, ...]
    ending: tuple[Experiment, ...]


@dataclass(slots=True)
class Expired:
    """What went, or would go: events by what they are, how many people they tell of, and refused events."""

    rule: Rule
    events: Counter[str] = field(default_factory=Counter)
    people: int = 0
    refusals: int = 0


def over_at(phase: Experiment) -> datetime | None:
    """From when on can nothing that is received change this phase's counts? None while it runs."""
    if phase.ended_at is None:
        return None
    clock = Clock(DAY, phase.window)  # no cohort seals later than a day's of the longest window
    return clock.seal(clock.cohort(phase.ended_at))


def rule(phases: Sequence[Experiment], gone: Mapping[Phase, datetime], retention: timedelta, now: datetime) -> Rule:
    """What may go now, given every phase, and those whose raw events began to go before?"""
    needing = []
    ending = []
    kept = retention
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
    return Rule(before, tuple(needing), tuple(ending))


def expendable(person: Sequence[Event], by: Rule) -> list[Event]:
    """Which events of one person (of all ids that joins connect) may go?

    Who withdrew consent stays known as such, under all their ids: they must not be counted in a later test.
    """
    needing = [phase for phase in by.needing if any(_exposes(event, phase) for event in person)]
    withdrew = any(event.kind == "withdrawal" for event in person)
    return [
        event
        for event in person
        if event.received_at < by.before
        and not (withdrew and _for_good(event))
        and not any(_counts(event, phase) for phase in needing)
    ]


def expire(
    file: SqliteFile,
    retention: timedelta,
    now: datetime,
    delete: bool,
    advance: Callable[[int], None] = lambda visitors: None,
) -> Expired:
    """Delete what is older than that and no longer needed, or tell what would go.

    The counts must be up to date: read any of them through the store before. Interrupted, it is finished by doing it
    again. Raises what `wipe` raises; then all is deleted, and only bytes of it are left.
    """
    after = VisitorId("")
    expired = Expired(rule_of(file, retention, now))
    while True:
        with file.writing() if delete else file.reading() as connection:
            by = _rule(connection, retention, now)  # anew: a phase may have been added since
            asked = _visitors(connection, by.before, after)
            if not asked:
                break
            if delete:
                connection.execute("PRAGMA secure_delete = ON")
            doomed = list(_doomed(connection, by, asked, expired))
            if delete and doomed:
                _note(connection, by, now)
                event_rows.delete(connection, doomed)
        advance(len(asked))
        after = asked[-1]
    expired.refusals = _refusals(file, expired.rule.before, delete)
    if delete and (expired.events or expired.refusals):
        wipe(file)
    return expired


def rule_of(file: SqliteFile, retention: timedelta, now: datetime) -> Rule:
    """What may go now from this log?"""
    with file.reading() as connection:
        return _rule(connection, retention, now)


def visitors_before(file: SqliteFile, before: datetime) -> int:
    """Of how many ids was something received before that moment?"""
    with file.reading() as connection:
        query = "SELECT count(DISTINCT visitor) FROM events WHERE received_at < ?"
        return int(connection.execute(query, (micros(before),)).fetchone()[0])


def gone(connection: sqlite3.Connection) -> Mapping[Phase, datetime]:
    """Phases whose raw events are not complete: nothing received before that moment is sure to be there."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'expired'").fetchone():
        return {}  # a file of a version before this one that no writer has opened since
    rows = connection.execute("SELECT experiment, phase, before FROM expired ORDER BY experiment, phase")
    return {(experiment, phase): moment(before) for experiment, phase, before in rows}


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


def _rule(connection: sqlite3.Connection, retention: timedelta, now: datetime) -> Rule:
    phases = [Experiment.model_validate_json(text) for text in count_rows.definitions(connection).values()]
    return rule(phases, gone(connection), retention, now)


def _visitors(connection: sqlite3.Connection, before: datetime, after: VisitorId) -> list[VisitorId]:
    """The next ids of which something was received before that moment, in order."""
    rows = connection.execute(
        # the plus keeps SQLite to the index on visitors, so that no part of the log is looked at twice
        "SELECT DISTINCT visitor FROM events WHERE visitor > ? AND +received_at < ? ORDER BY visitor LIMIT ?",
        (after, micros(before), VISITORS_AT_ONCE),
    )
    return [VisitorId(row[0]) for row in rows]


def _doomed(connection: sqlite3.Connection, by: Rule, asked: Sequence[VisitorId], expired: Expired) -> Iterator[Event]:
    """What may go of the people of these ids. Who is known by several ids has a turn once, at the first of them."""
    for person in people(event_rows.of_ids(connection, asked)):
        events = expendable(person, by)
        if events and asked[0] <= min(event.visitor for event in events) <= asked[-1]:
            expired.people += 1
            expired.events.update(event.name or event.kind for event in events)
            yield from events


def _note(connection: sqlite3.Connection, by: Rule, now: datetime) -> None:
    for phase in by.ending:
        connection.execute(
            "INSERT INTO expired VALUES (?, ?, ?, ?) "
            "ON CONFLICT (experiment, phase) DO UPDATE SET before = max(before, excluded.before)",
            (phase.key, phase.phase, micros(by.before), now.astimezone(UTC).date().isoformat()),
        )


def _refusals(file: SqliteFile, before: datetime, delete: bool) -> int:
    where = "FROM refusals WHERE refused_at < ?"
    if not delete:
        with file.reading() as connection:
            return int(connection.execute(f"SELECT count(*) {where}", (micros(before),)).fetchone()[0])
    with file.writing() as connection:
        connection.execute("PRAGMA secure_delete = ON")
        return connection.execute(f"DELETE {where}", (micros(before),)).rowcount
