"""From one item of the Segment tracking API to one Event, or to why it is refused. Pure: the time is an argument."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from experiments.assignment.admission import Definitions, admit
from experiments.events.event import MAX_ID_LENGTH, Event, Kind, MessageId, Refusal, VisitorId
from webapp.wire.json_limits import fault_in, shown
from webapp.wire.visitor_attributes import AttributeReader

TYPES: Final = ("track", "identify", "page", "screen", "group", "alias")
EXPOSURE_NAMES: Final = ("Experiment Viewed", "$$experiment_viewed")
WITHDRAWAL_NAME: Final = "Consent Withdrawn"
MAX_EVENT_BYTES: Final = 32 * 1024
_ENVELOPE: Final = ("sentAt", "receivedAt", "writeKey")  # of the sending, not of the event


class Unacceptable(Exception):
    """One item that cannot become an event. `reason` is from the closed list of Refusal."""

    def __init__(self, detail: str, reason: str = "invalid") -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Reception:
    """How a request was received: when, with which `sentAt`, and whether it may carry receipt times of its own."""

    received_at: datetime
    sent_at: Any = None
    trusted: bool = False


def parse_event(item: Any, reception: Reception, attributes: AttributeReader, most: float = math.inf) -> Event:
    """What fact does this item tell? Raises Unacceptable with the place, the value seen and what would be right.

    `most`: how many bytes it has at most where the text that told it shows no fault, as `json_limits.read` says.
    """
    if not isinstance(item, dict):
        raise Unacceptable(f"the event is {shown(item)}, must be an object")
    if math.isinf(most) and (fault := fault_in(item, "event")):
        raise Unacceptable(fault)
    if most > MAX_EVENT_BYTES:
        size = len(json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode())
        if size > MAX_EVENT_BYTES:
            raise Unacceptable(f"the event has {size} bytes, must have at most {MAX_EVENT_BYTES}", "too-large")
    kind_of_call = item.get("type")
    if kind_of_call not in TYPES:
        raise Unacceptable(f"type is {shown(kind_of_call)}, must be one of {', '.join(TYPES)}")
    properties = _object(item, "properties")
    kind, name = _fact(item, properties)
    visitor, joined = _ids(item)
    if kind_of_call == "identify" and joined is not None:
        kind = "join"
    at, received_at = _times(item, reception)
    experiment, variant = _exposure(properties) if kind == "exposure" else (None, None)
    try:
        return Event(
            message_id=MessageId(_text(item, "messageId") or _hash(item)),
            kind=kind,
            visitor=visitor,
            joined=joined,
            at=at,
            received_at=received_at,
            name=name,
            experiment=experiment,
            variant=variant,
            properties=properties,
            attributes=_exported(item)
            if reception.trusted and "attributes" in item
            else attributes.of_event(
                filter(None, (visitor, joined)), _object(item, "context"), _object(item, "traits"), properties
            ),
        )
    except ValueError as error:
        raise Unacceptable(str(error)) from None


def judged(
    item: Any, reception: Reception, attributes: AttributeReader, definitions: Definitions, most: float = math.inf
) -> Event | Refusal:
    """The event that this item is taken for, or why it is not taken, with what it says of itself as far as that can be
    kept. `most` as in `parse_event`.
    """
    try:
        return admit(parse_event(item, reception, attributes, most), definitions)
    except Unacceptable as error:
        told = item if isinstance(item, dict) else {}
        return Refusal(
            reason=error.reason,
            detail=error.detail,
            refused_at=reception.received_at,
            message_id=_brief(told.get("messageId")),
            name=_brief(told.get("event", told.get("name"))),
            visitor=_brief(told.get("anonymousId") or told.get("userId")),
        )


def _brief(value: object) -> str:
    if not isinstance(value, str):
        return ""
    return value.replace("\0", "").encode("utf-8", "replace").decode()[:MAX_ID_LENGTH]


def _fact(item: Mapping[str, Any], properties: Mapping[str, Any]) -> tuple[Kind, str]:
    """What kind of fact, and under which name do steps know it?"""
    match item["type"]:
        case "track":
            name = _text(item, "event")
            if not name:
                raise Unacceptable(f"event is {shown(item.get('event'))}, must be the name of what happened")
            if name in EXPOSURE_NAMES:
                return "exposure", EXPOSURE_NAMES[0]
            return ("withdrawal" if name == WITHDRAWAL_NAME else "action"), name
        case "page" | "screen" as place:
            title = _text(item, "name") or _text(properties, "name", "properties.")
            return "action", " ".join(filter(None, ("Viewed", title, place.capitalize())))
        case "alias":
            return "join", "Alias"
        case other:
            return "action", other.capitalize()


def _ids(item: Mapping[str, Any]) -> tuple[VisitorId, VisitorId | None]:
    """Whose event, and which other id is the same person's? anonymousId leads; an alias leads with the previous id."""
    first, second = _text(item, "anonymousId"), _text(item, "userId")
    if item["type"] == "alias":
        first = _text(item, "previousId") or first
        if not first or not second or first == second:
            raise Unacceptable("an alias needs previousId and userId, two different ids of one person")
    visitor = first or second
    if visitor is None:
        raise Unacceptable("anonymousId and userId are both missing, one of them must say whose event this is")
    joined = second if first and second != first else None
    return VisitorId(visitor), None if joined is None else VisitorId(joined)


def _times(item: Mapping[str, Any], reception: Reception) -> tuple[datetime, datetime]:
    """When did it happen, by the client's clock corrected and clamped to receipt, and when was it received?"""
    timestamp = _time(item, "timestamp")
    received_at = reception.received_at
    sent_at = _time(item, "sentAt")
    if sent_at is None and reception.sent_at is not None:
        sent_at = _time({"sentAt": reception.sent_at}, "sentAt")
    if reception.trusted:
        own = _time(item, "receivedAt")
        sent_at = _time(item, "sentAt") if own else None  # the request's own says when it was replayed
        own = own or timestamp
        if own is not None and own > received_at:
            raise Unacceptable(f"the receipt time {own.isoformat()} is in the future, must be in the past")
        received_at = own or received_at
    if timestamp is None:
        return received_at, received_at
    try:
        at = timestamp if sent_at is None else received_at - (sent_at - timestamp)
    except OverflowError:
        raise Unacceptable(f"timestamp is {shown(item['timestamp'])}, too far from sentAt") from None
    return min(at, received_at), received_at


def _exported(item: Mapping[str, Any]) -> dict[str, str]:
    """What was known of the visitor when the event was first received, as `export` tells it."""
    attributes = _object(item, "attributes")
    for name, value in attributes.items():
        if not isinstance(value, str):
            raise Unacceptable(f"attributes.{name} is {shown(value)}, must be a string")
    return dict(attributes)


def _exposure(properties: Mapping[str, Any]) -> tuple[str, str]:
    """Which experiment was met, and which variant does the sender claim?"""
    experiment = _claim(properties, "experiment_id", "experimentId")
    variant = _claim(properties, "variation_key", "variationKey", "variation_id", "variationId")
    if experiment is None:
        raise Unacceptable("properties.experiment_id is missing, must be the key of an experiment")
    if variant is None:
        raise Unacceptable("properties.variation_id is missing, must be the key or the index of a variant")
    return experiment, variant


def _claim(properties: Mapping[str, Any], *names: str) -> str | None:
    for name in names:
        value = properties.get(name)
        if value is None or value == "":
            continue
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise Unacceptable(f"properties.{name} is {shown(value)}, must be a key")
        if len(str(value)) > MAX_ID_LENGTH:
            raise Unacceptable(f"properties.{name} has {len(str(value))} characters, must have 1 to {MAX_ID_LENGTH}")
        return str(value)
    return None


def _text(item: Mapping[str, Any], key: str, place: str = "") -> str | None:
    """A text, or None when it is absent, null or empty. Raises Unacceptable for anything else and for long ones."""
    value = item.get(key)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise Unacceptable(f"{place}{key} is {shown(value)}, must be a string such as {json.dumps(str(shown(value)))}")
    if len(value) > MAX_ID_LENGTH:
        raise Unacceptable(f"{place}{key} has {len(value)} characters, must have 1 to {MAX_ID_LENGTH}")
    return value


def _object(item: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = item.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Unacceptable(f"{key} is {shown(value)}, must be an object")
    return value


def _time(item: Mapping[str, Any], key: str) -> datetime | None:
    value = item.get(key)
    if value is None:
        return None
    try:
        time = datetime.fromisoformat(value)
        if time.tzinfo is not None:
            return time.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        pass
    raise Unacceptable(f"{key} is {shown(value)}, must be a time with a zone such as 2026-11-22T10:00:00.000Z")


def _hash(item: Mapping[str, Any]) -> str:
    """The message id of an item that has none: the same event sent again gives the same one."""
    event = {key: value for key, value in item.items() if key not in _ENVELOPE}
    text = json.dumps(event, sort_keys=True, separators=(",", ":"))
    return "hash-" + hashlib.sha256(text.encode()).hexdigest()
