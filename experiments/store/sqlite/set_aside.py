"""SetAside: files of a log that cannot be used are kept under a new name, never overwritten or deleted.

    yesladder.db.corrupt-20261122T101530Z        the database in which damage was found
    yesladder.db.corrupt-20261122T101530Z-wal    its write-ahead log, so that both are opened together
    yesladder.db.replaced-20261122T101530Z-wal   the write-ahead log of a database that was deleted or replaced

They stay until a person moves them away; readiness names them until then.
"""

from __future__ import annotations

import itertools
import logging
import os
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple

from experiments.store.sqlite.copy import sync

Why = Literal["corrupt", "replaced"]

_logger = logging.getLogger("yesladder")


class Owner(NamedTuple):
    """Which database a write-ahead log belongs to, as its last writer noted in the file lock, for every process.

    Inodes: of the lock's file itself, so that a copied one says nothing, of the database, of its write-ahead log.
    """

    lock: int
    database: int
    log: int

    @classmethod
    def of(cls, database: Path) -> Owner | None:
        """What is noted; None: nobody knows."""
        lock = lock_of(database)
        try:
            owner = cls(*map(int, lock.read_text("ascii").split()))
        except (OSError, ValueError, TypeError):
            return None
        return owner if owner.lock == inode_of(lock) else None

    @classmethod
    def note(cls, database: Path, lock: int) -> None:
        """Note what is there now, in the lock that is held.

        Without a sync: what a power cut leaves there names inodes that are no more.
        """
        owner = cls(os.fstat(lock).st_ino, inode_of(database) or 0, inode_of(_beside(database, "-wal")) or 0)
        if cls.of(database) != owner:
            os.ftruncate(lock, 0)
            os.pwrite(lock, " ".join(map(str, owner)).encode(), 0)


def put_strangers_aside(database: Path, clock: Callable[[], datetime]) -> None:
    """Never play a write-ahead log onto a database that it was not written for: that would destroy it.

    The caller holds the file lock, and has no connection open.
    """
    inode, owner = inode_of(database), Owner.of(database)
    if inode is not None and (owner is None or owner.database == inode):
        return
    log = _beside(database, "-wal")
    if owner is not None:
        what = "is gone" if inode is None else "is another file than before"
        _logger.error("%s %s: what is taken from now on is added to what is there now", database.name, what)
    if _size(log) and (inode is None or (owner and owner.log == inode_of(log))):
        name = set_aside(database, "replaced", clock())
        _logger.error("the last events of the %s that was there before are kept in %s", database.name, name)
    _forget_index(database)


def set_aside(database: Path, why: Why, now: datetime) -> str:
    """Put what is there of this database out of the way, without its wal-index; answers the new name.

    "corrupt" moves the database with its write-ahead log, "replaced" only the write-ahead log. The caller holds the
    file lock, and writes to no connection that was opened before.
    """
    log = _beside(database, "-wal")
    target = _free(database, f"{database.name}.{why}-{now:%Y%m%dT%H%M%SZ}")
    if why == "corrupt":
        database.rename(target)  # first: a log without its database is set aside, too, if all ends here
    if _size(log):
        log.rename(_beside(target, "-wal"))
    _forget_index(database)
    sync(database.parent)
    return target.name if why == "corrupt" else f"{target.name}-wal"


def names_set_aside(database: Path) -> Sequence[str]:
    """What was set aside and is still in the folder; a database stands for its write-ahead log, too."""
    kept = [path.name for why in ("corrupt", "replaced") for path in database.parent.glob(f"{database.name}.{why}-*")]
    return sorted(name for name in kept if name.removesuffix("-wal") == name or name.removesuffix("-wal") not in kept)


def _forget_index(database: Path) -> None:
    """Remove the wal-index, which SQLite makes again: two processes must not share one for different databases."""
    _beside(database, "-shm").unlink(missing_ok=True)


def lock_of(database: Path) -> Path:
    """The file whose lock every writer holds."""
    return _beside(database, ".lock")


def inode_of(path: Path) -> int | None:
    """Which file has this name? None when none has."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def _free(database: Path, name: str) -> Path:
    """This name, or with a number when a file has it already."""
    names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    taken = {path.name.removesuffix("-wal") for path in database.parent.iterdir()}
    return database.with_name(next(one for one in names if one not in taken))


def _beside(database: Path, suffix: str) -> Path:
    return database.with_name(database.name + suffix)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
