"""Exposures behind the answer: none waits for the disk, none is lost without a word."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from experiments.events.event import Event, Refusal
from experiments.store import exposure_queue
from experiments.store.event_log import EventLog
from experiments.store.exposure_queue import ExposureQueue, exposure_of
from experiments.store.memory import MemoryStore
from experiments.store.store import StoreUnavailable
from tests.experiments.cases.experiments import small

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
EXPERIMENT = small(started_at=None, window="1 day")


class Moody(MemoryStore):
    """A store that takes nothing while it is down."""

    down = False

    def append(self, events: Sequence[Event], refusals: Sequence[Refusal] = ()) -> Any:
        if self.down:
            raise StoreUnavailable("the disk is full")
        return super().append(events, refusals)


def exposure(visitor: str, phase: int = 1) -> Event:
    return exposure_of(EXPERIMENT.model_copy(update={"phase": phase}), visitor, "single", {}, NOW)


def eventually(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + 10
    while not (so := condition()) and time.monotonic() < end:
        time.sleep(0.005)
    return so


def test_an_exposure_is_known_by_experiment_phase_and_visitor() -> None:
    assert exposure("v").message_id == exposure("v").message_id
    assert len({exposure("v").message_id, exposure("w").message_id, exposure("v", phase=2).message_id}) == 3


def test_it_waits_for_the_store_and_says_what_did_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposure_queue, "RETRY_SECONDS", 0.01)
    store = Moody(lambda: ())
    log = EventLog(store)
    later = NOW + timedelta(minutes=5)
    queue = ExposureQueue(log, lambda: later, capacity=3)
    store.down = True
    for number in range(5):
        queue.put(exposure(f"v-{number}"))
    assert (queue.waiting, queue.lost) == (3, 2)
    store.down = False
    assert eventually(lambda: queue.waiting == 0)
    queue.put(exposure("v-9"))
    queue.close()
    log.close()
    assert sorted(event.visitor for event in store.scan()) == ["v-0", "v-1", "v-2", "v-9"]
    assert {(event.at, event.received_at) for event in store.scan()} == {(NOW, later)}
    told = [arrival.detail for arrival in store.recent(9) if isinstance(arrival, Refusal)]
    assert told == ["2 exposures of assigned visitors were lost while the event log could not take them"]


def test_what_is_lost_at_the_end_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, "yesladder")
    store = Moody(lambda: ())
    log = EventLog(store)
    queue = ExposureQueue(log, lambda: NOW)
    store.down = True
    queue.put(exposure("v-1"))
    queue.close()
    log.close()
    assert "1 exposures of assigned visitors are lost" in caplog.text
    queue.put(exposure("v-2"))
    assert queue.lost == 1


def test_a_try_that_failed_before_closing_began_is_not_the_last() -> None:
    class MendedMeanwhile(MemoryStore):
        failed = False

        def append(self, events: Sequence[Event], refusals: Sequence[Refusal] = ()) -> Any:
            if not self.failed:
                self.failed = True
                closing.start()
                assert eventually(lambda: queue._closing)
                raise StoreUnavailable("the disk is full")
            return super().append(events, refusals)

    store = MendedMeanwhile(lambda: ())
    log = EventLog(store)
    queue = ExposureQueue(log, lambda: NOW)
    closing = threading.Thread(target=queue.close)
    queue.put(exposure("v"))
    assert eventually(lambda: closing.ident is not None)
    closing.join(10)
    assert [event.visitor for event in store.scan()] == ["v"]
    log.close()
