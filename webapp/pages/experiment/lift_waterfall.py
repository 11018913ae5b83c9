"""Waterfall: at which steps of the path a variant's lift arises, as bars that start where the one before ends."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from experiments.reporting.lift_decomposition import Part, VariantDecomposition
from experiments.reporting.report import Report
from webapp.charts.interval_bar import SCALES, Whisker, place, scale_end, whisker
from webapp.words.sentences import fit
from webapp.words.vocabulary import reason


@dataclass(frozen=True, slots=True)
class Bar:
    """One part on the scale of log lifts, on which parts add up: positions in [0, 1].

    `start`: where the part before ended. `fits`: the interval of the part, drawn from there.
    """

    start: float
    end: float
    fits: Whisker | None


@dataclass(frozen=True, slots=True)
class WaterfallRow:
    """One step's part, its bar (None: no number, or none before it), and what the data fit or why there is nothing."""

    part: Part
    bar: Bar | None
    fits: str


@dataclass(frozen=True, slots=True)
class Waterfall:
    """One variant against the control: a row for each step in the order of the path, then the whole.

    `low`, `high`: the relative lifts at the left and the right end of the scale, -0.2 and 0.25 for instance, which lie
    equally far from no effect because the scale is one of logarithms.
    """

    variant: str
    versus: str
    rows: Sequence[WaterfallRow]
    total: WaterfallRow
    low: float
    high: float


def waterfalls(report: Report) -> list[Waterfall]:
    """One waterfall per compared variant, all on one scale."""
    limit = max((_limit(one) for one in report.decomposition), default=math.log1p(SCALES[0]))
    return [_waterfall(one, limit) for one in report.decomposition]


def _waterfall(one: VariantDecomposition, limit: float) -> Waterfall:
    at: float | None = 0.0
    rows = []
    for part in one.steps:
        rows.append(WaterfallRow(part, _bar(part, at, limit), _fits(part)))
        at = None if at is None or part.log_lift is None else at + part.log_lift
    whole = replace(one.total, share=1.0 if any(part.share is not None for part in one.steps) else None)
    total = WaterfallRow(whole, _bar(whole, 0.0, limit), _fits(whole))
    return Waterfall(one.variant, one.versus, rows, total, math.expm1(-limit), math.expm1(limit))


def _limit(one: VariantDecomposition) -> float:
    """The scale holds every bar and the interval of the whole; the intervals of parts may be cut."""
    at, reached = 0.0, [0.0]
    for part in one.steps:
        if part.log_lift is None:
            break
        at += part.log_lift
        reached.append(abs(at))
    reached += [
        abs(math.log1p(end)) for end in one.total.effect.relative_interval or () if end is not None and end > -1
    ]
    return scale_end(max(reached), [math.log1p(scale) for scale in SCALES])


def _bar(part: Part, start: float | None, limit: float) -> Bar | None:
    if start is None or part.log_lift is None:
        return None
    fits = whisker(part.effect, limit, measure=lambda lift: start + math.log1p(lift))
    return Bar(place(start, limit), place(start + part.log_lift, limit), fits)


def _fits(part: Part) -> str:
    return fit(part.effect) if part.reason is None else reason(part.reason)
