"""The body of a request read as JSON: unpacked up to a size, and refused in words when it is too big or no JSON."""

import zlib
from typing import Any

from werkzeug.exceptions import RequestEntityTooLarge

from webapp.services.errors import RequestRefused
from webapp.wire.exchange import Request
from webapp.wire.json_limits import MAX_DEPTH, read, shown

MAX_BODY_BYTES = 500 * 1024  # as sent, and again after inflating


def read_body(request: Request) -> tuple[Any, float]:
    """What does the body say, and how many bytes has each value in it at most (as `json_limits.read` tells)?

    JSON whatever its content type (browsers send text/plain), gzip or not. Numbers that are not JSON (NaN) are let
    through here, so that `fault_in` can refuse the one event that has them.
    Raises RequestRefused 400 when it is no JSON, 413 when it is too large.
    """
    raw = request.body
    if len(raw) > MAX_BODY_BYTES:
        if "content-length" in request.headers:
            raise RequestRefused(413, "request-entity-too-large", RequestEntityTooLarge.description)
        raise RequestRefused(413, "too-large", f"the body has more than {MAX_BODY_BYTES} bytes")
    if "content-encoding" in request.headers:
        encoding = request.headers.get("content-encoding", "").strip().lower()
        if encoding == "gzip":
            raw = inflate(raw)
        elif encoding not in ("identity", ""):
            raise RequestRefused(400, "malformed", f"Content-Encoding is {shown(encoding)}, must be gzip or absent")
    try:
        return read(raw)
    except RecursionError:
        raise RequestRefused(400, "malformed", f"the body is nested deeper than {MAX_DEPTH} levels") from None
    except ValueError as error:  # no UTF-8, no JSON, or a number of thousands of digits
        raise RequestRefused(400, "malformed", f"the body must be JSON in UTF-8: {error}") from None


def inflate(raw: bytes) -> bytes:
    """The content of one gzip file. Raises RequestRefused: 413 beyond the cap, 400 when it is damaged or has a tail."""
    inflater = zlib.decompressobj(wbits=31)
    try:
        content = inflater.decompress(raw, MAX_BODY_BYTES + 1)
    except zlib.error as error:
        raise RequestRefused(400, "malformed", f"the body is announced as gzip and is not: {error}") from None
    if len(content) > MAX_BODY_BYTES:
        raise RequestRefused(413, "too-large", f"the body inflates to more than {MAX_BODY_BYTES} bytes")
    if not inflater.eof or inflater.unused_data:
        raise RequestRefused(400, "malformed", "the body is announced as gzip and is not one complete gzip file")
    return content
