"""The Segment tracking API: events in, durable before the answer.

`judge` looks at every item of a request once. Whoever runs this has the log keep what was judged, and `told` answers.
"""

import hmac
import json
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

from werkzeug.datastructures import Authorization
from werkzeug.exceptions import NotFound
from werkzeug.sansio.utils import get_host

from experiments.events.event import Event, Refusal
from webapp.services.access import bearer_allows
from webapp.services.errors import RequestRefused, refusal_of
from webapp.services.services import Services
from webapp.wire.exchange import JSON, Answer, Request, other_method, refused, reply, written
from webapp.wire.json_body import read_body
from webapp.wire.json_limits import shown
from webapp.wire.segment_reader import TYPES, Reception, judged
from webapp.wire.user_agent import browser_user_agent
from webapp.wire.visitor_attributes import AttributeReader, NamedAttributes

PREFIX: Final = "/v1/"
_CALLS: Final = {f"/v1/{path}": call for call in ("batch", *TYPES) for path in (call, call[0])}
ROUTES: Final = (
    ("POST", f"/v1/<any({','.join(path.removeprefix('/v1/') for path in _CALLS)}):call>"),
    ("GET", "/v1/projects/<write_key>/settings"),
)
_MOST_ITEMS = 12_500  # no more of the shortest events fit into a body
_MOST_REASONS_TOLD = 100  # refusals spelled out in one answer; all are counted, and kept in the log


class Judged(NamedTuple):
    """What one request brings: the events that are taken, and by their index the items that are not."""

    events: Sequence[Event]
    refused: Mapping[int, Refusal]

    @property
    def refusals(self) -> Sequence[Refusal]:
        """Of the items that are not taken, in their order."""
        return list(self.refused.values())


def answer(request: Request, services: Services) -> Answer | Judged:
    """The answer to any request under /v1/; or, where it brings events, what has to be kept before it is `told`."""
    try:
        call = _CALLS.get(request.path)
        if call is None:
            return _settings(request, services)
        if request.method != "POST":
            return other_method(services.site.settings, request, "OPTIONS", "POST")
        found = judge(call, request, services)
        return found if found.events or found.refused else told(request, services, found)
    except Exception as trouble:
        return failed(request, services, trouble)


def judge(call: str, request: Request, services: Services) -> Judged:
    """Read the body, check who sends it, and judge each of its items.

    Raises RequestRefused: 400 for what is no such call, 401 for a stranger, 413 for what is too large.
    """
    body, most = read_body(request)
    if not isinstance(body, dict):
        raise RequestRefused(400, "malformed", f"the body is {shown(body)}, must be an object")
    trusted = _is_trusted(request, body, services)
    items = body.get("batch") if call == "batch" else [body | {"type": call}]
    if not isinstance(items, list):
        raise RequestRefused(400, "malformed", f"batch is {shown(items)}, must be a list of events")
    if len(items) > _MOST_ITEMS:
        raise RequestRefused(400, "malformed", f"batch has {len(items)} items, must have at most {_MOST_ITEMS}")
    site, catalog = services.site, services.catalog
    reception = Reception(services.clock(), body.get("sentAt") if call == "batch" else None, trusted)
    named = services.one(NamedAttributes).of(catalog.experiments())
    attributes = AttributeReader(named, site.settings.staff, browser_user_agent(request.headers))
    events: list[Event] = []
    refusals: dict[int, Refusal] = {}
    for index, item in enumerate(items):
        outcome = judged(item, reception, attributes, catalog, most)
        if isinstance(outcome, Event):
            events.append(outcome)
        else:
            refusals[index] = outcome
    if refusals and not events and all(refusal.reason == "too-large" for refusal in refusals.values()):
        raise RequestRefused(413, "too-large", next(iter(refusals.values())).detail)
    return Judged(events, refusals)


def told(request: Request, services: Services, found: Judged) -> Answer:
    """The answer once all is on disk: how many events were taken, and which items were not and why."""
    reasons = [
        {"index": index, "messageId": refusal.message_id, "reason": refusal.reason, "detail": refusal.detail}
        for index, refusal in islice(found.refused.items(), _MOST_REASONS_TOLD)
    ]
    listed = json.dumps(reasons, separators=(",", ":")).encode() if reasons else b"[]"
    counts = len(found.events), len(found.refused), listed
    body = b'{"success":true,"accepted":%d,"refused":%d,"refusals":%s}\n' % counts
    return reply(services.site.settings, request, body, 200, JSON)


def failed(request: Request, services: Services, trouble: Exception) -> Answer:
    """The answer to a request that is not taken, or cannot be kept."""
    why = refusal_of(trouble, request.method, request.path)
    document = {"success": False, "code": why.code, "message": why.message}
    return refused(services.site.settings, request, why, document)


def _settings(request: Request, services: Services) -> Answer:
    """What analytics.js asks before it starts: send everything to this very server. Raises NotFound elsewhere."""
    match request.path.split("/"):
        case ["", "v1", "projects", write_key, "settings"] if write_key:
            pass
        case _:
            raise NotFound
    if request.method not in ("GET", "HEAD"):
        return other_method(services.site.settings, request, "GET", "HEAD", "OPTIONS")
    if not _same(write_key, services.site.settings.write_key):
        raise RequestRefused(404, "unknown-write-key", f"no project has the write key {shown(write_key)}")
    host = get_host(request.scheme, request.headers.get("host", ""))
    scheme = "https" if request.headers.get("origin", "").startswith("https:") else request.scheme
    document = {
        "integrations": {"Segment.io": {"apiKey": write_key, "apiHost": f"{host}/v1", "protocol": scheme}},
        "plan": {"track": {"__default": {"enabled": True, "integrations": {}}}},
        "edgeFunction": {},
        "analyticsNextEnabled": True,
        "middlewareSettings": {},
        "enabledMiddleware": {},
        "metrics": {"sampleRate": 0},
        "legacyVideoPluginsEnabled": False,
        "remotePlugins": [],
    }
    return reply(services.site.settings, request, written(document), 200, JSON)


def _is_trusted(request: Request, body: Mapping[str, Any], services: Services) -> bool:
    """May the sender bring receipt times of its own? A token of scope `ingest` says so.

    Raises RequestRefused 401 where there is neither that nor the site's write key, in Basic auth (as user name) or in
    the body.
    """
    claimed = body.get("writeKey")
    if "authorization" in request.headers:
        authorization = Authorization.from_header(request.headers.get("authorization", ""))
        if bearer_allows(services.tokens, authorization, "ingest"):
            return True
        if authorization is not None and authorization.type == "basic":
            claimed = authorization.username or claimed
    if not isinstance(claimed, str) or not _same(claimed, services.site.settings.write_key):
        told = "is missing" if claimed is None else f"is {shown(claimed)}, not this site's"
        raise RequestRefused(401, "unauthorized", f"the write key {told}; send `write_key` of yesladder.yaml")
    return False


def _same(claimed: str, key: str) -> bool:
    return hmac.compare_digest(claimed.encode("utf-8", "replace"), key.encode())
