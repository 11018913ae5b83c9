"""Question: what is an experiment planned with, and what comes of it? Asked by the plan page and the result page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from markupsafe import Markup

from experiments.definition.experiment import Experiment
from experiments.planning.baseline import Measurement
from experiments.planning.cumulative_power import Course, courses
from experiments.planning.forecast import decision, planned_method
from experiments.planning.plan import Plan, plan
from experiments.planning.plan_inputs import PlanInputs
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
    def inputs(self) -> PlanInputs:
        """What is planned with."""
        form = self.form
        said = form.detect, form.rates, form.visitors_per_day
        return PlanInputs(self.experiment, self.known, self.now, *said, digits=3)

    def asks(self) -> Markup | None:
        """What is missing for a plan; None when nothing is. Traffic is asked for only beside something else."""
        missing = self.inputs.missing()
        if set(missing) <= {"traffic"}:
            return None
        return say("plan.asks", what=Markup(", ").join(say(f"plan.asks.{needed}") for needed in missing))

    def planned(self, plans: Plans, until: float) -> Found[Planned] | None:
        """The plan, waited for until this moment of `time.monotonic`; None while it is being computed."""
        experiment, form, inputs = self.experiment, self.form, self.inputs
        detect, rates, per_day, so_far = inputs.detect, inputs.rates, inputs.visitors_per_day, inputs.so_far
        start = inputs.start if inputs.goes_on else inputs.start.replace(hour=0, minute=0)  # one plan a day
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
        if found is None or so_far is None:
            return found
        made = found.answer.plan
        if made.target is None or per_day is None:
            return found
        dated = decision(experiment, made.target, per_day, start, so_far)
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
        so_far = self.inputs.so_far
        come = so_far.visitors if so_far else 0
        needs = {step.step: step.needs[method].visitors for step in found.answer.plan.steps if method in step.needs}
        return {step: max(0, visitors - come) for step, visitors in needs.items()}
