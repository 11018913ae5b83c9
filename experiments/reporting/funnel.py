"""Funnel: how many of the same visitors got how far along the path, and what they were worth. Description, no test.

The tests read each step's own sealed cohorts (`ReachTable`), so the visitors of two steps with different windows are
not the same people. Drop-off needs the same people at every step: it comes from the patterns.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from experiments.definition.experiment import Experiment
from experiments.events.cohort import sealed_days
from stats.tables.patterns import PatternTable


@dataclass(frozen=True, slots=True)
class Funnel:
    """One variant's visitors whose whole window is over: `reached[k]` of `visitors` reached the path's step k.

    `value` is the sum of their macro-conversions' values in hundredths of the currency unit.
    """

    visitors: int
    reached: tuple[int, ...]
    value: int

    def rate_of_previous(self, step: int) -> float | None:
        """The share of those who reached the step before (for the first: of all visitors) who reached this one."""
        before = self.reached[step - 1] if step else self.visitors
        return self.reached[step] / before if before else None

    def lost(self, step: int) -> int:
        """How many reached the step before (for the first: came) and not this one."""
        return (self.reached[step - 1] if step else self.visitors) - self.reached[step]


def funnels(experiment: Experiment, patterns: PatternTable, as_of: datetime) -> Mapping[str, Funnel]:
    """variant key -> its funnel, over the daily cohorts that are sealed as of this moment (aware UTC)."""
    sealed = sealed_days(experiment, patterns, as_of)
    bits = [sealed.steps.index(step.step) for step in experiment.path]
    answer = {}
    for index, variant in enumerate(sealed.variants):
        mine = sealed.variant == index
        visitors, pattern = sealed.visitors[mine], sealed.pattern[mine]
        answer[variant] = Funnel(
            int(visitors.sum()),
            tuple(int(visitors[pattern >> bit & 1 == 1].sum()) for bit in bits),
            int(sealed.value_sum[mine].sum()),
        )
    return answer
