"""The visitor's cookie, set by the server where it is the page's own: browsers keep it longer than a script's."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from werkzeug.http import dump_cookie
from werkzeug.sansio.http import parse_cookie

from webapp.wire.exchange import Header, Request

NAME: Final = "yesladder_id"
SECONDS: Final = 34_164_000  # 13 months from the first visit; never renewed
_ID = re.compile(r"[0-9a-f]{32}")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def visitor_cookie(request: Request, context: Mapping[str, Any]) -> Sequence[Header]:
    """What keeps the visitor that the snippet has just met, when its page is of this very origin and has no cookie yet.

    Only the snippet asks for it (`remember`), once the visitor may be counted: no other client gets a cookie.
    """
    visitor, seen = context.get("targetingKey"), context.get("first_seen")
    own = request.headers.get("sec-fetch-site", "") == "same-origin"
    if context.get("remember") is not True or not own or NAME in parse_cookie(request.joined("cookie", "; ")):
        return ()
    if not (isinstance(visitor, str) and _ID.fullmatch(visitor) and isinstance(seen, str) and _DAY.fullmatch(seen)):
        return ()
    # its page's script reads it, so it is not HttpOnly; without a domain it is this host's alone
    kept = dump_cookie(NAME, f"{visitor}.{seen}", SECONDS, samesite="Lax", secure=request.scheme == "https")
    return (("set-cookie", kept),)
