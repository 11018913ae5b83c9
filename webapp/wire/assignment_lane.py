"""AssignmentLane: the shortest way to an assignment, past Flask, for requests that leave nothing to decide."""

from __future__ import annotations

import json

from webapp.services.errors import WireError
from webapp.services.services import Services
from webapp.wire import exchange as lane
from webapp.wire import ofrep
from webapp.wire.user_agent import RequestHeaders

_PATH = "/ofrep/v1/evaluate/flags"


class AssignmentLane:
    """Which requests are plain evaluations, and their answers. Waits for nothing."""

    def __init__(self, services: Services) -> None:
        self.services = services

    def takes(self, method: str, path: str, headers: RequestHeaders) -> bool:
        """Is the body of this request worth a look here?"""
        return path.startswith(_PATH) and path[len(_PATH) :][:1] in ("", "/") and lane.is_plain(method, headers)

    def answer(self, path: str, raw: bytes, headers: RequestHeaders) -> lane.Answer | None:
        """The answer, and the exposure that it causes queued; None when Flask has to say why not, or more than this."""
        try:
            visit = ofrep.visit_of(json.loads(raw.decode()), headers)
            if path != _PATH:
                found = ofrep.evaluate_one(self.services, path[len(_PATH) + 1 :], visit)
            elif "remember" in visit.context:  # a cookie may have to be set
                return None
            else:
                found = ofrep.evaluate_all(self.services, visit)
        except (WireError, ValueError, RecursionError):  # Flask's way meets the same, and says so
            return None
        body, tag = ofrep.tagged(found)
        return lane.answer(
            self.services.site.settings, headers, body, ("etag", f'"{tag}"'), ("cache-control", "no-cache")
        )
