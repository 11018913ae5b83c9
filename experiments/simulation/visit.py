"""Visit: what one simulated visitor does after the exposure. The model is told in simulate.py.

Chance is drawn beforehand, for many visitors at once, so that a seed gives the same visitors whatever becomes of each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

import numpy as np

from experiments.definition.experiment import Experiment
from experiments.simulation.truth import HOUR, Behaviour, Crowd, Truth
from stats.arrays import Counts


@dataclass(frozen=True, slots=True)
class Act:
    """What a visitor does: so long after the exposure, this event with these properties."""

    after: timedelta
    event: str
    properties: Mapping[str, float]


class Draw(NamedTuple):
    """What chance says of one visitor: numbers in [0, 1), to be compared with rates, unless said otherwise.

    `going`, `staying`: of each milestone, is it taken, and at once? `alone`: of each secondary action and guardrail.
    `pause`: before each of these in turn, a share of the longest one. `later`: hours until the visit of who leaves.
    """

    going: Sequence[float]
    staying: Sequence[float]
    alone: Sequence[float]
    pause: Sequence[float]
    later: int


def draws(experiment: Experiment, truth: Truth, rng: np.random.Generator, n: int) -> list[Draw]:
    """What does chance say of n visitors?"""
    milestones, steps = len(experiment.path), len(experiment.steps)
    columns = (
        rng.random((n, milestones)),
        rng.random((n, milestones)),
        rng.random((n, steps - milestones)),
        rng.uniform(0.02, 1, size=(n, steps)),
        np.ceil(rng.exponential(truth.return_hours, size=n)).astype(np.int64),
    )
    return [Draw(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def amounts(experiment: Experiment, truth: Truth, rng: np.random.Generator, n: int) -> Counts:
    """What are n macro-conversions worth, in hundredths of the currency unit, capped? Shape (n,)."""
    value = experiment.macro.value
    if isinstance(value, str):
        shape = truth.value_spread**-2
        drawn = rng.gamma(shape, truth.value_mean / shape, size=n)
    else:
        drawn = np.full(n, value or 0.0)
    return np.minimum(np.rint(drawn * 100), round(experiment.value_cap * 100)).astype(np.int64)


def acts(
    experiment: Experiment, behaviour: Behaviour, crowd: Crowd, draw: Draw, amount: int, longest_pause: float
) -> list[Act]:
    """What does this visitor do, milestones first? `amount` of a sale in hundredths, `longest_pause` in seconds."""
    sale = experiment.macro
    paid = {sale.value: amount / 100} if isinstance(sale.value, str) else {}
    pauses = [timedelta(seconds=share * longest_pause) for share in draw.pause]
    done: list[tuple[timedelta, str]] = []
    now, returned = timedelta(0), False
    for k, step in enumerate(experiment.path):
        if draw.going[k] >= crowd.rate(behaviour.rates[k]):
            break
        if not returned and draw.staying[k] < behaviour.returning:
            now, returned = draw.later * HOUR, True
        now += pauses[k]
        done.append((now, step.event))
    for k, step in enumerate((*experiment.secondary, *experiment.guardrails)):
        rate = behaviour.alone.get(step.step, 0.0)
        if draw.alone[k] < (crowd.rate(rate) if step in experiment.secondary else rate):
            done.append((pauses[len(experiment.path) + k], step.event))
    return [Act(after, event, paid if event == sale.event else {}) for after, event in done]
