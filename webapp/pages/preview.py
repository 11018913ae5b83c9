"""Preview: what each variant of an experiment looks like to a client that forces it. Nothing of it is counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Forced:
    """One variant as a forced evaluation answers it, as texts; `link` is the page that shows it alone.

    `query`: what, added to the address of one of the site's pages, shows the variant there; `pages`: such addresses,
    as far as they are known. `number`: its place in the config, from 0.
    """

    variant: Variant
    number: int
    query: str
    pages: Sequence[str]
    link: str
    value: str
    answer: str
    command: str


@blueprint.get("/preview/<key>")
@require_read
def links(key: str) -> Response:
    """Every variant of an experiment, with its link."""
    experiment = services().catalog.require(key)
    forced = [_forced(experiment, variant) for variant in experiment.variants]
    return page("preview.html", experiment=experiment, forced=forced)


@blueprint.get("/preview/<key>/<variant>")
@require_read
def forced(key: str, variant: str) -> Response:
    """One variant alone: what a client gets that forces it. Raises NotFound, naming what there is."""
    experiment = services().catalog.require(key)
    found = experiment.variant(variant)
    if found is None:
        known = ", ".join(one.key for one in experiment.variants)
        raise NotFound(f"{key} has no variant {variant!r}; its variants are {known}.")
    return page("preview.html", experiment=experiment, forced=[_forced(experiment, found)])


def _places(experiment: Experiment) -> list[str]:
    """Addresses on which it may be seen: the demo's, or those of the origins that may call from a browser."""
    if "demo" in current_app.blueprints:
        return [url_for("demo.home", _external=True)]
    path = (experiment.trigger or {}).get("view", "/")
    origins = services().site.settings.allowed_origins
    plain = path.startswith("/") and "*" not in path
    return [origin.rstrip("/") + (path if plain else "/") for origin in origins if origin != "*"]


def _forced(experiment: Experiment, variant: Variant) -> Forced:
    answer = evaluation(experiment, assign(experiment, "test-visitor", {"force": variant.key}))
    query = f"?yesladder={experiment.key}:{variant.key}"
    return Forced(
        variant,
        experiment.variants.index(variant),
        query,
        [place + query for place in _places(experiment)],
        url_for("preview.forced", key=experiment.key, variant=variant.key, _external=True),
        document(answer["value"]),
        document(answer),
        evaluate_command(request.url_root.rstrip("/"), experiment.key, {"force": variant.key}),
    )
