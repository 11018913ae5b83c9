"""Front: one worker's way in from HTTP, as granian's RSGI asks it.

Plain requests with events, and for assignments, are answered on the event loop, where a thousand may wait for the disk
and cost nothing: a thread for each was woken a dozen times for every event. Everything else is answered by Flask, each
request in a thread of its own, so that nothing on the loop ever waits for a disk.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Any

from flask import Flask
from granian.rsgi import HTTPProtocol, ProtocolClosed, Scope  # type: ignore[attr-defined]  # as granian documents them
from werkzeug.test import run_wsgi_app

from experiments.events.event import Event
from experiments.store.event_log import WAITING_THREADS
from webapp.services.services import Services
from webapp.wire.assignment_lane import AssignmentLane
from webapp.wire.event_lane import EventLane
from webapp.wire.exchange import Answer
from webapp.wire.json_body import MAX_BODY_BYTES

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

THREADS = WAITING_THREADS + 16  # when all that may wait for the disk do, assignments are still answered


class Front:
    """Answers what granian hands over."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.services: Services = app.extensions["yesladder"]
        self.events = EventLane(self.services)
        self.assignments = AssignmentLane(self.services)
        self.threads = ThreadPoolExecutor(THREADS, thread_name_prefix="flask")
        self._told: deque[tuple[asyncio.Future[None], BaseException | None]] = deque()

    async def __rsgi__(self, scope: Scope, protocol: HTTPProtocol) -> None:
        """Answer one request. A client that is gone is not answered."""
        with suppress(ProtocolClosed):
            protocol.response_bytes(*await self._answer(scope, protocol))

    async def _answer(self, scope: Scope, protocol: HTTPProtocol) -> Answer:
        call = self.events.call(scope.method, scope.path, scope.headers)
        if call is None:
            raw = await _body(scope, protocol)
            if self.assignments.takes(scope.method, scope.path, scope.headers):
                if self.services.catalog.is_due():
                    await self._refresh()
                if answer := self.assignments.answer(scope.path, raw, scope.headers):
                    return answer
            return await self._by_flask(self.app, scope, raw)
        raw = await protocol()
        if self.services.catalog.is_due():
            await self._refresh()
        events = self.events.events(call, raw, scope.headers)
        if not events:
            return await self._by_flask(self.app, scope, raw)
        try:
            await self._durable(events)
        except Exception as trouble:
            return await self._by_flask(partial(self._failed, trouble), scope, raw)
        return self.events.answer(events, scope.headers)

    async def _refresh(self) -> None:
        """Take up changed config files, in a thread: it reads the disk."""
        with suppress(OSError):  # Flask's way says so, at the latest in a second
            await asyncio.get_running_loop().run_in_executor(self.threads, self.services.catalog.refresh)

    async def _durable(self, events: Sequence[Event]) -> None:
        """Return when these are on disk and counted, or raise why they are not."""
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[None] = loop.create_future()
        self.services.log.hand_in(events, (), partial(self._tell, loop, answered))
        patience = loop.call_later(self.services.log.patience, self._give_up, answered)
        try:
            await answered
        finally:
            patience.cancel()

    def _tell(
        self, loop: asyncio.AbstractEventLoop, answered: asyncio.Future[None], trouble: BaseException | None
    ) -> None:
        """In the writer's thread: a transaction answers many, but wakes the loop once."""
        self._told.append((answered, trouble))
        if len(self._told) == 1:
            try:
                loop.call_soon_threadsafe(self._pass_on)
            except RuntimeError:  # the loop has ended, and with it the connections
                self._told.clear()

    def _pass_on(self) -> None:
        """On the loop: those who were told go on."""
        while self._told:
            answered, trouble = self._told[0]
            if not answered.done():
                if trouble is None:
                    answered.set_result(None)
                else:
                    answered.set_exception(trouble)
            self._told.popleft()

    def _give_up(self, answered: asyncio.Future[None]) -> None:
        if not answered.done():
            answered.set_exception(self.services.log.unanswered())

    async def _by_flask(self, answering: WSGIApplication, scope: Scope, raw: bytes) -> Answer:
        run = partial(_run, answering, _environ(scope, raw))
        return await asyncio.get_running_loop().run_in_executor(self.threads, run)

    def _failed(self, trouble: Exception, environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        """The answer to events that could not be kept, as Flask's own error handler tells it."""
        with self.app.request_context(environ):
            answer = self.app.make_response(self.app.handle_user_exception(trouble))
            return self.app.process_response(answer)(environ, start_response)


def _run(answering: WSGIApplication, environ: WSGIEnvironment) -> Answer:
    body, status, headers = run_wsgi_app(answering, environ, buffered=True)
    return int(status.split(" ", 1)[0]), [(name.lower(), value) for name, value in headers], b"".join(body)


async def _body(scope: Scope, protocol: HTTPProtocol) -> bytes:
    """The body, or a little more of it than is ever taken: what is too large is not kept in memory to be refused."""
    if "content-length" not in scope.headers and "transfer-encoding" not in scope.headers:
        return b""
    raw = b""
    async for part in protocol:
        raw += part
        if len(raw) > MAX_BODY_BYTES:
            break
    return raw


def _environ(scope: Scope, raw: bytes) -> WSGIEnvironment:
    """The request as WSGI has it (PEP 3333): bytes as latin-1, headers of one name in one line."""
    host, _, port = scope.server.rpartition(":")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "REMOTE_ADDR": scope.client.rpartition(":")[0],
        "SERVER_NAME": host,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": BytesIO(raw),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope.headers.items():
        if "_" in name:
            continue  # would pass for the header with a hyphen, which a proxy may have checked
        key = name.upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = f"HTTP_{key}"
        before = environ.get(key)
        environ[key] = value if before is None else f"{before}{'; ' if name == 'cookie' else ','}{value}"
    return environ
