"""Preview: what each variant of an experiment looks like to a client that forces it. Nothing of it is counted."""

from collections.abc import Sequence

from flask import Blueprint, Response, current_app, request, url_for
from werkzeug.exceptions import NotFound

from experiments.assignment.assignment import assign
from experiments.definition.definition import Variant
from experiments.definition.experiment import Experiment
from webapp.pages.live import evaluate_command
from webapp.pages.page import page
from webapp.services.access import require_read
from webapp.services.services import services
from webapp.wire.ofrep import evaluation
from webapp.words.formatting import document

blueprint = Blueprint("preview", __name__)


@blueprint.get("/preview/<key>")
@require_read
def links(key: str) -> Response:
    """Every variant of an experiment, with its link."""
    experiment = services().catalog.require(key)
    return _page(experiment, experiment.variants)


@blueprint.get("/preview/<key>/<variant>")
@require_read
def forced(key: str, variant: str) -> Response:
    """One variant alone: what a client gets that forces it. Raises NotFound, naming what there is."""
    experiment = services().catalog.require(key)
    found = experiment.variant(variant)
    if found is None:
        known = ", ".join(one.key for one in experiment.variants)
        raise NotFound(f"{key} has no variant {variant!r}; its variants are {known}.")
    return _page(experiment, [found])


def _places(experiment: Experiment) -> list[str]:
    """Addresses on which it may be seen: the demo's, or those of the origins that may call from a browser."""
    if "demo" in current_app.blueprints:
        return [url_for("demo.home", _external=True)]
    path = (experiment.trigger or {}).get("view", "/")
    origins = services().site.settings.allowed_origins
    plain = path.startswith("/") and "*" not in path
    return [origin.rstrip("/") + (path if plain else "/") for origin in origins if origin != "*"]


def _page(experiment: Experiment, variants: Sequence[Variant]) -> Response:
    """These variants, each with what a forced evaluation answers, and a command that asks for it."""
    forced = []
    for variant in variants:
        answer = evaluation(experiment, assign(experiment, "test-visitor", {"force": variant.key}))
        command = evaluate_command(request.url_root.rstrip("/"), experiment.key, {"force": variant.key})
        forced.append((variant, answer, command))
    values = {"experiment": experiment, "places": _places(experiment), "document": document}
    return page("preview.html", forced=forced, **values)
