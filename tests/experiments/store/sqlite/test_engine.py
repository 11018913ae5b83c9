"""The SQLite engine on a real disk: durability, the lock between processes, trouble with the file."""

from __future__ import annotations

import multiprocessing
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from experiments.events.event import MessageId
from experiments.store.sqlite import event_rows
from experiments.store.sqlite.engine import SqliteStore, open_store
from experiments.store.sqlite.file import LOG_PAGES
from experiments.store.store import StoreUnavailable
from tests.experiments.cases.histories import PHASE, action, exposure, join, minute

PHASES = (PHASE,)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "yesladder.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    store = _open(path)
    yield store
    store.close()


def _open(path: Path, now: float = 0) -> SqliteStore:
    return open_store(path, lambda: PHASES, clock=lambda: minute(now))


@pytest.mark.parametrize(("durability", "synchronous"), [("full", 2), ("normal", 1)])
def test_durability_is_what_was_asked_for(path: Path, durability: str, synchronous: int) -> None:
    store = open_store(path, lambda: PHASES, durability=durability)  # type: ignore[arg-type]  # a str of the table above
    with store.file.writing() as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (synchronous,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA mmap_size").fetchone() in {(0,), None}
        assert connection.execute("PRAGMA wal_autocheckpoint").fetchone() == (LOG_PAGES,)
    store.close()


def test_closing_leaves_one_file_and_opening_finds_everything(path: Path) -> None:
    store = _open(path)
    store.append([exposure("v", "single", 0)])
    store.close()
    assert sorted(file.name for file in path.parent.iterdir()) == ["yesladder.db", "yesladder.db.lock"]
    again = _open(path)
    assert again.tables(PHASE).reach.exposed.visitors.tolist() == [[1, 0]]
    again.close()


def test_a_batch_is_taken_whole_or_not_at_all(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr("experiments.store.sqlite.event_rows.write_refusals", fails)  # the last thing a batch writes
        with pytest.raises(StoreUnavailable, match=r"yesladder\.db: disk I/O error"):
            store.append([exposure("v", "single", 0)])
    assert not list(store.scan())
    assert store.tables(PHASE).reach.exposed.visitors.sum() == 0
    assert store.append([exposure("v", "single", 0)]).stored == 1


def test_readers_cannot_write(store: SqliteStore) -> None:
    store.append([exposure("v", "single", 0)])
    with pytest.raises(StoreUnavailable, match="readonly"), store.file.reading() as connection:
        connection.execute("DELETE FROM events")


def test_no_file_until_it_is_needed(path: Path) -> None:
    store = _open(path)
    assert not path.exists()
    assert store.tables(PHASE).reach.exposed.visitors.sum() == 0
    assert path.exists()
    store.close()


def test_a_file_that_somebody_is_making_this_moment_is_waited_for(path: Path, store: SqliteStore) -> None:
    path.touch()  # there, and without its tables
    assert store.tables(PHASE).reach.exposed.visitors.sum() == 0
    assert store.append([exposure("v", "single", 0)]).stored == 1


TROUBLE = {
    "folder is missing": lambda path: path.parent.joinpath("away").mkdir() or path.parent.joinpath("gone", "y.db"),
    "a folder is in its place": lambda path: path.mkdir() or path,
}


@pytest.mark.parametrize("name", TROUBLE)
def test_trouble_with_the_file_is_said_and_nothing_is_overwritten(path: Path, name: str) -> None:
    path = TROUBLE[name](path)  # type: ignore[no-untyped-call]  # lambdas of the table above
    before = path.read_bytes() if path.is_file() else None
    store = _open(path)
    with pytest.raises(StoreUnavailable, match=path.name):
        store.append([exposure("v", "single", 0)])
    with pytest.raises(StoreUnavailable, match=path.name):
        store.tables(PHASE)
    (reason,) = store.health()
    assert path.name in reason
    assert before is None or path.read_bytes() == before


@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_a_file_that_went_away_is_not_acknowledged_into(store: SqliteStore, path: Path, how: str) -> None:
    store.append([exposure("v", "single", 0)])
    with pytest.raises(StoreUnavailable, match="deleted or replaced"):
        _lose(store, path, how)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    assert (
        store.append([exposure("w", "single", 0)]).stored == 1
    )  # recovers without a restart, on the file that is there
    assert [event.visitor for event in store.scan()] == ["w"]


def _lose(store: SqliteStore, path: Path, how: str) -> None:
    with store.file.writing():
        path.unlink()
        if how == "replaced":
            path.touch()


def test_verify_names_the_cell_that_disagrees(store: SqliteStore) -> None:
    store.append([exposure("v", "single", 0), action("v", "form_viewed", 5)])
    with store.file.writing() as connection:
        connection.execute("UPDATE reach SET reached = 7, visitors = 8 WHERE step = 'seen' AND attribute = ''")
    (difference,) = store.verify()
    assert difference.cell.startswith("reach/seen///")
    assert (difference.table, difference.recount) == ((8, 7), (1, 1))


def test_the_log_is_recounted_a_few_people_at_a_time(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_rows, "VISITORS_AT_ONCE", 2)
    events = [exposure(visitor, "single", at) for at, visitor in enumerate("gfedcba")]
    store.append([*events, join("a", "g", 20), join("g", "d", 21), action("d", "form_viewed", 22), join("z", "b", 23)])
    with store.file.reading() as connection:
        known = [{event.visitor for event in person} for person in event_rows.persons(connection)]
    assert sorted(known, key=min) == [{"a", "d", "g"}, {"b", "z"}, {"c"}, {"e"}, {"f"}]
    assert not store.verify()


def _send(path: Path, worker: int, batches: int) -> None:
    store = _open(path)
    for batch in range(batches):
        at = worker + batch
        store.append([
            exposure(f"v{worker}-{batch}", "single", at),
            exposure("shared", "multi", 500 - at, 500, message=f"shared-{worker}-{batch}"),
            action("shared", "form_viewed", 500, message="the same from everybody"),
        ])  # fmt: skip
    store.close()


def test_several_processes_write_one_file(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_send, args=(path, number, 12)) for number in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    store = _open(path)
    assert len(list(store.scan())) == 3 * 12 * 2 + 1
    assert store.tables(PHASE).reach.exposed.visitors.sum(axis=0).tolist() == [36, 1]
    assert not store.verify()
    store.close()


def test_reading_goes_on_while_others_write(store: SqliteStore) -> None:
    store.append([exposure("v", "single", 0)])
    stop = threading.Event()
    seen: list[int] = []

    def read() -> None:
        while not stop.is_set():
            seen.append(int(store.tables(PHASE).reach.exposed.visitors.sum()))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(50):
        store.append([exposure(f"w{number}", "multi", number, message=MessageId(f"m{number}"))])
    stop.set()
    reader.join(30)
    assert seen == sorted(seen)
    assert seen
