"""EventLog: where views put events. It answers when they are on disk, or soon that they are not."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, TimeoutError

from experiments.events.event import Event, Refusal
from experiments.store.group_commit import GroupCommit, QueueFull, unanswered
from experiments.store.store import Store, StoreUnavailable

CAPACITY = 10_000  # events that may wait for the disk in one worker; beyond it the answer is 503
WAITING_REQUESTS = 1_000  # requests that may wait for the disk at once without a thread
WAITING_THREADS = 64  # threads that may wait for it at once, so that some are left for assignments
PATIENCE_SECONDS = 10.0  # how long a request waits for its events to be on disk
HEALTH_SECONDS = 2.0  # how long a probe waits for the store's word


class EventLog:
    """One worker's way into the store."""

    def __init__(self, store: Store, capacity: int = CAPACITY) -> None:
        self.store = store
        self.group_commit = GroupCommit(store, capacity=capacity)
        self._waiting = threading.BoundedSemaphore(WAITING_THREADS)
        self._handed_in = threading.BoundedSemaphore(WAITING_REQUESTS)
        self._lock = threading.Lock()
        self._probe: Future[Sequence[str]] | None = None
        self._refused: tuple[str, ...] = ()  # why the last events were, if they were

    def append(self, events: Sequence[Event], refusals: Sequence[Refusal] = ()) -> None:
        """Make the events durable, and the refusals known, before returning.

        Raises QueueFull when too much waits already, StoreUnavailable when the disk refuses: the sender tries again.
        """
        if not self._waiting.acquire(blocking=False):
            raise _too_many(WAITING_THREADS)
        try:
            self.group_commit.submit(events, refusals, timeout=PATIENCE_SECONDS)
            self._note(None)
        except StoreUnavailable as reason:
            self._note(reason)
            raise
        finally:
            self._waiting.release()

    def hand_in(self, events: Sequence[Event], told: Callable[[BaseException | None], None]) -> None:
        """Return at once; `told` is called in another thread, with None when they are durable, else with the trouble.

        Raises QueueFull when too much waits already: then nobody is told. `told` must not raise, nor take long.
        """
        if not self._handed_in.acquire(blocking=False):
            raise _too_many(WAITING_REQUESTS)

        def tell(trouble: BaseException | None) -> None:
            self._handed_in.release()
            self._note(trouble)
            told(trouble)

        try:
            self.group_commit.hand_in(events, (), tell)
        except BaseException:
            self._handed_in.release()
            raise

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

    def unanswered(self) -> StoreUnavailable:
        """What to tell whoever handed events in and has heard nothing for PATIENCE_SECONDS."""
        trouble = unanswered(PATIENCE_SECONDS)
        self._note(trouble)
        return trouble

    def _note(self, trouble: BaseException | None) -> None:
        if trouble is None:
            self._refused = ()
        elif isinstance(trouble, StoreUnavailable):
            self._refused = (str(trouble),)

    def _ask(self, probe: Future[Sequence[str]]) -> None:
        try:
            probe.set_result(self.store.health())
        except BaseException as fault:
            probe.set_exception(fault)
            raise
        finally:
            with self._lock:
                self._probe = None


def _too_many(requests: int) -> QueueFull:
    return QueueFull(f"{requests} requests are waiting for the disk already; send these events again")
