"""Plan: how many visitors and days does an experiment need, when will it decide, what can it find in the time there is?

Pure and without words: the numbers that the command and the result page show. Every number is for the comparison of
the smallest variant with the control, at the level that its family leaves it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from experiments.definition.definition import Method, Step, StepKind
from experiments.definition.document import HIDDEN, Document, NamedPhase, Written
from experiments.definition.experiment import Experiment
from experiments.definition.problem import Fault
from experiments.definition.quantity import utc
from experiments.events.cohort import DAY
from experiments.planning.forecast import (
    Forecast,
    SoFar,
    Target,
    contrast,
    decision,
    judging,
    last_ones,
    level,
    planned_method,
    shares,
    target,
)
from experiments.planning.plan_check import doubt
from stats.power import detectable_lift, sample_size

METHODS: Sequence[Method] = ("planned", "always-valid", "fixed")

Missing = Literal["no-rate", "never-reached", "no-room", "too-many"]
"""Why a step has no numbers: no rate is known; nobody reached it; so many reach it already that `detect` more is
impossible; more visitors than there are people."""


@dataclass(frozen=True, slots=True)
class Need(Document):
    """What one method needs to find `detect` at one step with the power asked for.

    `visitors`: all variants together; `per_variant`: variant key -> its share of them. `mean_visitors`: how many have
    come on average when it decides. `days`, `mean_days`: how long these take to come, and to have had time for the
    step; None when the traffic is not known.
    """

    visitors: int
    per_variant: Mapping[str, int]
    mean_visitors: int
    days: float | None
    mean_days: float | None


@dataclass(frozen=True, slots=True)
class StepPlan(Document):
    """One step: the `rate` in (0, 1) that it is planned with, its own `level`, and what each method needs.

    `needs` and `detectable` are by method; `detectable` (relative lift found within the days available) is empty when
    no days were given, and None where even the largest lift would be missed. `missing` says why there are no numbers.
    """

    step: str
    kind: StepKind
    level: float
    rate: float | None
    missing: Missing | None
    needs: Mapping[Method, Need]
    detectable: Mapping[Method, float | None]


def _in_words(doubt: Fault | None) -> str | None:
    return None if doubt is None else f"{doubt.what}; {doubt.remedy}"


@dataclass(frozen=True, slots=True)
class Plan(Document):
    """The answers. `method` is the one that judges; a draft without `planned_visitors` is planned as if it had them.

    `steps`: the path in order, then secondary actions. `target`: how many visitors decide, None when no rate is known;
    `decision`: when they are there, None also when the traffic is not known.
    `planned_detectable`: what `planned_visitors` of the config find with the power asked for; None without them.
    `doubt`: `detect` and `planned_visitors` do not go together. `days`: those available, None when not given.
    """

    experiment: NamedPhase
    method: Method
    alpha: float
    detect: float
    power: float
    visitors_per_day: float | None
    start: datetime
    days: int | None
    steps: Sequence[StepPlan]
    target: Annotated[Target | None, HIDDEN]
    decision: Forecast | None
    planned_visitors: int | None
    planned_detectable: float | None
    doubt: Annotated[Fault | None, Written(_in_words)]

    @property
    def macro(self) -> StepPlan:
        """The plan of the macro-conversion."""
        return self.steps[len(self.experiment.path) - 1]


def plan(
    experiment: Experiment,
    rates: Mapping[str, float],
    visitors_per_day: float | None,
    *,
    detect: float,
    power: float,
    start: datetime,
    days: int | None = None,
    so_far: SoFar | None = None,
) -> Plan:
    """What does it take to find a relative lift of `detect` (above 0) in this experiment with the chance `power`?

    `rates`: step key -> share of visitors who reach it, in [0, 1], all variants together; steps may be missing.
    `visitors_per_day`: who count, all variants together, above 0; None if not known. `start`: when they begin to come
    (aware). `days`: how many there are from then to the decision, the time for the last visitors' steps included.
    `so_far`: who has come already to this phase, when it runs; the others come at `visitors_per_day`.
    Raises ValueError when detect or power cannot be planned with.
    """
    if detect <= 0:
        raise ValueError(f"detect is {detect}, must be > 0: the smallest relative lift worth finding")
    planner = _Planner(experiment, visitors_per_day, detect, power, days)
    steps = [planner.step(step, rates.get(step.step)) for step in (*experiment.path, *experiment.secondary)]
    macro = steps[len(experiment.path) - 1]
    known = macro.rate is not None and 0 < macro.rate < 1
    found = None if macro.rate is None else target(experiment, macro.rate, detect, power)
    return Plan(
        experiment=experiment,
        method=planner.method,
        alpha=experiment.analysis.alpha,
        detect=detect,
        power=power,
        visitors_per_day=visitors_per_day,
        start=utc(start),
        days=days,
        steps=steps,
        target=found,
        decision=decision(experiment, found, visitors_per_day, start, so_far) if found and visitors_per_day else None,
        planned_visitors=experiment.analysis.planned_visitors,
        planned_detectable=planner.planned_detectable(macro),
        doubt=doubt(experiment, macro.rate) if macro.rate is not None and known else None,
    )


@dataclass(frozen=True, slots=True)
class _Planner:
    experiment: Experiment
    visitors_per_day: float | None
    detect: float
    power: float
    days: int | None

    @property
    def method(self) -> Method:
        return planned_method(self.experiment)

    def step(self, step: Step, rate: float | None) -> StepPlan:
        missing: Missing | None = None
        needs: dict[Method, Need] = {}
        detectable: dict[Method, float | None] = {}
        if rate is None:
            missing = "no-rate"
        elif rate == 0:
            missing = "never-reached"
        elif rate * (1 + self.detect) >= 1:
            missing = "no-room"
        else:
            effect = contrast(self.experiment, rate, self.detect)
            for method in METHODS:
                judged = judging(self.experiment, method, step, self.detect)
                size = sample_size(effect, judged, self.power)
                if size is not None:
                    needs[method] = self._need(step, size.visitors, size.mean_visitors)
                if (there := self._sealed_within_days(step)) is not None:
                    detectable[method] = detectable_lift(effect, judged, self.power, there) if there else None
            missing = None if len(needs) == len(METHODS) else "too-many"
        kind = self.experiment.kind_of(step)
        return StepPlan(step.step, kind, level(self.experiment, step), rate, missing, needs, detectable)

    def planned_detectable(self, macro: StepPlan) -> float | None:
        visitors = self.experiment.analysis.planned_visitors
        if visitors is None or macro.rate is None or not macro.needs:
            return None
        judged = judging(self.experiment, self.method, self.experiment.macro, self.detect)
        return detectable_lift(contrast(self.experiment, macro.rate, self.detect), judged, self.power, visitors)

    def _need(self, step: Step, visitors: float, mean_visitors: float) -> Need:
        per_variant = shares(self.experiment, visitors)
        days, mean_days = self._days(step, visitors), self._days(step, mean_visitors)
        return Need(sum(per_variant.values()), per_variant, math.ceil(mean_visitors), days, mean_days)

    def _days(self, step: Step, visitors: float) -> float | None:
        if self.visitors_per_day is None:
            return None
        return visitors / self.visitors_per_day + last_ones(self.experiment, step) / DAY

    def _sealed_within_days(self, step: Step) -> float | None:
        if self.days is None or self.visitors_per_day is None:
            return None
        return self.visitors_per_day * max(0.0, self.days - last_ones(self.experiment, step) / DAY)
