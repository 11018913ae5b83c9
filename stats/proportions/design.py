"""Design: what was settled before the data came in: level, family, planned shares, smallest effect worth finding."""

from dataclasses import dataclass

import numpy as np

from stats.arrays import Flags, Floats
from stats.proportions.score import Pair

ENOUGH = 10  # conversions, and visitors without, that the smaller arm can expect before a test begins


@dataclass(frozen=True, slots=True)
class NotEnoughData:
    """There is no answer yet, because the smaller arm can expect too few conversions, or too few visitors without.

    `expected_reached`, `expected_without`: smaller planned share times pooled count; both must be `ENOUGH` or more.
    `n_visitors`: in both arms.
    """

    n_visitors: int
    expected_reached: float
    expected_without: float


@dataclass(frozen=True, slots=True)
class Design:
    """How one variant is compared with the control at one step.

    `smaller_share`: planned share of the smaller of the two arms among the two, in (0, 0.5]. `alpha`: level of the
    whole family, in (0, 1); `family_size`: comparisons that share it (Bonferroni). `detect`: the smallest relative
    lift worth finding (0.1 is 10 in 100), or None. Raises ValueError naming the field and the value seen.
    """

    smaller_share: float
    alpha: float
    family_size: int = 1
    detect: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.smaller_share <= 0.5:
            raise ValueError(f"smaller_share is {self.smaller_share}, must be in (0, 0.5]")
        if not 0 < self.alpha < 1:
            raise ValueError(f"alpha is {self.alpha}, must be in (0, 1)")
        if self.family_size < 1:
            raise ValueError(f"family_size is {self.family_size}, must be at least 1")
        if self.detect is not None and self.detect <= 0:
            raise ValueError(f"detect is {self.detect}, must be > 0: the smallest relative lift worth finding")

    @property
    def level(self) -> float:
        """At which level is this comparison tested by itself? alpha / family_size (Bonferroni), in (0, 1)."""
        return self.alpha / self.family_size

    def adjusted(self, p_value: Floats) -> Floats:
        """Which p-values may be compared with the family's alpha? Bonferroni: min(1, family_size * p).

        In [0, 1], shape (looks,), or any other that `p_value` has.
        """
        return np.minimum(1.0, self.family_size * p_value)

    def rejects(self, p_value: Floats) -> Flags:
        """Is the adjusted p-value at or below alpha? Shape (looks,). The one place where this is decided."""
        return self.adjusted(p_value) <= self.alpha

    def tau(self, pooled_rate: float) -> float:
        """For which log relative lift, above 0, is the always-valid test sharpest? `pooled_rate` in (0, 1).

        log(1 + detect); without it .1 for pooled rates from .1 up, else .2. It depends neither on the level nor on
        the arms; the rate is that of the first gated look, so that it is fixed from then on.
        """
        if self.detect is None:
            return 0.1 if pooled_rate >= 0.1 else 0.2
        return float(np.log1p(self.detect))

    def first_gated_look(self, pair: Pair) -> int | NotEnoughData:
        """From which look on is there enough data? Its index, 0 or more, or what is missing.

        It sees pooled counts only, which under no effect say nothing about the difference, so it costs no validity.
        """
        reached = self.smaller_share * (pair.s_a + pair.s_b).sum(axis=0)
        without = self.smaller_share * (pair.n_a + pair.n_b).sum(axis=0) - reached
        gated = np.flatnonzero((reached >= ENOUGH) & (without >= ENOUGH))
        if len(gated):
            return int(gated[0])
        if not len(reached):
            return NotEnoughData(0, 0.0, 0.0)
        n_visitors = int((pair.n_a[:, -1] + pair.n_b[:, -1]).sum())
        return NotEnoughData(n_visitors, float(reached[-1]), float(without[-1]))
