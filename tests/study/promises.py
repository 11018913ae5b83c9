"""Promise: something that happens in at most a given share of replications, and when that is shown to be broken.

The rule of the studies. A promise is broken when the exact one-sided bound (Clopper & Pearson 1934, Biometrika 26),
at 99 % shared by all cells of a table, lies above what is promised. So a table in which everything just holds fails
for one seed in a hundred; what it would not miss is printed below it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import scipy.stats

ERROR = 0.01  # of a whole table


@dataclass(frozen=True, slots=True)
class Cell:
    """`event` happened so often in the replications of the world; at most a share `promised` is allowed."""

    world: str
    event: str
    promised: float
    happened: int
    replications: int

    def at_least(self, cells: int) -> float:
        """The lowest true share that the counts do not contradict, when so many cells share the 99 %."""
        return lowest_share(self.happened, self.replications, ERROR / cells)

    def broken(self, cells: int) -> bool:
        """Do the counts show a share above what is promised?"""
        return self.at_least(cells) > self.promised

    def row(self, cells: int) -> str:
        """A line of the table."""
        return (
            f"{self.world:28} {self.event:32} {self.happened:6} / {self.replications:6} = "
            f"{self.happened / self.replications:.4f}   at least {self.at_least(cells):.4f}, "
            f"promised {self.promised:.3f}   {'BROKEN' if self.broken(cells) else 'holds'}"
        )


def broken(cells: Sequence[Cell]) -> list[str]:
    """The rows of the table that are broken; the table itself, and what it would not miss, are printed."""
    print()
    for cell in cells:
        print(cell.row(len(cells)))
    for promised in sorted({cell.promised for cell in cells}):
        fewest = min(cell.replications for cell in cells if cell.promised == promised)
        seen = ", ".join(f"{k} x {power(fewest, promised, len(cells), k):.2f}" for k in (1.3, 1.5, 2.0))
        print(f"promised {promised:.3f}, {fewest} replications: probability of seeing a true share of {seen}")
    return [cell.row(len(cells)) for cell in cells if cell.broken(len(cells))]


def lowest_share(happened: int, replications: int, level: float) -> float:
    """The lower Clopper-Pearson bound of a share, one-sided."""
    return float(scipy.stats.beta.ppf(level, happened, replications - happened + 1)) if happened else 0.0


def highest_share(happened: int, replications: int, level: float) -> float:
    """The upper one."""
    return 1 - lowest_share(replications - happened, replications, level)


def power(replications: int, promised: float, cells: int, times: float = 1.3) -> float:
    """How likely is a cell shown to be broken when its true share is so many times what is promised?"""
    harmless = scipy.stats.binom.isf(ERROR / cells, replications, promised)  # the most that does not show it
    return float(scipy.stats.binom.sf(harmless, replications, times * promised))


def replications_for(promised: float, cells: int, wanted: float = 0.9) -> int:
    """How many (in whole hundreds) show a true share of 1.3 times what is promised with this probability?"""
    low, high = 0, 1
    while power(100 * high, promised, cells) < wanted:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(100 * middle, promised, cells) >= wanted else (middle, high)
    return 100 * high
