"""Reach: how many of the visitors exposed in each cohort reached each step. The tests read nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from stats.arrays import Counts


@dataclass(frozen=True, slots=True, eq=False)
class Exposed:
    """How many visitors did each variant get in each hour, before anybody was excluded?

    `cohorts`: hours since 1970-01-01T00Z, strictly ascending, shape (T,).
    `visitors`: shape (T, variants), non-negative. The sample-ratio check reads it.
    """

    cohorts: Counts
    visitors: Counts

    def __post_init__(self) -> None:
        _ascending("Exposed", self.cohorts)
        _counts("Exposed.visitors", self.visitors, (len(self.cohorts), *self.visitors.shape[1:]), 2)

    def until(self, cohort: int) -> Self:
        """The cohorts before `cohort` (exclusive)."""
        keep = self.cohorts < cohort
        return type(self)(self.cohorts[keep], self.visitors[keep])


@dataclass(frozen=True, slots=True, eq=False)
class StepReach:
    """Of the visitors first exposed in each cohort, how many reached this step within its window?

    `cohorts`: cohort numbers (hours, for segments days, since 1970-01-01T00Z), strictly ascending, shape (T,).
    `visitors`, `reached`: shape (T, strata, variants), 0 <= reached <= visitors.
    Raises ValueError when shapes or values disagree.
    """

    cohorts: Counts
    visitors: Counts
    reached: Counts

    def __post_init__(self) -> None:
        _ascending("StepReach", self.cohorts)
        shape = (len(self.cohorts), *self.visitors.shape[1:])
        _counts("StepReach.visitors", self.visitors, shape, 3)
        _counts("StepReach.reached", self.reached, shape, 3)
        if (self.reached > self.visitors).any():
            raise ValueError(
                "StepReach.reached exceeds visitors in some cell; nobody reaches a step without being there"
            )

    def until(self, cohort: int) -> Self:
        """The cohorts before `cohort` (exclusive): with the first unsealed cohort, what may decide."""
        keep = self.cohorts < cohort
        return type(self)(self.cohorts[keep], self.visitors[keep], self.reached[keep])

    def since(self, cohort: int) -> Self:
        """The cohorts from `cohort` on (inclusive): with the first unsealed cohort, the immature ones."""
        keep = self.cohorts >= cohort
        return type(self)(self.cohorts[keep], self.visitors[keep], self.reached[keep])


@dataclass(frozen=True, slots=True, eq=False)
class ReachTable:
    """The sufficient statistic of every test on a result page.

    `variants`: keys in the order of the config, the first is the control; the last axis of every array.
    `strata`: names of the strata (the cross of `adjust_for`), `("",)` when there is one.
    `steps`: step key -> StepReach; every step of the experiment is present, possibly with no cohorts.
    """

    variants: tuple[str, ...]
    strata: tuple[str, ...]
    exposed: Exposed
    steps: Mapping[str, StepReach]

    def __post_init__(self) -> None:
        n = len(self.variants)
        if self.exposed.visitors.shape[1] != n:
            raise ValueError(f"ReachTable.exposed has {self.exposed.visitors.shape[1]} variants, must have {n}")
        for key, step in self.steps.items():
            if step.visitors.shape[1:] != (len(self.strata), n):
                raise ValueError(
                    f"ReachTable.steps[{key!r}] has shape {step.visitors.shape}, "
                    f"must have {len(self.strata)} strata and {n} variants"
                )


def _ascending(where: str, cohorts: Counts) -> None:
    if cohorts.ndim != 1 or (np.diff(cohorts) <= 0).any():
        raise ValueError(f"{where}.cohorts must be strictly ascending, got {cohorts!r}")


def _counts(where: str, counts: Counts, shape: tuple[int, ...], ndim: int) -> None:
    if counts.ndim != ndim or counts.shape != shape:
        raise ValueError(f"{where} has shape {counts.shape}, must be {ndim}-dimensional with one row per cohort")
    if not np.issubdtype(counts.dtype, np.integer) or (counts < 0).any():
        raise ValueError(
            f"{where} must be non-negative integers, got {counts.dtype} with minimum {counts.min(initial=0)}"
        )
