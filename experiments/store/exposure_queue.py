"""ExposureQueue: exposures that an assignment itself causes, written behind the answer; best effort, losses counted."""

import hashlib
import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice

from experiments.definition.experiment import Experiment
from experiments.events.event import Event, MessageId, Refusal, VisitorId
from experiments.store.event_log import EventLog
from experiments.store.store import StoreError

CAPACITY = 10_000  # exposures that may wait; beyond it the newest is lost, and counted
BATCH = 200
RETRY_SECONDS = 1.0
CLOSE_SECONDS = 15.0

_logger = logging.getLogger("yesladder")


def exposure_of(
    experiment: Experiment, visitor: str, variant: str, attributes: Mapping[str, str], now: datetime
) -> Event:
    """The exposure of a visitor who was just assigned; the same visitor and phase give the same message id."""
    identity = "\0".join(("exposure", experiment.key, str(experiment.phase), visitor))
    return Event(
        message_id=MessageId("auto-" + hashlib.sha256(identity.encode()).hexdigest()),
        kind="exposure",
        visitor=VisitorId(visitor),
        at=now,
        received_at=now,
        name="Experiment Viewed",
        experiment=experiment.key,
        variant=variant,
        attributes=attributes,
    )


class ExposureQueue:
    """Takes exposures without waiting and writes them from one thread of its own, started with the first.

    What the store cannot take is tried again; what comes beyond `capacity` meanwhile is lost: counted in `lost`, and
    told in the log (reason `exposure-lost`) once it takes again. An exposure is received when the log gets it.
    """

    def __init__(self, log: EventLog, clock: Callable[[], datetime], capacity: int = CAPACITY) -> None:
        self._log = log
        self._clock = clock
        self._capacity = capacity
        self._waiting: deque[Event] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closing = False
        self._lost = 0
        self._told = 0

    @property
    def waiting(self) -> int:
        """How many exposures are not on disk yet."""
        return len(self._waiting)

    @property
    def lost(self) -> int:
        """How many exposures this worker has lost since it started."""
        return self._lost

    def put(self, exposure: Event) -> None:
        """Queue one exposure; never waits and never fails."""
        with self._changed:
            if self._closing or len(self._waiting) >= self._capacity:
                self._lost += 1
                return
            self._waiting.append(exposure)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="exposures", daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self) -> None:
        """Write what waits, then stop; what cannot be written now is lost."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                batch = list(islice(self._waiting, BATCH))
                lost, last_try = self._lost, self._closing
            if not batch:
                return
            if self._write(batch, lost - self._told):
                with self._changed:
                    self._told = lost
                    for _ in batch:
                        self._waiting.popleft()
            elif last_try:
                _logger.error("%d exposures of assigned visitors are lost: the event log is down", len(self._waiting))
                return
            else:
                with self._changed:
                    self._changed.wait_for(lambda: self._closing, RETRY_SECONDS)

    def _write(self, batch: Sequence[Event], untold: int) -> bool:
        """Are these exposures, and the news of `untold` lost ones, on disk now?"""
        now = self._clock()
        events = [replace(exposure, received_at=max(now, exposure.at)) for exposure in batch]
        news = []
        if untold:
            detail = f"{untold} exposures of assigned visitors were lost while the event log could not take them"
            news.append(Refusal(reason="exposure-lost", detail=detail, refused_at=now))
        try:
            self._log.append(events, news)
        except StoreError:
            return False
        return True
