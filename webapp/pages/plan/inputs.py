"""Question: what is an experiment planned with, and what comes of it? Asked by the plan page and the result page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from markupsafe import Markup

from experiments.definition.experiment import Experiment
from experiments.planning.baseline import Measurement, is_own
from experiments.planning.cumulative_power import Course, courses
from experiments.planning.forecast import SoFar, decision, planned_method
from experiments.planning.plan import Plan, plan
from webapp.pages.background import Computed
from webapp.pages.plan.form import PlanForm
from webapp.services.kept import Found
from webapp.words.sentences import say

KEPT_PLANS = 64


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, and the chances over time that go with it."""

    plan: Plan
    courses: Sequence[Course]


class Plans(Computed[Planned]):
    """The plans that a worker was asked for last."""

    def __init__(self) -> None:
        super().__init__(KEPT_PLANS)


@dataclass(frozen=True, slots=True)
class Question:
    """What is planned with: the form's answers, else what was measured, else what the config says."""

    experiment: Experiment
    form: PlanForm
    known: Measurement | None
    now: datetime

    @property
    def detect(self) -> float | None:
        """The smallest change worth finding."""
        return self.form.detect or self.experiment.analysis.detect

    @property
    def rates(self) -> dict[str, float]:
        """Three digits, so that not every visitor asks anew."""
        found = {step: one.rate for step, one in self.known.rates.items()} if self.known else {}
        return {step: float(f"{share:.3g}") for step, share in (found | dict(self.form.rates)).items()}

    @property
    def visitors_per_day(self) -> float | None:
        """Three digits, too; None when nobody knows."""
        found = self.form.visitors_per_day or (self.known.visitors_per_day if self.known else None)
        return float(f"{found:.3g}") if found else None

    @property
    def start(self) -> datetime:
        """A draft, or what is over, would start today."""
        started, ended = self.experiment.started_at, self.experiment.ended_at
        return started if started and not ended and started <= self.now else self.now.replace(hour=0, minute=0)

    @property
    def so_far(self) -> SoFar | None:
        """Who has come already, to a running phase."""
        running = self.experiment.started_at is not None and self.experiment.ended_at is None
        own = self.known is not None and is_own(self.known, self.experiment)
        return SoFar(self.known.visitors, self.now) if self.known and own and running else None

    def asks(self) -> Markup | None:
        """What is missing for a plan; None when nothing is."""
        missing = []
        if self.detect is None:
            missing.append(say("plan.asks.detect"))
        if not self.rates.get(self.experiment.macro.step):
            missing.append(say("plan.asks.rate"))
        if not missing:
            return None
        if self.visitors_per_day is None:
            missing.append(say("plan.asks.traffic"))
        return say("plan.asks", what=Markup(", ").join(missing))

    def planned(self, plans: Plans, until: float) -> Found[Planned] | None:
        """The plan, waited for until this moment of `time.monotonic`; None while it is being computed."""
        experiment, detect, form = self.experiment, self.detect, self.form
        rates, per_day, start = self.rates, self.visitors_per_day, self.start
        assert detect is not None

        def compute() -> Planned:
            made = plan(experiment, rates, per_day, detect=detect, power=form.power, start=start, days=form.days)
            share, target = rates[experiment.macro.step], made.target
            shown = courses(experiment, share, detect, target.visitors, per_day) if target and per_day else ()
            return Planned(made, shown)

        key = (
            experiment.model_dump_json(),
            *(tuple(sorted(rates.items())), per_day, detect, form.power, form.days, start),
        )
        plans.ask(key, compute)
        found = plans.found(key, until)
        if found is None or self.so_far is None:
            return found
        made = found.answer.plan
        if made.target is None or per_day is None:
            return found
        dated = decision(experiment, made.target, per_day, start, self.so_far)
        return Found(replace(found.answer, plan=replace(made, decision=dated)))

    def still_needed(self, plans: Plans, until: float) -> Mapping[str, int] | None:
        """Step -> how many more visitors, all variants together, find `detect` there with the power asked for.

        By the method that judges; 0 where enough have come, and no step for which there is no number. None while it is
        being computed, or where something is missing.
        """
        found = None if self.asks() is not None else self.planned(plans, until)
        if found is None:
            return None
        method = planned_method(self.experiment)
        come = self.so_far.visitors if self.so_far else 0
        needs = {step.step: step.needs[method].visitors for step in found.answer.plan.steps if method in step.needs}
        return {step: max(0, visitors - come) for step, visitors in needs.items()}
