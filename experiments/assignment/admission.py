"""admit: may this event enter the log? An exposure's claim about its variant is checked, never trusted."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from experiments.assignment.assignment import place
from experiments.definition.definition import Variant
from experiments.definition.experiment import Experiment
from experiments.definition.problem import nearest, one_of, seen
from experiments.definition.quantity import write_share
from experiments.events.event import Event, Refusal


class Definitions(Protocol):
    """What admission asks of the catalog."""

    def get(self, key: str) -> Experiment | None:
        """The definition in force."""

    def phases_of(self, key: str) -> Sequence[Experiment]:
        """The recorded phases, oldest first."""

    def experiments(self) -> Mapping[str, Experiment]:
        """Every definition in force."""


def admit(event: Event, catalog: Definitions) -> Event | Refusal:
    """The event as it should be stored, with an exposure's variant resolved to its key; or why it is refused.

    Everything but an exposure is admitted as it is. An exposure is checked against the phase that ran when it
    happened: hash, traffic and layer only, for these are what its visitor cannot have changed since. What happened
    before the first phase, or after a phase ended, is admitted against that phase: `journey` counts it apart.
    """
    if event.kind != "exposure" or event.experiment is None or event.variant is None:
        return event
    phase = _phase(catalog.phases_of(event.experiment), event.at)
    if phase is None:
        return _without_phase(event, event.experiment, catalog)
    variant = _resolved(phase, event.variant)
    if variant is None:
        keys = one_of(variant.key for variant in phase.variants)
        last = len(phase.variants) - 1
        detail = f"variant is {seen(event.variant)}, must be {keys}, or an index from 0 to {last} in that order"
        return _refusal("unknown-variant", detail, event)
    if phase.assignment == "hash":
        placed = place(phase, event.visitor)
        if not placed.in_experiment:
            detail = (
                f"visitor {seen(event.visitor)} is {placed.reason} of phase {phase.phase} ({_limits(phase)}), "
                "must be exposed only when the assignment says in_experiment: true for the same visitor id"
            )
            return _refusal("not-in-experiment", detail, event)
        if placed.variant != variant.key:
            detail = (
                f"variant is {seen(event.variant)}, must be {seen(placed.variant)}, the one assigned to visitor "
                f"{seen(event.visitor)} in phase {phase.phase}; send the visitor id that the assignment was asked with"
            )
            return _refusal("variant-mismatch", detail, event)
    return event if event.variant == variant.key else replace(event, variant=variant.key)


def _phase(phases: Sequence[Experiment], at: datetime) -> Experiment | None:
    """The last phase that had started at this instant; before all of them, the first."""
    for phase in reversed(phases):
        if phase.started_at is not None and phase.started_at <= at:
            return phase
    return phases[0] if phases else None


def _without_phase(event: Event, key: str, catalog: Definitions) -> Refusal:
    if catalog.get(key) is not None:
        detail = f"experiment {seen(key)} is a draft, must be running before its first exposure: set status: running"
        return _refusal("not-in-experiment", detail, event)
    known = sorted(catalog.experiments())
    meant = nearest(key, known)
    right = f"did you mean {meant}?" if meant else f"must be {one_of(known)}" if known else "this site has none"
    return _refusal("unknown-experiment", f"experiment is {seen(key)}, which this site does not have; {right}", event)


def _resolved(phase: Experiment, claim: str) -> Variant | None:
    """The claimed variant: by its key, else by its index in config order."""
    if variant := phase.variant(claim):
        return variant
    if claim.isascii() and claim.isdigit() and len(claim) < 5 and int(claim) < len(phase.variants):
        return phase.variants[int(claim)]
    return None


def _limits(phase: Experiment) -> str:
    layer = phase.exclusive
    text = f"traffic {write_share(phase.traffic)}"
    return f"{text}, {write_share(layer.slice[0])} to {write_share(layer.slice[1])} of {layer.layer}" if layer else text


def _refusal(reason: str, detail: str, event: Event) -> Refusal:
    return Refusal(
        reason, detail, event.received_at, event.message_id, event.name, event.visitor, event.experiment or ""
    )
