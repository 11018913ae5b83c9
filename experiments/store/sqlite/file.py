"""SqliteFile: one database file, its one writing connection under a file lock, and read-only connections.

SQLite before 3.51.3 can corrupt a write-ahead log when two connections write or checkpoint at once, so every writer of
every process takes `<file>.lock` for the whole transaction, its commit and any checkpoint; readers open read-only.
In the lock's file is written which database the write-ahead log beside it belongs to: see `Owner`.
"""

import contextlib
import fcntl
import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple

from experiments.store.sqlite.errors import in_words, is_damage, is_recovery, is_unwritten
from experiments.store.sqlite.set_aside import Owner, inode_of, lock_of, put_strangers_aside, set_aside
from experiments.store.store import StoreUnavailable

Durability = Literal["full", "normal"]
BUSY_MS = 5_000  # nobody else writes while the lock is held; a reader recovering the log may take a moment
# 16 MB of log before it is folded into the file. Ids are random, so that events change pages all over a large file, and
# SQLite's 1,000 pages are full after two or three transactions; a page changed often is folded, and synced, once.
LOG_PAGES = 4_000
KEPT_READERS = 8  # connections that nobody uses

_logger = logging.getLogger("yesladder")


class _Reader(NamedTuple):
    """A read-only connection, and on which file it was opened."""

    inode: int | None
    connection: sqlite3.Connection


class SqliteFile:
    """Opens lazily and again after trouble, so that a site starts, and assigns, while its database is away.

    `durability`: "full" syncs every commit; "normal" may lose the last commits in a power cut, never corrupts.
    Methods raise StoreUnavailable with the reason when the disk, the file or the lock refuses. A damaged file is set
    aside under a new name, with its write-ahead log, and the next writing begins a fresh one.
    """

    def __init__(
        self, path: Path, durability: Durability = "full", clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.path = path
        self.durability = durability
        self.clock = clock
        self._writer: sqlite3.Connection | None = None
        self._inode: int | None = None
        self._readers: list[_Reader] = []  # that nobody uses, the latest last: its pages are in memory still
        self._doubted = False  # did the disk refuse a write, so that it must be shown that it takes them again?
        self._threads = threading.Lock()

    @contextlib.contextmanager
    def writing(self, wait: bool = True) -> Iterator[sqlite3.Connection]:
        """A transaction that is durable when the block ends, or did not happen. One at a time in all processes.

        With `wait` False it is refused at once while somebody else writes, and no connection is left that `close`
        would have to wait its turn for.
        """
        with self._said(), self._turn(wait) as lock:
            try:
                connection = self._open(lock)
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                self._check_inode()
                connection.execute("COMMIT")
                self._check_inode()
            except BaseException as trouble:
                self._doubted = self._doubted or is_unwritten(trouble)
                self._examine(trouble)
                raise
            if not wait:
                self._abandon()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A read-only connection that sees one moment of the database for the length of the block.

        It is kept for whoever reads next, as long as the file is the same one.
        """
        with self._said():
            reader = self._reader()
            if reader is None:
                with self.writing():
                    pass  # makes the file and its schema, puts right what a crash left, or waits for who does
                reader = _Reader(inode_of(self.path), self._connect("ro"))
                reader.connection.execute("BEGIN")
            try:
                yield reader.connection
                reader.connection.execute("ROLLBACK")
            except BaseException as trouble:
                reader.connection.close()
                if isinstance(trouble, sqlite3.DatabaseError):
                    self._examine_soon(trouble)
                raise
            self._readers.append(reader)
            self._let_go(KEPT_READERS)

    def check(self) -> None:
        """Return when an event could be written now, and the file be opened by somebody new; raise when not."""
        with self.writing() as connection:
            _write_a_page(connection)
        self._let_go()
        with self.reading():
            pass

    def close(self) -> None:
        """Close the connections that nobody uses; the writing one, as the last, folds the log into the file."""
        self._let_go()
        with self._threads, contextlib.suppress(OSError):
            if self._writer is not None:
                with self._locked():
                    self._abandon()

    def _reader(self) -> _Reader | None:
        """A connection at this moment of the database, a kept one if there is one.

        None when somebody may be making the file just now: it has no tables, or the log beside it is not its own, or
        is as a crash left it.
        """
        inode, owner = inode_of(self.path), Owner.of(self.path)
        if inode is None or (owner and owner.database != inode):
            return None
        reader = None
        with contextlib.suppress(IndexError):  # another thread may take the last
            while (reader := self._readers.pop()).inode != inode:
                reader.connection.close()
        if reader is None or reader.inode != inode:
            reader = _Reader(inode, self._connect("ro"))
        try:
            reader.connection.execute("BEGIN")
            if reader.connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'refused'").fetchone():
                return reader
        except sqlite3.DatabaseError as trouble:
            if not is_recovery(trouble):
                reader.connection.close()
                self._examine_soon(trouble)
                raise
        reader.connection.close()
        return None

    def _let_go(self, kept: int = 0) -> None:
        """Close the readers that nobody uses, but so many."""
        with contextlib.suppress(IndexError):
            while len(self._readers) > kept:
                self._readers.pop(0).connection.close()

    def _open(self, lock: int) -> sqlite3.Connection:
        if self._writer is not None and self._inode != inode_of(self.path):
            self._abandon()
        if self._writer is None:
            put_strangers_aside(self.path, self.clock)
            connection = self._connect("rwc")
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute(f"PRAGMA synchronous = {self.durability.upper()}")
                connection.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
                _apply_schema(connection)
                if self._doubted:
                    self._prove(connection)
            except BaseException:
                connection.close()
                raise
            self._writer, self._inode = connection, inode_of(self.path)
            Owner.note(self.path, lock)
        return self._writer

    def _prove(self, connection: sqlite3.Connection) -> None:
        """Show that the disk takes writes again, and depend no more on a log whose last sync failed.

        A sync that failed may be followed by one that succeeds although the first one's pages never reached the disk;
        so all of the log is folded into the file, and a new one begun.
        """
        _write_a_page(connection)
        if not fold(connection):
            raise StoreUnavailable(f"{self.path.name} is being read; writing goes on when its log can be begun anew")
        self._doubted = False

    def _connect(self, mode: Literal["ro", "rwc"]) -> sqlite3.Connection:
        uri = f"{self.path.absolute().as_uri()}?mode={mode}"
        # the writer is used by one thread at a time (_threads), a reader by the thread that opened it
        connection = sqlite3.connect(
            uri, uri=True, timeout=BUSY_MS / 1000, check_same_thread=False, isolation_level=None
        )
        connection.execute("PRAGMA mmap_size = 0")
        return connection

    def _abandon(self) -> None:
        """Drop the writing connection; what was not committed is rolled back. The next writing opens afresh."""
        connection, self._writer, self._inode = self._writer, None, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def _examine(self, trouble: BaseException) -> None:
        """After an error: drop the connection, and set a damaged file aside if a fresh look confirms that it is one.

        The lock is held. The connection goes last: SQLite folds no log into a file that has moved away.
        """
        try:
            found = self._damage() if is_damage(trouble) else None
            if found is not None:
                name = set_aside(self.path, "corrupt", self.clock())
                told = f"{self.path.name}: {in_words(found)}; it was set aside as {name}, and a fresh log begins"
                os.truncate(lock_of(self.path), 0)  # the database that it names is no more
                _logger.error(told)
                raise StoreUnavailable(told) from trouble
        finally:
            self._abandon()

    def _examine_soon(self, trouble: BaseException) -> None:
        """The same for a reader, who does not wait for the lock: whoever comes next will find the damage, too."""
        if is_damage(trouble):
            with self._turn(wait=False):
                self._examine(trouble)

    def _damage(self) -> sqlite3.DatabaseError | None:
        """What a connection of its own finds wrong, past every cache; read-only, so that the file stays as it is."""
        try:
            with contextlib.closing(self._connect("ro")) as connection:
                (word,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.DatabaseError as trouble:
            if is_damage(trouble):
                return trouble
            raise
        return None if word == "ok" else sqlite3.DatabaseError(word)

    def _check_inode(self) -> None:
        if inode_of(self.path) != self._inode:
            raise StoreUnavailable(f"{self.path.name} was deleted or replaced while it was written; nothing was taken")

    @contextlib.contextmanager
    def _turn(self, wait: bool) -> Iterator[int]:
        """One thread at a time, and one process: answers the lock's file."""
        if not self._threads.acquire(blocking=wait):
            raise StoreUnavailable(f"{self.path.name} is being written by another thread")
        try:
            with self._locked(wait) as lock:
                yield lock
        finally:
            self._threads.release()

    @contextlib.contextmanager
    def _locked(self, wait: bool = True) -> Iterator[int]:
        lock = os.open(lock_of(self.path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StoreUnavailable(f"{self.path.name} is being written by another process") from None
            yield lock
        finally:
            os.close(lock)

    @contextlib.contextmanager
    def _said(self) -> Iterator[None]:
        """Trouble of the medium, in words for whoever runs the site."""
        try:
            yield
        except (sqlite3.Error, OSError) as trouble:
            raise StoreUnavailable(f"{self.path.name}: {in_words(trouble)}") from trouble


def fold(connection: sqlite3.Connection) -> bool:
    """Bring the write-ahead log into the file and empty it; False when a reader still needs it."""
    busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def _write_a_page(connection: sqlite3.Connection) -> None:
    """Change nothing, but have it written: a number of the user's that nobody uses."""
    (number,) = connection.execute("PRAGMA user_version").fetchone()
    connection.execute(f"PRAGMA user_version = {number}")


def _apply_schema(connection: sqlite3.Connection) -> None:
    from sqlite_utils import Database  # noqa: PLC0415 - imports pandas where it is there; assignments need not wait

    from experiments.store.sqlite.schema import SCHEMA  # noqa: PLC0415

    SCHEMA.apply(Database(connection))
