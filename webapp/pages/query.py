"""Query: which phase and which moment an address asks for, or in words why there is none such."""

import re
from datetime import datetime

from flask import request
from werkzeug.exceptions import BadRequest

from experiments.definition.experiment import Experiment
from experiments.definition.quantity import past_moment
from experiments.definition.unknown import NotStarted
from webapp.services.services import services

_PHASE = re.compile("[0-9]{1,6}")


def recorded_phases(key: str) -> list[Experiment]:
    """The recorded phases of an experiment, newest first."""
    phases = [one for one in services().catalog.phases() if one.key == key]
    return sorted(phases, key=lambda one: one.phase, reverse=True)


def asked_phase(key: str) -> Experiment:
    """The phase that the request asks for. Raises Unknown or BadRequest, saying what there is."""
    current = services().catalog.latest(key)
    asked = request.args.get("phase")
    if asked is None:
        return current
    if not _PHASE.fullmatch(asked):
        raise BadRequest(f"phase is {asked!r}, must be a whole number such as 1.")
    return services().catalog.phase(key, int(asked))


def asked_moment() -> datetime | None:
    """The moment that the request asks for, None for now. Raises BadRequest in words."""
    asked = request.args.get("as_of")
    if asked is None:
        return None
    try:
        return past_moment(asked, services().clock())
    except ValueError as error:
        hint = " (write a + as %2B)" if " " in asked else ""
        raise BadRequest(f"as_of is {asked!r}, {error}{hint}.") from error


def started_phase(key: str) -> Experiment:
    """The phase that the request asks for. Raises NotStarted for a draft."""
    experiment = asked_phase(key)
    if experiment.started_at is None:
        raise NotStarted(key)
    return experiment
