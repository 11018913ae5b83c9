"""Result page: everything that the page of one phase shows, gathered from its report."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from markupsafe import Markup

from experiments.audit.readout import Readout
from experiments.definition.experiment import Experiment
from experiments.definition.problem import Problem
from experiments.definition.quantity import iso
from experiments.reporting.lift_decomposition import ACCOUNTING_IDENTITY
from experiments.reporting.report import Report
from experiments.reporting.segments import SegmentReport, segment_attributes
from webapp.pages.experiment.data_health import data_health
from webapp.pages.experiment.decision_sentences import made, remarks
from webapp.pages.experiment.effect_over_time import over_time
from webapp.pages.experiment.lift_waterfall import waterfalls
from webapp.pages.experiment.scorecard import scorecards
from webapp.pages.experiment.segment_forest import forest
from webapp.pages.experiment.value import worth
from webapp.pages.experiment.verdict_sentences import MANY, verdict
from webapp.words.formatting import Formatting, count, percent, things
from webapp.words.sentences import say, spoken

_NICE_RATES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the page stands: which phase and which time were asked for (None: the current one, now), which there are.

    `step` None: the macro-conversion. `by` None: the first attribute. `problems`: what is wrong with the config files.
    """

    phases: Sequence[Experiment]
    phase: int | None
    as_of: datetime | None
    step: str | None
    by: str | None
    problems: Sequence[Problem]

    def query(self, **changed: str | None) -> str:
        """The query of the same place, with something else of it."""
        asked: dict[str, object] = {
            "phase": self.phase,
            "as_of": self.as_of and iso(self.as_of),
            "step": self.step,
            "by": self.by,
        }
        asked |= dict(changed)
        return urlencode({name: value for name, value in asked.items() if value is not None})

    def lasting(self, report: Report) -> str:
        """The query of what is shown now, also when it is opened later."""
        return self.query(phase=str(report.experiment.phase), as_of=iso(report.as_of))

    def data_query(self) -> str:
        """The query of the same numbers as data."""
        return self.query(step=None, by=None)


def result_page(
    figures: Readout,
    segments: SegmentReport,
    step: str | None,
    formatting: Formatting,
    still_needed: Mapping[str, int] | None = None,
) -> Mapping[str, object]:
    """What a result page that shows this step over time is made of, as its template calls it. Raises UnknownStep.

    `still_needed`: step -> how many more visitors it takes, as scorecard.py has it. `bars_end`, `rungs_end`: the shares
    at the right ends of the path's and the ladder's bars. `identity`: what a decomposition is, in the words to be shown
    with it.
    """
    report = figures.report
    rates = [one.rate for row in report.steps for one in row.variants.values() if one.rate is not None]
    shares = [one.share for rung in report.ladder for one in rung.variants.values() if one.share is not None]
    return {
        "report": report,
        "macro": report.macro,
        "verdict": verdict(report, formatting),
        "many": MANY,
        "made": made(report.experiment),
        "remarks": remarks(report, formatting),
        "scorecards": scorecards(report, formatting, still_needed),
        "over_time": over_time(report, step, formatting),
        "health": data_health(report, figures.revisions, formatting),
        "funnels": figures.funnels,
        "decisions": figures.decisions,
        "waterfalls": waterfalls(report),
        "identity": ACCOUNTING_IDENTITY,
        "worth": worth(report, formatting),
        "forest": forest(segments, segment_attributes(report.experiment), report.macro.step),
        "method": list(_method(report)),
        "config": config_text(report.experiment),
        "bars_end": _bars_end(rates),
        "rungs_end": _bars_end(shares),
        "has_ladder": any(one.visitors for rung in report.ladder for one in rung.variants.values()),
    }


def _bars_end(shares: Sequence[float]) -> float:
    return next((end for end in _NICE_RATES if end >= max(shares, default=1.0)), 1.0)


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
                    goal=spoken(report.macro.step),
                    size=things(members[0].family_size, "comparison"),
                )
            )
    return sentences
