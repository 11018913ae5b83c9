"""EventLane: the shortest way into the event log, in front of Flask, for requests that leave nothing to decide.

Most requests with events bring the write key in their body, plain JSON, and nothing but events that are taken. Finding
the view, the request's context and the answer's objects cost Flask several times what such a request costs here. What
is in any way different goes to Flask as it came, so that everything is judged, refused and told in one place.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.datastructures import EnvironHeaders

from experiments.definition import Experiment
from experiments.events import Event
from webapp.attributes import Attributes, named_attributes
from webapp.body import MAX_BODY_BYTES
from webapp.device import browser_user_agent
from webapp.segment_event import TYPES, Receipt, judged
from webapp.services import Services

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_CALLS = {f"/v1/{path}": call for call in ("batch", *TYPES) for path in (call, call[0])}
_UNUSUAL = {"HTTP_AUTHORIZATION", "HTTP_CONTENT_ENCODING", "HTTP_TRANSFER_ENCODING"}
_MOST_ITEMS = 1_000  # more are rare, and rarely all right


class EventLane:
    """A WSGI application: the events of plain requests into the log, everything else to Flask.

    `exposed_headers`: what CORS lets a page of an allowed origin read of an answer.
    """

    def __init__(self, app: Flask, exposed_headers: str) -> None:
        self.app = app
        self.flask = app.wsgi_app
        self.exposed_headers = exposed_headers
        self._named: tuple[object, frozenset[str]] = None, frozenset()  # for which definitions, and what they name

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        call, length = _CALLS.get(environ["PATH_INFO"]), environ.get("CONTENT_LENGTH", "")
        plain = environ["REQUEST_METHOD"] == "POST" and length.isdecimal() and _UNUSUAL.isdisjoint(environ)
        if call is None or not plain or int(length) > MAX_BODY_BYTES:
            return self.flask(environ, start_response)
        services: Services = self.app.extensions["yesladder"]
        raw = environ["wsgi.input"].read(int(length))
        events = self._events(services, call, raw, EnvironHeaders(environ))
        if not events:
            return self.flask(environ | {"wsgi.input": BytesIO(raw)}, start_response)
        try:
            services.log.append(events)
        except Exception as error:
            with self.app.request_context(environ):
                answer = self.app.make_response(self.app.handle_user_exception(error))
                return self.app.process_response(answer)(environ, start_response)
        body = b'{"success":true,"accepted":%d,"refused":0,"refusals":[]}\n' % len(events)
        start_response("200 OK", [("Content-Length", str(len(body))), *self._headers(services, environ)])
        return [body]

    def _headers(self, services: Services, environ: WSGIEnvironment) -> Iterable[tuple[str, str]]:
        yield "Content-Type", "application/json"
        yield "X-Content-Type-Options", "nosniff"
        yield "Referrer-Policy", "same-origin"
        yield "Vary", "Origin"
        origin, allowed = environ.get("HTTP_ORIGIN"), services.site.settings.allowed_origins
        if origin is not None and (origin in allowed or "*" in allowed):
            yield "Access-Control-Allow-Origin", origin
            yield "Access-Control-Expose-Headers", self.exposed_headers

    def _events(self, services: Services, call: str, raw: bytes, headers: EnvironHeaders) -> Sequence[Event]:
        """The events of this body when all of them are taken, else none."""
        try:
            body = json.loads(raw.decode())
            services.catalog.refresh()
        except (ValueError, RecursionError, OSError):  # Flask's way meets the same, and says so
            return ()
        if not isinstance(body, dict) or body.get("writeKey") != services.site.settings.write_key:
            return ()
        items = body.get("batch") if call == "batch" else [body | {"type": call}]
        if not isinstance(items, list) or len(items) > _MOST_ITEMS:
            return ()
        receipt = Receipt(services.clock(), body.get("sentAt") if call == "batch" else None)
        attributes = Attributes(
            self._named_by(services.catalog.experiments()), services.site.settings.staff, browser_user_agent(headers)
        )
        events = []
        for item in items:
            outcome = judged(item, receipt, attributes, services.catalog)
            if not isinstance(outcome, Event):
                return ()
            events.append(outcome)
        return events

    def _named_by(self, definitions: Mapping[str, Experiment]) -> frozenset[str]:
        """The attributes that these definitions name; the catalog has others when a file has changed."""
        known, named = self._named
        if known is not definitions:
            named = named_attributes(definitions.values())
            self._named = definitions, named
        return named
