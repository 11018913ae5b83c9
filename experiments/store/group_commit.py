"""GroupCommit: many request threads, one writer thread, one durable commit for all who wait."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from experiments.events.decision import Decision, DecisionKey
from experiments.events.event import Event, Refusal
from experiments.store.store import Store, StoreError, StoreUnavailable

SHARED = 4  # submissions in a transaction from which on it is worth waiting for more
GATHER_SECONDS = 0.003  # about what a transaction costs apart from its events


class QueueFull(StoreError):
    """More events wait for the disk than `capacity`; nothing of this submission was taken. Ask again later."""


class _Submission(NamedTuple):
    """What one request hands in, and whom to tell: with None once it is on disk, else with the trouble."""

    events: Sequence[Event]
    refusals: Sequence[Refusal]
    told: Callable[[BaseException | None], None]


class _Waiting:
    """A thread that waits to be told. A lock that opens: a Future costs several times as much to make."""

    __slots__ = ("_told", "_trouble")

    def __init__(self) -> None:
        self._trouble: BaseException | None = None
        self._told = threading.Lock()
        self._told.acquire()

    def tell(self, trouble: BaseException | None) -> None:
        """Let the thread go on, or fail with this."""
        self._trouble = trouble
        self._told.release()

    def wait(self, timeout: float) -> None:
        """Return when all is well, or raise what it was told; StoreUnavailable after `timeout` seconds."""
        if not self._told.acquire(timeout=timeout):
            raise unanswered(timeout)
        if self._trouble is not None:
            raise self._trouble


def unanswered(seconds: float) -> StoreUnavailable:
    """What whoever waited so long for the disk is told."""
    return StoreUnavailable(f"the disk did not answer within {seconds:g} seconds")


class GroupCommit:
    """Collects what arrives while the disk is busy, commits it in one transaction, then lets every request answer.

    `capacity`: events that may wait; one submission is always taken when nothing waits, however large.
    `at_once`: events in one transaction, so that nobody waits for more than a few of them. After a transaction that
    SHARED or more submissions had in common, the next begins GATHER_SECONDS later (`pause` waits), and is shared by
    more: as PostgreSQL does with commit_delay and commit_siblings. Who sends alone never waits for others.
    """

    def __init__(
        self,
        store: Store,
        capacity: int = 10_000,
        at_once: int = 1_000,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.store = store
        self.capacity = capacity
        self.at_once = at_once
        self.pause = pause
        self._waiting: deque[_Submission] = deque()
        self._size = 0  # events waiting or being written
        self._decisions: dict[DecisionKey, Decision] = {}
        self._closed = False
        self._change = threading.Condition()
        self._writer = threading.Thread(target=self._write, name="event-writer", daemon=True)
        self._writer.start()

    def submit(self, events: Sequence[Event], refusals: Sequence[Refusal] = (), timeout: float = 30.0) -> None:
        """Return when these events are on disk and counted.

        Raises QueueFull when too much waits already, and StoreUnavailable when the store refused or did not answer
        within `timeout` seconds; the events may then be on disk or not, and sending them again counts them once.
        """
        waiting = _Waiting()
        self.hand_in(events, refusals, waiting.tell)
        waiting.wait(timeout)

    def hand_in(
        self, events: Sequence[Event], refusals: Sequence[Refusal], told: Callable[[BaseException | None], None]
    ) -> None:
        """Return at once; the writer's thread calls `told` when they are on disk and counted, or with the trouble.

        Raises QueueFull as `submit` does, and StoreUnavailable when the log is closing: then nobody is told. `told`
        must not raise, nor take long.
        """
        with self._change:
            if self._closed:
                raise StoreUnavailable("the event log is closing")
            if self._size and self._size + len(events) > self.capacity:
                raise QueueFull(f"{self._size} events wait for the disk, the queue takes {self.capacity}")
            self._size += len(events)
            self._waiting.append(_Submission(events, refusals, told))
            self._change.notify()

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

    def close(self) -> None:
        """Write what waits, then stop. Later submissions are refused."""
        with self._change:
            self._closed = True
            self._change.notify()
        self._writer.join()

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
        try:
            self.store.append(
                [event for submission in batch for event in submission.events],
                [refusal for submission in batch for refusal in submission.refusals],
            )
        except StoreUnavailable as trouble:
            for submission in batch:
                submission.told(trouble)
        except Exception as fault:  # not the medium: some event could not be stored, and only its sender is told
            if len(batch) == 1:
                batch[0].told(fault)
            else:
                for submission in batch:
                    self._commit([submission])
        else:
            for submission in batch:
                submission.told(None)
