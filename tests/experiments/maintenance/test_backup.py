"""A backup is a site: whole, verified, under its name only when it is complete."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from experiments.events.event import Event, MessageId, VisitorId
from experiments.maintenance import backup
from experiments.maintenance.backup import Backup, BackupRefused, back_up
from experiments.site.catalog import Catalog
from experiments.site.site import Site
from experiments.store.sqlite.copy import copy
from experiments.store.sqlite.engine import SqliteStore, open_store
from experiments.store.store import StoreError, StoreUnavailable

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)

EXPERIMENT = """\
key: form
name: Form
status: running
started_at: 2026-11-01T00:00:00Z
variants: [{key: single, weight: 50}, {key: multi, weight: 50}]
path: [{step: quote, event: quote_requested}]
window: 7 days
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    path = tmp_path / "site"
    (path / "experiments").mkdir(parents=True)
    (path / "yesladder.yaml").write_text("write_key: abc\n")
    (path / "experiments" / "form.yaml").write_text(EXPERIMENT)
    (path / "tokens.json").write_text("[]")
    (path / "notes.txt").write_text("not of the site")
    Catalog(path, lambda: NOW)
    return Site.open(path)


@pytest.fixture
def store(site: Site) -> Iterator[SqliteStore]:
    store = opened(site.path)
    yield store
    store.close()


def opened(path: Path) -> SqliteStore:
    return open_store(path / "yesladder.db", Catalog(path, lambda: NOW).phases, clock=lambda: NOW)


def event(number: int) -> Event:
    return Event(
        MessageId(f"m{number}"), "exposure", VisitorId(f"v{number}"), NOW, NOW, experiment="form", variant="single"
    )


@contextlib.contextmanager
def unseen(total: int) -> Iterator[Callable[[int], None]]:
    done: list[int] = []
    yield done.append
    assert sum(done) == total


def made(site: Site, to: Path) -> Backup:
    return back_up(site, to, unseen)


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_backup_is_a_site_of_its_own(site: Site, store: SqliteStore, tmp_path: Path) -> None:
    store.append([event(number) for number in range(50)])  # in the write-ahead log still
    done = made(site, tmp_path / "copy")
    assert (done.events, done.differences) == (50, [])
    expected = ["experiments", "experiments/form.yaml", "phases.json", "tokens.json", "yesladder.db", "yesladder.yaml"]
    assert names(done.path) == expected
    again = opened(done.path)
    assert list(again.scan()) == list(store.scan())
    assert not again.verify()
    again.close()
    assert (done.path / "phases.json").read_bytes() == site.phases_path.read_bytes()


def test_restoring_is_copying_the_folder(site: Site, store: SqliteStore, tmp_path: Path) -> None:
    store.append([event(1)])
    done = made(site, tmp_path / "copy")
    store.append([event(2)])
    store.close()
    site.path.rename(tmp_path / "damaged")
    shutil.copytree(done.path, site.path)
    restored = opened(site.path)
    assert [one.message_id for one in restored.scan()] == ["m1"]
    assert restored.append([event(1), event(2)]).stored == 1  # what is sent again is taken, once
    assert not restored.verify()
    restored.close()


def test_it_is_the_moment_it_began_whatever_is_written_meanwhile(store: SqliteStore, tmp_path: Path) -> None:
    store.append([event(number) for number in range(2_000)])
    told: list[int] = []

    def meanwhile(pages: int) -> None:
        told.append(pages)
        store.append([event(10_000 + len(told))])

    with store.file.reading() as connection, pytest.MonkeyPatch.context() as patch:
        patch.setattr("experiments.store.sqlite.copy.PAGES_AT_ONCE", 20)
        connection.execute("SELECT 1 FROM events").fetchone()
        copy(connection, tmp_path / "copy.db", meanwhile)
    assert len(told) > 3
    with contextlib.closing(sqlite3.connect(tmp_path / "copy.db")) as connection:
        assert connection.execute("SELECT count(*) FROM events").fetchone() == (2_000,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_what_the_recount_has_to_write_leaves_one_file_all_the_same(
    site: Site, store: SqliteStore, tmp_path: Path
) -> None:
    """An experiment that started since the log was last written to has no counts in it yet."""
    store.append([event(1)])
    text = EXPERIMENT.replace("key: form", "key: other")
    (site.path / "experiments" / "other.yaml").write_text(text)
    Catalog(site.path, lambda: NOW)
    done = made(site, tmp_path / "copy")
    assert [name for name in names(done.path) if "yesladder.db" in name] == ["yesladder.db"]
    with contextlib.closing(sqlite3.connect(done.path / "yesladder.db")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert connection.execute("SELECT experiment FROM phases ORDER BY 1").fetchall() == [("form",), ("other",)]


def test_a_site_without_events_is_copied_too(site: Site, tmp_path: Path) -> None:
    done = made(site, tmp_path / "copy")
    assert done.events == 0
    assert "yesladder.db" not in names(done.path)


def test_nothing_is_overwritten(site: Site, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    with pytest.raises(BackupRefused, match="exists already"):
        made(site, tmp_path / "copy")
    assert names(tmp_path / "copy") == []


def test_counts_that_differ_are_copied_and_told(site: Site, store: SqliteStore, tmp_path: Path) -> None:
    store.append([event(1)])
    with store.file.writing() as connection:
        connection.execute("UPDATE exposed SET visitors = 7")
    assert len(made(site, tmp_path / "copy").differences) == 1
    assert back_up(site, tmp_path / "quick", unseen, recount=False).differences == ()


def test_a_damaged_database_is_no_backup(site: Site, store: SqliteStore, tmp_path: Path) -> None:
    store.append([event(number) for number in range(2_000)])
    store.close()
    with site.database.open("r+b") as file:
        file.seek(4096 * 9)
        file.write(b"\xff" * 4096 * 3)
    with pytest.raises(StoreError, match=r"yesladder\.db is damaged"):
        made(site, tmp_path / "copy")
    assert names(tmp_path) == names_without_copy(tmp_path)


@pytest.mark.parametrize("where", ["_copy_log", "_copy_files", "_recounted"])
def test_what_fails_leaves_nothing_under_that_name(
    site: Site, store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    store.append([event(1)])

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup, where, full)
    with pytest.raises((OSError, StoreUnavailable), match="No space left"):
        made(site, tmp_path / "copy")
    assert names(tmp_path) == names_without_copy(tmp_path)


def names_without_copy(folder: Path) -> list[str]:
    return [name for name in names(folder) if name.split("/")[0] == "site"]
