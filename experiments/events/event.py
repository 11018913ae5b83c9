"""Event: one validated fact about one visitor. Every accepted wire format becomes this."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Literal, NewType

VisitorId = NewType("VisitorId", str)
MessageId = NewType("MessageId", str)

Kind = Literal["exposure", "action", "join", "withdrawal"]
# exposure: the visitor met the trigger; carries `experiment` and the resolved `variant`
# action: anything a step may name (`name` is what `event:` in a config file is compared with)
# join: `visitor` and `joined` are one person (identify, alias); any other kind with `joined` set says so too
# withdrawal: consent was withdrawn

MAX_ID_LENGTH = 255


@dataclass(frozen=True, slots=True)
class Event:
    """One fact. Refuses bad values when made, so that nothing downstream has to check.

    `at` is when it happened (the client's clock corrected and clamped to receipt), `received_at` when it was
    received; both aware UTC. `attributes` are flat strings known of the visitor then: device, source, language,
    first_seen (ISO date), bot and staff ("true"), and those a config names.
    Raises ValueError naming the field, the value seen and what would be right.
    """

    message_id: MessageId
    kind: Kind
    visitor: VisitorId
    at: datetime
    received_at: datetime
    name: str = ""
    joined: VisitorId | None = None
    experiment: str | None = None
    variant: str | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for where, value in (("message_id", self.message_id), ("visitor", self.visitor), ("joined", self.joined)):
            if value is not None and not 0 < len(value) <= MAX_ID_LENGTH:
                raise ValueError(f"{where} has {len(value)} characters, must have 1 to {MAX_ID_LENGTH}")
            _storable(where, value)
        _storable("name", self.name)
        for where, time in (("at", self.at), ("received_at", self.received_at)):
            if time.tzinfo is not UTC:
                raise ValueError(f"{where} is {time!r}, must be an aware UTC datetime")
        if self.at > self.received_at:
            raise ValueError(f"at is {self.at}, must not be after received_at {self.received_at}")
        if (self.kind == "exposure") != (self.experiment is not None and self.variant is not None):
            raise ValueError(f"kind is {self.kind!r} with experiment {self.experiment!r} and variant {self.variant!r}")
        if self.kind == "join" and self.joined is None:
            raise ValueError("a join needs `joined`, the other id of the same person")
        if self.kind == "action" and not self.name:
            raise ValueError("an action needs a name, the one a step's `event:` is compared with")

    def canonical(self) -> str:
        """The event as canonical JSON: the same fact always gives the same text."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return json.dumps(values, default=_plain, sort_keys=True, separators=(",", ":"))

    def supersedes(self, other: Event) -> bool:
        """Of two events with one message id, does this one count? The one received first does (tie: smaller text)."""
        if self.received_at != other.received_at:
            return self.received_at < other.received_at
        return self.canonical() < other.canonical()


def _plain(value: datetime | Mapping[str, Any]) -> str | dict[str, Any]:
    """What JSON has no word for: a moment, and a mapping that is no dict."""
    return value.isoformat() if isinstance(value, datetime) else dict(value)


def _storable(where: str, text: str | None) -> None:
    """No store keeps half a surrogate pair, and many tools end a text at a NUL."""
    if not text or (text.isascii() and "\0" not in text):
        return
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError(f"{where} is {text!r}, must not contain a NUL character or half a surrogate pair")


def distinct(events: Iterable[Event]) -> list[Event]:
    """One event per message id, the one that counts, in order of receipt (tie: message id)."""
    counted: dict[MessageId, Event] = {}
    for event in events:
        other = counted.get(event.message_id)
        if other is None or event.supersedes(other):
            counted[event.message_id] = event
    return sorted(counted.values(), key=lambda event: (event.received_at, event.message_id))


@dataclass(frozen=True, slots=True)
class Refusal:
    """One event that was not taken, and why, in words for the person who sent it.

    `reason` is from a closed list (variant-mismatch, not-in-experiment, unknown-experiment, unknown-variant,
    invalid, too-large, exposure-lost); `detail` names the place, the value seen and what would be right.
    """

    reason: str
    detail: str
    refused_at: datetime
    message_id: str = ""
    name: str = ""
    visitor: str = ""
    experiment: str = ""


def newest_first(arrivals: Iterable[Event | Refusal], limit: int) -> list[Event | Refusal]:
    """The arrivals received last, accepted or refused, newest first."""

    def arrived_at(arrival: Event | Refusal) -> datetime:
        return arrival.received_at if isinstance(arrival, Event) else arrival.refused_at

    return sorted(arrivals, key=arrived_at, reverse=True)[:limit]
