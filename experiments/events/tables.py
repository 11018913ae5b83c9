"""Tables: everything that a log has counted and noted of one phase, of one moment: what a report is made from.

Neither a store, which fills them, nor a report, which reads them, knows the other: both know this value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from experiments.definition.experiment import Experiment
from experiments.events.contribution import Cell, Counts
from experiments.events.decision import Decision
from experiments.events.tally import ledger_table, levels, pattern_table, reach_table
from stats.tables.patterns import PatternTable
from stats.tables.reach import ReachTable


@dataclass(frozen=True, slots=True)
class Revision:
    """A dated change of numbers already published, and what caused it."""

    revised_at: datetime
    cause: str  # forgotten, consent-withdrawn, trusted-import, definition-changed
    experiment: str
    phase: int
    cohort_from: datetime
    cohort_to: datetime


@dataclass(frozen=True)
class Tables:
    """One phase in numbers. `cells`: as `tally` counts them, of the main tables and of the attributes in `segments`.

    `revisions`: changes of published numbers, oldest first. `decisions`: the decision log, in the order in which the
    verdicts fell.
    """

    phase: Experiment
    cells: Mapping[Cell, Counts]
    segments: frozenset[str] = frozenset()
    revisions: Sequence[Revision] = ()
    decisions: Sequence[Decision] = ()

    @cached_property
    def reach(self) -> ReachTable:
        """Visitors and reached per step, hourly cohort, stratum and variant, sealed or not."""
        return reach_table(self.phase, self.cells)

    @cached_property
    def patterns(self) -> PatternTable:
        """Visitors and value per daily cohort, variant and pattern."""
        return pattern_table(self.phase, self.cells)

    @cached_property
    def ledger(self) -> Mapping[str, Mapping[str, int]]:
        """reason -> variant (or "" where there is none) -> how many; what was not counted, or counted with a mark."""
        return ledger_table(self.cells)

    def by(self, attribute: str) -> Mapping[str, ReachTable]:
        """Level of this attribute -> its reach table, with daily cohorts and one stratum.

        Raises ValueError where the tables were read without this attribute.
        """
        if attribute not in self.segments:
            known = ", ".join(sorted(self.segments)) or "none"
            raise ValueError(f"{attribute!r} is not among the segments of these tables, must be of: {known}")
        return {level: reach_table(self.phase, self.cells, attribute, level) for level in levels(self.cells, attribute)}
