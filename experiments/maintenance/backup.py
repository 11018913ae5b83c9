"""backup: a copy of a whole site, made while it is served: a folder that is a site itself.

The database is copied as of one moment, with SQLite's online backup on a read-only connection, and looked through; then
come the record of phases, the config files and the tokens. So the copied record knows every phase that the copied log
knows. The folder appears under its name when all of it is on disk.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from experiments.site.configuration import EXPERIMENTS_FOLDER
from experiments.site.phase_record import PHASES_FILE, locked, read_phases
from experiments.site.site import SETTINGS_FILE, Site
from experiments.store.sqlite.copy import copy, sync
from experiments.store.sqlite.engine import open_store
from experiments.store.sqlite.file import SqliteFile
from experiments.store.store import Difference, StoreError

TOKENS_FILE = "tokens.json"

Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Shows how far a long work has come: what it is, and how much there is to do."""


class BackupRefused(StoreError):
    """No backup was made; the message says why."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A finished copy. `differences`: counts that a recount of the copied events does not give; as in the original."""

    path: Path
    events: int
    differences: Sequence[Difference]


def back_up(site: Site, to: Path, progress: Progress, recount: bool = True) -> Backup:
    """Copy the site to this folder, which must not exist yet, and verify the copy.

    Every event acknowledged before it began is in it. Without `recount` the copied database is looked through, and its
    counts are not recounted from its events. Raises BackupRefused, StoreUnavailable, SiteError and OSError; then there
    is nothing under that name.
    """
    if to.exists():
        raise BackupRefused(f"{to} exists already, and nothing is overwritten; give the backup a name of its own")
    part = to.with_name(f"{to.name}.{os.getpid()}.part")
    try:
        part.mkdir(mode=0o700)
        copied = Site(part, site.settings)
        if site.database.exists():
            _copy_database(site, part, progress)
        _copy_files(site, part)
        events, differences = _verified(copied, recount) if copied.database.exists() else (0, ())
        for path in (*part.rglob("*"), part):
            sync(path)
        part.rename(to)
        sync(to.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return Backup(to, events, differences)


def _copy_database(site: Site, part: Path, progress: Progress) -> None:
    file = SqliteFile(site.database, site.settings.durability)
    with file.reading() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]  # the first look: it is the moment of the copy
        with progress("Copying the log", pages) as advance:
            copy(connection, part / site.database.name, advance)


def _copy_files(site: Site, part: Path) -> None:
    """The record and the config files, as they are together: the record does not change meanwhile."""
    (part / EXPERIMENTS_FOLDER).mkdir()
    with locked(site.phases_path):
        configs = sorted((site.path / EXPERIMENTS_FOLDER).glob("*.yaml"))
        for path in (site.phases_path, site.path / SETTINGS_FILE, site.path / TOKENS_FILE, *configs):
            with contextlib.suppress(FileNotFoundError):
                shutil.copy2(path, part / path.relative_to(site.path))


def _verified(copied: Site, recount: bool) -> tuple[int, Sequence[Difference]]:
    """Look through the copied database; how many events are in it, and which counts do not agree with them?"""
    phases = read_phases(copied.path / PHASES_FILE)
    try:
        with contextlib.closing(sqlite3.connect(copied.database)) as connection:
            found = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
            events = 0 if found != ["ok"] else connection.execute("SELECT count(*) FROM events").fetchone()[0]
    except sqlite3.DatabaseError as error:
        found = [str(error)]
    if found != ["ok"]:
        raise BackupRefused(f"{copied.database.name} is damaged, so is its copy, and none was kept: {'; '.join(found)}")
    if not recount:
        return events, ()
    store = open_store(copied.database, lambda: phases)
    try:
        return events, store.verify()
    finally:
        store.close()
        _stand_alone(copied.database)


def _stand_alone(database: Path) -> None:
    """No write-ahead log or lock beside it: one file, which can be read anywhere."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    for beside in database.parent.glob(f"{database.name}?*"):  # the lock; a copy before a step of the schema
        beside.unlink()
