"""Worth: what a visitor of each variant is worth, and what each micro-conversion seems to be worth."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from experiments.definition.definition import Interval
from experiments.reporting.learned_values import Learned, LearnedStep
from experiments.reporting.report import Report
from experiments.reporting.value_per_visitor import NO_VALUE, ValueComparison
from webapp.charts.interval_bar import Whisker, ends, scale_end, whisker
from webapp.words.formatting import Formatting
from webapp.words.sentences import say
from webapp.words.vocabulary import reason


@dataclass(frozen=True, slots=True)
class Worth:
    """How the page's section on value says the report's numbers.

    `valued`: has the goal a value? Without one, there is no money to compare. `limit`: where the scale of the
    differences ends. `learned`: the micro-conversions to show.
    """

    valued: bool
    limit: float
    learned: Sequence[LearnedStep]
    formatting: Formatting

    def money(self, amount: float, plus: bool = False) -> str:
        """An amount in currency units; `plus`: with its sign."""
        hundredths = round(amount * 100)
        return ("+" if plus and hundredths > 0 else "") + self.formatting.money(hundredths)

    def fits(self, one: ValueComparison) -> str:
        """What the data of a comparison fit in money, or why there is no number."""
        return reason(one.reason) if one.reason else self._between(one.effect.difference_interval or (None, None))

    def bar(self, one: ValueComparison) -> Whisker | None:
        """Its picture."""
        return whisker(one.effect, self.limit)

    def learned_fits(self, learned: Learned) -> str:
        """What the data of a learned value fit in money, or why there is no number."""
        if learned.interval is not None:
            return self._between(learned.interval)
        return say("learned.no.goal.value") if learned.reason == NO_VALUE else reason(learned.reason or "")

    def badge(self, one: LearnedStep) -> Markup | None:
        """How well a learned value is known; None where nothing is."""
        badge, backing = one.backing.badge, one.backing
        return None if badge is None else say(f"badge.{badge}", times=backing.together, apart=backing.apart)

    def _between(self, bounds: Interval) -> str:
        """An interval of amounts in words; an end that is None is unbounded and gets no number."""
        low, high = (None if end is None else self.money(end, plus=True) for end in bounds)
        if low is None or high is None:
            key = "money.above" if low is not None else "money.nothing" if high is None else "money.below"
            return say(key, low=low, high=high)
        return say("money.between", low=low.removesuffix(f" {self.formatting.currency}"), high=high)


def worth(report: Report, formatting: Formatting) -> Worth:
    """What is worth what, in this report?"""
    valued = report.experiment.macro.value is not None
    limit = scale_end(max(ends(one.effect for one in report.value.comparisons), default=0.0))
    learned = [one for one in report.learned_values if valued or one.declared is not None]
    return Worth(valued, limit, learned, formatting)
