"""Preview: what each variant of an experiment looks like to a client that forces it. Nothing of it is counted."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Response, request, url_for
from flask.blueprints import BlueprintSetupState
from werkzeug.exceptions import NotFound

from experiments.assignment import assign
from experiments.definition import Experiment, Variant
from webapp.access import require_read
from webapp.formatting import document
from webapp.live import evaluate_command
from webapp.ofrep import evaluation
from webapp.pages import page, prepare
from webapp.services import services

blueprint = Blueprint("preview", __name__)


@dataclass(frozen=True, slots=True)
class Forced:
    """One variant as a forced evaluation answers it, as texts; `link` is the page that shows it alone."""

    variant: Variant
    link: str
    value: str
    answer: str
    command: str


@blueprint.record_once
def _prepare(state: BlueprintSetupState) -> None:
    prepare(state)


@blueprint.get("/preview/<key>")
@require_read
def links(key: str) -> Response:
    """Every variant of an experiment, with its link."""
    experiment = _experiment(key)
    forced = [_forced(experiment, variant) for variant in experiment.variants]
    return page("preview.html", experiment=experiment, forced=forced)


@blueprint.get("/preview/<key>/<variant>")
@require_read
def forced(key: str, variant: str) -> Response:
    """One variant alone."""
    experiment = _experiment(key)
    found = experiment.variant(variant)
    if found is None:
        known = ", ".join(one.key for one in experiment.variants)
        raise NotFound(f"{key} has no variant {variant!r}; its variants are {known}.")
    return page("preview.html", experiment=experiment, forced=[_forced(experiment, found)])


def _experiment(key: str) -> Experiment:
    experiment = services().catalog.get(key)
    if experiment is None:
        known = ", ".join(sorted(services().catalog.experiments())) or "none yet"
        raise NotFound(f"There is no experiment {key!r}. Known experiments: {known}.")
    return experiment


def _forced(experiment: Experiment, variant: Variant) -> Forced:
    answer = evaluation(experiment, assign(experiment, "test-visitor", {"force": variant.key}))
    return Forced(
        variant,
        url_for("preview.forced", key=experiment.key, variant=variant.key, _external=True),
        document(answer["value"]),
        document(answer),
        evaluate_command(request.url_root.rstrip("/"), experiment.key, {"force": variant.key}),
    )
