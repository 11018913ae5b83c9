"""Outlook: on which day will a running experiment be decided? Which sentence is true; en.toml has the words."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from experiments.definition.experiment import Experiment
from experiments.events.cohort import DAY, Clock
from experiments.planning.baseline import Measurement
from experiments.planning.forecast import SoFar, Target, date, decision, planned_method, target
from experiments.reporting.report import Report
from webapp.pages.background import Computed
from webapp.pages.experiment.verdict_sentences import is_final
from webapp.pages.plan.plan_sentences import UNLIKELY
from webapp.words.formatting import Formatting, count, percent
from webapp.words.sentences import say

Asked = tuple[Hashable, Callable[[], Target | None]]

KEPT_TARGETS = 256


class Targets(Computed[Target | None]):
    """What decides the experiments that a worker was asked about last."""

    def __init__(self) -> None:
        super().__init__(KEPT_TARGETS)


@dataclass(frozen=True, slots=True)
class Outlook:
    """The day in two or three words, and under which condition, or why there is none. Both may be empty.

    `reckoned`: with a rate and traffic that were measured.
    """

    day: Markup
    why: Markup
    reckoned: bool = False


NOTHING = Outlook(Markup(), Markup())


def final_at(phase: Experiment) -> datetime | None:
    """From when on can nothing change what a phase says, save a dated revision? None while it runs."""
    if phase.ended_at is None:
        return None
    clock = Clock(DAY, phase.window)
    return clock.seal(clock.cohort(phase.ended_at))


def asked(report: Report, known: Measurement | None) -> Asked | None:
    """What must be computed for the outlook of this report: by what it is known, and how; None when nothing.

    `known`: what was measured of a phase that runs, None for others.
    """
    if known is None or report.state == "withdrawn" or report.decided_at is not None or is_final(report):
        return None
    experiment, detect = report.experiment, report.experiment.analysis.detect
    if detect is None or _missing(experiment, known) is not None:
        return None
    rate = float(f"{known.rates[experiment.macro.step].rate:.3g}")  # so that not every visitor asks anew
    return (experiment.model_dump_json(), rate), lambda: target(experiment, rate, detect)


def outlook(
    targets: Targets, report: Report, known: Measurement | None, formatting: Formatting, until: float
) -> Outlook:
    """When will it be decided? What is still being computed is waited for until this moment of `time.monotonic`."""
    experiment = report.experiment
    if report.state == "withdrawn":
        return Outlook(say("outlook.unknown"), say("outlook.withdrawn"))
    if report.decided_at is not None:
        return Outlook(say("outlook.decided", day=formatting.day(report.decided_at)), Markup())
    if is_final(report):
        return NOTHING
    if (end := final_at(experiment)) is not None:
        return Outlook(say("outlook.final", day=formatting.day(end)), say("outlook.final.why"))
    return NOTHING if known is None else _expected(targets, report, known, formatting, until)


def _expected(targets: Targets, report: Report, known: Measurement, formatting: Formatting, until: float) -> Outlook:
    experiment = report.experiment
    if (missing := _missing(experiment, known)) is not None:
        return _without_average(report, known, missing, formatting)
    wanted = asked(report, known)
    found = targets.found(wanted[0], until) if wanted else None
    if found is None:
        return Outlook(say("outlook.pending"), say("outlook.pending.why"))
    if found.answer is None:
        rate = known.rates[experiment.macro.step].rate * (1 + (experiment.analysis.detect or 0))
        return Outlook(say("outlook.unknown"), say("outlook.no-room" if rate >= 1 else "outlook.too-many"))
    return _dated(report, known, found.answer, formatting)


def _missing(experiment: Experiment, known: Measurement) -> str | None:
    """Which sentence says what is not known yet; None when everything is."""
    rate = known.rates.get(experiment.macro.step)
    if known.visitors_per_day is None:
        return "outlook.no-traffic"
    if not known.visitors_per_day:
        return "outlook.no-visitors"
    if experiment.analysis.detect is None:
        return "outlook.no-detect"
    if rate is None:
        return "outlook.no-rate"
    return None if rate.reached else "outlook.never-reached"


def _without_average(report: Report, known: Measurement, missing: str, formatting: Formatting) -> Outlook:
    """The day on which a plan is over is known without a rate."""
    experiment, per_day = report.experiment, known.visitors_per_day
    planned = experiment.analysis.planned_visitors
    if planned is None or not per_day or planned_method(experiment) == "always-valid":
        return Outlook(say("outlook.unknown"), say(missing))
    started = experiment.started_at or report.as_of
    latest = date(experiment, planned, per_day, started, SoFar(known.visitors, report.as_of))
    if latest is None:
        return Outlook(say("outlook.unknown"), say("outlook.too-long"))
    if latest <= report.as_of:
        return _over(planned, latest, formatting)
    words = {"planned": count(planned), "missing": say(missing)}
    return Outlook(say("outlook.latest", day=formatting.day(latest)), say("outlook.latest.why", **words), True)


def _dated(report: Report, known: Measurement, found: Target, formatting: Formatting) -> Outlook:
    experiment, now = report.experiment, report.as_of
    started, per_day = experiment.started_at or now, known.visitors_per_day or 0.0
    when = decision(experiment, found, per_day, started, SoFar(known.visitors, now))
    if when is None:
        return Outlook(say("outlook.unknown"), say("outlook.too-long"))
    latest, detect = formatting.day(when.latest_at), percent(experiment.analysis.detect or 0.0)
    planned = planned_method(experiment) != "always-valid" and experiment.analysis.planned_visitors is not None
    if planned and when.latest_at <= now:
        return _over(found.visitors, when.latest_at, formatting)
    if planned and found.found < UNLIKELY:
        few = {"planned": count(found.visitors), "detect": detect, "chance": percent(round(found.found, 2))}
        return Outlook(say("outlook.unlikely"), say("outlook.unlikely.why", day=latest, **few), True)
    until = say("outlook.until", day=latest)
    if not planned:
        until = say("outlook.until.open", day=latest, chance=percent(found.found)) if when.latest_at > now else Markup()
    soon = when.expected_at <= now
    day = say("outlook.any-day") if soon else say("outlook.about", day=formatting.day(when.expected_at))
    why = say("outlook.if", detect=detect, latest=until) if until else say("outlook.past", detect=detect)
    return Outlook(day, why, reckoned=True)


def _over(planned: int, latest: datetime, formatting: Formatting) -> Outlook:
    return Outlook(say("outlook.over"), say("outlook.over.why", planned=count(planned), day=formatting.day(latest)))
