"""MemoryStore: the smallest engine, and the model that every other engine must agree with. Keeps nothing on disk."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from experiments.definition.experiment import Experiment
from experiments.events.decision import Decision, DecisionKey, in_order
from experiments.events.event import Event, MessageId, Refusal, VisitorId, newest_first
from experiments.events.person import ids_of, mentions, people
from experiments.events.tables import Tables
from experiments.events.tally import of_attributes, tally
from experiments.store.store import Difference, Receipt


class MemoryStore:
    """Keeps the events and counts them anew at every question."""

    def __init__(self, phases: Callable[[], Sequence[Experiment]]) -> None:
        self.phases = phases
        self._events: dict[MessageId, Event] = {}
        self._refusals: list[Refusal] = []
        self._refused: Counter[str] = Counter()
        self._decisions: dict[DecisionKey, Decision] = {}
        self._lock = threading.Lock()

    def append(self, events: Sequence[Event], refusals: Sequence[Refusal] = ()) -> Receipt:
        with self._lock:
            stored = 0
            for event in events:
                known = self._events.get(event.message_id)
                stored += known is None
                if known is None or event.supersedes(known):
                    self._events[event.message_id] = event
            self._refusals.extend(refusals)
            self._refused.update(refusal.reason for refusal in refusals)
            return Receipt(stored, len(events) - stored)

    def tables(self, experiment: Experiment, segments: Collection[str] = ()) -> Tables:
        """Without revisions: what is counted anew at every question has published nothing."""
        with self._lock:
            events, decisions = list(self._events.values()), self._decisions_of([experiment])
        cells = of_attributes(tally(experiment, events), segments)
        return Tables(experiment, cells, frozenset(segments), decisions=decisions)

    def decisions(self, phases: Sequence[Experiment]) -> Sequence[Decision]:
        with self._lock:
            return self._decisions_of(phases)

    def record(self, decisions: Sequence[Decision], wait: bool = True) -> None:
        with self._lock:
            for one in decisions:
                self._decisions.setdefault(one.key, one)

    def visitor(self, visitor: VisitorId) -> Sequence[Event]:
        for events in people(self.scan()):
            if any(visitor in (event.visitor, event.joined) for event in events):
                return events
        return ()

    def recent(self, limit: int) -> Sequence[Event | Refusal]:
        return newest_first([*self._events.values(), *self._refusals], limit)

    def refused(self) -> Mapping[str, int]:
        return dict(self._refused)

    def forget(self, visitor: VisitorId) -> int:
        events = self.visitor(visitor)
        with self._lock:
            for event in events:
                del self._events[event.message_id]
            ids = ids_of(visitor, events)
            self._refusals = [refusal for refusal in self._refusals if not mentions(refusal, ids)]
        return len(events)

    def scan(self) -> Iterator[Event]:
        yield from sorted(self._events.values(), key=lambda event: (event.received_at, event.message_id))

    def verify(self) -> Sequence[Difference]:
        return ()

    def health(self) -> Sequence[str]:
        return ()

    def close(self) -> None:
        """Nothing to release."""

    def _decisions_of(self, phases: Sequence[Experiment]) -> Sequence[Decision]:
        keys = {(phase.key, phase.phase) for phase in phases}
        return sorted((one for key, one in self._decisions.items() if key[:2] in keys), key=in_order)
