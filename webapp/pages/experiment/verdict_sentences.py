"""Verdict: which sentences are true of a report, and what to do next. en.toml has their words."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup

from experiments.definition.experiment import Experiment
from experiments.reporting.comparison import NON_STATIONARY, Comparison
from experiments.reporting.report import Report
from experiments.reporting.step_report import StepReport
from stats.proportions.design import ENOUGH
from webapp.words.formatting import Formatting, count, duration, interval, lift, percent
from webapp.words.sentences import fit, name, names, say, spoken
from webapp.words.vocabulary import STATES, reason, shown_state

MANY = 3
"""More variants than this are counted in the headline, not named."""
_WEEK = timedelta(weeks=1)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a person should take away: a state, one headline, what is known, and what to do next.

    `state` is the one to show; `final`: no data that could change it will come.
    """

    state: str
    final: bool
    headline: Markup
    facts: Sequence[Markup | str]
    per_variant: Sequence[Markup]
    warnings: Sequence[Markup | str]
    steps: Sequence[Markup]


@dataclass(frozen=True, slots=True)
class Shortfall:
    """How far a comparison is from its first reading, in pooled visitors of the rarer outcome: `have` of `needed`."""

    have: int
    needed: int
    of_the_rest: bool

    @property
    def missing(self) -> int:
        """How many more there must be, at least 0."""
        return max(0, self.needed - self.have)


def is_final(report: Report) -> bool:
    """Will no more data change the verdict? The one planned look is over, or the phase is and all its windows."""
    macro = report.macro
    if report.method == "fixed":
        return all(one.state != "collecting" for one in macro.comparisons)
    ended_at = report.experiment.ended_at
    return (
        ended_at is not None and ended_at <= report.as_of and not any(one.immature for one in macro.variants.values())
    )


def shortfall(experiment: Experiment, step: StepReport, comparison: Comparison) -> Shortfall:
    """What is missing until the gate opens, in pooled conversions (or non-conversions, if these are rarer)."""
    pair = [step.variants[key] for key in (comparison.versus, comparison.variant)]
    weights = [
        variant.weight for variant in experiment.variants if variant.key in (comparison.versus, comparison.variant)
    ]
    needed = math.ceil(ENOUGH * sum(weights) / min(weights))
    reached = sum(one.reached for one in pair)
    rest = sum(one.visitors for one in pair) - reached
    return Shortfall(reached, needed, False) if reached < needed or rest >= needed else Shortfall(rest, needed, True)


def verdict(report: Report, formatting: Formatting) -> Verdict:
    """The verdict of a report in words."""
    macro = report.macro
    goal = spoken(macro.step)
    words = _Words(report, macro, goal, formatting)
    return Verdict(
        shown_state(report.state, is_final(report)),
        is_final(report),
        words.headline(),
        list(words.facts()),
        list(words.per_variant()),
        list(words.warnings()),
        list(words.steps()),
    )


def draft_verdict() -> Verdict:
    """What to say about an experiment that has not started."""
    return Verdict("draft", False, say("headline.draft"), (), (), (), [say("next.draft")])


@dataclass(frozen=True, slots=True)
class _Words:
    report: Report
    macro: StepReport
    goal: str
    formatting: Formatting

    @property
    def experiment(self) -> Experiment:
        return self.report.experiment

    @property
    def control(self) -> Markup:
        return name(self.experiment.control.key)

    @property
    def leading(self) -> list[Comparison]:
        """The comparisons the headline speaks of: those that have the report's state, else all."""
        with_state = [one for one in self.macro.comparisons if one.state == self.report.state]
        return with_state or list(self.macro.comparisons)

    @property
    def treatment(self) -> Markup:
        """The variants the headline speaks of; when they are many, how many of how many."""
        keys = [one.variant for one in self.leading]
        if len(keys) <= MANY:
            return names(keys)
        return say("headline.some-of", some=len(keys), all=len(self.macro.comparisons))

    def headline(self) -> Markup:
        state = self.report.state
        if not sum(self.report.exposed.values()):
            return say("headline.empty")
        key = f"headline.{shown_state(state, is_final(self.report))}"
        if state in ("better", "worse") and len(self.leading) > 1:
            key += ".many"
        detect = self.experiment.analysis.detect
        return say(
            key,
            treatment=self.treatment,
            control=self.control,
            goal=self.goal,
            detect="" if detect is None else percent(detect),
        )

    def facts(self) -> Iterator[Markup | str]:
        if self.report.state == "withdrawn":
            yield say("effect.withdrawn")
            return
        if not sum(self.report.exposed.values()):
            return
        bounded = [one for one in self.macro.comparisons if one.effect.relative_interval not in (None, (None, None))]
        numbered = [one for one in bounded if one.effect.relative_lift is not None]
        final = "" if self.experiment.ended_at is None and self.report.method != "fixed" else ".one"
        if len(self.macro.comparisons) == 1:
            for one in numbered:
                known = {"lift": lift(one.effect.relative_lift), "interval": interval(one.effect.relative_interval)}
                yield say("effect.measured" + final, **known)
        if any(_outside(one) for one in numbered):
            yield say("effect.outside")
        first = next((one for one in self.leading if one.decided_at is not None), None)
        if first is not None and first.decided_at is not None and first.decides_today:
            yield say("effect.decided", day=self.formatting.day(first.decided_at))
        yield from self._gate([one for one in self.macro.comparisons if one.state == "collecting"], bool(numbered))

    def per_variant(self) -> Iterator[Markup]:
        """With several variants, a line for each: its own verdict and what was measured."""
        if len(self.macro.comparisons) == 1 or self.report.state == "withdrawn":
            return
        for one in self.macro.comparisons:
            if one.effect.relative_lift is not None:
                known = {"lift": lift(one.effect.relative_lift), "fit": fit(one.effect)}
                yield say("effect.named", treatment=name(one.variant), state=STATES[one.state].lower(), **known)

    def _gate(self, waiting: list[Comparison], some_numbers: bool) -> Iterator[Markup]:
        if not waiting:
            return
        if not some_numbers:
            yield say("effect.none")
        short = max((shortfall(self.experiment, self.macro, one) for one in waiting), key=lambda one: one.missing)
        if short.missing and self.report.method != "fixed":
            yield say(
                "gate.missing.rest" if short.of_the_rest else "gate.missing",
                goal=self.goal,
                needed=count(short.needed),
                have=count(short.have),
                missing=count(short.missing),
            )
            yield say("gate.window", goal=self.goal, window=self.macro.window)

    def warnings(self) -> Iterator[Markup | str]:
        for one in self.macro.comparisons:
            if one.decided_at is not None and not one.decides_today and self.report.state != "withdrawn":
                yield say("effect.unstable", day=self.formatting.day(one.decided_at))
                break
        if any(one.reason == NON_STATIONARY for one in self.macro.comparisons):
            yield reason(NON_STATIONARY)

    def steps(self) -> Iterator[Markup]:
        ended_at = self.experiment.ended_at
        if ended_at is not None and ended_at <= self.report.as_of:
            yield from self._after_the_end(ended_at)
            return
        if not sum(self.report.exposed.values()):
            yield say("next.empty")
            return
        method = ".fixed" if self.report.method == "fixed" else ""
        match self.report.state:
            case "collecting":
                yield say("next.collecting" + method)
                if method and self.experiment.analysis.planned_visitors:
                    yield self._fixed_wait()
            case "undecided":
                yield from self._undecided(method)
            case "better":
                yield from self._ship()
            case "worse":
                yield say("next.worse", control=self.control, control_key=self.experiment.control.key)
                if len(self.experiment.path) > 1:
                    yield say("next.worse.path", treatment=self.treatment)
            case "equivalent":
                yield say("next.equivalent")
            case "withdrawn":
                yield say("next.withdrawn.find")
                yield say("next.withdrawn.restart", phase=self.experiment.phase + 1)

    def _after_the_end(self, ended_at: datetime) -> Iterator[Markup]:
        yield say("next.stopped", day=self.formatting.day(ended_at))
        if not is_final(self.report):
            yield say("next.stopped.immature")
        elif self.report.state == "undecided":
            yield say("next.stopped.open", control=self.control)
        elif self.report.state == "worse":
            yield say("next.keep", control=self.control)
        elif self.report.state == "equivalent":
            yield say("next.equivalent")
        elif self.report.state == "better" and not self.experiment.serve:
            best = max(self.leading, key=_cautious)
            yield say("next.serve", treatment=name(best.variant), treatment_key=best.variant)
        if self.experiment.serve:
            yield say("next.stopped.served", served=name(self.experiment.serve))

    def _fixed_wait(self) -> Markup:
        return say("next.undecided.fixed", planned=count(self.experiment.analysis.planned_visitors or 0))

    def _undecided(self, method: str) -> Iterator[Markup]:
        planned = self.experiment.analysis.planned_visitors
        sealed = sum(one.visitors for one in self.macro.variants.values())
        if method:
            yield say("next.undecided.over", control=self.control) if is_final(self.report) else self._fixed_wait()
        else:
            yield say("next.undecided")
            best = [one.effect.relative_interval[1] for one in self.macro.comparisons if one.effect.relative_interval]
            if best and None not in best:
                yield say(
                    "next.stop.early", best=lift(max(end for end in best if end is not None)), control=self.control
                )
        if planned is not None:
            yield say("next.planned", have=count(sealed), planned=count(planned))

    def _ship(self) -> Iterator[Markup]:
        started, now = self.experiment.started_at or self.report.as_of, self.report.as_of
        at_least = self.experiment.analysis.at_least
        waits = at_least if isinstance(at_least, timedelta) else timedelta()
        if now - started < waits:
            day = self.formatting.day(started + math.ceil(waits / _WEEK) * _WEEK)
            yield say("next.ship.wait", day=day, at_least=duration(waits))
            return
        if any(not one.decides_today for one in self.leading):
            yield say("next.unstable")
        winners = sorted(self.leading, key=_cautious, reverse=True)
        yield say("next.ship", treatment=name(winners[0].variant), treatment_key=winners[0].variant)
        if len(winners) > 1:
            yield say("next.ship.best", control=self.control)
        if _cautious(winners[0]) > 0:
            yield say("next.ship.cautious", worst=lift(_cautious(winners[0])))
        weeks, rest = divmod(now - started, _WEEK)
        if rest > timedelta(days=1):
            day = self.formatting.day(started + (weeks + 1) * _WEEK)
            yield say("next.weeks", length=duration(now - started), day=day)


def _cautious(comparison: Comparison) -> float:
    """The lower end of the interval; 0 when there is none."""
    return (comparison.effect.relative_interval or (None, None))[0] or 0.0


def _outside(comparison: Comparison) -> bool:
    """Is what was measured last outside the running interval?"""
    low, high = comparison.effect.relative_interval or (None, None)
    measured = comparison.effect.relative_lift
    return measured is not None and ((low is not None and measured < low) or (high is not None and measured > high))
