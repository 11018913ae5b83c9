"""The decision log on a real disk: older files, a lock that others hold, several processes, a killed one."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from experiments.store.sqlite import decision_rows, event_rows
from experiments.store.sqlite.engine import SqliteStore, open_store
from experiments.store.sqlite.file import SqliteFile
from experiments.store.sqlite.schema import SCHEMA
from experiments.store.store import StoreUnavailable
from tests.experiments.cases.decision_cases import a_decision
from tests.experiments.cases.histories import PHASE, exposure, minute


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "yesladder.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    store = _open(path)
    yield store
    store.close()


def _open(path: Path) -> SqliteStore:
    return open_store(path, lambda: (PHASE,), clock=lambda: minute(0))


@pytest.fixture
def of_the_version_before(path: Path) -> Path:
    """A site's database from before there was a decision log, with an event in it."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    SCHEMA.apply(Database(connection), stop_before="the_decision_log")
    event_rows.write(connection, [exposure("v", "single", 0)])
    connection.close()
    return path


def test_a_database_of_the_version_before_is_opened_and_gets_its_log(of_the_version_before: Path) -> None:
    store = _open(of_the_version_before)
    assert not store.decisions([PHASE])
    store.record([a_decision()])
    assert store.decisions([PHASE]) == [a_decision()]
    assert store.tables(PHASE).reach.exposed.visitors.tolist() == [[1, 0]]
    assert not store.verify()
    store.close()


def test_reading_the_log_of_the_version_before_changes_nothing(of_the_version_before: Path) -> None:
    before = of_the_version_before.read_bytes()
    store = _open(of_the_version_before)
    assert not store.decisions([PHASE])
    store.close()
    assert of_the_version_before.read_bytes() == before


def _hold(path: Path, held: Any, enough: Any) -> None:
    with SqliteFile(path).writing():
        held.set()
        enough.wait(60)


def test_who_does_not_want_to_wait_is_refused_while_another_process_writes(path: Path, store: SqliteStore) -> None:
    store.record([a_decision()])
    context = multiprocessing.get_context("spawn")
    held, enough = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(path, held, enough))
    other.start()
    try:
        assert held.wait(60)
        guest = _open(path)
        with pytest.raises(StoreUnavailable, match=r"yesladder\.db is being written by another process"):
            guest.record([a_decision(state="worse")], wait=False)
        assert guest.decisions([PHASE]) == [a_decision()]  # and reading does not wait either
        guest.close()
    finally:
        enough.set()
        other.join(60)
    assert other.exitcode == 0
    guest = _open(path)
    guest.record([a_decision(state="worse")], wait=False)
    assert len(guest.decisions([PHASE])) == 2
    guest.close()


def test_who_does_not_want_to_wait_is_refused_while_another_thread_writes(store: SqliteStore) -> None:
    with store.file.writing(), pytest.raises(StoreUnavailable, match="is being written by another thread"):
        store.record([a_decision()], wait=False)
    store.record([a_decision()], wait=False)
    assert store.decisions([PHASE]) == [a_decision()]


def test_who_did_not_wait_to_write_does_not_wait_to_close(path: Path, store: SqliteStore) -> None:
    store.append([])
    guest = _open(path)
    guest.record([a_decision()], wait=False)
    closed = threading.Event()
    with store.file.writing():
        closing = threading.Thread(target=lambda: (guest.close(), closed.set()))
        closing.start()
        assert closed.wait(60)
    closing.join(60)


def test_a_decision_must_say_when_it_is_written(store: SqliteStore) -> None:
    with pytest.raises(ValueError, match="recorded_at is missing"):
        store.record([a_decision(recorded_at=None)])
    assert not store.decisions([PHASE])


def _decide(path: Path, worker: int, rounds: int) -> None:
    store = _open(path)
    for number in range(rounds):
        store.record([a_decision(step=f"step-{number}", visitors=worker), a_decision(step=f"of-{worker}-{number}")])
    store.close()


def test_several_processes_record_decisions_at_once(path: Path) -> None:
    """All are there, each once, and of the contested ones exactly one process's whole row."""
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_decide, args=(path, number, 15)) for number in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    store = _open(path)
    found = {one.step: one for one in store.decisions([PHASE])}
    assert len(store.decisions([PHASE])) == len(found) == 3 * 15
    assert all(found[f"step-{number}"].visitors in (0, 1) for number in range(15))
    store.close()


def _die_before_the_commit(path: Path) -> None:
    store = _open(path)
    store.append([exposure("w", "multi", 5)])
    with store.file.writing() as connection:
        decision_rows.write(connection, [a_decision()])
        os.kill(os.getpid(), signal.SIGKILL)


def test_killed_before_a_decision_is_written_nothing_else_changes(path: Path) -> None:
    store = _open(path)
    store.append([exposure("v", "single", 0)])
    worker = multiprocessing.get_context("spawn").Process(target=_die_before_the_commit, args=(path,))
    worker.start()
    worker.join(60)
    assert worker.exitcode == -signal.SIGKILL
    assert not store.decisions([PHASE])
    assert store.tables(PHASE).reach.exposed.visitors.sum(axis=0).tolist() == [1, 1]
    assert not store.verify()
    store.record([a_decision()])
    assert store.decisions([PHASE]) == [a_decision()]
    store.close()
