"""ValueReport: what visitors of each variant are worth, and how each variant compares there with the control.

It stands beside the verdict, which is about how many visitors convert. A variant can win one and lose the other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from experiments.definition.document import Document, Flat
from experiments.definition.experiment import Experiment
from experiments.reporting.comparison import NON_STATIONARY, NOTHING_KNOWN, Effect, design_of, effect_at
from stats.tables.patterns import PatternTable
from stats.value_per_visitor import TooFewOrders, ValueEvidence, ValueSums, value_per_visitor

NO_VALUE = "the macro-conversion has no value in the config"
ALL_EQUAL = "every visitor is worth the same so far, or a variant has none"


@dataclass(frozen=True, slots=True)
class VariantValue(Document):
    """One variant's visitors from sealed days: how many, how many of them ordered, and what they are worth.

    An order is a macro-conversion. `value_sum`, `mean` (per visitor, None without visitors): in currency units.
    """

    visitors: int
    orders: int
    value_sum: float
    mean: float | None


@dataclass(frozen=True, slots=True)
class ValueComparison(Document):
    """Does a visitor of this variant earn more than one of the control?

    Differences are in currency units per visitor. `p_value_adjusted` and both intervals are Bonferroni-adjusted over
    the variants, at alpha for all of them together and beside the verdict's own alpha. There is no state: an interval
    that excludes zero says so itself, and is the same statement as `p_value_adjusted` <= alpha. `reason`: why numbers
    are None: not enough data, or no effect is in the intervals of all days (`non-stationary`).
    """

    variant: str
    versus: str
    effect: Annotated[Effect, Flat()]
    reason: str | None


@dataclass(frozen=True, slots=True)
class ValueReport(Document):
    """Value per visitor: what each variant (by key) earned, and every variant but the control compared with it."""

    variants: Mapping[str, VariantValue]
    comparisons: Sequence[ValueComparison]


def value_report(experiment: Experiment, sealed: PatternTable) -> ValueReport:
    """What is a visitor of each variant worth? From the days that are `sealed`."""
    sums = ValueSums.of(sealed, experiment.macro.step)
    worth = sealed.value_by_variant().tolist()
    variants = {}
    for index, variant in enumerate(experiment.variants):
        visitors, orders = (int(column[-1, index]) if len(column) else 0 for column in (sums.visitors, sums.orders))
        mean = worth[index] / visitors / 100 if visitors else None
        variants[variant.key] = VariantValue(visitors, orders, worth[index] / 100, mean)
    return ValueReport(variants, [_compared(experiment, sums, i) for i in range(1, len(experiment.variants))])


def _compared(experiment: Experiment, sums: ValueSums, index: int) -> ValueComparison:
    control, variant = experiment.control, experiment.variants[index]
    design = design_of(experiment, index, family_size=len(experiment.variants) - 1)
    evidence = NO_VALUE if experiment.macro.value is None else value_per_visitor(sums, index, design)
    if not isinstance(evidence, ValueEvidence):
        reason = evidence if isinstance(evidence, str) else _shortage(evidence)
        return ValueComparison(variant.key, control.key, NOTHING_KNOWN, reason)
    effect = effect_at(evidence, -1, design, unit=100)
    return ValueComparison(variant.key, control.key, effect, NON_STATIONARY if evidence.running.empty[-1] else None)


def _shortage(shortage: TooFewOrders) -> str:
    if not shortage.n_visitors:
        return "no day is sealed yet"
    if shortage.n_orders >= shortage.needed:
        return ALL_EQUAL
    return f"there is not enough data: {shortage.n_orders} orders in both variants, must be {shortage.needed}"
