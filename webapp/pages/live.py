"""Is my installation working? The events as they arrive, accepted or refused and why, and how to send a first one."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Blueprint, Response, request

from experiments.events.event import Event, Refusal
from experiments.store.store import StoreError
from webapp.pages.page import page
from webapp.services.access import require_read
from webapp.services.services import services
from webapp.words.formatting import duration, things
from webapp.words.vocabulary import EVENTS, refusal

blueprint = Blueprint("live", __name__)

SHOWN = 50
_LONGEST_DETAIL = 400


@dataclass(frozen=True, slots=True)
class Arrival:
    """One event as the page lists it; `why` and `detail` only of refused ones."""

    at: datetime
    what: str
    context: str
    visitor: str
    accepted: bool
    why: str = ""
    detail: str = ""


@blueprint.get("/live")
@require_read
def live() -> Response:
    """The page; `?paused=yes` keeps it still."""
    worker = services()
    reasons = list(worker.log.health())  # why events cannot be taken now
    arrivals: list[Arrival] = []
    refused: Mapping[str, int] = {}
    try:
        arrivals = [_arrival(one) for one in worker.store.recent(SHOWN)]
        refused = worker.store.refused()
    except StoreError as error:
        reasons = reasons or [str(error)]
    key, root = worker.site.settings.write_key, request.url_root.rstrip("/")
    example = min(worker.catalog.experiments().values(), key=lambda one: one.status != "running", default=None)
    return page(
        "live.html",
        paused=request.args.get("paused") == "yes",
        worker=worker,
        reasons=reasons,
        arrivals=arrivals,
        newest=_roughly(worker.clock() - arrivals[0].at) if arrivals else "",
        pace=_pace(arrivals),
        refused=sorted(refused.items(), key=lambda row: -row[1]),
        root=root,
        track=curl(f"{root}/v1/track", {"anonymousId": "test-visitor", "event": "hello", "properties": {}}, key),
        evaluate=evaluate_command(root, example.key, {}) if example else "",
    )


def _pace(arrivals: Sequence[Arrival]) -> str:
    """How fast the newest events came, in words; empty of fewer than two."""
    if len(arrivals) < 2:
        return ""
    return f"The newest {things(len(arrivals), 'event')} came within {_roughly(arrivals[0].at - arrivals[-1].at)}."


def _roughly(length: timedelta) -> str:
    """To the minute, so that the page changes no more often than that."""
    minutes = length // timedelta(minutes=1)
    return duration(length) if minutes >= 60 else things(minutes, "minute") if minutes > 0 else "a minute"


def curl(url: str, body: dict[str, object], user: str = "") -> str:
    """A shell command that posts this body, with `user` as the name of Basic auth."""
    authorization = f" -u {user}:" if user else ""
    quoted = json.dumps(body, ensure_ascii=False).replace("'", "'\\''")
    return f"curl{authorization} {url} \\\n  -H 'Content-Type: application/json' \\\n  -d '{quoted}'"


def evaluate_command(root: str, key: str, context: dict[str, object]) -> str:
    """A shell command that asks which variant a test visitor would get, with this context."""
    return curl(f"{root}/ofrep/v1/evaluate/flags/{key}", {"context": {"targetingKey": "test-visitor", **context}})


def _arrival(one: Event | Refusal) -> Arrival:
    if isinstance(one, Refusal):
        detail = one.detail if len(one.detail) <= _LONGEST_DETAIL else one.detail[:_LONGEST_DETAIL] + "\u2026"
        what = one.name or "An event without a name"
        return Arrival(one.refused_at, what, one.experiment, one.visitor, False, refusal(one.reason)[0], detail)
    what = one.name if one.kind == "action" else EVENTS[one.kind]
    context = f"{one.experiment}: {one.variant}" if one.experiment else f"with {one.joined}" if one.joined else ""
    return Arrival(one.received_at, what, context, one.visitor, True)
