"""Scorecard: one variant against the control at every step, with each interval placed on one common scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from experiments.definition import Experiment
from experiments.report import Comparison, Report, StepReport, VariantReach
from webapp.vocabulary import HARMS, KINDS

SCALES = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5, 2.0)
"""Relative lifts at which a scale may end."""


@dataclass(frozen=True, slots=True)
class Whisker:
    """An interval on the scale from -limit to +limit: positions in [0, 1], None where there is nothing to draw.

    `cut_low`, `cut_high`: the interval goes on beyond the scale on that side.
    """

    low: float
    high: float
    middle: float | None
    cut_low: bool
    cut_high: bool

    @property
    def width(self) -> float:
        """The length of the interval on the scale."""
        return self.high - self.low


@dataclass(frozen=True, slots=True)
class Row:
    """One step: both sides' counts, the comparison between them, and its picture (None without an interval).

    `tag`: what kind of step it is, in words.
    """

    step: StepReport
    control: VariantReach
    treatment: VariantReach
    comparison: Comparison
    whisker: Whisker | None
    tag: str


@dataclass(frozen=True, slots=True)
class Scorecard:
    """A variant's rows, the macro-conversion first; `limit` is the relative lift at both ends of the scale."""

    variant: str
    versus: str
    limit: float
    rows: Sequence[Row]


def scorecards(report: Report) -> list[Scorecard]:
    """One scorecard per variant that is compared, in the order of the config, all on the same scale."""
    limit = scale([one for step in report.steps for one in step.comparisons])
    ordered = sorted(report.steps, key=lambda step: step.kind != "macro")
    cards = []
    for variant in report.experiment.variants[1:]:
        rows = [
            Row(
                step,
                step.variants[one.versus],
                step.variants[one.variant],
                one,
                whisker(one, limit),
                _tag(report.experiment, step),
            )
            for step in ordered
            for one in step.comparisons
            if one.variant == variant.key
        ]
        cards.append(Scorecard(variant.key, report.experiment.control.key, limit, rows))
    return cards


def _tag(experiment: Experiment, step: StepReport) -> str:
    harm = next((one.harm for one in experiment.guardrails if one.step == step.step), None)
    return KINDS[step.kind] if harm is None else f"{KINDS[step.kind]}, {HARMS[harm]}"


def scale(comparisons: Sequence[Comparison]) -> float:
    """The relative lift at which the scale ends: it holds the primary intervals and four of five others."""
    primary = _ends([one for one in comparisons if one.family == "primary"])
    others = _ends([one for one in comparisons if one.family != "primary"])
    reach = max([*primary, *others[: math.ceil(0.8 * len(others))]], default=0.0)
    return next((limit for limit in SCALES if limit >= reach), SCALES[-1])


def whisker(comparison: Comparison, limit: float) -> Whisker | None:
    """Where an interval lies on the scale; None when there is none, or when it is unbounded on both sides."""
    if comparison.relative_interval in (None, (None, None)):
        return None
    low, high = comparison.relative_interval or (None, None)
    cut_low, cut_high = low is None or low < -limit, high is None or high > limit
    middle = comparison.relative_lift
    return Whisker(
        _place(-limit if low is None else low, limit),
        _place(limit if high is None else high, limit),
        None if middle is None or abs(middle) > limit else _place(middle, limit),
        cut_low,
        cut_high,
    )


def _ends(comparisons: Sequence[Comparison]) -> list[float]:
    """How far the intervals' ends are from no effect, nearest first."""
    return sorted(abs(end) for one in comparisons for end in one.relative_interval or () if end is not None)


def _place(lift: float, limit: float) -> float:
    return (min(limit, max(-limit, lift)) + limit) / (2 * limit)
