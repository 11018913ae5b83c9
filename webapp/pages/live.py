"""Is my installation working? The events as they arrive, accepted or refused and why, and how to send a first one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Blueprint, Response, request

from experiments.definition.problem import Problem
from experiments.events.event import Event, Refusal
from experiments.store.store import StoreError
from webapp.pages.page import page
from webapp.services.access import require_read
from webapp.services.services import Services, services
from webapp.words.formatting import duration, things
from webapp.words.sentences import spoken
from webapp.words.vocabulary import EVENTS, REFUSALS

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


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """One reason for refusing events, what it means, and how many there were."""

    why: str
    meaning: str
    number: int


@dataclass(frozen=True, slots=True)
class LivePage:
    """Everything the page shows. `reasons`: why events cannot be taken now. `lost`: exposures this worker lost.

    `newest`: how long ago the newest event came; `pace`: how fast the listed ones did.
    """

    reasons: Sequence[str]
    problems: Sequence[Problem]
    lost: int
    arrivals: Sequence[Arrival]
    refused: Sequence[RefusedRow]
    newest: str
    pace: str
    write_key: str
    root: str
    track: str
    evaluate: str


@blueprint.get("/live")
@require_read
def live() -> Response:
    """The page; `?paused=yes` keeps it still."""
    return page("live.html", page=_live_page(services()), paused=request.args.get("paused") == "yes")


def _live_page(worker: Services) -> LivePage:
    reasons = list(worker.log.health())
    arrivals: list[Arrival] = []
    refused: list[RefusedRow] = []
    try:
        arrivals = [_arrival(one) for one in worker.store.recent(SHOWN)]
        refused = [_refused_row(reason, number) for reason, number in worker.store.refused().items()]
    except StoreError as error:
        reasons = reasons or [str(error)]
    key, root = worker.site.settings.write_key, request.url_root.rstrip("/")
    experiments = sorted(worker.catalog.experiments().values(), key=lambda one: one.status != "running")
    example = experiments[0] if experiments else None
    return LivePage(
        reasons=reasons,
        problems=worker.catalog.problems(),
        lost=worker.exposures.lost,
        arrivals=arrivals,
        newest=_roughly(worker.clock() - arrivals[0].at) if arrivals else "",
        pace=_pace(arrivals),
        refused=sorted(refused, key=lambda row: -row.number),
        write_key=key,
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
        why = REFUSALS.get(one.reason, (spoken(one.reason), ""))[0]
        detail = one.detail if len(one.detail) <= _LONGEST_DETAIL else one.detail[:_LONGEST_DETAIL] + "\u2026"
        what = one.name or "An event without a name"
        return Arrival(one.refused_at, what, one.experiment, one.visitor, False, why, detail)
    what = one.name if one.kind == "action" else EVENTS[one.kind]
    context = f"{one.experiment}: {one.variant}" if one.experiment else f"with {one.joined}" if one.joined else ""
    return Arrival(one.received_at, what, context, one.visitor, True)


def _refused_row(reason: str, number: int) -> RefusedRow:
    why, meaning = REFUSALS.get(reason, (spoken(reason), ""))
    return RefusedRow(why.capitalize(), meaning, number)
