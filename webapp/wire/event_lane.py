"""EventLane: the shortest way into the event log, past Flask, for requests that leave nothing to decide.

Most requests with events bring the write key in their body, plain JSON, and nothing but events that are taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from experiments.definition.experiment import Experiment
from experiments.events.event import Event
from webapp.services.services import Services
from webapp.wire import exchange as lane
from webapp.wire.json_text import read
from webapp.wire.segment_reader import TYPES, Receipt, judged
from webapp.wire.user_agent import RequestHeaders, browser_user_agent
from webapp.wire.visitor_attributes import Attributes, named_attributes

_CALLS = {f"/v1/{path}": call for call in ("batch", *TYPES) for path in (call, call[0])}
_MOST_ITEMS = 1_000  # more are rare, and rarely all right


class EventLane:
    """Which requests are events and nothing else, what they bring, and how they are answered. Waits for nothing."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self._named: tuple[object, frozenset[str]] = None, frozenset()  # for which definitions, and what they name

    def call(self, method: str, path: str, headers: RequestHeaders) -> str | None:
        """Which call of the tracking API is this, when its body is worth a look here?"""
        call = _CALLS.get(path)
        return call if call and lane.is_plain(method, headers) else None

    def events(self, call: str, raw: bytes, headers: RequestHeaders) -> Sequence[Event]:
        """The events of this body when all of them are taken, else none."""
        settings, catalog = self.services.site.settings, self.services.catalog
        try:
            body, most = read(raw)
        except (ValueError, RecursionError):  # Flask's way meets the same, and says so
            return ()
        if not isinstance(body, dict) or body.get("writeKey") != settings.write_key:
            return ()
        items = body.get("batch") if call == "batch" else [body | {"type": call}]
        if not isinstance(items, list) or len(items) > _MOST_ITEMS:
            return ()
        receipt = Receipt(self.services.clock(), body.get("sentAt") if call == "batch" else None)
        attributes = Attributes(self._named_by(catalog.experiments()), settings.staff, browser_user_agent(headers))
        events = []
        for item in items:
            outcome = judged(item, receipt, attributes, catalog, most)
            if not isinstance(outcome, Event):
                return ()
            events.append(outcome)
        return events

    def answer(self, events: Sequence[Event], headers: RequestHeaders) -> lane.Answer:
        """What is answered once they are on disk."""
        body = b'{"success":true,"accepted":%d,"refused":0,"refusals":[]}\n' % len(events)
        return lane.answer(self.services.site.settings, headers, body)

    def _named_by(self, definitions: Mapping[str, Experiment]) -> frozenset[str]:
        """The attributes that these definitions name; the catalog has others when a file has changed."""
        known, named = self._named
        if known is not definitions:
            named = named_attributes(definitions.values())
            self._named = definitions, named
        return named
