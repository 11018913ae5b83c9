"""Assumption: the truth that an experiment is simulated with: what was measured of its visitors, and an effect."""

from datetime import UTC, datetime

from experiments.definition.definition import Step
from experiments.definition.experiment import Experiment
from experiments.planning.baseline import Measurement
from experiments.simulation.truth import Behaviour, Truth, plain_truth

START = datetime(2026, 11, 2, tzinfo=UTC)  # a Monday; what is simulated depends on no date


def simulated_phase(experiment: Experiment) -> Experiment:
    """The experiment as it is replicated: running, everybody takes part, no strata; all else as its config says."""
    return experiment.model_copy(
        update={
            "status": "running",
            "started_at": START,
            "ended_at": None,
            "traffic": 1.0,
            "audience": None,
            "exclusive": None,
            "serve": None,
            "analysis": experiment.analysis.model_copy(update={"adjust_for": ()}),
        }
    )


def measured_truth(experiment: Experiment, measurement: Measurement) -> Truth | None:
    """Visitors who reach each step as often, and come at the hours, as was measured; alike in every variant.

    Each step keeps the rate measured within its own window, which is what the tests read. None unless every milestone
    was measured and reached.
    """
    rates = [measurement.rates.get(step.step) for step in experiment.path]
    known = [one.rate for one in rates if one is not None]
    if len(known) < len(rates) or not all(known):
        return None
    for k in range(len(known) - 2, -1, -1):  # a late step may be reached by more than a short window let through
        known[k] = max(known[k], known[k + 1])
    conditional = tuple(rate / before for before, rate in zip([1.0, *known[:-1]], known, strict=True))
    others = (*experiment.secondary, *experiment.guardrails)
    alone = {step.step: measurement.rates[step.step].rate for step in others if step.step in measurement.rates}
    behaviour = Behaviour(rates=conditional, alone=alone)
    variants = {variant.key: behaviour for variant in experiment.variants}
    if not any(measurement.hours):
        return Truth(variants=variants)
    return Truth(variants=variants, hours=measurement.hours)


def rated_truth(experiment: Experiment, macro_rate: float) -> Truth:
    """Visitors of whom this share, in (0, 1), reaches the macro-conversion; each milestone loses the same share."""
    return plain_truth(experiment, going_on=macro_rate ** (1 / len(experiment.path)), returning=0)


def with_effect(experiment: Experiment, truth: Truth, effect: float, step: Step) -> Truth:
    """The control's visitors in every variant, but in all others they take this milestone more often by `effect`.

    `effect` is the relative lift, above -1, of this milestone and so of every later one; earlier ones have none. Raises
    ValueError when some visitors take the milestone so often already that so much more often is impossible.
    """
    control = truth.variants[experiment.control.key]
    eagerness = max(crowd.eagerness for crowd in truth.crowds)
    at = experiment.path.index(step)
    rate = control.rates[at]
    if rate * (1 + effect) * eagerness > 1:
        raise ValueError(
            f"{step.step} is taken by {rate * eagerness:.3g} of those who can, "
            f"and {1 + effect:.4g} times as many there cannot be"
        )
    moved = control.model_copy(update={"rates": (*control.rates[:at], rate * (1 + effect), *control.rates[at + 1 :])})
    others = {variant.key: moved for variant in experiment.variants[1:]}
    return truth.model_copy(update={"variants": {experiment.control.key: control, **others}})
