"""Who is one person: the ids that joins connect, and where one of them is named in a text."""

import json
import re
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime

from experiments.definition.experiment import Experiment
from experiments.events.event import Event, Refusal, VisitorId


def people(events: Iterable[Event]) -> Iterator[list[Event]]:
    """The events of each person: of all ids that joins connect. Distinct events in, each person's in the same order."""
    home: dict[VisitorId, VisitorId] = {}

    def find(visitor: VisitorId) -> VisitorId:
        home.setdefault(visitor, visitor)
        while home[visitor] != visitor:
            home[visitor] = home[home[visitor]]
            visitor = home[visitor]
        return visitor

    events = list(events)
    for event in events:
        if event.joined is not None:
            home[find(event.visitor)] = find(event.joined)
    groups: dict[VisitorId, list[Event]] = {}
    for event in events:
        visitor = event.visitor
        groups.setdefault(find(visitor) if visitor in home else visitor, []).append(event)
    yield from groups.values()


def first_exposed(phase: Experiment, person: Iterable[Event]) -> datetime | None:
    """When was this person first exposed in this phase (with `started_at`), its end aside? None when never."""
    assert phase.started_at is not None
    return min((one.at for one in person if one.experiment == phase.key and one.at >= phase.started_at), default=None)


def ids_in(events: Iterable[Event]) -> set[VisitorId]:
    """Which ids do these events tell of? Their visitors, and whom they join to them."""
    events = list(events)
    return {event.visitor for event in events} | {event.joined for event in events if event.joined is not None}


def ids_of(visitor: VisitorId, events: Iterable[Event]) -> frozenset[VisitorId]:
    """Under which ids is this visitor known, given all their events?"""
    return frozenset({visitor, *ids_in(events)})


def mentions(refusal: Refusal, ids: Collection[VisitorId]) -> bool:
    """Is this refused event from one of these ids, or does it name one?"""
    told = (refusal.detail, refusal.message_id, refusal.name)
    return refusal.visitor in ids or any(whole_words(ids).search(text.encode()) for text in told)


def anywhere(texts: Iterable[str]) -> re.Pattern[bytes]:
    """Finds these texts in bytes, in every spelling in which the log keeps them; `texts` must not be empty.

    As stored in a column, within JSON, and as the reason of a refusal repeats it.
    """
    spellings = {spelled for text in texts for spelled in (text, json.dumps(text)[1:-1], ascii(text)[1:-1])}
    return re.compile(b"|".join(sorted(re.escape(text.encode()) for text in spellings)))


def whole_words(texts: Iterable[str]) -> re.Pattern[bytes]:
    """The same, but not as a part of a longer word or id."""
    return re.compile(rb"(?<![0-9A-Za-z_])(?:" + anywhere(texts).pattern + rb")(?![0-9A-Za-z_])")
