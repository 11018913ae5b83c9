"""Lane: what is common to requests that are answered past Flask: which are plain enough, and their answers' headers.

Finding the view, the request's context and the answer's objects cost Flask several times what such a request costs in
a lane. What is in any way different goes to Flask as it came, so that all is judged, refused and told in one place.
"""

from __future__ import annotations

from experiments.site.site import Settings
from webapp.wire.json_body import MAX_BODY_BYTES
from webapp.wire.user_agent import RequestHeaders

Answer = tuple[int, list[tuple[str, str]], bytes]
"""Status, headers with names in lower case, body."""

EXPOSED_HEADERS = "ETag, Retry-After"  # what CORS lets a page of an allowed origin read of an answer
_UNUSUAL = ("authorization", "content-encoding", "transfer-encoding", "if-none-match")


def is_plain(method: str, headers: RequestHeaders) -> bool:
    """Is this a POST of a known and lawful length, with nothing about it that asks for more than its body says?"""
    if method != "POST" or any(map(headers.__contains__, _UNUSUAL)):
        return False
    length = headers.get("content-length", "")
    return length.isdecimal() and int(length) <= MAX_BODY_BYTES


def answer(settings: Settings, headers: RequestHeaders, body: bytes, *more: tuple[str, str]) -> Answer:
    """This JSON with the headers that Flask's way gives it, and some more."""
    told = [
        ("content-type", "application/json"),
        *more,
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("vary", "Origin"),
    ]
    origin, allowed = headers.get("origin", ""), settings.allowed_origins
    if origin and (origin in allowed or "*" in allowed):
        told += [("access-control-allow-origin", origin), ("access-control-expose-headers", EXPOSED_HEADERS)]
    return 200, told, body
