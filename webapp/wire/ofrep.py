"""OFREP, the OpenFeature Remote Evaluation Protocol: which variant does this visitor get? Never waits for the store."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from functools import partial
from typing import Any, Final

from werkzeug.exceptions import NotFound

from experiments.assignment.assignment import Assignment, Reason, assign
from experiments.definition.experiment import Experiment
from experiments.events.event import MAX_ID_LENGTH
from experiments.store.exposure_queue import exposure_of
from webapp.services.errors import RequestRefused, refusal_of
from webapp.services.services import Services
from webapp.wire.exchange import Answer, Request, other_method, refused, tagged
from webapp.wire.json_body import read_body
from webapp.wire.json_limits import fault_in, shown
from webapp.wire.user_agent import RequestHeaders, browser_user_agent
from webapp.wire.visitor_attributes import AttributeReader, BadAttribute, first_seen_of, named_attributes
from webapp.wire.visitor_cookie import visitor_cookie

PREFIX: Final = "/ofrep/"
_PATH: Final = "/ofrep/v1/evaluate/flags"
ROUTES: Final = (("POST", f"{_PATH}/<path:key>"), ("POST", _PATH))

_invalid = partial(RequestRefused, 400, "INVALID_CONTEXT")

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


def answer(request: Request, services: Services) -> Answer:
    """The answer to any request under /ofrep/: the evaluation of the one experiment in its path, or of all.

    A visitor who is in the one that was asked for counts as exposed, unless its exposure is explicit; asking for all
    exposes nobody.
    """
    settings = services.site.settings
    key = request.path[len(_PATH) + 1 :] if request.path.startswith(f"{_PATH}/") else ""
    try:
        if not key and request.path != _PATH:
            raise NotFound
        if request.method != "POST":
            key = ""
            return other_method(settings, request, "OPTIONS", "POST")
        visit = visit_of(*read_body(request), request.headers)
        if key:
            return tagged(settings, request, _written(evaluate_one(services, key, visit)))
        found = evaluate_all(services, visit)
        return tagged(settings, request, _written(found), *visitor_cookie(request, visit.context))
    except Exception as trouble:
        why = refusal_of(trouble, request.method, request.path)
        return refused(settings, request, why, _failure(why, key))


def visit_of(body: Any, most: float, headers: RequestHeaders) -> Visit:
    """Who asks? Raises RequestRefused 400 with OpenFeature's code: the message names place, value and remedy.

    `most`: how many bytes a value has at most where the text of this body shows no fault, as `read_body` tells.
    """
    if not isinstance(body, dict):
        raise RequestRefused(400, "PARSE_ERROR", f"the body is {shown(body)}, must be an object with a context")
    context = body.get("context")
    if not isinstance(context, dict):
        raise _invalid(f"context is {shown(context)}, must be an object with a targetingKey")
    if math.isinf(most) and (fault := fault_in(context, "context")):
        raise _invalid(fault)
    visitor = context.get("targetingKey")
    if visitor is None or visitor == "":
        raise RequestRefused(400, "TARGETING_KEY_MISSING", "context.targetingKey is missing, must be the visitor's id")
    if not isinstance(visitor, str) or len(visitor) > MAX_ID_LENGTH:
        raise _invalid(f"context.targetingKey is {shown(visitor)}, must be a string of 1 to {MAX_ID_LENGTH} characters")
    try:
        seen = first_seen_of(context)
    except BadAttribute as error:
        raise _invalid(f"context.{error}") from None
    attributes = AttributeReader(frozenset(), user_agent=browser_user_agent(headers)).of_evaluation(context)
    return Visit(visitor, attributes, None if seen is None else datetime.combine(seen, time(), UTC), context)


def evaluate_one(services: Services, key: str, visit: Visit) -> Mapping[str, Any]:
    """The evaluation of one experiment; the exposure that it causes is queued. Raises RequestRefused 404."""
    experiment = services.catalog.get(key)
    if experiment is None:
        known = ", ".join(sorted(services.catalog.experiments())) or "none"
        raise RequestRefused(404, "FLAG_NOT_FOUND", f"no experiment has the key {shown(key)}; known: {known}")
    assignment = _assign(experiment, visit)
    if assignment.in_experiment and experiment.exposure == "auto":
        attributes = AttributeReader(named_attributes([experiment]), services.site.settings.staff)
        kept = attributes.of_exposure(visit.visitor, visit.attributes)
        services.exposures.put(exposure_of(experiment, visit.visitor, assignment.variant, kept, services.clock()))
    return evaluation(experiment, assignment)


def evaluate_all(services: Services, visit: Visit) -> Mapping[str, Any]:
    """The evaluations of all experiments, in the order of their keys."""
    experiments = sorted(services.catalog.experiments().items())
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


def _written(evaluated: Mapping[str, Any]) -> bytes:
    return json.dumps(evaluated, ensure_ascii=False, separators=(",", ":")).encode()


def _failure(why: RequestRefused, key: str) -> dict[str, Any]:
    """The failure body of OFREP: an OpenFeature error code, always with details, with the key where one was asked."""
    other = {400: "PARSE_ERROR", 404: "FLAG_NOT_FOUND"}.get(why.status, "GENERAL")
    code = why.code if why.code.isupper() else other
    return ({"key": key} if key else {}) | {"errorCode": code, "errorDetails": why.message}
