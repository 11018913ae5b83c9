"""MemoryStore: the smallest engine, and the model that every other engine must agree with. Keeps nothing on disk."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from experiments.definition.experiment import Experiment
from experiments.events.decision import Decision, DecisionKey, in_order
from experiments.events.event import Event, MessageId, Refusal, VisitorId, newest_first
from experiments.events.person import ids_of, mentions, people
from experiments.events.tally import Tally, ledger_table, levels, pattern_table, reach_table, tally
from experiments.store.store import Difference, Receipt, Revision
from stats.tables.patterns import PatternTable
from stats.tables.reach import ReachTable


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

    def tally(self, experiment: Experiment) -> Tally:
        """All cells of one phase."""
        return tally(experiment, list(self._events.values()))

    def reach(self, experiment: Experiment) -> ReachTable:
        return reach_table(experiment, self.tally(experiment))

    def segment_reach(self, experiment: Experiment, attribute: str) -> Mapping[str, ReachTable]:
        cells = self.tally(experiment)
        return {level: reach_table(experiment, cells, attribute, level) for level in levels(cells, attribute)}

    def patterns(self, experiment: Experiment) -> PatternTable:
        return pattern_table(experiment, self.tally(experiment))

    def ledger(self, experiment: Experiment) -> Mapping[str, Mapping[str, int]]:
        return ledger_table(self.tally(experiment))

    def revisions(self, experiment: Experiment) -> Sequence[Revision]:
        """None: what is counted anew at every question has published nothing."""
        return ()

    def record(self, decisions: Sequence[Decision], wait: bool = True) -> None:
        with self._lock:
            for one in decisions:
                self._decisions.setdefault(one.key, one)

    def decisions(self, experiment: Experiment) -> Sequence[Decision]:
        known = list(self._decisions.values())
        return sorted((one for one in known if one.key[:2] == (experiment.key, experiment.phase)), key=in_order)

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
