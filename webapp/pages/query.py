"""Asked: which phase, which moment and which step an address asks for, or in words why there is none such."""

from __future__ import annotations

import re
from datetime import datetime

from flask import request
from werkzeug.exceptions import BadRequest, NotFound

from experiments.definition.experiment import Experiment
from experiments.definition.quantity import past_moment
from webapp.services.services import services

_PHASE = re.compile("[0-9]{1,6}")


def recorded_phases(key: str) -> list[Experiment]:
    """The recorded phases of an experiment, newest first."""
    phases = [one for one in services().catalog.phases() if one.key == key]
    return sorted(phases, key=lambda one: one.phase, reverse=True)


def asked_phase(key: str) -> Experiment:
    """The phase that the request asks for. Raises NotFound or BadRequest, saying what there is."""
    asked = request.args.get("phase")
    current = services().catalog.get(key)
    phases = recorded_phases(key)
    if current is None and not phases:
        known = ", ".join(sorted(services().catalog.experiments())) or "none yet"
        raise NotFound(f"There is no experiment {key!r}. Known experiments: {known}.")
    if asked is None:
        return current or phases[0]
    if not _PHASE.fullmatch(asked):
        raise BadRequest(f"phase is {asked!r}, must be a whole number such as 1.")
    for one in [*phases, *([current] if current else [])]:
        if one.phase == int(asked):
            return one
    known = ", ".join(str(one.phase) for one in reversed(phases)) or "none yet"
    raise NotFound(f"{key} has no phase {asked}. Recorded phases: {known}.")


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
    """The phase that the request asks for. Raises NotFound for a draft."""
    experiment = asked_phase(key)
    if experiment.started_at is None:
        raise NotFound(f"{key} is a draft: it has not started, so there are no results.")
    return experiment


def no_step(experiment: Experiment, step: str) -> NotFound:
    """What to raise when an experiment has no such step."""
    known = ", ".join(one.step for one in experiment.steps)
    return NotFound(f"{experiment.key} has no step {step!r}; its steps are {known}.")
