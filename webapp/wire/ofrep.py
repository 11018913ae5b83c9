"""OFREP, the OpenFeature Remote Evaluation Protocol: which variant does this visitor get? Never waits for the store."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any, Final

from flask import Blueprint, Response, request

from experiments.assignment.assignment import Assignment, Reason, assign
from experiments.definition.experiment import Experiment
from experiments.events.event import MAX_ID_LENGTH
from experiments.store.exposure_queue import exposure_of
from webapp.services.errors import WireError
from webapp.services.services import Services, services
from webapp.wire.json_body import read_json
from webapp.wire.json_limits import fault_in, shown
from webapp.wire.user_agent import RequestHeaders, browser_user_agent
from webapp.wire.visitor_attributes import Attributes, BadAttribute, first_seen_of, named_attributes
from webapp.wire.visitor_cookie import remember

blueprint = Blueprint("ofrep", __name__, url_prefix="/ofrep/v1/evaluate")

# OFREP's word for each of ours. It has none for "left out": UNKNOWN, and `metadata.reason` says which it was.
OFREP_REASON: Final[Mapping[Reason, str]] = {
    "split": "SPLIT",
    "served": "STATIC",
    "forced": "TARGETING_MATCH",
    "not-running": "DISABLED",
    "outside-traffic": "UNKNOWN",
    "outside-audience": "UNKNOWN",
    "outside-layer": "UNKNOWN",
    "bot": "UNKNOWN",
    "no-consent": "UNKNOWN",
}


@dataclass(frozen=True, slots=True)
class Visit:
    """Who asks: the id, and what is known of the visitor, read and as it was sent."""

    visitor: str
    attributes: Mapping[str, str | bool]
    first_seen: datetime | None
    context: Mapping[str, Any]


@blueprint.post("/flags/<path:key>")
def single(key: str) -> Response:
    """Evaluate one experiment. A visitor who is in it counts as exposed, unless its exposure is explicit."""
    return _response(evaluate_one(services(), key, visit_of(read_json(), request.headers)))


@blueprint.post("/flags")
def bulk() -> Response:
    """Evaluate every experiment for one visitor; exposes nobody."""
    visit = visit_of(read_json(), request.headers)
    response = _response(evaluate_all(services(), visit))
    remember(response, request, visit.context)
    return response


def visit_of(body: Any, headers: RequestHeaders) -> Visit:
    """Who asks? Raises WireError 400 with OpenFeature's code: the message names place, value and remedy."""
    if not isinstance(body, dict):
        raise WireError(400, "PARSE_ERROR", f"the body is {shown(body)}, must be an object with a context")
    context = body.get("context")
    if not isinstance(context, dict):
        raise WireError(400, "INVALID_CONTEXT", f"context is {shown(context)}, must be an object with a targetingKey")
    fault = fault_in(context, "context")
    if fault:
        raise WireError(400, "INVALID_CONTEXT", fault)
    visitor = context.get("targetingKey")
    if visitor is None or visitor == "":
        raise WireError(400, "TARGETING_KEY_MISSING", "context.targetingKey is missing, must be the visitor's id")
    if not isinstance(visitor, str) or len(visitor) > MAX_ID_LENGTH:
        asked = f"must be a string of 1 to {MAX_ID_LENGTH} characters"
        raise WireError(400, "INVALID_CONTEXT", f"context.targetingKey is {shown(visitor)}, {asked}")
    try:
        seen = first_seen_of(context)
    except BadAttribute as error:
        raise WireError(400, "INVALID_CONTEXT", f"context.{error}") from None
    attributes = Attributes(frozenset(), user_agent=browser_user_agent(headers)).of_evaluation(context)
    return Visit(visitor, attributes, None if seen is None else datetime.combine(seen, time(), UTC), context)


def evaluate_one(site: Services, key: str, visit: Visit) -> Mapping[str, Any]:
    """The evaluation of one experiment; the exposure that it causes is queued. Raises WireError 404."""
    experiment = site.catalog.get(key)
    if experiment is None:
        known = ", ".join(sorted(site.catalog.experiments())) or "none"
        raise WireError(404, "FLAG_NOT_FOUND", f"no experiment has the key {shown(key)}; known: {known}")
    assignment = _assign(experiment, visit)
    if assignment.in_experiment and experiment.exposure == "auto":
        attributes = Attributes(named_attributes([experiment]), site.site.settings.staff)
        kept = attributes.of_exposure(visit.visitor, visit.attributes)
        site.exposures.put(exposure_of(experiment, visit.visitor, assignment.variant, kept, site.clock()))
    return evaluation(experiment, assignment)


def evaluate_all(site: Services, visit: Visit) -> Mapping[str, Any]:
    """The evaluations of all experiments, in the order of their keys."""
    experiments = sorted(site.catalog.experiments().items())
    return {"flags": [evaluation(experiment, _assign(experiment, visit)) for _, experiment in experiments]}


def _assign(experiment: Experiment, visit: Visit) -> Assignment:
    """The visitor's variant; `returning` is worked out from the first visit where the context does not say."""
    attributes = dict(visit.attributes)
    if visit.first_seen is not None and experiment.started_at is not None:
        attributes.setdefault("returning", visit.first_seen.date() < experiment.started_at.date())
    return assign(experiment, visit.visitor, attributes)


def evaluation(experiment: Experiment, assignment: Assignment) -> dict[str, Any]:
    """The answer to an evaluation, without its ETag."""
    variant = experiment.variant(assignment.variant)
    assert variant is not None, f"{experiment.key} assigned {assignment.variant!r}, which it does not have"
    return {
        "key": experiment.key,
        "value": variant.key if variant.value is None else variant.value,
        "variant": variant.key,
        "reason": OFREP_REASON[assignment.reason],
        "metadata": {
            "in_experiment": assignment.in_experiment,
            "reason": assignment.reason,
            "phase": experiment.phase,
        }
        | _for_the_page(experiment),
    }


def _for_the_page(experiment: Experiment) -> dict[str, Any]:
    """What a page needs to count its visitors itself: when they are exposed, and which steps it can see. Metadata is
    flat, so what is not is JSON in a text."""
    rules = [[step.event, *moment] for step in experiment.steps for moment in (step.on or {}).items()]
    told: dict[str, Any] = {"exposure": experiment.exposure}
    if experiment.started_at is not None:
        told["started_at"] = experiment.started_at.isoformat()
    if experiment.trigger:
        told["trigger"] = json.dumps(experiment.trigger)
    if rules:
        told["on"] = json.dumps(rules)
    return told


def tagged(answer: Mapping[str, Any]) -> tuple[bytes, str]:
    """The answer as it is sent, and its ETag."""
    body = json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()
    return body, hashlib.sha256(body).hexdigest()[:32]


def _response(answer: Mapping[str, Any]) -> Response:
    """The answer with its ETag, or 304 when the client has it; by hand, as HTTP has no conditional POST."""
    body, tag = tagged(answer)
    response = Response(status=304) if request.if_none_match.contains(tag) else Response(body, 200)
    response.headers["Content-Type"] = "application/json"
    response.set_etag(tag)
    response.headers["Cache-Control"] = "no-cache"
    return response
