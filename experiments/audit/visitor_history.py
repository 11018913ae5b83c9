"""Story: all that is known of one id, in order, and its part in every phase."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from experiments.audit.visitor_phase import Chapter, Counted, Note, Passage, chapter
from experiments.definition.experiment import Experiment
from experiments.definition.quantity import iso
from experiments.events.contribution import in_time
from experiments.events.event import Event, MessageId, VisitorId, distinct
from experiments.events.person import ids_of


@dataclass(frozen=True, slots=True)
class Told:
    """One event, and what became of it in each phase that it concerns."""

    event: Event
    notes: Sequence[tuple[Experiment, Note]]


@dataclass(frozen=True, slots=True)
class Story:
    """One visitor: the id asked for and every id joined to it, its events in order of event time, its part in each
    phase that exposed it. Without events nothing is known: the id never came, or was forgotten."""

    visitor: VisitorId
    ids: Sequence[VisitorId]
    events: Sequence[Told]
    chapters: Sequence[Chapter]

    def to_json(self) -> dict[str, object]:
        """The document that `yesladder visitor --json` prints."""
        return {
            "visitor": self.visitor,
            "ids": list(self.ids),
            "phases": [_chapter(one) for one in self.chapters],
            "events": [_told(one) for one in self.events],
        }


def story(visitor: VisitorId, events: Iterable[Event], phases: Iterable[Experiment]) -> Story:
    """What is known of this id, given every event of it and of the ids joined to it, and every recorded phase?"""
    events = distinct(events)
    ids = ids_of(visitor, events)
    notes: dict[MessageId, list[tuple[Experiment, Note]]] = defaultdict(list)
    chapters = []
    for phase in phases:
        one = chapter(phase, events)
        if one is None:
            for event, note in _unexposed(phase, events):
                notes[event.message_id].append((phase, note))
            continue
        chapters.append(one)
        for message, found in one.notes.items():
            notes[message] += [(phase, note) for note in found]
    return Story(
        visitor,
        [visitor, *sorted(ids - {visitor})],
        [Told(event, notes[event.message_id]) for event in sorted(events, key=in_time)],
        sorted(chapters, key=_began),
    )


def _unexposed(phase: Experiment, events: Iterable[Event]) -> Iterator[tuple[Event, Note]]:
    """Steps that somebody took while this phase counted, without ever being exposed in it."""
    for event in events:
        steps = tuple(step.step for step in phase.steps if step.event == event.name)
        begun = phase.started_at is not None and phase.started_at <= event.at
        over = phase.ended_at is not None and event.at > phase.ended_at + phase.window
        if event.kind == "action" and steps and begun and not over:
            yield event, Note("not-exposed", steps)


def _began(one: Chapter) -> tuple[bool, datetime | None, str, int]:
    first = one.visitors[0].exposure.at if one.visitors else None
    return first is None, first or one.experiment.started_at, one.experiment.key, one.experiment.phase


def _told(one: Told) -> dict[str, object]:
    event = one.event
    return {
        "at": iso(event.at),
        "received_at": iso(event.received_at),
        "message_id": event.message_id,
        "visitor": event.visitor,
        "kind": event.kind,
        "name": event.name or None,
        "joined": event.joined,
        "experiment": event.experiment,
        "variant": event.variant,
        "properties": dict(event.properties),
        "attributes": dict(event.attributes),
        "notes": [{"experiment": phase.key, "phase": phase.phase, **_note(note)} for phase, note in one.notes],
    }


def _note(note: Note) -> dict[str, object]:
    return {"fate": note.fate, "steps": list(note.steps), "limit": iso(note.limit), "where": note.where}


def _chapter(one: Chapter) -> dict[str, object]:
    return {
        "experiment": one.experiment.key,
        "phase": one.experiment.phase,
        "variant": one.variant,
        "assigned": one.assigned and {"variant": one.assigned.variant, "reason": one.assigned.reason},
        "visitors": [_counted(counted) for counted in one.visitors],
        "steps": [_passage(passage) for passage in one.passages],
        "ledger": {reason: dict(counts) for reason, counts in one.ledger.items()},
    }


def _counted(one: Counted) -> dict[str, object]:
    return {
        "visitor": one.exposure.visitor,
        "variant": one.exposure.variant,
        "exposed_at": iso(one.exposure.at),
        "excluded": one.excluded,
        "attributes": dict(one.attributes),
        "stratum": one.stratum,
        "value": one.value / 100,
        "bad_value": one.bad_value,
        "capped": one.capped,
    }


def _passage(one: Passage) -> dict[str, object]:
    return {
        "step": one.step.step,
        "visitor": one.exposure.visitor,
        "counted": one.counted,
        "reached": one.reached is not None,
        "reached_at": iso(one.reached.at if one.reached else None),
        "by": one.reached.message_id if one.reached else None,
        "until": iso(one.until),
        "sealed_at": iso(one.sealed_at),
        "missed": [{"message_id": event.message_id, **_note(note)} for event, note in one.missed],
    }
