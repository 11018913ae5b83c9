"""Request and Answer: what a program asks over HTTP and is answered, without I/O; and the headers all answers have.

The server's event loop and Flask hand over a Request and send the Answer; neither adds anything to it.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from werkzeug.exceptions import MethodNotAllowed
from werkzeug.http import parse_etags

from experiments.site.site import Settings
from webapp.services.errors import RequestRefused
from webapp.wire.user_agent import RequestHeaders

Header = tuple[str, str]

JSON: Final[Header] = ("content-type", "application/json")
SECURITY: Final[tuple[Header, ...]] = (("x-content-type-options", "nosniff"), ("referrer-policy", "same-origin"))
# A page may run, show and send nothing that is not its own.
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
PAGE_SECURITY: Final[tuple[Header, ...]] = (
    ("content-security-policy", CONTENT_SECURITY_POLICY),
    ("cache-control", "no-store"),
)
_VARY: Final[Header] = ("vary", "Origin")
_EXPOSED: Final[Header] = ("access-control-expose-headers", "ETag, Retry-After")  # what an allowed page may read
_PREFLIGHT: Final[tuple[Header, ...]] = (
    ("access-control-allow-methods", "GET, POST, OPTIONS"),
    ("access-control-allow-headers", "Content-Type, If-None-Match, Authorization, X-API-Key"),
    ("access-control-max-age", "600"),
)


class Request(NamedTuple):
    """What is asked. `path` is decoded, without the query; `body` is cut soon after the length that is ever taken."""

    method: str
    path: str
    headers: RequestHeaders
    body: bytes = b""
    scheme: str = "http"

    def joined(self, name: str, by: str = ",") -> str:
        """The values of all headers of this name (in lower case), as one."""
        return by.join(value for key, value in self.headers.items() if key.lower() == name)


class Answer(NamedTuple):
    """What is told: status, headers with names in lower case, body."""

    status: int
    headers: list[Header]
    body: bytes


def reply(settings: Settings, request: Request, body: bytes, status: int, *headers: Header) -> Answer:
    """This body and these headers, with those of every answer."""
    told = [*headers, *SECURITY, *sharing(settings, request.method, request.headers)]
    if request.method == "HEAD":
        told.append(("content-length", str(len(body))))
        body = b""
    return Answer(status, told, body)


def sharing(settings: Settings, method: str, headers: RequestHeaders) -> Sequence[Header]:
    """CORS: the pages of origins that the site allows may ask from a browser, and no other."""
    origin, allowed = headers.get("origin", ""), settings.allowed_origins
    if not origin or not (origin in allowed or "*" in allowed):
        return (_VARY,)
    told = (_VARY, ("access-control-allow-origin", origin), _EXPOSED)
    return (*told, *_PREFLIGHT) if method == "OPTIONS" else told


def tagged(settings: Settings, request: Request, body: bytes, *headers: Header) -> Answer:
    """This JSON with its ETag, or 304 when the client has it; by hand, as HTTP has no conditional POST."""
    tag = hashlib.sha256(body).hexdigest()[:32]
    told = (("etag", f'"{tag}"'), ("cache-control", "no-cache"), *headers)
    if "if-none-match" in request.headers and parse_etags(request.joined("if-none-match")).contains_weak(tag):
        return reply(settings, request, b"", 304, *told)
    return reply(settings, request, body, 200, JSON, *told)


def refused(settings: Settings, request: Request, why: RequestRefused, document: dict[str, Any]) -> Answer:
    """This document as the answer to a request that does not get what it asked for."""
    return reply(settings, request, written(document), why.status, JSON, *why.headers)


def other_method(settings: Settings, request: Request, *allowed: str) -> Answer:
    """The answer to OPTIONS, which browsers ask before another origin's POST. Raises MethodNotAllowed for the rest."""
    if request.method != "OPTIONS":
        raise MethodNotAllowed(allowed)
    kind = ("content-type", "text/html; charset=utf-8")
    return reply(settings, request, b"", 200, kind, ("allow", ", ".join(allowed)), *PAGE_SECURITY)


def written(document: dict[str, Any]) -> bytes:
    """A document as it is sent, but for evaluations: compact JSON in ASCII, one line."""
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"
