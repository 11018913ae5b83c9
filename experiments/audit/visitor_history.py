"""VisitorHistory: all that is known of one id, in order, and its part in every phase."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from experiments.audit.visitor_account import Note, VisitorPhase
from experiments.audit.visitor_phase import visitor_phase
from experiments.definition.document import Document, Flat, NamedPhase, Written
from experiments.definition.experiment import Experiment
from experiments.events.contribution import in_time
from experiments.events.event import Event, Kind, MessageId, VisitorId, distinct
from experiments.events.person import ids_of


@dataclass(frozen=True, slots=True)
class PhaseNote(Document):
    """What became of an event in one phase."""

    phase: NamedPhase
    note: Annotated[Note, Flat()]


@dataclass(frozen=True, slots=True)
class EventFields:
    """One event as it was received."""

    at: datetime
    received_at: datetime
    message_id: str
    visitor: str
    kind: Kind
    name: str | None
    joined: str | None
    experiment: str | None
    variant: str | None
    properties: Mapping[str, Any]
    attributes: Mapping[str, str]


def _fields(event: Event) -> EventFields:
    found = {name: getattr(event, name) for name in EventFields.__dataclass_fields__}
    return EventFields(**found | {"name": event.name or None})


@dataclass(frozen=True, slots=True)
class JudgedEvent(Document):
    """One event, and what became of it in each phase that it concerns."""

    event: Annotated[Event, Written(_fields), Flat()]
    notes: Sequence[PhaseNote]


@dataclass(frozen=True, slots=True)
class VisitorHistory(Document):
    """One visitor: the id asked for and every id joined to it, its part in each phase that exposed it, its events in
    order of event time. Without events nothing is known: the id never came, or was forgotten."""

    visitor: VisitorId
    ids: Sequence[VisitorId]
    phases: Sequence[VisitorPhase]
    events: Sequence[JudgedEvent]


def visitor_history(visitor: VisitorId, events: Iterable[Event], phases: Iterable[Experiment]) -> VisitorHistory:
    """What is known of this id, given every event of it and of the ids joined to it, and every recorded phase?"""
    events = distinct(events)
    ids = ids_of(visitor, events)
    notes: dict[MessageId, list[PhaseNote]] = defaultdict(list)
    exposed = []
    for phase in phases:
        one = visitor_phase(phase, events)
        if one is None:
            for event, note in _unexposed(phase, events):
                notes[event.message_id].append(PhaseNote(phase, note))
            continue
        exposed.append(one)
        for message, found in one.notes.items():
            notes[message] += [PhaseNote(phase, note) for note in found]
    return VisitorHistory(
        visitor,
        [visitor, *sorted(ids - {visitor})],
        sorted(exposed, key=_began),
        [JudgedEvent(event, notes[event.message_id]) for event in sorted(events, key=in_time)],
    )


def _unexposed(phase: Experiment, events: Iterable[Event]) -> Iterator[tuple[Event, Note]]:
    """Steps that somebody took while this phase counted, without ever being exposed in it."""
    for event in events:
        steps = tuple(step.step for step in phase.steps if step.event == event.name)
        begun = phase.started_at is not None and phase.started_at <= event.at
        over = phase.ended_at is not None and event.at > phase.ended_at + phase.window
        if event.kind == "action" and steps and begun and not over:
            yield event, Note("not-exposed", steps)


def _began(one: VisitorPhase) -> tuple[bool, datetime | None, str, int]:
    first = one.visitors[0].exposure.at if one.visitors else None
    return first is None, first or one.experiment.started_at, one.experiment.key, one.experiment.phase
