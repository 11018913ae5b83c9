"""The event log of one worker: what it answers while the store is well, refuses, or does not answer at all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from experiments.events.event import Refusal
from experiments.store import event_log
from experiments.store.event_log import EventLog, QueueFull
from experiments.store.sqlite.engine import SqliteStore, open_store
from experiments.store.store import StoreUnavailable
from tests.experiments.cases.histories import PHASE, action, exposure, minute


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return open_store(tmp_path / "yesladder.db", lambda: (PHASE,), clock=lambda: minute(0))


@pytest.fixture
def log(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[EventLog]:
    """A patient one: how busy the machine is makes no difference."""
    monkeypatch.setattr(event_log, "HEALTH_SECONDS", 60)
    made = EventLog(store, patience=60)
    yield made
    made.close()


def test_what_was_appended_is_on_disk_and_all_is_well(log: EventLog) -> None:
    log.append([exposure("v", "single", 0), action("v", "form_viewed", 5)])
    assert [event.visitor for event in log.store.scan()] == ["v", "v"]
    assert log.health() == ()


def test_a_refusal_is_told_as_it_is_and_forgotten_when_the_cause_is_gone(log: EventLog, tmp_path: Path) -> None:
    database = tmp_path / "yesladder.db"
    database.mkdir()
    with pytest.raises(StoreUnavailable, match="it must be a file"):
        log.append([exposure("v", "single", 0)])
    assert "it must be a file" in log.health()[0]
    database.rmdir()
    assert log.health() == ()
    log.append([exposure("v", "single", 0)])


def test_a_store_that_does_not_answer_is_asked_once(
    log: EventLog, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_log, "HEALTH_SECONDS", 0.2)
    asked: list[int] = []
    answering = threading.Event()

    def health() -> tuple[str, ...]:
        asked.append(1)
        answering.wait(60)
        return ()

    monkeypatch.setattr(store, "health", health)
    with ThreadPoolExecutor(5) as probes:
        answers = list(probes.map(lambda _: log.health(), range(5)))
    assert all("did not answer within 0.2 seconds" in reason for (reason,) in answers)
    assert len(asked) == 1
    answering.set()
    _until(lambda: log.health() == ())


def test_while_it_does_not_answer_it_says_why_the_last_events_were_refused(
    log: EventLog, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_log, "HEALTH_SECONDS", 0.2)
    log.patience = 0.2
    with store.file.writing():
        with pytest.raises(StoreUnavailable, match=r"did not answer within 0\.2 seconds"):
            log.append([exposure("v", "single", 0)])
        slow, refused = log.health()
    log.patience = 60
    assert "another program may hold it" in slow
    assert refused == "the disk did not answer within 0.2 seconds"
    _until(lambda: log.health() == ())
    log.append([action("v", "form_viewed", 5)])
    with store.file.writing():
        assert len(log.health()) == 1


def test_no_more_requests_wait_for_the_disk_than_leave_threads_for_assignments(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_log, "WAITING_THREADS", 3)
    log = EventLog(store)
    told: list[str] = []
    full = threading.Event()

    def send(number: int) -> None:
        try:
            log.append([exposure(f"v{number}", "single", number)])
        except QueueFull as reason:
            told.append(str(reason))
            full.set()

    senders = [threading.Thread(target=send, args=(number,)) for number in range(4)]
    with store.file.writing():
        for sender in senders:
            sender.start()
        assert full.wait(60)
    for sender in senders:
        sender.join(60)
    assert told == ["3 requests are waiting for the disk already; send these events again"]
    assert len(list(store.scan())) == 3
    log.close()


def test_no_more_requests_are_handed_in_than_may_wait(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log, "WAITING_REQUESTS", 2)
    log = EventLog(store)
    told: list[BaseException | None] = []
    for number in range(0, 6, 3):
        with store.file.writing():
            for one in (number, number + 1):
                log.hand_in([exposure(f"v{one}", "single", one)], (), told.append)
            with pytest.raises(QueueFull, match="2 requests are waiting for the disk already"):
                log.hand_in([exposure("v9", "single", 9)], (), told.append)
        _until(lambda: log.waiting == 0)
    log.close()
    assert told == [None] * 4
    assert len(list(store.scan())) == 4


def test_refusals_are_handed_in_with_their_events_or_alone(log: EventLog) -> None:
    refusal = Refusal("invalid", "event is 5, must be an object", minute(0))
    told: list[BaseException | None] = []
    log.hand_in([exposure("v", "single", 0)], [refusal], told.append)
    log.hand_in([], [refusal, refusal], told.append)
    _until(lambda: len(told) == 2)
    assert told == [None, None]
    assert log.store.refused() == {"invalid": 3}


def test_what_is_handed_in_while_too_many_events_wait_takes_no_place(store: SqliteStore) -> None:
    log = EventLog(store, capacity=1)
    told: list[BaseException | None] = []
    with store.file.writing():
        log.hand_in([exposure("v0", "single", 0)], (), told.append)
        for _ in range(2 * event_log.WAITING_REQUESTS):
            with pytest.raises(QueueFull, match="1 events wait for the disk, the queue takes 1"):
                log.hand_in([exposure("v1", "single", 1)], (), told.append)
    log.close()
    assert told == [None]


def test_trouble_of_what_was_handed_in_is_told_and_remembered(log: EventLog, tmp_path: Path) -> None:
    database = tmp_path / "yesladder.db"
    database.mkdir()
    told: list[BaseException | None] = []
    log.hand_in([exposure("v", "single", 0)], (), told.append)
    _until(lambda: len(told) == 1)
    assert "it must be a file" in str(told[0])
    database.rmdir()
    log.hand_in([exposure("v", "single", 0)], (), told.append)
    _until(lambda: len(told) == 2)
    assert told[1] is None


def _until(condition: Callable[[], bool]) -> None:
    for _ in range(300):
        if condition():
            return
        threading.Event().wait(0.1)
    pytest.fail("it did not become so")
