"""Looks: what each method says at every look of many replications at once, with the project's own statistics.

The fast form of what `stats.proportions.sequential` answers for one comparison at a time; a test shows on a sample that
both say the same. Arrays have shape (replications, looks) unless said otherwise.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from stats.arrays import Flags, Floats
from stats.boundaries.alpha_spending import grid_boundary, grid_points, log_haste
from stats.boundaries.mixture import critical_value
from stats.proportions.design import ENOUGH, Design
from stats.proportions.score import ScoreTest
from stats.proportions.sequential import SPENT
from tests.study.worlds import Counts

Method = Literal["planned", "always-valid"]
METHODS: tuple[Method, ...] = ("planned", "always-valid")


class Looks:
    """All looks of one comparison in many replications. `open` is the gate, which stays open."""

    def __init__(self, counts: Counts, design: Design, planned_weight: float) -> None:
        self.counts, self.design = counts, design
        self.test = ScoreTest(counts.pair())
        self.z = self._shaped(self.test.no_effect())
        self._weight, self._information = self._shaped(self.test.weight), self._shaped(self.test.information)
        self.fraction = self._weight / planned_weight
        reached = design.smaller_share * (counts.s_a + counts.s_b)
        without = design.smaller_share * (counts.n_a + counts.n_b) - reached
        self.open: Flags = np.logical_or.accumulate((reached >= ENOUGH) & (without >= ENOUGH), axis=1)

    def _shaped(self, looks: Floats) -> Floats:
        return looks.reshape(self.counts.n_a.shape)

    def critical(self, method: Method) -> Floats:
        """The |z| at which this method rejects at this look; infinite while the gate is closed."""
        level = self.design.level
        if method == "always-valid":
            critical = self._always_valid(level)
        else:
            critical = np.minimum(self._spending(SPENT * level), self._always_valid((1 - SPENT) * level))
        return np.where(self.open, critical, np.inf)

    def _always_valid(self, level: float) -> Floats:
        first = np.arange(len(self.open)), self.open.argmax(axis=1)
        reached, visitors = self.counts.s_a + self.counts.s_b, self.counts.n_a + self.counts.n_b
        tau = np.array([self.design.tau(rate) for rate in reached[first] / visitors[first]])
        variance = self._shaped(self.test.log_ratio_variance())
        return critical_value(tau[:, np.newaxis] ** 2 / variance, level)

    def _spending(self, level: float) -> Floats:
        boundary = np.concatenate(([np.inf], grid_boundary(level)))
        haste = [log_haste(*so_far) for so_far in zip(self._weight, self._information, strict=True)]
        return np.sqrt(boundary[grid_points(self.fraction)] ** 2 + np.array(haste))

    def z_lift(self, true_lift: float) -> Floats:
        """The statistic of the relative lift, at the true one."""
        return self._shaped(self.test.log_ratio(np.full(self.z.size, np.log1p(true_lift))))

    def z_difference(self, true_difference: float) -> Floats:
        """The statistic of the difference, at the true one."""
        return self._shaped(self.test.difference(np.full(self.z.size, true_difference)))


def first_look(flags: Flags, otherwise: int) -> npt.NDArray[np.intp]:
    """The first such look of each replication, else `otherwise`; shape (replications,)."""
    return np.where(flags.any(axis=1), flags.argmax(axis=1), otherwise)
