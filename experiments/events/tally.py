"""Tally: what many people's journeys add up to, and the tables of counts it makes for the statistics.

The cells of a journey, by the table named first:

    ("exposed", hour, variant)                                        -> (visitors,)
    ("reach", step, attribute, level, cohort, stratum, variant)       -> (visitors, reached)
    ("patterns", attribute, level, day, variant, pattern)             -> (visitors, value_sum, value_sq)
    ("ledger", reason, variant)                                       -> (count,)

`attribute` and `level` are "" in the main tables, whose reach cohorts are hours; a segment's are days.
"""

import operator
from collections.abc import Collection, Iterable, Mapping

import numpy as np

from experiments.definition.experiment import Experiment
from experiments.events.contribution import Cell, Counts, Row
from experiments.events.event import Event, distinct
from experiments.events.journey import Meaning
from experiments.events.person import people
from stats.tables.patterns import PatternTable
from stats.tables.reach import Exposed, ReachTable, StepReach

Tally = dict[Cell, Counts]


def tally(experiment: Experiment, events: Iterable[Event]) -> Tally:
    """What do all these events add up to in this phase? Pure; neither order nor duplicates matter."""
    total: Tally = {}
    meaning = Meaning(experiment)
    for person in people(distinct(events)):
        add(total, meaning.journey(person).rows)
    return total


def add(total: Tally, rows: Iterable[Row]) -> None:
    """Add counts; cells that come to nothing are removed."""
    for cell, counts in rows:
        before = total.get(cell)
        after = counts if before is None else tuple(map(operator.add, before, counts))
        if any(after):
            total[cell] = after
        elif before is not None:
            del total[cell]


def difference(after: Tally, before: Tally) -> Tally:
    """What must be added to `before` so that it becomes `after`."""
    change = dict(after)
    add(change, ((cell, tuple(-count for count in counts)) for cell, counts in before.items()))
    return change


def reach_table(
    experiment: Experiment, cells: Mapping[Cell, Counts], attribute: str = "", level: str = ""
) -> ReachTable:
    """The reach table of one phase, or of one level of an attribute (then with daily cohorts)."""
    variants = tuple(variant.key for variant in experiment.variants)
    column = {key: index for index, key in enumerate(variants)}
    rows: dict[str, list[tuple[int, str, int, int, int]]] = {step.step: [] for step in experiment.steps}
    for cell, counts in cells.items():
        if cell[0] == "reach" and cell[2] == attribute and cell[3] == level:
            rows[str(cell[1])].append((int(cell[4]), str(cell[5]), column[str(cell[6])], *counts))  # type: ignore[arg-type]  # two counts
    strata = tuple(sorted({row[1] for some in rows.values() for row in some})) or ("",)
    layer = {stratum: index for index, stratum in enumerate(strata)}
    steps: dict[str, StepReach] = {}
    for step, some in rows.items():
        cohorts = sorted({row[0] for row in some})
        line = {cohort: index for index, cohort in enumerate(cohorts)}
        visitors = np.zeros((len(cohorts), len(strata), len(variants)), dtype=np.int64)
        reached = np.zeros_like(visitors)
        for cohort, stratum, variant, n, s in some:
            place = line[cohort], layer[stratum], variant
            visitors[place], reached[place] = n, s
        steps[step] = StepReach(np.array(cohorts, dtype=np.int64), visitors, reached)
    return ReachTable(variants, strata, _exposed(column, cells), steps)


def _exposed(column: Mapping[str, int], cells: Mapping[Cell, Counts]) -> Exposed:
    rows = {(int(cell[1]), str(cell[2])): counts[0] for cell, counts in cells.items() if cell[0] == "exposed"}
    hours = sorted({hour for hour, _ in rows})
    line = {hour: index for index, hour in enumerate(hours)}
    visitors = np.zeros((len(hours), len(column)), dtype=np.int64)
    for (hour, variant), count in rows.items():
        visitors[line[hour], column[variant]] = count
    return Exposed(np.array(hours, dtype=np.int64), visitors)


def pattern_table(experiment: Experiment, cells: Mapping[Cell, Counts]) -> PatternTable:
    """The pattern table of one phase."""
    variants = tuple(variant.key for variant in experiment.variants)
    rows = sorted(
        (int(cell[3]), variants.index(str(cell[4])), int(cell[5]), *counts)
        for cell, counts in cells.items()
        if cell[:3] == ("patterns", "", "")
    )
    columns = np.array(rows, dtype=np.int64).reshape(len(rows), 6).T
    return PatternTable(variants, tuple(step.step for step in experiment.steps), *columns)


def ledger_table(cells: Mapping[Cell, Counts]) -> dict[str, dict[str, int]]:
    """The ledger: reason -> variant -> how many."""
    ledger: dict[str, dict[str, int]] = {}
    rows = ((str(cell[1]), str(cell[2]), counts[0]) for cell, counts in cells.items() if cell[0] == "ledger")
    for reason, variant, count in sorted(rows):
        ledger.setdefault(reason, {})[variant] = count
    return ledger


def of_attributes(cells: Mapping[Cell, Counts], attributes: Collection[str]) -> Tally:
    """The cells of the main tables, and those of the reach table of these segment attributes."""
    reach, patterns = {"", *attributes}, ("patterns", "", "")
    return {
        cell: counts
        for cell, counts in cells.items()
        if (cell[2] in reach if cell[0] == "reach" else cell[0] != "patterns" or cell[:3] == patterns)
    }
