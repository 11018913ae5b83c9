"""SqliteFile: one database file, its one writing connection under a file lock, and read-only connections.

SQLite before 3.51.3 can corrupt a write-ahead log when two connections write or checkpoint at once, so every writer of
every process takes `<file>.lock` for the whole transaction, its commit and any checkpoint; readers open read-only.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from experiments.store import StoreUnavailable

Durability = Literal["full", "normal"]
BUSY_MS = 5_000  # nobody else writes while the lock is held; a reader recovering the log may take a moment


class SqliteFile:
    """Opens lazily and again after trouble, so that a site starts, and assigns, while its database is away.

    `durability`: "full" syncs every commit; "normal" may lose the last commits in a power cut, never corrupts.
    Methods raise StoreUnavailable with the reason when the disk, the file or the lock refuses.
    """

    def __init__(self, path: Path, durability: Durability = "full") -> None:
        self.path = path
        self.durability = durability
        self._writer: sqlite3.Connection | None = None
        self._inode: tuple[int, int] | None = None
        self._threads = threading.Lock()

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that is durable when the block ends, or did not happen. One at a time in all processes."""
        with self._threads, self._said(), self._locked():
            connection = self._open()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                self._check_inode()
                connection.execute("COMMIT")
                self._check_inode()
            except BaseException:
                self._abandon()
                raise

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A read-only connection that sees one moment of the database for the length of the block."""
        if not self._complete():
            with self.writing():
                pass  # makes the file and its schema, or waits for who does
        with self._said(), contextlib.closing(self._connect("ro")) as connection:
            connection.execute("BEGIN")
            yield connection

    def _complete(self) -> bool:
        """Is the file there with its tables? Another process may be making it this moment."""
        if self._stat() is None:
            return False
        with self._said(), contextlib.closing(self._connect("ro")) as connection:
            return bool(connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'refused'").fetchone())

    def close(self) -> None:
        """Close the writing connection, which folds the log into the file."""
        with self._threads, contextlib.suppress(OSError), self._locked():
            self._abandon()

    def _open(self) -> sqlite3.Connection:
        if self._writer is not None and self._inode != self._stat():
            self._abandon()
        if self._writer is None:
            connection = self._connect("rwc")
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute(f"PRAGMA synchronous = {self.durability.upper()}")
                _apply_schema(connection)
            except BaseException:
                connection.close()
                raise
            self._writer, self._inode = connection, self._stat()
        return self._writer

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

    def _stat(self) -> tuple[int, int] | None:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def _check_inode(self) -> None:
        if self._stat() != self._inode:
            raise StoreUnavailable(f"{self.path.name} was deleted or replaced while it was written; nothing was taken")

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        descriptor = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def _said(self) -> Iterator[None]:
        """Trouble of the medium, in words for whoever runs the site."""
        try:
            yield
        except (sqlite3.Error, OSError) as trouble:
            raise StoreUnavailable(f"{self.path.name}: {trouble}") from trouble


def _apply_schema(connection: sqlite3.Connection) -> None:
    from sqlite_utils import Database  # noqa: PLC0415 - imports pandas where it is there; assignments need not wait

    from experiments.sqlite_schema import SCHEMA  # noqa: PLC0415

    SCHEMA.apply(Database(connection))
