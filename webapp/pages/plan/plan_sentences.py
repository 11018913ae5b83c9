"""PlanWords: what a plan says, in sentences, the same in the terminal and on the page. en.toml has their words."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from experiments.planning.baseline import Measurement, is_own
from experiments.planning.forecast import Forecast
from experiments.planning.plan import Need, Plan, StepPlan
from webapp.words.formatting import Formatting, about, count, duration, lift, listing, percent, rate, rounded, things
from webapp.words.sentences import spoken

UNLIKELY = 0.5
"""With a smaller chance of finding what is worth finding, an experiment probably ends undecided."""


@dataclass(frozen=True, slots=True)
class Given:
    """Where the numbers that went into a plan come from: measured (`known`), or said by whoever asks.

    `rates`: steps whose rate was said; `traffic`: visitors a day were. `place`: where things are said, "command" or
    "form".
    """

    known: Measurement | None
    rates: frozenset[str]
    traffic: bool
    place: str = "command"


@dataclass(frozen=True, slots=True)
class PlanWords:
    """The sentences of one plan. `say` fills the one with this key: marked up for a page, or plain."""

    plan: Plan
    given: Given
    formatting: Formatting
    say: Callable[..., str]

    @property
    def need(self) -> Need | None:
        """What the method that judges needs at the goal."""
        return self.plan.macro.needs.get(self.plan.method)

    def headline(self) -> str:
        """The answer."""
        plan = self.plan
        key = "plan.headline.none" if self.need is None else "plan.headline"
        needed = about(self.need.visitors) if self.need else ""
        return self.say(
            key,
            visitors=needed,
            detect=lift(plan.detect),
            goal=spoken(plan.macro.step),
            rate=rate(plan.macro.rate),
            often=self._often(plan.power),
        )

    def answers(self) -> Iterator[str]:
        """What follows from it: for each variant, in days, with this config, by which day, in the days there are."""
        plan, need = self.plan, self.need
        if need is None:
            yield self.missing(plan.macro)
        else:
            parts = [self.say("plan.see", visitors=about(seen), variant=key) for key, seen in need.per_variant.items()]
            yield self.say("plan.each", each=listing(parts))
        if need and plan.visitors_per_day:
            yield self.say(
                "plan.days",
                per_day=about(math.ceil(plan.visitors_per_day)),
                days=things(math.ceil(need.visitors / plan.visitors_per_day), "day"),
                window=duration(plan.experiment.window_of(plan.experiment.macro)),
            )
        if (configured := self._as_configured()) is not None:
            yield configured
        if plan.decision:
            yield self._decision(plan.decision)
        if plan.days is not None and need and plan.visitors_per_day:
            found = plan.macro.detectable.get(plan.method)
            key = "plan.found.nothing" if found is None else "plan.found"
            often = self._often(plan.power)
            yield self.say(key, days=things(plan.days, "day"), detectable=lift(found), often=often)

    def missing(self, step: StepPlan) -> str:
        """Why a step has no numbers."""
        code = step.missing or "too-many"
        place = f".{self.given.place}" if code in ("no-rate", "never-reached") else ""
        return self.say(f"plan.{code}{place}", step=step.step, detect=lift(self.plan.detect))

    def doubt(self) -> str | None:
        """`detect` and `planned_visitors` do not go together."""
        doubt = self.plan.doubt
        return None if doubt is None else f"planned_visitors {doubt.what}; {doubt.remedy}."

    def sources(self) -> Iterator[str]:
        """Where the numbers come from."""
        plan, given, known = self.plan, self.given, self.given.known
        steps = {step.step for step in plan.steps}
        if given.rates:
            said = listing([spoken(step) for step in sorted(given.rates)])
            yield self.say(f"plan.source.rates.{given.place}", steps=said)
        measured = {step: one for step, one in known.rates.items() if step in steps - given.rates} if known else {}
        if known and measured:
            goal = measured.get(plan.macro.step)
            key = "plan.source.measured.goal" if goal else "plan.source.measured"
            numbers = {"reached": count(goal.reached), "visitors": count(goal.visitors)} if goal else {}
            yield self.say(key, phase=self._phase(known), goal=spoken(plan.macro.step), **numbers)
        if given.traffic:
            yield self.say(f"plan.source.traffic.{given.place}")
        elif known and known.visitors_per_day:
            days = things(known.days, "whole day")
            yield self.say("plan.source.traffic", days=days, phase=self._phase(known))
        yield self.say("plan.source.family", alpha=percent(plan.experiment.analysis.alpha))
        yield self.say("plan.source.days")

    def method(self, method: str) -> str:
        """How one may look with this method."""
        return self.say(f"plan.method.{method}")

    def _often(self, power: float) -> str:
        return self.say("plan.often", share=percent(power)) if power < 0.9995 else self.say("plan.nearly-always")

    def _decision(self, decision: Forecast) -> str:
        at_least = self.plan.experiment.analysis.at_least
        weeks = self.say("plan.weeks.least", at_least=duration(at_least)) if at_least else self.say("plan.weeks")
        key = "plan.decision.unlikely" if decision.found < UNLIKELY else "plan.decision"
        day = self.formatting.day
        return self.say(key, weeks=weeks, expected=day(decision.expected_at), latest=day(decision.latest_at))

    def _as_configured(self) -> str | None:
        plan, need = self.plan, self.need
        planned = plan.experiment.analysis.planned_visitors
        if planned is None:
            if need is None or plan.experiment.status != "draft":
                return None
            line = f"analysis: {{detect: {percent(plan.detect)}, planned_visitors: {rounded(need.visitors)}}}"
            return self.say("plan.write", line=line)
        said = self.say("plan.config", visitors=count(planned))
        if plan.decision and plan.decision.visitors == planned:
            often = self._often(round(plan.decision.found, 3))
            said += self.say("plan.config.finds", detect=lift(plan.detect), often=often)
        if plan.planned_detectable is not None:
            often = self._often(plan.power)
            said += self.say("plan.config.detects", detectable=lift(plan.planned_detectable), often=often)
        return said + "."

    def _phase(self, known: Measurement) -> str:
        experiment = self.plan.experiment
        if is_own(known, experiment):
            return self.say("plan.phase.this")
        if known.phase.key == experiment.key:
            return self.say("plan.phase.earlier", phase=known.phase.phase)
        return self.say("plan.phase.other", other=known.phase.key)
