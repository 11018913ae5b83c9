"""The visitor's cookie, set by the server where it is the page's own: browsers keep it longer than a script's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from flask import Request, Response

NAME: Final = "yesladder_id"
SECONDS: Final = 34_164_000  # 13 months from the first visit; never renewed
_ID = re.compile(r"[0-9a-f]{32}")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def remember(response: Response, request: Request, context: Mapping[str, Any]) -> None:
    """Keep the visitor that the snippet has just met, when its page is of this very origin and no cookie is there yet.

    Only the snippet asks for it (`remember`), once the visitor may be counted: no other client gets a cookie.
    """
    visitor, seen = context.get("targetingKey"), context.get("first_seen")
    own = request.headers.get("Sec-Fetch-Site") == "same-origin"
    if context.get("remember") is not True or not own or NAME in request.cookies:
        return
    if isinstance(visitor, str) and _ID.fullmatch(visitor) and isinstance(seen, str) and _DAY.fullmatch(seen):
        # its page's script reads it, so it is not HttpOnly; without a domain it is this host's alone
        response.set_cookie(NAME, f"{visitor}.{seen}", max_age=SECONDS, samesite="Lax", secure=request.is_secure)
