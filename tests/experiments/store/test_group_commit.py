"""One commit of the event log for many threads: none is answered before its events are on disk."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from experiments.events.decision import Decision
from experiments.events.event import Event, Refusal
from experiments.store.event_log import GATHER_SECONDS, SHARED, EventLog, QueueFull
from experiments.store.memory import MemoryStore
from experiments.store.sqlite.engine import open_store
from experiments.store.store import Receipt, StoreUnavailable
from tests.experiments.cases.decision_cases import a_decision
from tests.experiments.cases.histories import PHASE, exposure


class Gate(MemoryStore):
    """A store whose disk answers when the test says so, and notes each transaction."""

    def __init__(self) -> None:
        super().__init__(lambda: (PHASE,))
        self.open = threading.Event()
        self.entered = threading.Event()
        self.batches: list[int] = []
        self.recorded: list[int] = []
        self.written = threading.Event()
        self.refusing: Exception | None = None
        self.trouble: Callable[[Sequence[Event]], None] = lambda _: None

    def append(self, events: Sequence[Event], refusals: Sequence[Refusal] = ()) -> Receipt:
        self.entered.set()
        assert self.open.wait(30)
        self.trouble(events)
        self.batches.append(len(events))
        return super().append(events, refusals)

    def record(self, decisions: Sequence[Decision], wait: bool = True) -> None:
        if self.refusing is not None:
            raise self.refusing
        super().record(decisions, wait)
        self.recorded.append(len(decisions))
        self.written.set()


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open.set()


def _visit(number: int) -> list[Event]:
    return [exposure(f"v{number}", "single", number)]


def test_what_waits_is_committed_together(gate: Gate) -> None:
    log = EventLog(gate)
    with ThreadPoolExecutor(20) as threads:
        first = threads.submit(log.append, _visit(0))
        assert gate.entered.wait(30)
        rest = [threads.submit(log.append, _visit(number)) for number in range(1, 20)]
        while log.waiting < 20:
            pass
        assert not any(answer.done() for answer in (first, *rest))
        gate.open.set()
        for answer in (first, *rest):
            answer.result(30)
    assert gate.batches == [1, 19]
    log.close()


@pytest.mark.parametrize(("together", "gathers"), [(SHARED - 1, False), (SHARED, True)])
def test_after_a_shared_transaction_the_next_one_gathers_more(gate: Gate, together: int, gathers: bool) -> None:
    paused, go_on = threading.Event(), threading.Event()

    def pause(seconds: float) -> None:
        assert seconds == GATHER_SECONDS
        paused.set()
        assert go_on.wait(30)

    log = EventLog(gate, pause=pause)
    with ThreadPoolExecutor(20) as threads:
        first = threads.submit(log.append, _visit(0))
        assert gate.entered.wait(30)
        shared = [threads.submit(log.append, _visit(number)) for number in range(1, together + 1)]
        while log.waiting < 1 + together:
            pass
        gate.open.set()
        for answer in (first, *shared):
            answer.result(30)
        assert paused.wait(30 if gathers else 0.1) is gathers
        more = [threads.submit(log.append, _visit(number)) for number in range(10, 13)]
        while gathers and log.waiting < 3:
            pass
        go_on.set()
        for answer in more:
            answer.result(30)
    assert gate.batches[:2] == [1, together]
    assert not gathers or gate.batches[2:] == [3]
    assert sum(gate.batches) == 1 + together + 3
    log.close()


def test_a_full_queue_refuses_and_takes_nothing(gate: Gate) -> None:
    log = EventLog(gate, capacity=2)
    with ThreadPoolExecutor(2) as threads:
        waiting = [threads.submit(log.append, _visit(number)) for number in range(2)]
        while log.waiting < 2:
            pass
        with pytest.raises(QueueFull, match="2 events wait for the disk, the queue takes 2"):
            log.append(_visit(2))
        gate.open.set()
        for answer in waiting:
            answer.result(30)
    log.append([event for number in range(3, 9) for event in _visit(number)])  # large, but nothing waits
    assert {event.visitor for event in gate.scan()} == {"v0", "v1", *(f"v{number}" for number in range(3, 9))}
    log.close()


def test_trouble_of_the_disk_is_told_to_all_who_wait_and_passes(gate: Gate) -> None:
    log = EventLog(gate)

    def full(_: Sequence[Event]) -> None:
        raise StoreUnavailable("disk full")

    gate.trouble = full
    gate.open.set()
    with pytest.raises(StoreUnavailable, match="disk full"):
        log.append(_visit(0))
    gate.trouble = lambda _: None
    log.append(_visit(0))
    assert len(list(gate.scan())) == 1
    log.close()


def test_one_bad_event_costs_only_its_sender(gate: Gate) -> None:
    log = EventLog(gate)

    def chokes(events: Sequence[Event]) -> None:
        if any(event.visitor == "v2" for event in events):
            raise TypeError("cannot store v2")

    gate.trouble = chokes
    with ThreadPoolExecutor(4) as threads:
        answers = [threads.submit(log.append, _visit(number)) for number in range(4)]
        while log.waiting < 4:
            pass
        gate.open.set()
        outcomes = [answer.exception(30) for answer in answers]
    assert [type(outcome) for outcome in outcomes] == [type(None), type(None), TypeError, type(None)]
    log.close()


def test_a_slow_disk_is_no_promise(gate: Gate) -> None:
    log = EventLog(gate, patience=0.01)
    with pytest.raises(StoreUnavailable, match=r"within 0\.01 seconds"):
        log.append(_visit(0))
    gate.open.set()
    log.patience = 30
    log.append(_visit(0))
    assert len(list(gate.scan())) == 1
    log.close()


def test_closing_writes_what_waits(gate: Gate) -> None:
    log = EventLog(gate)
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(log.append, _visit(0))
        while not log.waiting:
            pass
        gate.open.set()
        log.close()
        answer.result(30)
    with pytest.raises(StoreUnavailable, match="closing"):
        log.append(_visit(1))
    assert len(list(gate.scan())) == 1


def test_a_decision_is_handed_in_without_waiting_and_written_after_the_events(gate: Gate) -> None:
    log = EventLog(gate)
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(log.append, _visit(0))
        assert gate.entered.wait(30)
        for _ in range(3):  # as many page views as there may be while the disk is busy
            log.record([a_decision(), a_decision(state="worse")])
        assert not answer.done()
        assert not gate.decisions([PHASE])
        gate.open.set()
        answer.result(30)
    log.append(_visit(1))
    log.append(_visit(2))
    assert gate.decisions([PHASE]) == [a_decision(), a_decision(state="worse")]
    assert gate.recorded == [2]
    log.close()


def test_a_decision_alone_wakes_the_writer_and_closing_writes_it(gate: Gate) -> None:
    log = EventLog(gate)
    log.record([a_decision()])
    assert gate.written.wait(30)
    log.record([a_decision(state="equivalent")])
    log.close()
    assert gate.decisions([PHASE]) == [a_decision(), a_decision(state="equivalent")]
    log.record([a_decision(state="worse")])  # too late, and no error: the next report finds it missing
    assert gate.recorded == [1, 1]


@pytest.mark.parametrize("trouble", [StoreUnavailable("read-only"), TypeError("a bug")], ids=str)
def test_a_decision_that_cannot_be_written_stops_nothing(gate: Gate, trouble: Exception) -> None:
    log = EventLog(gate)
    gate.open.set()
    gate.refusing = trouble
    log.record([a_decision()])
    log.append(_visit(0))
    log.append(_visit(1))
    assert not gate.decisions([PHASE])
    gate.refusing = None
    log.record([a_decision()])
    log.close()
    assert len(list(gate.scan())) == 2
    assert gate.decisions([PHASE]) == [a_decision()]


def test_on_a_real_disk(tmp_path: Path) -> None:
    store = open_store(tmp_path / "yesladder.db", lambda: (PHASE,))
    log = EventLog(store)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: log.append(_visit(number % 150)), range(200)))
    assert store.tables(PHASE).reach.exposed.visitors.sum() == 150
    log.close()
