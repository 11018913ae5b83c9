"""Plan: how many visitors and days does an experiment need, when will it decide, what can it find in the time there is?

Pure and without words: the numbers that the command and the result page show. Every number is for the comparison of
the smallest variant with the control, at the level that its family leaves it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from experiments.cohort import DAY, HOUR
from experiments.comparison import iso
from experiments.consistency import doubt
from experiments.definition import GRACE, Experiment, Method, Step, StepKind
from experiments.problem import Fault
from stats.power import Contrast, Judging, detectable_lift, mean_visitors, power_at, sample_size

METHODS: Sequence[Method] = ("planned", "always-valid", "fixed")
WEEK = timedelta(days=7)

Missing = Literal["no-rate", "never-reached", "no-room", "too-many"]
"""Why a step has no numbers: no rate is known; nobody reached it; so many reach it already that `detect` more is
impossible; more visitors than there are people."""


@dataclass(frozen=True, slots=True)
class Need:
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

    def to_json(self) -> dict[str, object]:
        """Part of the document of `yesladder plan --json`."""
        return {
            "visitors": self.visitors,
            "per_variant": dict(self.per_variant),
            "mean_visitors": self.mean_visitors,
            "days": self.days,
            "mean_days": self.mean_days,
        }


@dataclass(frozen=True, slots=True)
class StepPlan:
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

    def to_json(self) -> dict[str, object]:
        """One of the `steps` of the document of `yesladder plan --json`."""
        return {
            "step": self.step,
            "kind": self.kind,
            "level": self.level,
            "rate": self.rate,
            "missing": self.missing,
            "needs": {method: need.to_json() for method, need in self.needs.items()},
            "detectable": dict(self.detectable),
        }


@dataclass(frozen=True, slots=True)
class Decision:
    """When will the macro-conversion be decided? After whole weeks, and not before `at_least`.

    `visitors`: those that the config plans, else those needed; `found`: with what chance they find `detect`.
    `expected_at`: when it decides on average, if the effect is there. `latest_at`: when all visitors of the plan have
    had their time.
    """

    visitors: int
    found: float
    expected_at: datetime
    latest_at: datetime

    def to_json(self) -> dict[str, object]:
        """Part of the document of `yesladder plan --json`."""
        return {
            "visitors": self.visitors,
            "found": self.found,
            "expected_at": iso(self.expected_at),
            "latest_at": iso(self.latest_at),
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """The answers. `method` is the one that judges; a draft without `planned_visitors` is planned as if it had them.

    `steps`: the path in order, then secondary actions. `decision` is None when rate or traffic is not known.
    `planned_detectable`: what `planned_visitors` of the config find with the power asked for; None without them.
    `doubt`: `detect` and `planned_visitors` do not go together. `days`: those available, None when not given.
    """

    experiment: Experiment
    method: Method
    detect: float
    power: float
    visitors_per_day: float | None
    start: datetime
    days: int | None
    steps: Sequence[StepPlan]
    decision: Decision | None
    planned_detectable: float | None
    doubt: Fault | None

    @property
    def macro(self) -> StepPlan:
        """The plan of the macro-conversion."""
        return next(step for step in self.steps if step.kind == "macro")

    def to_json(self) -> dict[str, object]:
        """The document of `yesladder plan --json`."""
        return {
            "experiment": self.experiment.key,
            "phase": self.experiment.phase,
            "method": self.method,
            "alpha": self.experiment.analysis.alpha,
            "detect": self.detect,
            "power": self.power,
            "visitors_per_day": self.visitors_per_day,
            "start": iso(self.start),
            "days": self.days,
            "steps": [step.to_json() for step in self.steps],
            "decision": None if self.decision is None else self.decision.to_json(),
            "planned_visitors": self.experiment.analysis.planned_visitors,
            "planned_detectable": self.planned_detectable,
            "doubt": None if self.doubt is None else f"{self.doubt.what}; {self.doubt.remedy}",
        }


def plan(
    experiment: Experiment,
    rates: Mapping[str, float],
    visitors_per_day: float | None,
    *,
    detect: float,
    power: float,
    start: datetime,
    days: int | None = None,
) -> Plan:
    """What does it take to find a relative lift of `detect` (above 0) in this experiment with the chance `power`?

    `rates`: step key -> share of visitors who reach it, in [0, 1], all variants together; steps may be missing.
    `visitors_per_day`: who count, all variants together, above 0; None if not known. `start`: when they begin to come
    (aware). `days`: how many there are from then to the decision, the time for the last visitors' steps included.
    Raises ValueError when detect or power cannot be planned with.
    """
    if detect <= 0:
        raise ValueError(f"detect is {detect}, must be > 0: the smallest relative lift worth finding")
    planner = _Planner(experiment, visitors_per_day, detect, power, days)
    steps = [planner.step(step, rates.get(step.step)) for step in (*experiment.path, *experiment.secondary)]
    macro = next(step for step in steps if step.kind == "macro")
    known = macro.rate is not None and 0 < macro.rate < 1
    return Plan(
        experiment=experiment,
        method=planner.method,
        detect=detect,
        power=power,
        visitors_per_day=visitors_per_day,
        start=start,
        days=days,
        steps=steps,
        decision=planner.decision(macro, start),
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
        analysis = self.experiment.analysis
        draft = self.experiment.status == "draft" and analysis.method is None
        return "planned" if draft else analysis.method_in_force

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
            contrast = self._contrast(rate)
            for method in METHODS:
                size = sample_size(contrast, self._judging(method, step), self.power)
                if size is not None:
                    needs[method] = self._need(step, size.visitors, size.mean_visitors)
                if (there := self._sealed_within_days(step)) is not None:
                    lift = detectable_lift(contrast, self._judging(method, step), self.power, there) if there else None
                    detectable[method] = lift
            missing = None if len(needs) == len(METHODS) else "too-many"
        kind = self.experiment.kind_of(step)
        return StepPlan(step.step, kind, self._level(step), rate, missing, needs, detectable)

    def planned_detectable(self, macro: StepPlan) -> float | None:
        visitors = self.experiment.analysis.planned_visitors
        if visitors is None or macro.rate is None or not macro.needs:
            return None
        judging = self._judging(self.method, self.experiment.macro)
        return detectable_lift(self._contrast(macro.rate), judging, self.power, visitors)

    def decision(self, macro: StepPlan, start: datetime) -> Decision | None:
        need, step = macro.needs.get(self.method), self.experiment.macro
        if need is None or macro.rate is None or self.visitors_per_day is None:
            return None
        configured = None if self.method == "always-valid" else self.experiment.analysis.planned_visitors
        visitors, found, mean = configured or need.visitors, self.power, float(need.mean_visitors)
        if configured:
            contrast, judging = self._contrast(macro.rate), self._judging(self.method, step)
            found, mean = power_at(contrast, judging, visitors), mean_visitors(contrast, judging, visitors)
        at_least = self.experiment.analysis.at_least
        expected, latest = (
            start + math.ceil(max(number / self.visitors_per_day * DAY + self._last_ones(step), at_least) / WEEK) * WEEK
            for number in (mean, visitors)
        )
        return Decision(visitors, found, expected, latest)

    def _contrast(self, rate: float) -> Contrast:
        total = sum(variant.weight for variant in self.experiment.variants)
        smallest = min(variant.weight for variant in self.experiment.variants[1:])
        return Contrast(rate, rate * (1 + self.detect), self.experiment.control.weight / total, smallest / total)

    def _judging(self, method: Method, step: Step) -> Judging:
        return Judging(method, self._level(step), math.log1p(self.detect))

    def _level(self, step: Step) -> float:
        experiment = self.experiment
        pairs = len(experiment.variants) - 1
        diagnostic = len(experiment.path) - 1 + len(experiment.secondary)
        return experiment.analysis.alpha / (pairs * (1 if experiment.kind_of(step) == "macro" else diagnostic))

    def _need(self, step: Step, visitors: float, mean_visitors: float) -> Need:
        total = sum(variant.weight for variant in self.experiment.variants)
        per_variant = {one.key: math.ceil(visitors * one.weight / total) for one in self.experiment.variants}
        days, mean_days = self._days(step, visitors), self._days(step, mean_visitors)
        return Need(sum(per_variant.values()), per_variant, math.ceil(mean_visitors), days, mean_days)

    def _days(self, step: Step, visitors: float) -> float | None:
        if self.visitors_per_day is None:
            return None
        return visitors / self.visitors_per_day + self._last_ones(step) / DAY

    def _last_ones(self, step: Step) -> timedelta:
        """How long after its first visitor an hour of visitors is sealed for a step."""
        return HOUR + self.experiment.window_of(step) + GRACE

    def _sealed_within_days(self, step: Step) -> float | None:
        if self.days is None or self.visitors_per_day is None:
            return None
        return self.visitors_per_day * max(0.0, self.days - self._last_ones(step) / DAY)
