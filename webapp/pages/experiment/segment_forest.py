"""Forest: one attribute's levels below each other, each with its interval. Exploration, never a verdict."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from experiments.reporting.segments import SegmentComparison, SegmentReport
from webapp.charts.interval_bar import Whisker, ends, scale_end, whisker
from webapp.words.formatting import percent, things
from webapp.words.sentences import fit, say, spoken
from webapp.words.vocabulary import ATTRIBUTES, LEVELS, reason

UNKNOWN = "unknown"  # the level of those of whom the attribute is not known
SHOWN = 12
"""So many levels, those with most visitors, are seen at once; the rest is unfolded."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One level of the attribute: the comparison among its visitors, and its picture (None without an interval)."""

    level: str
    comparison: SegmentComparison
    whisker: Whisker | None
    fits: str


@dataclass(frozen=True, slots=True)
class Plot:
    """One variant against the control in every level, those with most visitors first; `rest` are the small ones."""

    variant: str
    versus: str
    leaves: Sequence[Leaf]
    rest: Sequence[Leaf]


@dataclass(frozen=True, slots=True)
class Forest:
    """Everything the page's section on segments shows. `choices`: attribute -> its name.

    `nothing`: why there is no plot, where there is none.
    """

    attribute: str
    choices: Mapping[str, str]
    limit: float
    plots: Sequence[Plot]
    notes: Sequence[Markup]
    nothing: Markup


def forest(report: SegmentReport, attributes: Sequence[str], goal: str) -> Forest:
    """The forest plot of a segment report; `attributes` are those that could be chosen."""
    reach = ends(one.effect for one in report.comparisons)
    limit = scale_end(max(reach[: math.ceil(0.8 * len(reach))], default=0.0))
    leaves: dict[tuple[str, str], list[Leaf]] = {}
    for one in report.comparisons:
        drawn = Leaf(_level(report.attribute, one.level), one, whisker(one.effect, limit), _fits(one))
        leaves.setdefault((one.variant, one.versus), []).append(drawn)
    known = {one.level for one in report.comparisons} - {UNKNOWN}
    plots = [Plot(*pair, found[:SHOWN], found[SHOWN:]) for pair, found in leaves.items()] if known else []
    nothing = say("segments.unknown" if leaves else "segments.none")
    choices = {one: ATTRIBUTES.get(one, spoken(one).capitalize()) for one in attributes}
    return Forest(report.attribute, choices, limit, plots, _notes(report, goal, len(plots)), nothing)


def _notes(report: SegmentReport, goal: str, shown: int) -> list[Markup]:
    if report.of < 2 or not shown:
        return [say("segments.exploratory", goal=spoken(goal))]
    promise = say("segments.promise", size=things(report.of, "comparison"), alpha=percent(report.alpha))
    return [say("segments.exploratory", goal=spoken(goal)), promise]


def _level(attribute: str, level: str) -> str:
    return LEVELS.get((attribute, level)) or LEVELS.get(("", level)) or level


def _fits(one: SegmentComparison) -> str:
    return reason(one.reason) if one.effect.relative_interval is None and one.reason else fit(one.effect)
