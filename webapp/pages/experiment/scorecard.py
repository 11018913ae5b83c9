"""Scorecard: one variant against the control at every step, with each interval placed on one common scale."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from experiments.definition.definition import Guardrail
from experiments.definition.experiment import Experiment
from experiments.reporting.comparison import Comparison
from experiments.reporting.report import Report
from experiments.reporting.step_report import StepReport
from webapp.charts.interval_bar import Whisker, ends, scale_end, whisker
from webapp.words.formatting import Formatting, about, lift
from webapp.words.sentences import say, spoken
from webapp.words.vocabulary import HARMS, KINDS, STATES, reason


@dataclass(frozen=True, slots=True)
class ScorecardRow:
    """One step, the comparison of the two variants there, and its picture (None without an interval).

    `tag`: what kind of step it is, in words. `needed`: how many more visitors a verdict takes, in words; empty where
    there is no number, or no need.
    """

    step: StepReport
    comparison: Comparison
    whisker: Whisker | None
    tag: str
    needed: str


@dataclass(frozen=True, slots=True)
class Scorecard:
    """A variant's rows, the macro-conversion first; `limit` is the relative lift at both ends of the scale.

    `guardrails`: a sentence on each, why it is in its state.
    """

    variant: str
    versus: str
    limit: float
    rows: Sequence[ScorecardRow]
    guardrails: Sequence[Markup]


def scorecards(
    report: Report, formatting: Formatting, still_needed: Mapping[str, int] | None = None
) -> list[Scorecard]:
    """One scorecard per variant that is compared, in the order of the config, all on the same scale.

    `still_needed`: step -> how many more visitors find the change worth finding there, 0 where enough have come; None
    where that is not known.
    """
    experiment = report.experiment
    limit = scale([one for step in report.steps for one in step.comparisons])
    guards = {one.step: one for one in experiment.guardrails}
    ordered = sorted(report.steps, key=lambda step: step.kind != "macro")
    cards = []
    for variant in experiment.variants[1:]:
        rows = [
            ScorecardRow(
                step,
                one,
                whisker(one.effect, limit, _margin(guards.get(step.step))),
                _tag(experiment, step),
                _needed(one, (still_needed or {}).get(step.step)),
            )
            for step in ordered
            for one in step.comparisons
            if one.variant == variant.key
        ]
        said = [_guarded(guards[row.step.step], row.comparison, formatting) for row in rows if row.step.step in guards]
        cards.append(Scorecard(variant.key, experiment.control.key, limit, rows, said))
    return cards


def _needed(comparison: Comparison, visitors: int | None) -> str:
    if visitors is None or comparison.family == "guardrail" or comparison.state not in ("collecting", "undecided"):
        return ""
    return say("needed.enough") if not visitors else say("needed.more", visitors=about(visitors))


def _margin(guardrail: Guardrail | None) -> float | None:
    """The relative lift beyond which there is too much harm."""
    if guardrail is None:
        return None
    return guardrail.margin if guardrail.harm == "more" else -guardrail.margin


def _guarded(guardrail: Guardrail, comparison: Comparison, formatting: Formatting) -> Markup:
    moments = [] if comparison.decided_at is None else [comparison.decided_at]
    return say(
        "guardrail.state",
        step=spoken(guardrail.step),
        margin=lift(_margin(guardrail)),
        state=STATES[comparison.state].lower(),
        reason=formatting.told(reason(comparison.reason).rstrip("."), *moments),
    )


def _tag(experiment: Experiment, step: StepReport) -> str:
    harm = next((one.harm for one in experiment.guardrails if one.step == step.step), None)
    return KINDS[step.kind] if harm is None else f"{KINDS[step.kind]}, {HARMS[harm]}"


def scale(comparisons: Sequence[Comparison]) -> float:
    """The relative lift at which the scale ends: it holds the primary intervals and four of five others."""
    primary = ends(one.effect for one in comparisons if one.family == "primary")
    others = ends(one.effect for one in comparisons if one.family != "primary")
    return scale_end(max([*primary, *others[: math.ceil(0.8 * len(others))]], default=0.0))
