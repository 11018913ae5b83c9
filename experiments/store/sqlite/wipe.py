"""wipe: what is deleted is gone from the bytes of the file too: one person's events, and what a rule lets go.

SQLite reuses the pages of deleted rows, and until then may keep what was in them; a row may also lie in the write-ahead
log in an earlier state. Deleting with `secure_delete` overwrites the rows; `wipe` does the rest.
"""

import json
import sqlite3
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from experiments.definition.experiment import Experiment
from experiments.events.event import MessageId, VisitorId
from experiments.events.person import anywhere, ids_of, mentions
from experiments.store.sqlite import count_rows, event_rows
from experiments.store.sqlite.event_rows import micros
from experiments.store.sqlite.file import BUSY_MS, SqliteFile, fold
from experiments.store.store import Expired, Progress, Rule, RuleOf, StillReadable, StoreUnavailable, Traces

TRIES = 30
WAIT_MS = 1_000  # how long one try waits for readers, while writers wait for it
PAUSE_SECONDS = 0.25  # between two tries, for those who wait to write

_BTREE = {2: 12, 5: 12, 10: 8, 13: 8}  # kind of page -> size of its header


def traces(connection: sqlite3.Connection, visitor: VisitorId) -> Traces:
    """What is there of this person."""
    events = event_rows.of_ids(connection, [visitor])
    ids = ids_of(visitor, events)
    refused = sum(mentions(one, ids) for one in event_rows.newest_refusals(connection, event_rows.KEPT_REFUSALS))
    return Traces(events, ids, refused, _quoting(connection, ids))


def delete_mentions(connection: sqlite3.Connection, ids: Collection[VisitorId]) -> int:
    """Remove the refused events that mention these ids; answers how many."""
    kept = connection.execute("SELECT id FROM refusals ORDER BY id DESC").fetchall()
    refusals = event_rows.newest_refusals(connection, len(kept))
    doomed = [row for row, refusal in zip(kept, refusals, strict=True) if mentions(refusal, ids)]
    connection.executemany("DELETE FROM refusals WHERE id = ?", doomed)
    return len(doomed)


def expire(file: SqliteFile, rule: RuleOf, delete: bool, progress: Progress) -> Expired:
    """Delete what the rule lets go, part by part, or tell what would go. The counts must be up to date."""
    with file.reading() as connection:
        by = _rule(connection, rule)
        query = "SELECT count(DISTINCT visitor) FROM events WHERE received_at < ?"
        visitors = int(connection.execute(query, (micros(by.before),)).fetchone()[0])
    after, expired = VisitorId(""), Expired(by.before, by.ending)
    with progress(visitors) as advance:
        while True:
            with file.writing() if delete else file.reading() as connection:
                by = _rule(connection, rule)  # anew: a phase may have been added since
                asked, persons = event_rows.persons_next(connection, after, by.before)
                if not asked:
                    break
                doomed = [events for person in persons if (events := by.expendable(person))]
                for events in doomed:
                    expired.add(events)
                if delete and doomed:
                    connection.execute("PRAGMA secure_delete = ON")
                    _note(connection, by, file.clock())
                    event_rows.delete(connection, chain.from_iterable(doomed))
            advance(len(asked))
            after = asked[-1]
    what, values = "FROM refusals WHERE refused_at < ?", (micros(expired.before),)
    with file.writing() if delete else file.reading() as connection:
        expired.refusals = int(connection.execute(f"SELECT count(*) {what}", values).fetchone()[0])
        if delete:
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute(f"DELETE {what}", values)
    if delete and (expired.events or expired.refusals):
        wipe(file)
    return expired


def wipe(file: SqliteFile, texts: Collection[str] = (), pause: Callable[[float], None] = time.sleep) -> None:
    """Leave nothing of what was deleted in the write-ahead log, and none of these texts in unused parts of the file.

    Waits for readers, a bounded time and without keeping writers away for long. A file in which unused parts contain
    one of the texts is rewritten (VACUUM). Raises StillReadable, and StoreUnavailable as any writing does.
    """
    clean = False
    for _ in range(TRIES):
        with _alone(file) as connection:
            folded = fold(connection)
            if folded and not clean and texts and _residue_elsewhere(file.path, texts):
                connection.execute("VACUUM")
                clean = True
                folded = fold(connection)
        if folded:
            return
        pause(PAUSE_SECONDS)
    raise StillReadable(
        f"the rows are deleted, but another program has been reading {file.path.name} for {TRIES} seconds, and what it "
        f"reads stays in {file.path.name}-wal. End it (a sqlite3 shell, a backup, an export), then run this again"
    )


def residue(path: Path, texts: Collection[str]) -> bool:
    """Does a part of this database file that holds no row contain one of these texts?

    The file must not change, and this process must not have it open in SQLite.
    """
    pattern = anywhere(texts)
    with path.open("rb") as file:
        return any(pattern.search(part) for part in unused(file))


def _residue_elsewhere(path: Path, texts: Collection[str]) -> bool:
    """The same, asked of a process of its own: one that closes a file loses all its locks on it, SQLite's too."""
    asked = json.dumps([str(path), *texts])
    told = subprocess.run(
        [sys.executable, "-m", "experiments.store.sqlite.wipe"],
        input=asked,
        capture_output=True,
        text=True,
        check=False,
    )
    if told.returncode:
        raise StoreUnavailable(f"the unused parts of {path.name} could not be read: {told.stderr.strip()[-200:]}")
    return bool(json.loads(told.stdout))


def unused(file: BinaryIO) -> Iterator[bytes]:
    """The parts of a database file that hold no row: free pages, and in B-tree pages the gap and the free blocks.

    Pages that are no B-tree's are given whole: an overflow page may be full, or its end may be free.
    See "B-tree Pages" and "The Freelist" in https://www.sqlite.org/fileformat2.html.
    """
    head = file.read(100)
    if len(head) < 100:
        return
    size = struct.unpack_from(">H", head, 16)[0]
    size = 65536 if size == 1 else size
    free = set(_free_pages(file, size, struct.unpack_from(">I", head, 32)[0]))
    file.seek(0)
    number = 0
    while len(page := file.read(size)) == size:
        number += 1
        start = len(head) if number == 1 else 0
        kind = page[start]
        if number in free or kind not in _BTREE:
            yield page[start:]
            continue
        block, cells, content = struct.unpack_from(">HHH", page, start + 1)
        yield page[start + _BTREE[kind] + 2 * cells : content or 65536]
        while block:
            following, length = struct.unpack_from(">HH", page, block)
            yield page[block + 4 : block + length]
            block = following


def _free_pages(file: BinaryIO, size: int, trunk: int) -> Iterator[int]:
    while trunk:
        yield trunk
        file.seek((trunk - 1) * size)
        page = file.read(size)
        trunk, leaves = struct.unpack_from(">II", page)
        yield from struct.unpack_from(f">{leaves}I", page, 8)


@contextmanager
def _alone(file: SqliteFile) -> Iterator[sqlite3.Connection]:
    """The writing connection, with the file lock and without a transaction: checkpoint and VACUUM allow none."""
    with file.writing() as connection:
        connection.execute("COMMIT")
        connection.execute(f"PRAGMA busy_timeout = {WAIT_MS}")
        try:
            yield connection
        finally:
            connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
            connection.execute("BEGIN")


def _rule(connection: sqlite3.Connection, rule: RuleOf) -> Rule:
    phases = [Experiment.model_validate_json(text) for text in count_rows.definitions(connection).values()]
    return rule(phases, count_rows.final(connection))


def _note(connection: sqlite3.Connection, by: Rule, now: datetime) -> None:
    for phase in by.ending:
        connection.execute(
            "INSERT INTO expired VALUES (?, ?, ?, ?) "
            "ON CONFLICT (experiment, phase) DO UPDATE SET before = max(before, excluded.before)",
            (phase.key, phase.phase, micros(by.before), now.astimezone(UTC).date().isoformat()),
        )


def _quoting(connection: sqlite3.Connection, ids: Collection[VisitorId]) -> Sequence[MessageId]:
    """Events of other visitors that have one of these ids as a value of theirs."""
    quoted = [json.dumps(text) for text in sorted(ids)]
    has = " OR ".join(f"instr({column}, ?)" for column in ("properties", "attributes") for _ in quoted)
    marks = ", ".join("?" * len(ids))
    rows = connection.execute(
        f"SELECT message_id FROM events WHERE ({has}) AND visitor NOT IN ({marks}) ORDER BY message_id",
        [*quoted, *quoted, *sorted(ids)],
    )
    return [MessageId(row[0]) for row in rows]


if __name__ == "__main__":
    file_name, *wanted = json.load(sys.stdin)
    print(json.dumps(residue(Path(file_name), wanted)))
