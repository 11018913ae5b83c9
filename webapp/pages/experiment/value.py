"""Worth: what a visitor of each variant is worth, and what each micro-conversion seems to be worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from experiments.definition.definition import Interval
from experiments.reporting.learned_values import Learned, LearnedStep
from experiments.reporting.report import Report
from experiments.reporting.value_per_visitor import NO_VALUE, ValueComparison, VariantValue
from webapp.charts.interval_bar import Whisker, ends, scale_end, whisker
from webapp.words.formatting import Formatting, percent
from webapp.words.sentences import say, spoken
from webapp.words.vocabulary import reason

UNBOUNDED: Interval = (None, None)


@dataclass(frozen=True, slots=True)
class Earnings:
    """One variant's visitors: `value` and `mean` in words, None where there is nothing to say."""

    variant: str
    counts: VariantValue
    value: str | None
    mean: str | None


@dataclass(frozen=True, slots=True)
class Compared:
    """One variant's value per visitor against the control's: what the data fit in money, or why there is no number."""

    comparison: ValueComparison
    difference: str | None
    fits: str
    whisker: Whisker | None


@dataclass(frozen=True, slots=True)
class Estimate:
    """A learned value in money with what the data fit; None of both, with a reason, without enough data."""

    learned: Learned
    value: str | None
    fits: str


@dataclass(frozen=True, slots=True)
class LearnedRow:
    """One micro-conversion: declared (None: not), learned over all variants and by each, and how well it is known."""

    step: LearnedStep
    declared: str | None
    pooled: Estimate
    variants: Mapping[str, Estimate]
    badge: Markup | None


@dataclass(frozen=True, slots=True)
class Worth:
    """Everything the page's section on value shows. `nothing`: why nothing is worth anything; then only `learned`."""

    nothing: Markup | None
    earnings: Sequence[Earnings]
    compared: Sequence[Compared]
    limit: float
    note: Markup
    learned: Sequence[LearnedRow]
    learned_note: Markup


def worth(report: Report, formatting: Formatting) -> Worth:
    """What is worth what, in this report?"""
    experiment = report.experiment
    goal = spoken(experiment.macro.step)
    valued = experiment.macro.value is not None
    limit = scale_end(max(ends(one.effect for one in report.value.comparisons), default=0.0))
    learned = [_learned(one, formatting) for one in report.learned_values if valued or one.declared is not None]
    return Worth(
        nothing=None if valued else say("value.none", goal=goal),
        earnings=[_earnings(key, one, formatting) for key, one in report.value.variants.items()] if valued else [],
        compared=[_compared(one, limit, formatting) for one in report.value.comparisons] if valued else [],
        limit=limit,
        note=say("value.level", goal=goal, alpha=percent(report.alpha)),
        learned=learned,
        learned_note=say("learned.association", goal=goal),
    )


def _earnings(variant: str, one: VariantValue, formatting: Formatting) -> Earnings:
    value = _money(one.value_sum, formatting) if one.visitors else None
    return Earnings(variant, one, value, None if one.mean is None else _money(one.mean, formatting))


def _compared(one: ValueComparison, limit: float, formatting: Formatting) -> Compared:
    return Compared(
        one,
        None if one.effect.difference is None else _money(one.effect.difference, formatting, plus=True),
        reason(one.reason) if one.reason else _between(one.effect.difference_interval or UNBOUNDED, formatting),
        whisker(one.effect, limit),
    )


def _learned(one: LearnedStep, formatting: Formatting) -> LearnedRow:
    declared = None if one.declared is None else _money(one.declared, formatting)
    variants = {key: _estimate(learned, formatting) for key, learned in one.variants.items()}
    badge = one.backing.badge
    words = None if badge is None else say(f"badge.{badge}", times=one.backing.together, apart=one.backing.apart)
    return LearnedRow(one, declared, _estimate(one.pooled, formatting), variants, words)


def _estimate(learned: Learned, formatting: Formatting) -> Estimate:
    if learned.value is None or learned.interval is None:
        why = say("learned.no.goal.value") if learned.reason == NO_VALUE else reason(learned.reason or "")
        return Estimate(learned, None, why)
    return Estimate(learned, _money(learned.value, formatting), _between(learned.interval, formatting))


def _money(amount: float, formatting: Formatting, plus: bool = False) -> str:
    """An amount in currency units; `plus`: with its sign."""
    hundredths = round(amount * 100)
    return ("+" if plus and hundredths > 0 else "") + formatting.money(hundredths)


def _between(bounds: Interval, formatting: Formatting) -> str:
    """An interval of amounts in words; an end that is None is unbounded and gets no number."""
    low, high = (None if end is None else _money(end, formatting, plus=True) for end in bounds)
    if low is None or high is None:
        key = "money.above" if low is not None else "money.nothing" if high is None else "money.below"
        return say(key, low=low, high=high)
    return say("money.between", low=low.removesuffix(f" {formatting.currency}"), high=high)
