"""EventLog: where all who have events bring them. One thread writes; one commit serves all who wait for it."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, TimeoutError
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import NamedTuple

from experiments.events.decision import Decision, DecisionKey
from experiments.events.event import Event, Refusal
from experiments.store.store import Store, StoreError, StoreUnavailable

CAPACITY = 10_000  # events that may wait for the disk in one worker
WAITING_REQUESTS = 1_000  # requests that may wait for the disk at once without a thread
WAITING_THREADS = 64  # threads that may wait for it at once, so that some are left for assignments
PATIENCE_SECONDS = 10.0  # how long a request waits for its events to be on disk
HEALTH_SECONDS = 2.0  # how long a probe waits for the store's word
SHARED = 4  # submissions in a transaction from which on it is worth waiting for more
GATHER_SECONDS = 0.003  # about what a transaction costs apart from its events

Told = Callable[[BaseException | None], None]


class QueueFull(StoreError):
    """Too much waits for the disk already; nothing of this submission was taken. Ask again later."""


class _Submission(NamedTuple):
    """What one request hands in, and whom to tell: with None once it is on disk, else with the trouble."""

    events: Sequence[Event]
    refusals: Sequence[Refusal]
    told: Told


class EventLog:
    """One worker's way into the store: what arrives while the disk is busy is committed in one transaction.

    `capacity`: events that may wait; one submission is always taken when nothing waits, however large.
    `at_once`: events in one transaction, so that nobody waits for more than a few of them. After a transaction that
    SHARED or more submissions had in common, the next begins GATHER_SECONDS later (`pause` waits), and is shared by
    more: as PostgreSQL does with commit_delay and commit_siblings. Who sends alone never waits for others.
    `patience`: seconds that a request waits to be told.
    """

    def __init__(
        self,
        store: Store,
        capacity: int = CAPACITY,
        at_once: int = 1_000,
        pause: Callable[[float], None] = time.sleep,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self.store = store
        self.capacity = capacity
        self.at_once = at_once
        self.pause = pause
        self.patience = patience
        self._waiting: deque[_Submission] = deque()
        self._size = 0  # events waiting or being written
        self._requests = 0  # handed in and not told yet
        self._threads = 0  # waiting in `append`
        self._decisions: dict[DecisionKey, Decision] = {}
        self._closed = False
        self._change = threading.Condition()  # of all above
        self._probe: Future[Sequence[str]] | None = None
        self._refused: tuple[str, ...] = ()  # why the last events were, if they were
        self._writer = threading.Thread(target=self._write, name="event-writer", daemon=True)
        self._writer.start()

    def append(self, events: Sequence[Event], refusals: Sequence[Refusal] = ()) -> None:
        """Return when the events are on disk and counted, and the refusals known.

        Raises QueueFull when too much waits already, StoreUnavailable when the disk refuses, is slower than
        `patience`, or the log is closing: the sender tries again. Events whose sender lost patience may be on disk or
        not; sending them again counts them once.
        """
        answer: SimpleQueue[BaseException | None] = SimpleQueue()
        with self._change:
            self._take(_Submission(events, refusals, answer.put), self._threads, WAITING_THREADS)
            self._threads += 1
        try:
            trouble = answer.get(timeout=self.patience)
        except Empty:
            raise self.unanswered() from None
        finally:
            with self._change:
                self._threads -= 1
        if trouble is not None:
            raise trouble

    def hand_in(self, events: Sequence[Event], refusals: Sequence[Refusal], told: Told) -> None:
        """Return at once; the writer's thread calls `told` with None when all is on disk, else with the trouble.

        Raises QueueFull when too much waits already, StoreUnavailable when the log is closing: then nobody is told.
        `told` must not raise, nor take long.
        """

        def tell(trouble: BaseException | None) -> None:
            with self._change:
                self._requests -= 1
            told(trouble)

        with self._change:
            self._take(_Submission(events, refusals, tell), self._requests, WAITING_REQUESTS)
            self._requests += 1

    def unanswered(self) -> StoreUnavailable:
        """What to tell whoever handed events in and has heard nothing for `patience` seconds."""
        trouble = StoreUnavailable(f"the disk did not answer within {self.patience:g} seconds")
        self._refused = (str(trouble),)
        return trouble

    def record(self, decisions: Sequence[Decision]) -> None:
        """Have these written to the decision log soon. Neither waits nor fails, so that no page does because of it.

        What the store refuses is let go: whoever computes a report next finds it missing and hands it in again.
        """
        with self._change:
            for one in decisions:
                self._decisions.setdefault(one.key, one)
            self._change.notify()

    @property
    def waiting(self) -> int:
        """Events that are not on disk yet."""
        return self._size

    def health(self) -> Sequence[str]:
        """Reasons why events cannot be taken now; empty when all is well. Never waits longer than HEALTH_SECONDS.

        A store that does not answer is asked once, however many probes come meanwhile.
        """
        with self._change:
            if self._probe is None:
                self._probe = Future()
                threading.Thread(target=self._ask, args=(self._probe,), name="health", daemon=True).start()
            probe = self._probe
        try:
            return probe.result(HEALTH_SECONDS)
        except TimeoutError:
            slow = f"the event log did not answer within {HEALTH_SECONDS:g} seconds: another program may hold it"
            return (slow, *self._refused)

    def close(self) -> None:
        """Write what waits, then let go of the store. What comes later is refused."""
        with self._change:
            self._closed = True
            self._change.notify()
        self._writer.join()
        self.store.close()

    def _take(self, submission: _Submission, waiting: int, most: int) -> None:
        """Queue it for the writer, or say why not; `self._change` is held."""
        if self._closed:
            raise StoreUnavailable("the event log is closing")
        if waiting >= most:
            raise QueueFull(f"{most} requests are waiting for the disk already; send these events again")
        size = len(submission.events)
        if self._size and self._size + size > self.capacity:
            raise QueueFull(f"{self._size} events wait for the disk, the queue takes {self.capacity}")
        self._size += size
        self._waiting.append(submission)
        self._change.notify()

    def _write(self) -> None:
        batch: list[_Submission] = []
        while True:
            if len(batch) >= SHARED and not self._closed:
                self.pause(GATHER_SECONDS)
            with self._change:
                self._change.wait_for(lambda: self._waiting or self._decisions or self._closed)
                if not self._waiting and not self._decisions:
                    return
                decisions, self._decisions = self._decisions, {}
                batch = []
                size = 0
                while self._waiting and (not batch or size + len(self._waiting[0].events) <= self.at_once):
                    batch.append(self._waiting.popleft())
                    size += len(batch[-1].events)
            if batch:
                self._commit(batch)
                with self._change:
                    self._size -= size
            if decisions:
                with suppress(Exception):  # see record
                    self.store.record(tuple(decisions.values()))

    def _commit(self, batch: Sequence[_Submission]) -> None:
        """One transaction for all; when it fails for one's content, each alone, so that nobody pays for another."""
        trouble: Exception | None = None
        try:
            self.store.append(
                [event for submission in batch for event in submission.events],
                [refusal for submission in batch for refusal in submission.refusals],
            )
            self._refused = ()
        except StoreUnavailable as refusal:
            trouble, self._refused = refusal, (str(refusal),)
        except Exception as fault:  # not the medium: some event could not be stored, and only its sender is told
            if len(batch) > 1:
                for submission in batch:
                    self._commit([submission])
                return
            trouble = fault
        for submission in batch:
            submission.told(trouble)

    def _ask(self, probe: Future[Sequence[str]]) -> None:
        try:
            probe.set_result(self.store.health())
        except BaseException as fault:
            probe.set_exception(fault)
            raise
        finally:
            with self._change:
                self._probe = None
