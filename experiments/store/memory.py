"""MemoryStore: the smallest engine, and the model that every other engine must agree with. Keeps nothing on disk."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from pathlib import Path

from experiments.definition.experiment import Experiment
from experiments.events.decision import Decision, DecisionKey, in_order
from experiments.events.event import Event, MessageId, Refusal, VisitorId, newest_first
from experiments.events.person import first_exposed, ids_of, mentions, people
from experiments.events.tables import Tables
from experiments.events.tally import Tally, of_attributes, tally
from experiments.store.store import (
    Difference,
    Expired,
    Progress,
    Receipt,
    RuleOf,
    StoreError,
    Traces,
    without_progress,
)


class MemoryStore:
    """Keeps the events and counts them anew at every question."""

    def __init__(self, phases: Callable[[], Sequence[Experiment]]) -> None:
        self.phases = phases
        self._events: dict[MessageId, Event] = {}
        self._refusals: list[Refusal] = []
        self._refused: Counter[str] = Counter()
        self._decisions: dict[DecisionKey, Decision] = {}
        self._final: dict[tuple[str, int], datetime] = {}
        self._final_cells: dict[tuple[str, int], Tally] = {}
        self._lock = threading.RLock()

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

    def tables(self, experiment: Experiment, segments: Collection[str] | None = ()) -> Tables:
        """Without revisions: what is counted anew at every question has published nothing."""
        with self._lock:
            events, decisions = list(self._events.values()), self._decisions_of([experiment])
            cells = self._final_cells.get((experiment.key, experiment.phase)) or tally(self._ended(experiment), events)
        cells = cells if segments is None else of_attributes(cells, segments)
        return Tables(experiment, cells, None if segments is None else frozenset(segments), decisions=decisions)

    def decisions(self, phases: Sequence[Experiment]) -> Sequence[Decision]:
        with self._lock:
            return self._decisions_of(phases)

    def record(self, decisions: Sequence[Decision], wait: bool = True) -> None:
        with self._lock:
            for one in decisions:
                self._decisions.setdefault(one.key, one)

    def people(self, experiment: Experiment, until: datetime) -> Iterator[Sequence[Event]]:
        end = min(until, experiment.ended_at or until)
        for person in people(self.scan()):
            first = first_exposed(experiment, person)
            if first is not None and first < end:
                yield person

    def visitor(self, visitor: VisitorId) -> Sequence[Event]:
        for events in people(self.scan()):
            if any(visitor in (event.visitor, event.joined) for event in events):
                return events
        return ()

    def recent(self, limit: int) -> Sequence[Event | Refusal]:
        return newest_first([*self._events.values(), *self._refusals], limit)

    def refused(self) -> Mapping[str, int]:
        return dict(self._refused)

    def traces(self, visitor: VisitorId) -> Traces:
        events = self.visitor(visitor)
        ids = ids_of(visitor, events)
        quoted = {json.dumps(one) for one in ids}
        others = (event for event in self.scan() if event.visitor not in ids)
        quoting = [one.message_id for one in others if any(text in _values(one) for text in quoted)]
        return Traces(events, ids, sum(mentions(one, ids) for one in self._refusals), sorted(quoting))

    def forget(self, visitor: VisitorId) -> int:
        with self._lock:
            found = self.traces(visitor)
            for event in found.events:
                del self._events[event.message_id]
            self._refusals = [refusal for refusal in self._refusals if not mentions(refusal, found.ids)]
        return len(found.events)

    def expire(self, rule: RuleOf, delete: bool, progress: Progress = without_progress) -> Expired:
        with self._lock:
            phases = self.phases()
            by = rule(phases, self._final)
            expired = Expired(by.before, by.ending)
            doomed = [events for person in people(self.scan()) if (events := by.expendable(person))]
            for events in doomed:
                expired.add(events)
            kept = [refusal for refusal in self._refusals if refusal.refused_at >= by.before]
            expired.refusals = len(self._refusals) - len(kept)
            if delete:
                for phase in by.ending if doomed else ():
                    key = phase.key, phase.phase
                    self._final_cells.setdefault(key, tally(phase, self._events.values()))
                    self._final[key] = max(by.before, self._final.get(key, by.before))
                for event in chain.from_iterable(doomed):
                    del self._events[event.message_id]
                self._refusals = kept
        return expired

    def final_phases(self) -> Mapping[tuple[str, int], datetime]:
        return dict(self._final)

    def scan(self) -> Iterator[Event]:
        yield from sorted(self._events.values(), key=lambda event: (event.received_at, event.message_id))

    def verify(self) -> Sequence[Difference]:
        return ()

    def copy(self, folder: Path, progress: Progress = without_progress) -> int:
        raise StoreError("this log is kept in memory alone, there is nothing to copy")

    def health(self) -> Sequence[str]:
        return ()

    def close(self) -> None:
        """Nothing to release."""

    def _ended(self, phase: Experiment) -> Experiment:
        """The phase with its end, where whoever asks has not heard of it."""
        ends = (one for one in self.phases() if (one.key, one.phase) == (phase.key, phase.phase) and one.ended_at)
        return phase if phase.ended_at else next(ends, phase)

    def _decisions_of(self, phases: Sequence[Experiment]) -> Sequence[Decision]:
        keys = {(phase.key, phase.phase) for phase in phases}
        return sorted((one for key, one in self._decisions.items() if key[:2] in keys), key=in_order)


def _values(event: Event) -> str:
    """What the event says, as the log of an engine has it."""
    return json.dumps([dict(event.properties), dict(event.attributes)])
