"""Does this server run, and can it take events now? Asked by load balancers and monitors."""

from flask import Blueprint, Response, jsonify

from experiments.store.sqlite.set_aside import names_set_aside
from webapp.services.errors import UNAVAILABLE_SECONDS
from webapp.services.services import services

blueprint = Blueprint("health", __name__)


@blueprint.get("/livez")
def livez() -> Response:
    """200 while this worker answers at all."""
    return jsonify(status="alive")


@blueprint.get("/readyz")
def readyz() -> Response:
    """200 when events can be taken, else 503 with the reasons. Assignments are answered in both cases.

    `set_aside`: files of the log that could not be used and were kept under a new name, until a person moves them away.
    `exposures_waiting` and `exposures_lost`: automatic exposures that this worker has not written yet, and those that
    it never could since it started.
    """
    reasons = list(services().log.health())
    exposures = services().exposures
    response = jsonify(
        status="not ready" if reasons else "ready",
        reasons=reasons,
        set_aside=names_set_aside(services().site.database),
        exposures_waiting=exposures.waiting,
        exposures_lost=exposures.lost,
    )
    if reasons:
        response.status_code = 503
        response.headers["Retry-After"] = str(UNAVAILABLE_SECONDS)
    return response
