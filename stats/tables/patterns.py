"""Patterns: which set of steps each visitor reached, and what it was worth."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from stats.arrays import Counts, Flags, Floats


@dataclass(frozen=True, slots=True, eq=False)
class PatternTable:
    """How many visitors of each variant and daily cohort reached exactly this set of steps, and their value?

    One row per (day, variant, pattern) with visitors > 0, sorted by these three; all arrays have shape (R,).
    `steps`: step keys; bit k of a pattern is set when `steps[k]` was reached within the experiment's window.
    `days`: days since 1970-01-01. `variant`: index into `variants`. `pattern`: bitmask.
    `value_sum`, `value_sq`: sum of the visitors' values and of their squares, in hundredths of the currency unit
    (exact integers; a value is at most 10**7 hundredths, so squares of 10**4 visitors still fit: the sum is int64).
    """

    variants: tuple[str, ...]
    steps: tuple[str, ...]
    days: Counts
    variant: Counts
    pattern: Counts
    visitors: Counts
    value_sum: Counts
    value_sq: Counts

    def __post_init__(self) -> None:
        columns = (self.days, self.variant, self.pattern, self.visitors, self.value_sum, self.value_sq)
        if len({column.shape for column in columns}) != 1 or self.days.ndim != 1:
            raise ValueError(f"PatternTable columns differ in shape: {[column.shape for column in columns]}")
        if (self.visitors < 0).any() or (self.variant < 0).any() or (self.variant >= len(self.variants)).any():
            raise ValueError("PatternTable has a negative count or a variant out of range")

    def until(self, day: int) -> Self:
        """The rows of days before `day` (exclusive)."""
        keep = self.days < day
        columns = (self.days, self.variant, self.pattern, self.visitors, self.value_sum, self.value_sq)
        return type(self)(self.variants, self.steps, *(column[keep] for column in columns))

    def value_by_variant(self) -> Counts:
        """Total value of each variant in hundredths, shape (variants,)."""
        totals = np.zeros(len(self.variants), dtype=np.int64)
        np.add.at(totals, self.variant, self.value_sum)
        return totals

    @property
    def looks(self) -> Counts:
        """The days that have rows, ascending, shape (looks,)."""
        return np.unique(self.days)

    def reached(self, step: str) -> Flags:
        """Which rows are of visitors who reached this step? Shape (R,). Raises ValueError for an unknown step."""
        if step not in self.steps:
            raise ValueError(f"step is {step!r}, must be one of {', '.join(self.steps)}")
        return (self.pattern >> self.steps.index(step) & 1).astype(np.bool_)

    def so_far(self, counts: Counts) -> Floats:
        """The sum of these counts, shape (R,), up to each look, shape (looks, variants). Exact up to 2**53."""
        looks = self.looks
        cell = np.searchsorted(looks, self.days) * len(self.variants) + self.variant
        sums = np.bincount(cell, weights=counts, minlength=len(looks) * len(self.variants))
        return np.asarray(sums.reshape(len(looks), len(self.variants)).cumsum(axis=0), dtype=np.float64)

    def exactly_so_far(self, amounts: Counts) -> npt.NDArray[np.object_]:
        """The same, shape (looks, variants), in Python's integers, as squares of money need.

        Together they do not fit into 64 bits from 92,234 visitors of the largest value on, and differences of large
        sums must not lose their digits.
        """
        high, low = (self.so_far(part).astype(np.int64).astype(np.object_) for part in np.divmod(amounts, 2**31))
        return np.asarray(high * 2**31 + low, dtype=np.object_)
