"""Segment line: one Event written as a message of the Segment tracking API; `parse_event` makes the same Event of it.

The name of an exposure is not kept: the wire has one name for it. `attributes` is what yesladder knew of the visitor
then, for `import`; `context` says the same as far as the API has words for it.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from experiments.definition.quantity import iso
from experiments.events.event import Event
from webapp.wire.segment_reader import EXPOSURE_NAMES

# A device class travels as the User-Agent of such a device, as it does from a browser.
USER_AGENTS: Final[Mapping[str, str]] = {
    "desktop": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    "phone": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.5 Mobile/15E148 Safari/604.1",
    "tablet": "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/16.6 Mobile/15E148 Safari/604.1",
}
_FLAGS: Final = ("bot", "staff", "returning")


def segment_line(event: Event) -> str:
    """The event as one line of JSON, with its own time of receipt (read only from a trusted sender)."""
    message = _call(event) | {
        "messageId": event.message_id,
        "timestamp": iso(event.at),
        "receivedAt": iso(event.received_at),
    }
    if event.kind == "exposure":
        message["properties"] = {"experiment_id": event.experiment, "variation_id": event.variant, **event.properties}
    elif event.properties:
        message["properties"] = dict(event.properties)
    if context := _context(event.attributes):
        message["context"] = context
    message["attributes"] = dict(event.attributes)
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))


def _call(event: Event) -> dict[str, Any]:
    """Which call of the API tells this, and whose ids it carries."""
    if event.kind == "join" and event.name == "Alias":
        return {"type": "alias", "previousId": event.visitor, "userId": event.joined}
    ids = {"anonymousId": event.visitor} | ({} if event.joined is None else {"userId": event.joined})
    if event.kind == "join":
        return {"type": "identify", **ids}
    return {"type": "track", "event": EXPOSURE_NAMES[0] if event.kind == "exposure" else event.name, **ids}


def _context(attributes: Mapping[str, str]) -> dict[str, Any]:
    context: dict[str, Any] = {flag: attributes[flag] == "true" for flag in _FLAGS if flag in attributes}
    told = {
        "userAgent": USER_AGENTS.get(attributes.get("device", "")),
        "locale": attributes.get("language"),
        "campaign": {"source": source} if (source := attributes.get("source")) else None,
        "first_seen": attributes.get("first_seen"),
    }
    return context | {name: value for name, value in told.items() if value}
