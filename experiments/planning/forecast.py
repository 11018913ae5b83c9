"""DecisionDate: when will the macro-conversion be decided? Without words; cheap enough for a list of experiments.

What takes time to compute (`target`: how many visitors) depends on the definition, the rate and the effect alone; what
changes every hour (`decision`: on which day they are there) is arithmetic.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from experiments.definition.definition import GRACE, Method, Step
from experiments.definition.document import Document
from experiments.definition.experiment import Experiment
from experiments.events.cohort import DAY, HOUR
from experiments.reporting.comparison import family_of
from stats.power import Contrast, Judging, mean_visitors, power_at, sample_size

POWER = 0.8  # the chance of finding the effect that a plan asks for unless told otherwise: four times in five
WEEK = timedelta(days=7)
FARTHEST_DAYS = 36_525  # a hundred years: what takes longer has no date


@dataclass(frozen=True, slots=True)
class Target:
    """How many visitors, all variants together, does the decision take?

    `visitors`: those that the config plans, else those needed; `found`: with what chance they find the effect.
    `mean_visitors`: how many have come on average when it is decided, if the effect is there.
    """

    visitors: int
    found: float
    mean_visitors: float


@dataclass(frozen=True, slots=True)
class SoFar:
    """How many visitors who count have come by this moment (aware)."""

    visitors: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Forecast(Document):
    """When will the macro-conversion be decided? After whole weeks, and not before `at_least`.

    `visitors`, `found`: of the Target. `expected_at`: when it decides on average, if the effect is there.
    `latest_at`: when all visitors of the plan have had their time.
    """

    visitors: int
    found: float
    expected_at: datetime
    latest_at: datetime


def target(experiment: Experiment, rate: float, detect: float, power: float = POWER) -> Target | None:
    """How many visitors does the decision take, if the variant lifts the macro-conversion by `detect` (above 0)?

    `rate`: the share of visitors who reach it, in [0, 1]. None when that cannot be found: nobody or nearly everybody
    reaches it, or it takes more visitors than there are people.
    """
    if not 0 < rate * (1 + detect) < 1:
        return None
    method = planned_method(experiment)
    planned = None if method == "always-valid" else experiment.analysis.planned_visitors
    effect, judged = contrast(experiment, rate, detect), judging(experiment, method, experiment.macro, detect)
    if planned:
        return Target(planned, power_at(effect, judged, planned), mean_visitors(effect, judged, planned))
    size = sample_size(effect, judged, power)
    if size is None:
        return None
    return Target(sum(shares(experiment, size.visitors).values()), power, math.ceil(size.mean_visitors))


def decision(
    experiment: Experiment,
    target: Target,
    visitors_per_day: float,
    start: datetime,
    so_far: SoFar | None = None,
) -> Forecast | None:
    """On which days are these visitors there? None when it takes longer than a hundred years.

    `visitors_per_day`: who count, above 0. `start`: when the first came or come (aware). `so_far`: those of this phase
    who have come already, so that only the rest is taken to come at today's pace.
    """
    expected = date(experiment, target.mean_visitors, visitors_per_day, start, so_far)
    latest = date(experiment, target.visitors, visitors_per_day, start, so_far)
    if expected is None or latest is None:
        return None
    return Forecast(target.visitors, target.found, expected, latest)


def date(
    experiment: Experiment, visitors: float, visitors_per_day: float, start: datetime, so_far: SoFar | None = None
) -> datetime | None:
    """When have so many visitors had their time for the macro-conversion? Whole weeks after the start.

    None when it takes longer than a hundred years.
    """
    come = so_far or SoFar(0, start)
    if visitors > come.visitors:
        days = (visitors - come.visitors) / visitors_per_day
        if days > FARTHEST_DAYS:
            return None
        last = come.at - start + days * DAY
    else:
        last = (come.at - start) * (visitors / come.visitors)
    length = max(last + last_ones(experiment, experiment.macro), experiment.analysis.at_least)
    return start + math.ceil(length / WEEK) * WEEK


def planned_method(experiment: Experiment) -> Method:
    """The method that judges; a draft without `planned_visitors` is planned as if it had them."""
    draft = experiment.status == "draft" and experiment.analysis.method is None
    return "planned" if draft else experiment.analysis.method_in_force


def contrast(experiment: Experiment, rate: float, detect: float) -> Contrast:
    """What is to be found: this lift of this rate, by the smallest variant."""
    total = sum(variant.weight for variant in experiment.variants)
    smallest = min(variant.weight for variant in experiment.variants[1:])
    return Contrast(rate, rate * (1 + detect), experiment.control.weight / total, smallest / total)


def judging(experiment: Experiment, method: Method, step: Step, detect: float) -> Judging:
    """How a comparison at this step is judged, at the level that its family leaves it."""
    return Judging(method, level(experiment, step), math.log1p(detect))


def level(experiment: Experiment, step: Step) -> float:
    """The level of one comparison at this step."""
    return experiment.analysis.alpha / family_of(experiment, step)[1]


def shares(experiment: Experiment, visitors: float) -> dict[str, int]:
    """Variant key -> how many of so many visitors see it, rounded up."""
    total = sum(variant.weight for variant in experiment.variants)
    return {one.key: math.ceil(visitors * one.weight / total) for one in experiment.variants}


def last_ones(experiment: Experiment, step: Step) -> timedelta:
    """How long after its first visitor an hour of visitors is sealed for a step."""
    return HOUR + experiment.window_of(step) + GRACE
