"""OverTime: the effect at every look, as a chart and as a table of days, for one step at a time."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from markupsafe import Markup

from experiments.reporting.comparison import Comparison, Look
from experiments.reporting.report import Report
from experiments.reporting.step_report import StepReport
from webapp.charts.charts import effect_over_time
from webapp.charts.line_chart import NARROW, WIDE, Size
from webapp.words.formatting import Formatting, lift, things
from webapp.words.sentences import fit, spoken

ALONE = 2
"""So many comparisons get a chart as wide as the page; more become small ones side by side."""


@dataclass(frozen=True, slots=True)
class Course:
    """One comparison's course: its charts (none of fewer than two looks), and each day's last look, newest first."""

    comparison: Comparison
    charts: Sequence[Markup]
    days: Sequence[Look]


@dataclass(frozen=True, slots=True)
class OverTime:
    """The chosen step, the steps that could be chosen, and one course per compared variant, perhaps `side_by_side`."""

    step: StepReport
    choices: Sequence[StepReport]
    courses: Sequence[Course]
    side_by_side: bool


def over_time(report: Report, step: str | None, formatting: Formatting) -> OverTime:
    """The course of the effect at this step (None: at the macro-conversion). Raises UnknownStep."""
    chosen = chosen_step(report, step)
    many = len(chosen.comparisons) > ALONE
    sizes = (NARROW,) if many else (WIDE, NARROW)
    courses = [_course(chosen, one, sizes, formatting) for one in chosen.comparisons]
    return OverTime(chosen, [one for one in report.steps if one.comparisons], courses, many)


def chosen_step(report: Report, step: str | None) -> StepReport:
    """This step; None: the macro-conversion. Raises UnknownStep."""
    key = report.experiment.macro.step if step is None else report.experiment.step(step).step
    return next(one for one in report.steps if one.step == key)


def _course(step: StepReport, comparison: Comparison, sizes: Sequence[Size], formatting: Formatting) -> Course:
    days = list(_last_of_days(comparison.looks, formatting.zone))
    name = _name(step, comparison, formatting) if days else ""
    return Course(comparison, effect_over_time(comparison, formatting.zone, sizes, name), days)


def _last_of_days(looks: Sequence[Look], zone: tzinfo) -> Iterator[Look]:
    """Each day's last look, newest first. Looks for them by halves: each look is made when it is asked for."""
    end = len(looks)
    while end:
        yield (last := looks[end - 1])
        midnight = last.at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        end = bisect_left(looks, midnight, hi=end - 1, key=lambda look: look.at)


def _name(step: StepReport, comparison: Comparison, formatting: Formatting) -> str:
    """What a screen reader says instead of the chart: its subject, where it starts, where it ends."""
    last = comparison.looks[-1]
    return (
        f"Effect of {comparison.variant} against {comparison.versus} on {spoken(step.step)} over time, "
        f"{things(len(comparison.looks), 'look')} from {formatting.day(comparison.looks[0].at)} to "
        f"{formatting.day(last.at)}. Last: {lift(last.effect.relative_lift)}, interval {fit(last.effect)}. "
        "The same numbers are in the table after the chart."
    )
