"""The Segment tracking API: events in, durable before the answer."""

from __future__ import annotations

import hmac
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from experiments.events.event import Event, Refusal
from webapp.services.access import bearer_allows
from webapp.services.errors import WireError
from webapp.services.services import services
from webapp.wire.json_body import read_json
from webapp.wire.json_limits import shown
from webapp.wire.segment_reader import TYPES, Receipt, judged
from webapp.wire.user_agent import browser_user_agent
from webapp.wire.visitor_attributes import Attributes, named_attributes

blueprint = Blueprint("segment", __name__)

_CALLS = {name: name for name in ("batch", *TYPES)} | {name[0]: name for name in ("batch", *TYPES)}
_MOST_ITEMS = 12_500  # no more of the shortest events fit into a body
_MOST_REASONS_TOLD = 100  # refusals spelled out in one answer; all are counted, and kept in the log


@blueprint.post("/v1/<any(batch,track,identify,page,screen,group,alias,b,t,i,p,s,g,a):call>")
def receive(call: str) -> ResponseReturnValue:
    """Take the events of one request: 200 when they are on disk, and what was refused and why."""
    body = read_json()
    if not isinstance(body, dict):
        raise WireError(400, "malformed", f"the body is {shown(body)}, must be an object")
    trusted = bearer_allows("ingest")
    if not trusted:
        _check_write_key(body)
    items = _items(_CALLS[call], body)
    receipt = Receipt(services().clock(), body.get("sentAt") if _CALLS[call] == "batch" else None, trusted)
    events, refused = _sort(items, receipt)
    if refused and all(refusal.reason == "too-large" for refusal in refused.values()) and not events:
        raise WireError(413, "too-large", next(iter(refused.values())).detail)
    if events or refused:
        services().log.append(events, list(refused.values()))
    return jsonify(
        success=True,
        accepted=len(events),
        refused=len(refused),
        refusals=[
            {"index": index, "messageId": refusal.message_id, "reason": refusal.reason, "detail": refusal.detail}
            for index, refusal in list(refused.items())[:_MOST_REASONS_TOLD]
        ],
    )


@blueprint.get("/v1/projects/<write_key>/settings")
def settings(write_key: str) -> ResponseReturnValue:
    """What analytics.js asks before it starts: send everything to this very server."""
    if not _same(write_key, services().site.settings.write_key):
        raise WireError(404, "unknown-write-key", f"no project has the write key {shown(write_key)}")
    from_https = request.headers.get("Origin", "").startswith("https:")
    here = {"apiKey": write_key, "apiHost": f"{request.host}/v1", "protocol": "https" if from_https else request.scheme}
    return jsonify(
        integrations={"Segment.io": here},
        plan={"track": {"__default": {"enabled": True, "integrations": {}}}},
        edgeFunction={},
        analyticsNextEnabled=True,
        middlewareSettings={},
        enabledMiddleware={},
        metrics={"sampleRate": 0},
        legacyVideoPluginsEnabled=False,
        remotePlugins=[],
    )


def _items(call: str, body: dict[str, Any]) -> list[Any]:
    if call != "batch":
        return [body | {"type": call}]
    items = body.get("batch")
    if not isinstance(items, list):
        raise WireError(400, "malformed", f"batch is {shown(items)}, must be a list of events")
    if len(items) > _MOST_ITEMS:
        raise WireError(400, "malformed", f"batch has {len(items)} items, must have at most {_MOST_ITEMS}")
    return items


def _sort(items: list[Any], receipt: Receipt) -> tuple[list[Event], dict[int, Refusal]]:
    """The events of a request that are taken, and by their index those that are not."""
    site = services()
    named = named_attributes(site.catalog.experiments().values())
    attributes = Attributes(named, site.site.settings.staff, browser_user_agent(request.headers))
    events: list[Event] = []
    refused: dict[int, Refusal] = {}
    for index, item in enumerate(items):
        outcome = judged(item, receipt, attributes, site.catalog)
        if isinstance(outcome, Event):
            events.append(outcome)
        else:
            refused[index] = outcome
    return events, refused


def _check_write_key(body: dict[str, Any]) -> None:
    """Raises WireError 401 unless the site's write key is in Basic auth (as user name) or in the body."""
    authorization = request.authorization
    basic = authorization.username if authorization is not None and authorization.type == "basic" else None
    claimed = basic or body.get("writeKey")
    if not isinstance(claimed, str) or not _same(claimed, services().site.settings.write_key):
        told = "is missing" if claimed is None else f"is {shown(claimed)}, not this site's"
        raise WireError(401, "unauthorized", f"the write key {told}; send `write_key` of yesladder.yaml")


def _same(claimed: str, key: str) -> bool:
    return hmac.compare_digest(claimed.encode("utf-8", "replace"), key.encode())
