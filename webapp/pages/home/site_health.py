"""Condition: is an experiment in good health? One word, and why; the result page says it at length."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from markupsafe import Markup

from experiments.planning.baseline import Measurement
from experiments.reporting.comparison import NON_STATIONARY
from experiments.reporting.report import Report
from webapp.words.formatting import Formatting, percent, things
from webapp.words.sentences import say, spoken

Health = Literal["uneven", "harmed", "unstable", "silent", "late", "lossy", "empty", "unknown", "good"]

NOTICEABLE = 0.01
"""Share of late or lost reports from which on they are worth a word."""
_QUIET = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Condition:
    """What is worst about an experiment, and why. `fine`: nothing to look after."""

    health: Health
    why: Markup

    @property
    def fine(self) -> bool:
        """Is there nothing to look after?"""
        return self.health in ("good", "unknown", "empty")


def condition(report: Report, known: Measurement | None, as_of: datetime, formatting: Formatting) -> Condition:
    """The worst that is known of this experiment, in one word.

    `known`: what was measured, of a phase that runs; None otherwise. `as_of`: the moment of the page; a running phase
    is silent when nobody came for a day before it.
    """
    return next(_worst_first(report, known, as_of, formatting))


def _worst_first(
    report: Report, known: Measurement | None, as_of: datetime, formatting: Formatting
) -> Iterator[Condition]:
    ratio = report.sample_ratio
    if ratio.alarm:
        yield Condition("uneven", say("condition.uneven", day=formatting.day(ratio.since or report.as_of)))
    for step in report.steps:
        if any(one.state == "harmed" for one in step.comparisons):
            yield Condition("harmed", say("condition.harmed", step=spoken(step.step)))
    for one in report.macro.comparisons:
        if one.reason == NON_STATIONARY:
            yield Condition("unstable", say("condition.moving"))
        if one.decided_at is not None and not one.decides_today:
            yield Condition("unstable", say("condition.unstable", day=formatting.day(one.decided_at)))
    if known is not None:
        yield from _silent(known, as_of, formatting)
    visitors = sum(report.exposed.values())
    reasons: tuple[tuple[str, Health], ...] = (("late", "late"), ("exposure-lost", "lossy"))
    for reason, health in reasons:
        number = sum(report.ledger.get(reason, {}).values())
        if number and number >= NOTICEABLE * visitors:
            share = percent(min(1.0, number / max(visitors, 1)))
            yield Condition(health, say(f"condition.{health}", events=things(number, "report"), share=share))
    if not visitors and report.experiment.ended_at is not None:
        yield Condition("empty", say("condition.empty"))
    if ratio.p_value is None:
        yield Condition("unknown", say("condition.unknown"))
    yield Condition("good", say("condition.good"))


def _silent(known: Measurement, as_of: datetime, formatting: Formatting) -> Iterator[Condition]:
    started = known.phase.started_at
    if known.newest_at is None:
        if started is not None and as_of - started > _QUIET:
            yield Condition("silent", say("condition.silent"))
    elif as_of - known.newest_at > _QUIET:
        yield Condition("silent", say("condition.silent.since", moment=formatting.moment(known.newest_at)))
