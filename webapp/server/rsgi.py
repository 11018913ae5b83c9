"""The requests that granian hands to one worker: events and assignments on its event loop, pages by Flask in threads.

On the loop a thousand requests may wait for the disk and cost nothing: a thread for each was woken a dozen times for
every event. Nothing on it ever waits for a disk itself, nor takes long.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Any, TypeVar

from flask import Flask
from granian.rsgi import HTTPProtocol, ProtocolClosed, Scope  # type: ignore[attr-defined]  # as granian documents them
from werkzeug.test import run_wsgi_app

from experiments.store.event_log import WAITING_THREADS
from webapp.services.services import Services
from webapp.wire import ofrep, segment
from webapp.wire.exchange import Answer, Request
from webapp.wire.json_body import MAX_BODY_BYTES
from webapp.wire.user_agent import RequestHeaders

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

THREADS = WAITING_THREADS + 16  # when all that may wait for the disk do, assignments are still answered
LARGE_BYTES = 256 * 1024  # of a body that would keep the loop for so long that others notice

Returned = TypeVar("Returned")


class Front:
    """Answers what granian hands over."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.services: Services = app.extensions["yesladder"]
        self.threads = ThreadPoolExecutor(THREADS, thread_name_prefix="flask")
        self._told: deque[tuple[asyncio.Future[None], BaseException | None]] = deque()
        self._waiting: deque[tuple[float, asyncio.Future[None]]] = deque()  # until when, and who; the longest first
        self._patience: asyncio.TimerHandle | None = None  # for all who wait: one each would cost more than the rest

    async def __rsgi__(self, scope: Scope, protocol: HTTPProtocol) -> None:
        """Answer one request. A client that is gone is not answered."""
        with suppress(ProtocolClosed):
            protocol.response_bytes(*await self._answer(scope, protocol))

    async def _answer(self, scope: Scope, protocol: HTTPProtocol) -> Answer:
        headers, path = scope.headers, scope.path
        raw = await (protocol() if _is_short(headers) else _beginning(headers, protocol))
        answering = None if "//" in path else answering_part(path)  # Flask mends a doubled slash
        if answering is None:
            return await self._in_thread(_by_flask, self.app, _environ(scope, raw))
        services, request = self.services, Request(scope.method, path, headers, raw, scope.scheme)
        if services.catalog.is_due():
            await self._in_thread(services.refresh_catalog)  # it reads the disk
        if _takes_long(request):
            found = await self._in_thread(answering, request, services)
        else:
            found = answering(request, services)
        if isinstance(found, Answer):
            return found
        try:
            await self._durable(found)
        except Exception as trouble:
            return segment.failed(request, services, trouble)
        return segment.told(request, services, found)

    async def _in_thread(self, does: Callable[..., Returned], *given: object) -> Returned:
        return await asyncio.get_running_loop().run_in_executor(self.threads, does, *given)

    async def _durable(self, found: segment.Judged) -> None:
        """Return when these are on disk and counted, or raise why they are not."""
        loop, log = asyncio.get_running_loop(), self.services.log
        answered: asyncio.Future[None] = loop.create_future()
        log.hand_in(found.events, found.refusals, partial(self._tell, loop, answered))
        until = loop.time() + log.patience
        self._waiting.append((until, answered))
        if self._patience is None:
            self._patience = loop.call_at(until, self._give_up, loop)
        await answered

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
        while self._waiting and self._waiting[0][1].done():
            self._waiting.popleft()
        if not self._waiting and self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _give_up(self, loop: asyncio.AbstractEventLoop) -> None:
        """On the loop: those who have waited for too long go on, and the next are looked at when it is their time."""
        while self._waiting and (self._waiting[0][1].done() or self._waiting[0][0] <= loop.time()):
            _, answered = self._waiting.popleft()
            if not answered.done():
                answered.set_exception(self.services.log.unanswered())
        self._patience = loop.call_at(self._waiting[0][0], self._give_up, loop) if self._waiting else None


def answering_part(path: str) -> Callable[[Request, Services], Answer | segment.Judged] | None:
    """Which part of the wire answers requests for this path? None: it is no address of the wire."""
    if path.startswith(segment.PREFIX):
        return segment.answer
    return ofrep.answer if path.startswith(ofrep.PREFIX) else None


def _takes_long(request: Request) -> bool:
    """Does judging this take a while, or the disk, where a token is looked up?"""
    return len(request.body) > LARGE_BYTES or (
        "authorization" in request.headers and request.headers.get("authorization", "")[:7].lower() == "bearer "
    )


def _by_flask(app: Flask, environ: WSGIEnvironment) -> Answer:
    body, status, headers = run_wsgi_app(app, environ, buffered=True)
    return Answer(int(status.split(" ", 1)[0]), [(name.lower(), value) for name, value in headers], b"".join(body))


def _is_short(headers: RequestHeaders) -> bool:
    """Does this request say that its body has no more bytes than are ever taken?"""
    length = headers.get("content-length", "")
    return length.isdecimal() and int(length) <= MAX_BODY_BYTES and "transfer-encoding" not in headers


async def _beginning(headers: RequestHeaders, protocol: HTTPProtocol) -> bytes:
    """The body, or a little more of it than is ever taken: what is too large is not kept in memory to be refused."""
    if "content-length" not in headers and "transfer-encoding" not in headers:
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
