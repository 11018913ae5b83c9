"""TimeScans: times to convert for a page, from a scan of the log that is bounded, done once, and one at a time."""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from threading import Lock
from typing import Literal

from experiments.definition.experiment import Experiment
from experiments.events.cohort import sealed_days
from experiments.events.event import Event
from experiments.reporting.time_to_convert import TimeToConvert, sealed_until, time_to_convert
from experiments.store.store import Store
from webapp.services.kept import Kept

MOST_VISITORS = 50_000
MOST_SECONDS = 20.0
"""What a page may cost a worker; the command takes any number, in a process of its own."""
KEPT_SCANS = 32

Why = Literal["gone", "many", "slow", "busy"]


class NoTimes(Exception):
    """There are no times for a page now: the raw events are gone, they are too many, or another scan is under way."""

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why: Why = why


class TimeScans(Kept[str, TimeToConvert]):
    """Keeps the last scans until the sealed counts change, to which they belong."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__(KEPT_SCANS)
        self._now = now
        self._scanning = Lock()

    def times(self, phase: Experiment, store: Store, as_of: datetime) -> TimeToConvert:
        """The times of this phase as of this moment. Raises NoTimes, and StoreUnavailable."""
        tables = store.tables(phase)
        sealed = sealed_days(phase, tables.patterns, as_of)
        visitors = int(sealed.visitors.sum())
        columns = (sealed.days, sealed.variant, sealed.pattern, sealed.visitors)
        content = phase.model_dump_json(), tables.revisions, *(column.tolist() for column in columns)
        key = hashlib.sha256(repr((content, sealed_until(phase, as_of) if visitors else None)).encode()).hexdigest()
        if (kept := self.found(key)) is not None:
            return replace(kept.answer, as_of=as_of)
        if (phase.key, phase.phase) in store.final_phases():
            raise NoTimes("gone")
        if visitors > MOST_VISITORS:
            raise NoTimes("many")
        if not self._scanning.acquire(blocking=False):
            raise NoTimes("busy")
        try:
            people = store.people(phase, sealed_until(phase, as_of))
            return self.get(key, lambda: time_to_convert(phase, self._in_time(people), as_of))
        finally:
            self._scanning.release()

    def _in_time(self, people: Iterator[Sequence[Event]]) -> Iterator[Sequence[Event]]:
        end = self._now() + MOST_SECONDS
        for person in people:
            if self._now() > end:
                raise NoTimes("slow")
            yield person
