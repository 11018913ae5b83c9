"""Outcome: what may become of a simulated visitor as the tables see it, and how likely that is, exactly.

Follows the model of simulate.py.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from math import exp, prod

from experiments.definition.experiment import Experiment
from experiments.simulation.truth import HOUR, Behaviour, Crowd, Truth

PathOutcome = tuple[tuple[bool, ...], int]
"""For each milestone, whether reached within its own window; the bits of those reached within the experiment's."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a visitor, as the tables see it.

    `reached`: for each step of `experiment.steps`, whether within the step's own window.
    `pattern`: the bits of those reached within the experiment's window.
    """

    reached: tuple[bool, ...]
    pattern: int


def outcomes(experiment: Experiment, truth: Truth, variant: str) -> Mapping[Outcome, float]:
    """How likely is each outcome for a counted visitor of this variant? The probabilities sum to 1."""
    total = sum(crowd.share for crowd in truth.crowds if crowd.counted)
    chances: dict[Outcome, float] = defaultdict(float)
    for crowd in truth.crowds:
        if not crowd.counted:
            continue
        path = _path_outcomes(experiment, truth, truth.variants[variant], crowd)
        alone = _alone_outcomes(experiment, truth.variants[variant], crowd)
        for (reached, pattern), chance in path.items():
            for acts, also in alone.items():
                bits = sum(1 << (len(experiment.path) + k) for k, act in enumerate(acts) if act)
                chances[Outcome(reached + acts, pattern | bits)] += crowd.share / total * chance * also
    return chances


def _path_outcomes(
    experiment: Experiment, truth: Truth, behaviour: Behaviour, crowd: Crowd
) -> Mapping[PathOutcome, float]:
    """How likely is each end of the path for this variant and crowd?"""
    milestones = len(experiment.path)
    limits = [experiment.window_of(step) // HOUR for step in experiment.path]
    bounds = sorted({*limits, experiment.window // HOUR})
    stay = 1 - behaviour.returning
    chances: dict[PathOutcome, float] = defaultdict(float)
    taken = 1.0
    for depth in range(milestones + 1):
        stops = 1.0 if depth == milestones else 1 - crowd.rate(behaviour.rates[depth])
        at_once = tuple(k < depth for k in range(milestones))
        chances[at_once, (1 << depth) - 1] += taken * stops * stay**depth
        for left in range(depth):  # milestones taken before leaving; the later visit is hour R, done by R + 1
            chance = taken * stops * stay**left * behaviour.returning
            below = 0.0
            for bound in bounds:
                back_by = 1 - exp(-max(bound - 1, 0) / truth.return_hours)
                reached = tuple(k < left or (k < depth and limits[k] >= bound) for k in range(milestones))
                chances[reached, (1 << depth) - 1] += chance * (back_by - below)
                below = back_by
            chances[tuple(k < left for k in range(milestones)), (1 << left) - 1] += chance * (1 - below)
        if depth < milestones:
            taken *= crowd.rate(behaviour.rates[depth])
    return chances


def _alone_outcomes(experiment: Experiment, behaviour: Behaviour, crowd: Crowd) -> Mapping[tuple[bool, ...], float]:
    rates = [crowd.rate(behaviour.alone.get(step.step, 0.0)) for step in experiment.secondary]
    rates += [behaviour.alone.get(step.step, 0.0) for step in experiment.guardrails]
    return {
        acts: prod(rate if act else 1 - rate for rate, act in zip(rates, acts, strict=True))
        for acts in product((False, True), repeat=len(rates))
    }
