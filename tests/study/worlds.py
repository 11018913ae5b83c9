"""World: what is replicated. Two arms with true rates, or three with four steps, counted at 400 looks.

Only counts are drawn, for many replications at once: the same number of visitors comes before each look, each gets an
arm by chance, and what they reach by chance. 200 looks lead to the plan, 200 more to twice the plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from stats.arrays import Floats
from stats.proportions.design import Design
from stats.proportions.score import Pair
from stats.tables.reach import StepReach
from tests.study.replications import generator

LOOKS_TO_PLAN = 200
LOOKS = 2 * LOOKS_TO_PLAN

Increments = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """Cumulative visitors and reached of control (a) and variant (b); shape (replications, looks) each."""

    n_a: Floats
    s_a: Floats
    n_b: Floats
    s_b: Floats

    @classmethod
    def of(cls, n_a: Increments, s_a: Increments, n_b: Increments, s_b: Increments) -> Self:
        """From what came before each look."""
        return cls(*(np.cumsum(one, axis=1, dtype=np.float64) for one in (n_a, s_a, n_b, s_b)))

    def pair(self) -> Pair:
        """All looks of all replications in a row, one stratum: looks are independent of each other."""
        return Pair(*(counts.reshape(1, -1) for counts in (self.n_a, self.s_a, self.n_b, self.s_b)))

    def step(self, replication: int) -> StepReach:
        """One replication as a store would tell it, a cohort for each look."""
        visitors, reached = (
            np.diff(np.stack([a[replication], b[replication]], axis=1), axis=0, prepend=0).astype(np.int64)
            for a, b in ((self.n_a, self.n_b), (self.s_a, self.s_b))
        )
        return StepReach(np.arange(len(visitors)), visitors[:, np.newaxis], reached[:, np.newaxis])


@dataclass(frozen=True, slots=True)
class World:
    """Control and variant: their true rates, the variant's share of the visitors, and how many of both are planned.

    `drift`: from this fraction of the plan on, both rates are so many times as high; (1, 1) is no drift.
    """

    rates: tuple[float, float]
    share: float = 0.5
    planned_visitors: int = 40_000
    alpha: float = 0.05
    detect: float | None = 0.2
    drift: tuple[float, float] = (1.0, 1.0)

    @property
    def name(self) -> str:
        """The rates, the split, and what is not as usual."""
        rates = f"{self.rates[0]:g}" if self.is_null else f"{self.rates[0]:g} to {self.rates[1]:g}"
        split = f"{round(100 * (1 - self.share))}/{round(100 * self.share)}"
        alpha = "" if self.alpha == 0.05 else f", alpha {self.alpha:g}"
        drift = "" if self.drift[1] == 1 else f", x {self.drift[1]:g} at {self.drift[0]:g}"
        return f"{rates}, {split}{alpha}{drift}{'' if self.detect else ', no detect'}"

    @property
    def is_null(self) -> bool:
        """Is there nothing to find?"""
        return self.rates[0] == self.rates[1]

    @property
    def true_lift(self) -> float:
        """pB / pA - 1."""
        return self.rates[1] / self.rates[0] - 1

    @property
    def planned_weight(self) -> float:
        """nA nB / N at the plan."""
        return self.planned_visitors * self.share * (1 - self.share)

    def design(self) -> Design:
        """What was settled before."""
        return Design(min(self.share, 1 - self.share), self.alpha, detect=self.detect)

    def drawn(self, replications: range) -> Counts:
        """Every look of these replications."""
        rng = generator(self.name, replications.start)
        visitors = self.planned_visitors // LOOKS_TO_PLAN
        n_b = rng.binomial(visitors, self.share, size=(len(replications), LOOKS))
        n_a = visitors - n_b
        since, times = self.drift
        level = np.where(np.arange(LOOKS) < since * LOOKS_TO_PLAN, 1.0, times)
        s_a, s_b = rng.binomial(n_a, self.rates[0] * level), rng.binomial(n_b, self.rates[1] * level)
        return Counts.of(n_a, s_a, n_b, s_b)


# Of all visitors, how many make exactly these steps: a path of three, and a secondary action that goes with it.
PATTERNS: Mapping[tuple[str, ...], float] = {
    (): 0.83,
    ("read",): 0.07,
    ("started",): 0.04,
    ("started", "read"): 0.02,
    ("started", "given"): 0.013,
    ("started", "given", "read"): 0.007,
    ("started", "given", "booked"): 0.012,
    ("started", "given", "booked", "read"): 0.008,
}
MACRO = "booked"
STEPS = ("started", "given", MACRO, "read")


@dataclass(frozen=True, slots=True)
class Ladder:
    """Control and variants that differ in nothing, at four steps of the same visitors; shares of control first."""

    weights: tuple[int, ...]
    planned_visitors: int = 60_000
    alpha: float = 0.05
    detect: float = 0.2

    @property
    def name(self) -> str:
        """The split."""
        return f"3 variants {'/'.join(map(str, self.weights))} x 4 steps"

    def design(self, step: str, variant: int) -> Design:
        """Macro-conversion and other steps are a family each, over the variants."""
        pairs = len(self.weights) - 1
        ours = self.weights[0], self.weights[variant]
        family = pairs if step == MACRO else pairs * (len(STEPS) - 1)
        return Design(min(ours) / sum(ours), self.alpha, family, self.detect)

    def planned_weight(self, variant: int) -> float:
        """nA nB / N of these two arms at the plan."""
        n_a, n_b = (self.planned_visitors * self.weights[arm] / sum(self.weights) for arm in (0, variant))
        return n_a * n_b / (n_a + n_b)

    def drawn(self, replications: range) -> tuple[Increments, dict[str, Increments]]:
        """Visitors before each look, and how many of them reached each step; shape (replications, looks, variants)."""
        rng = generator(self.name, replications.start)
        shares = np.array(self.weights) / sum(self.weights)
        arrive = self.planned_visitors // LOOKS_TO_PLAN
        visitors = rng.multinomial(arrive, shares, size=(len(replications), LOOKS))
        patterns = rng.multinomial(visitors, list(PATTERNS.values()))
        return visitors, {step: patterns[..., [step in pattern for pattern in PATTERNS]].sum(axis=-1) for step in STEPS}
