"""One request as the server hands it over, and its answer by the front or by Flask."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import cast

from granian.rsgi import HTTPProtocol, ProtocolClosed, Scope  # type: ignore[attr-defined]  # as granian documents them
from werkzeug.datastructures import Headers

from webapp.server.rsgi import Front

ORIGIN = "https://shop.example"  # allowed by the test site
EVENT = {"type": "track", "event": "form_started", "anonymousId": "v", "messageId": "m1"}


@dataclass
class Asked:
    """One request as granian's Scope and HTTPProtocol give it, and what was answered. `gone`: the client hung up."""

    method: str = "POST"
    path: str = "/v1/batch"
    body: bytes = b""
    headers: Headers = field(default_factory=Headers)
    query_string: str = ""
    gone: bool = False
    http_version: str = "1.1"
    scheme: str = "http"
    server: str = "127.0.0.1:8000"
    client: str = "127.0.0.9:50000"
    read: int = 0
    status: int = 0
    told: list[tuple[str, str]] = field(default_factory=list)
    answer: bytes = b""

    async def __call__(self) -> bytes:
        self.read = len(self.body)
        return self.body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self.body), 65_536):
            part = self.body[start : start + 65_536]
            self.read += len(part)
            yield part

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        if self.gone:
            raise ProtocolClosed
        self.status, self.told, self.answer = status, headers, body


def post(body: str, path: str = "/v1/batch", **headers: str) -> Asked:
    """A POST with this body, and a header for each name; `_` in a name stands for `-`."""
    raw = body.encode("utf-8", "surrogateescape")
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Asked(path=path, body=raw, headers=Headers({"host": "127.0.0.1", "content-length": str(len(raw)), **named}))


def batch(*items: object, key: str | None = "wk_test", **more: object) -> str:
    """The body of a call with these items."""
    return json.dumps(({"writeKey": key} if key else {}) | {"batch": list(items)} | more)


def context(**told: object) -> str:
    """The body of an evaluation for this context."""
    return json.dumps({"context": told})


def answered(front: Front, *asked: Asked) -> None:
    """Have the front answer these, all at once, on a loop of another thread: a browser's may run in this one."""

    async def answer() -> None:
        await asyncio.gather(*(front.__rsgi__(cast(Scope, one), cast(HTTPProtocol, one)) for one in asked))

    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(answer())).result()
