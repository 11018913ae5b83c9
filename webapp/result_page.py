"""ResultPage: everything the result page of one phase shows, gathered from its report."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from markupsafe import Markup

from experiments.definition import Experiment
from experiments.funnel import Funnel
from experiments.problem import Problem
from experiments.report import Report, StepReport
from webapp.charts import Charts
from webapp.data_health import DataHealth, data_health
from webapp.formatting import Formatting, count, iso, percent, things
from webapp.over_time import OverTime, over_time
from webapp.reports import Figures
from webapp.scorecard import Scorecard, scorecards
from webapp.verdict import Verdict, macro_step, verdict
from webapp.wording import say, spoken

_NICE_RATES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)


@dataclass(frozen=True, slots=True)
class ResultPage:
    """One phase's result page. `bars_end` is the rate at the right end of the path's bars."""

    report: Report
    macro: StepReport
    verdict: Verdict
    scorecards: Sequence[Scorecard]
    over_time: OverTime
    health: DataHealth
    funnels: Mapping[str, Funnel]
    method: Sequence[Markup]
    config: str
    bars_end: float

    @property
    def experiment(self) -> Experiment:
        """The phase as it is frozen."""
        return self.report.experiment

    @property
    def shows_value(self) -> bool:
        """Has the macro-conversion a value, or any visitor brought one?"""
        return self.experiment.macro.value is not None

    @property
    def conditional(self) -> Markup:
        """Why a rate of the step before carries no verdict."""
        return say("conditional")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the page stands: which phase and which time were asked for (None: the current one, now), which there are.

    `step` None: the macro-conversion. `problems`: what is wrong with the config files now.
    """

    phases: Sequence[Experiment]
    phase: int | None
    as_of: datetime | None
    step: str | None
    problems: Sequence[Problem]

    def query(self, step: str | None) -> str:
        """The query of the same place with this step over time."""
        asked = {"phase": self.phase, "as_of": self.as_of and iso(self.as_of), "step": step}
        return urlencode({name: value for name, value in asked.items() if value is not None})


def result_page(figures: Figures, step: str | None, charts: Charts, formatting: Formatting) -> ResultPage | None:
    """Gather a result page that shows this step over time; None when the experiment has no such step."""
    report = figures.report
    course = over_time(report, step, charts, formatting)
    if course is None:
        return None
    rates = [one.rate for row in report.steps for one in row.variants.values() if one.rate is not None]
    return ResultPage(
        report=report,
        macro=macro_step(report),
        verdict=verdict(report, formatting),
        scorecards=scorecards(report),
        over_time=course,
        health=data_health(report, figures.revisions, formatting),
        funnels=figures.funnels,
        method=list(_method(report)),
        config=config_text(report.experiment),
        bars_end=next((end for end in _NICE_RATES if end >= max(rates, default=1.0)), 1.0),
    )


def elapsed(experiment: Experiment, as_of: datetime) -> timedelta:
    """How long the phase has run by then: from its start to its end, or to `as_of` while it runs; never negative."""
    if experiment.started_at is None:
        return timedelta()
    end = min(as_of, experiment.ended_at) if experiment.ended_at else as_of
    return max(end - experiment.started_at, timedelta())


def config_text(experiment: Experiment) -> str:
    """The frozen definition as its config file would say it."""
    from ruamel.yaml import YAML  # noqa: PLC0415 - only result pages need the writer

    writer = YAML()
    writer.default_flow_style = False
    writer.width = 100
    writer.indent(mapping=2, sequence=4, offset=2)
    text = io.StringIO()
    writer.dump(experiment.model_dump(mode="json", exclude_none=True), text)
    return text.getvalue()


def _method(report: Report) -> list[Markup]:
    alpha = percent(report.alpha)
    planned = count(report.experiment.analysis.planned_visitors or 0)
    sentences = [say(f"method.{report.method}", alpha=alpha, planned=planned)]
    for family in ("primary", "diagnostic", "guardrail"):
        members = [one for step in report.steps for one in step.comparisons if one.family == family]
        if members:
            sentences.append(
                say(
                    f"family.{family}" + (".many" if family != "guardrail" and members[0].family_size > 1 else ""),
                    alpha=alpha,
                    goal=spoken(macro_step(report).step),
                    size=things(members[0].family_size, "comparison"),
                )
            )
    return sentences
