"""EventLog: where views put events. It answers when they are on disk, or soon that they are not."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, TimeoutError

from experiments.events import Event, Refusal
from experiments.group_commit import GroupCommit, QueueFull
from experiments.store import Store, StoreUnavailable

CAPACITY = 10_000  # events that may wait for the disk in one worker; beyond it the answer is 503
WAITING_REQUESTS = 128  # requests that may wait for the disk at once, so that threads are left for assignments
PATIENCE_SECONDS = 10.0  # how long a request waits for its events to be on disk
HEALTH_SECONDS = 2.0  # how long a probe waits for the store's word


class EventLog:
    """One worker's way into the store."""

    def __init__(self, store: Store, capacity: int = CAPACITY) -> None:
        self.store = store
        self.group_commit = GroupCommit(store, capacity=capacity)
        self._waiting = threading.BoundedSemaphore(WAITING_REQUESTS)
        self._lock = threading.Lock()
        self._probe: Future[Sequence[str]] | None = None
        self._refused: tuple[str, ...] = ()  # why the last events were, if they were

    def append(self, events: Sequence[Event], refusals: Sequence[Refusal] = ()) -> None:
        """Make the events durable, and the refusals known, before returning.

        Raises QueueFull when too much waits already, StoreUnavailable when the disk refuses: the sender tries again.
        """
        if not self._waiting.acquire(blocking=False):
            raise QueueFull(f"{WAITING_REQUESTS} requests are waiting for the disk already; send these events again")
        try:
            self.group_commit.submit(events, refusals, timeout=PATIENCE_SECONDS)
            self._refused = ()
        except StoreUnavailable as reason:
            self._refused = (str(reason),)
            raise
        finally:
            self._waiting.release()

    def health(self) -> Sequence[str]:
        """Reasons why events cannot be taken now; empty when all is well. Never waits longer than HEALTH_SECONDS.

        A store that does not answer is asked once, however many probes come meanwhile.
        """
        with self._lock:
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
        """Write what waits, then let go of the file."""
        self.group_commit.close()
        self.store.close()

    def _ask(self, probe: Future[Sequence[str]]) -> None:
        try:
            probe.set_result(self.store.health())
        except BaseException as fault:
            probe.set_exception(fault)
            raise
        finally:
            with self._lock:
                self._probe = None
