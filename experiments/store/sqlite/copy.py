"""copy: a database as it is at one moment, in a file of its own that stands alone."""

import contextlib
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

from experiments.store.store import StoreError

PAGES_AT_ONCE = 4_000


def copy(source: sqlite3.Connection, to: Path, advance: Callable[[int], None] = lambda pages: None) -> None:
    """Write what `source` sees to this file, which appears under its name when it is complete and on disk.

    Inside a transaction of `source` it is the moment of that transaction, whatever others write meanwhile. The copy
    has no write-ahead log beside it. `advance` is told how many pages more are done. Raises sqlite3.Error and OSError;
    then there is no new file, and an older one of that name is as it was.
    """
    part = to.with_name(f"{to.name}.{os.getpid()}.part")
    done = 0

    def tell(_: int, remaining: int, total: int) -> None:
        nonlocal done
        advance(total - remaining - done)
        done = total - remaining

    try:
        part.unlink(missing_ok=True)
        with contextlib.closing(sqlite3.connect(part, isolation_level=None)) as target:
            source.backup(target, pages=PAGES_AT_ONCE, progress=tell)
            target.execute("PRAGMA journal_mode = DELETE")
        sync(part)
        part.replace(to)
        sync(to.parent)
    finally:
        part.unlink(missing_ok=True)


def looked_through(database: Path) -> int:
    """How many events are in this copy? Raises StoreError, and removes the copy, when it is damaged."""
    try:
        with contextlib.closing(sqlite3.connect(database)) as connection:
            found = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
            if found == ["ok"]:
                return int(connection.execute("SELECT count(*) FROM events").fetchone()[0])
    except sqlite3.DatabaseError as error:
        found = [str(error)]
    database.unlink()
    raise StoreError(f"{database.name} is damaged, so is its copy, and none was kept: {'; '.join(found)}")


def stand_alone(database: Path) -> None:
    """Leave no write-ahead log or lock beside a database that nobody has open: one file, to be read anywhere."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    for beside in database.parent.glob(f"{database.name}?*"):  # the lock; a copy before a step of the schema
        beside.unlink()


def sync(path: Path) -> None:
    """Return when this file, or the names in this folder, are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
