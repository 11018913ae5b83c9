"""Tables: everything that a log has counted and noted of one phase, of one moment: what a report is made from.

Neither a store, which fills them, nor a report, which reads them, knows the other: both know this value.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from experiments.definition.experiment import Experiment
from experiments.events.contribution import Cell, Counts
from experiments.events.decision import Decision
from experiments.events.tally import ledger_table, pattern_table, reach_table
from stats.tables.patterns import PatternTable
from stats.tables.reach import ReachTable


@dataclass(frozen=True, slots=True)
class Revision:
    """A dated change of numbers already published, and what caused it: one a day, cause and phase.

    A number is published when its cohort is sealed by the clock of the log. `revised_at`: that day at 0:00 UTC.
    `cause`: "forgotten"; of what was appended "consent-withdrawn" if a withdrawal was among it, else "trusted-import";
    "definition-changed" where a phase was counted anew as its beginning or end became known. `cohort_from`,
    `cohort_to`: the beginning of the first and of the last published cohort that changed.
    """

    revised_at: datetime
    cause: str
    experiment: str
    phase: int
    cohort_from: datetime
    cohort_to: datetime


@dataclass(frozen=True)
class Tables:
    """One phase in numbers. `cells`: as `tally` counts them: of the main tables, and of the reach table of the
    attributes in `segments`; None: every cell there is.

    `revisions`: changes of published numbers, oldest first. `decisions`: the decision log, in the order in which the
    verdicts fell.
    """

    phase: Experiment
    cells: Mapping[Cell, Counts]
    segments: frozenset[str] | None = frozenset()
    revisions: Sequence[Revision] = ()
    decisions: Sequence[Decision] = ()

    @property
    def main(self) -> Sequence[Mapping[Cell, Counts]]:
        """The cells of each main table: all that a report is made from, but for where a sample-ratio mismatch is."""
        return [self._parts[table, ""] for table in ("exposed", "reach", "patterns", "ledger")]

    @cached_property
    def reach(self) -> ReachTable:
        """Visitors and reached per step, hourly cohort, stratum and variant, sealed or not."""
        return reach_table(self.phase, {**self._parts["exposed", ""], **self._parts["reach", ""]})

    @cached_property
    def patterns(self) -> PatternTable:
        """Visitors and value per daily cohort, variant and pattern."""
        return pattern_table(self.phase, self._parts["patterns", ""])

    @cached_property
    def ledger(self) -> Mapping[str, Mapping[str, int]]:
        """reason -> variant (or "" where there is none) -> how many; what was not counted, or counted with a mark."""
        return ledger_table(self._parts["ledger", ""])

    def has(self, attributes: Iterable[str]) -> bool:
        """Were the segments of all these attributes read?"""
        return self.segments is None or self.segments.issuperset(attributes)

    def by(self, attribute: str) -> Mapping[str, ReachTable]:
        """Level of this attribute -> its reach table, with daily cohorts and one stratum.

        Raises ValueError where the tables were read without this attribute.
        """
        if not self.has([attribute]):
            known = ", ".join(sorted(self.segments or ())) or "none"
            raise ValueError(f"{attribute!r} is not among the segments of these tables, must be of: {known}")
        levels: dict[str, dict[Cell, Counts]] = defaultdict(dict)
        for cell, counts in self._parts["reach", attribute].items():
            levels[str(cell[3])][cell] = counts
        return {
            level: replace(reach_table(self.phase, levels[level], attribute, level), exposed=self.reach.exposed)
            for level in sorted(levels)
        }

    @cached_property
    def _parts(self) -> Mapping[tuple[str | int, str | int], Mapping[Cell, Counts]]:
        """(table, attribute) -> its cells: each table is made from its own, of which there may be many thousands."""
        # where a cell has its attribute; those of other tables have none
        place: Mapping[str | int, int] = {"reach": 2, "patterns": 1}
        parts: dict[tuple[str | int, str | int], dict[Cell, Counts]] = defaultdict(dict)
        for cell, counts in self.cells.items():
            at = place.get(cell[0])
            parts[cell[0], cell[at] if at else ""][cell] = counts
        return parts
