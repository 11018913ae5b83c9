"""backup: a copy of a whole site, made while it is served: a folder that is a site itself.

The database is copied as of one moment, with SQLite's online backup on a read-only connection, and looked through; then
come the record of phases, the config files and the tokens. So the copied record knows every phase that the copied log
knows. The folder appears under its name when all of it is on disk.
"""

import contextlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.site.configuration import EXPERIMENTS_FOLDER
from experiments.site.phase_record import PHASES_FILE, locked, read_phases
from experiments.site.site import SETTINGS_FILE, Site
from experiments.store.sqlite.copy import stand_alone, sync
from experiments.store.sqlite.engine import open_store
from experiments.store.store import Difference, Progress, StoreError

TOKENS_FILE = "tokens.json"


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
    counts are not recounted from its events. Raises BackupRefused, StoreError, SiteError and OSError; then there
    is nothing under that name.
    """
    if to.exists():
        raise BackupRefused(f"{to} exists already, and nothing is overwritten; give the backup a name of its own")
    part = to.with_name(f"{to.name}.{os.getpid()}.part")
    try:
        part.mkdir(mode=0o700)
        copied = Site(part, site.settings)
        events = 0
        if site.database.exists():
            events = _copy_log(site, part, progress)
        _copy_files(site, part)
        differences = _recounted(copied) if recount and copied.database.exists() else ()
        for path in (*part.rglob("*"), part):
            sync(path)
        part.rename(to)
        sync(to.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return Backup(to, events, differences)


def _copy_log(site: Site, part: Path, progress: Progress) -> int:
    store = open_store(site.database, lambda: read_phases(site.phases_path), site.settings.durability)
    with contextlib.closing(store):
        return store.copy(part, progress)


def _copy_files(site: Site, part: Path) -> None:
    """The record and the config files, as they are together: the record does not change meanwhile."""
    (part / EXPERIMENTS_FOLDER).mkdir()
    with locked(site.phases_path):
        configs = sorted((site.path / EXPERIMENTS_FOLDER).glob("*.yaml"))
        for path in (site.phases_path, site.path / SETTINGS_FILE, site.path / TOKENS_FILE, *configs):
            with contextlib.suppress(FileNotFoundError):
                shutil.copy2(path, part / path.relative_to(site.path))


def _recounted(copied: Site) -> Sequence[Difference]:
    """Which counts of the copied database do not agree with its events?"""
    phases = read_phases(copied.path / PHASES_FILE)
    with contextlib.closing(open_store(copied.database, lambda: phases)) as store:
        differences = store.verify()
    stand_alone(copied.database)
    return differences
