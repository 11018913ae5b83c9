"""What cannot be used is kept: a damaged database, and a write-ahead log whose database is another one now."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from experiments.store.sqlite.engine import SqliteStore, open_store
from experiments.store.sqlite.set_aside import names_set_aside, set_aside
from experiments.store.store import StoreUnavailable
from tests.experiments.cases.histories import PHASE, exposure, minute

NOW = datetime(2026, 11, 22, 10, 15, 30, tzinfo=UTC)
CORRUPT, REPLACED = "yesladder.db.corrupt-20261122T101530Z", "yesladder.db.replaced-20261122T101530Z"


def opened(path: Path) -> SqliteStore:
    store = open_store(path, lambda: (PHASE,), clock=lambda: minute(0))
    store.file.clock = lambda: NOW
    return store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "yesladder.db"


@pytest.fixture
def crashed(path: Path) -> Path:
    """A database with an event in the file, and one in the write-ahead log that nobody folded into it."""
    store = opened(path)
    store.append([exposure("folded", "single", 0)])
    store.close()
    store = opened(path)
    store.append([exposure("in the log", "single", 0)])
    log, kept, content = path.with_name("yesladder.db-wal"), path.with_name("kept"), path.read_bytes()
    kept.hardlink_to(log)
    store.close()
    kept.rename(log)  # all under the same inodes, as a crash leaves it
    path.write_bytes(content)
    assert path.with_name("yesladder.db-wal").stat().st_size > 0
    return path


def visitors(path: Path) -> list[str]:
    store = opened(path)
    found = [event.visitor for event in store.scan()]
    store.close()
    return sorted(found)


def test_after_a_crash_the_log_is_played(crashed: Path) -> None:
    assert visitors(crashed) == ["folded", "in the log"]
    assert names_set_aside(crashed) == []


def test_a_folder_that_was_copied_after_a_crash_has_everything(
    crashed: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its files have other inodes than its lock's file says; that one was copied, too, and says nothing."""
    shutil.copytree(crashed.parent, tmp_path / "copy")
    assert visitors(tmp_path / "copy" / crashed.name) == ["folded", "in the log"]
    assert names_set_aside(tmp_path / "copy" / crashed.name) == []
    assert not caplog.records


def test_a_database_and_its_log_that_were_put_back_together_are_taken(crashed: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for name in ("yesladder.db", "yesladder.db-wal"):
        shutil.copy2(crashed.with_name(name), other / name)
        (other / name).replace(crashed.with_name(name))
    assert visitors(crashed) == ["folded", "in the log"]
    assert names_set_aside(crashed) == []


@pytest.mark.parametrize("first", ["reading", "writing"])
def test_a_log_is_never_played_onto_another_database(crashed: Path, tmp_path: Path, first: str) -> None:
    other = opened(tmp_path / "other.db")
    other.append([exposure("of the other", "single", 0)])
    other.close()
    (tmp_path / "other.db").replace(crashed)
    store = opened(crashed)
    if first == "writing":
        store.append([])
    assert [event.visitor for event in store.scan()] == ["of the other"]
    store.close()
    assert names_set_aside(crashed) == [f"{REPLACED}-wal"]
    assert b"in the log" in crashed.with_name(f"{REPLACED}-wal").read_bytes()


def test_a_log_without_its_database_is_kept(crashed: Path) -> None:
    crashed.unlink()
    assert visitors(crashed) == []
    assert names_set_aside(crashed) == [f"{REPLACED}-wal"]


def test_the_index_of_another_database_is_not_used(path: Path, tmp_path: Path) -> None:
    """Whoever still has the old database open has the old index mapped, and would read and write the new one's."""
    store, late = opened(path), opened(path)
    for one in (store, late):
        one.append([exposure("v", "single", 0)])
    store.file.check()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = path.with_name("yesladder.db-shm").stat().st_ino
    path.unlink()
    store.append([exposure("w", "single", 0)])
    assert path.with_name("yesladder.db-shm").stat().st_ino != before
    assert late.append([exposure("x", "single", 0)]).stored == 1
    assert sorted(event.visitor for event in store.scan()) == ["w", "x"]
    assert names_set_aside(path) == []
    late.close()
    store.close()


def garbage(path: Path) -> None:
    path.write_bytes(b"this is no database, it is a sentence. " * 400)


def damaged_pages(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [garbage, damaged_pages])
@pytest.mark.parametrize("first", ["reading", "writing"])
def test_a_damaged_database_is_set_aside_once_and_told(
    path: Path, damage: Callable[[Path], None], first: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = opened(path)
    store.append([exposure("v", "single", 0)])
    store.close()
    damage(path)
    before = path.read_bytes()
    store = opened(path)
    with pytest.raises(StoreUnavailable, match=rf"it is damaged.*set aside as {CORRUPT}, and a fresh log begins"):
        store.append([exposure("w", "single", 0)]) if first == "writing" else list(store.scan())
    assert path.with_name(CORRUPT).read_bytes() == before
    assert not path.exists()
    assert store.health() == ()
    assert store.append([exposure("w", "single", 0)]).stored == 1
    store.close()
    assert visitors(path) == ["w"]
    assert names_set_aside(path) == [CORRUPT]
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert CORRUPT in caplog.text


def test_a_damaged_database_takes_its_log_along(crashed: Path) -> None:
    with crashed.open("r+b") as file:
        file.truncate(4096 * 3)
    log = crashed.with_name("yesladder.db-wal").read_bytes()
    store = opened(crashed)
    while not names_set_aside(crashed):
        with pytest.raises(StoreUnavailable):
            list(store.scan())
    assert crashed.with_name(f"{CORRUPT}-wal").read_bytes() == log
    assert names_set_aside(crashed) == [CORRUPT]
    store.close()


def test_the_log_is_not_folded_into_a_database_that_was_damaged_meanwhile(path: Path) -> None:
    store = opened(path)
    store.append([exposure(f"v{number}", "single", number) for number in range(50)])
    store.close()
    store = opened(path)
    store.append([exposure("w", "single", 0)])
    damaged_pages(path)
    before, log = path.read_bytes(), path.with_name("yesladder.db-wal").read_bytes()
    trouble = sqlite3.DatabaseError("database disk image is malformed")
    trouble.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    with pytest.raises(StoreUnavailable, match=f"set aside as {CORRUPT}"):
        _fail(store, trouble)
    assert path.with_name(CORRUPT).read_bytes() == before
    assert path.with_name(f"{CORRUPT}-wal").read_bytes() == log
    assert store.health() == ()
    store.close()


def test_what_only_looked_damaged_stays(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A bad moment of the memory or the disk: a fresh look finds the file whole."""
    store = opened(path)
    store.append([exposure("v", "single", 0)])
    trouble = sqlite3.DatabaseError("database disk image is malformed")
    trouble.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    with pytest.raises(StoreUnavailable, match=r"it is damaged \(database disk image is malformed\)"):
        _fail(store, trouble)
    assert names_set_aside(path) == []
    assert not caplog.records
    assert visitors(path) == ["v"]
    store.close()


def _fail(store: SqliteStore, trouble: Exception) -> None:
    with store.file.writing():
        raise trouble


def test_two_in_one_second_get_two_names(path: Path) -> None:
    names = []
    for _ in range(3):
        path.write_bytes(b"damaged")
        path.with_name("yesladder.db-wal").write_bytes(b"its log")
        path.with_name("yesladder.db-shm").write_bytes(b"its index")
        names.append(set_aside(path, "corrupt", NOW))
    assert names == [CORRUPT, f"{CORRUPT}-2", f"{CORRUPT}-3"]
    assert names_set_aside(path) == names
    assert sorted(file.name for file in path.parent.iterdir()) == sorted(names + [f"{name}-wal" for name in names])


def test_after_a_failed_write_the_log_is_begun_anew(path: Path) -> None:
    store = opened(path)
    store.append([exposure("v", "single", 0)])
    trouble = sqlite3.OperationalError("disk I/O error")
    trouble.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
    reader = opened(path)  # so that closing the writer leaves the log as it is
    with reader.file.writing():
        pass
    with pytest.raises(StoreUnavailable, match="the disk reports an error"):
        _fail(store, trouble)
    assert path.with_name("yesladder.db-wal").stat().st_size > 0
    with store.file.writing():
        assert path.with_name("yesladder.db-wal").stat().st_size == 0
    reader.close()
    store.close()


def test_a_check_writes_and_reads(path: Path) -> None:
    store = opened(path)
    store.append([exposure("v", "single", 0)])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.file.check()
    assert path.with_name("yesladder.db-wal").stat().st_size > 0
    store.close()
