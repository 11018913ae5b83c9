"""SetAside: files of a log that cannot be used are kept under a new name, never overwritten or deleted.

    yesladder.db.corrupt-20261122T101530Z        the database in which damage was found
    yesladder.db.corrupt-20261122T101530Z-wal    its write-ahead log, so that both are opened together
    yesladder.db.replaced-20261122T101530Z-wal   the write-ahead log of a database that was deleted or replaced

They stay until a person moves them away; readiness names them until then.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

Why = Literal["corrupt", "replaced"]


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
    forget_index(database)
    directory = os.open(database.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return target.name if why == "corrupt" else f"{target.name}-wal"


def forget_index(database: Path) -> None:
    """Remove the wal-index, which SQLite makes again: two processes must not share one for different databases."""
    _beside(database, "-shm").unlink(missing_ok=True)


def names_set_aside(database: Path) -> Sequence[str]:
    """What was set aside and is still in the folder; a database stands for its write-ahead log, too."""
    kept = [path.name for why in ("corrupt", "replaced") for path in database.parent.glob(f"{database.name}.{why}-*")]
    return sorted(name for name in kept if name.removesuffix("-wal") == name or name.removesuffix("-wal") not in kept)


def has_log(database: Path) -> bool:
    """Is there a write-ahead log with something in it?"""
    return _size(_beside(database, "-wal")) > 0


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
