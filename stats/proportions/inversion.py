"""Intervals by inverting the score statistic: which effects do the data not contradict at a critical value?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, Self, TypeVar

import numpy as np
import numpy.typing as npt

from stats.arrays import Flags, Floats
from stats.proportions.design import NotEnoughData
from stats.proportions.score import Pair, ScoreTest

_TOLERANCE = 1e-10  # of z, relative to the critical value
_STRIDE = 16  # every so many looks are solved first, to know how narrow the intersection is about then
_BLOCK = 4096  # looks seen in one pass: arrays that fit into the cache and are not given back to the system each time
_ROUNDS = 200  # bisection alone would need about 60; reached by nothing that the tests could find


@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """All effects with |z(effect)| <= critical value, one interval per look, shape (looks,) each.

    The relative lift is pB / pA - 1 in [-1, inf]; an end of inf is unbounded (nobody in A reached the step).
    The difference is pB - pA in [-1, 1]. "The interval excludes zero" means lower > 0 or upper < 0. For money
    (value_per_visitor.py) differences are in hundredths and may be unbounded.
    """

    relative_lower: Floats
    relative_upper: Floats
    difference_lower: Floats
    difference_upper: Floats

    @property
    def empty(self) -> Flags:
        """Is there no lift, or no difference, in it? Shape (looks,)."""
        return (self.relative_lower > self.relative_upper) | (self.difference_lower > self.difference_upper)

    def so_far(self) -> Self:
        """What is in all intervals up to each look."""
        return type(self)(
            np.maximum.accumulate(self.relative_lower),
            np.minimum.accumulate(self.relative_upper),
            np.maximum.accumulate(self.difference_lower),
            np.minimum.accumulate(self.difference_upper),
        )

    def last(self) -> Self:
        """Of the last look alone, shape (1,)."""
        ends = (self.relative_lower, self.relative_upper, self.difference_lower, self.difference_upper)
        return type(self)(*(end[-1:] for end in ends))


@dataclass(frozen=True, slots=True)
class _Form:
    """One way to say an effect: its statistic, its estimate, a rough standard error, and the lowest effect there is."""

    statistic: Callable[[ScoreTest, Floats], Floats]
    estimate: Callable[[ScoreTest], Floats]
    standard_error: Callable[[ScoreTest], Floats]
    floor: float


_RATIO = _Form(
    ScoreTest.log_ratio, ScoreTest.log_ratio_estimate, lambda test: np.sqrt(test.log_ratio_variance()), -np.inf
)
_DIFFERENCE = _Form(
    ScoreTest.difference, ScoreTest.difference_estimate, lambda test: np.sqrt(test.information) / test.weight, -1.0
)


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """The looks of one comparison in order: its counts, z at no effect, critical values, and whether each rejects that.

    `rejects` must be |z| >= critical, decided by the caller once from its p-value: the search for the ends starts
    from that side of zero and never crosses it, so "the interval excludes zero" and "p <= alpha" are the same
    statement even where rounding makes the last digit.
    """

    pair: Pair
    z: Floats
    critical: Floats
    rejects: Flags

    def last(self) -> Self:
        """The last look alone."""
        last = slice(-1, None)
        return type(self)(self.pair.looks(last), self.z[last], self.critical[last], self.rejects[last])


def invert(courses: Sequence[Course]) -> list[Intervals]:
    """For each course: the interval of every look by itself. Looks without information get the whole range."""
    if not courses:
        return []
    both = _Mirrored(courses)
    every = both.part(np.arange(both.looks))
    return both.intervals(every.lower_ends(_RATIO), every.lower_ends(_DIFFERENCE))


def running_intersections(courses: Sequence[Course]) -> list[Intervals]:
    """For each course: what is in the intervals of every look so far; where that is empty, lower > upper.

    Equal to accumulating what `invert` answers, but only looks that can narrow the intersection are solved: if the end
    so far is inside a look's interval, which takes one evaluation to see, that look's own end is further out. Courses
    (of equally many strata) share the passes over the arrays.
    """
    if not courses:
        return []
    both = _Mirrored(courses)
    spread = np.concatenate([np.arange(course.start, course.stop, _STRIDE) for course in both.courses])
    others = np.delete(np.arange(both.looks), spread)
    first, blocks = both.part(spread), [both.part(others[i : i + _BLOCK]) for i in range(0, len(others), _BLOCK)]
    return both.intervals(*(both.highest_ends(form, first, blocks) for form in (_RATIO, _DIFFERENCE)))


def lower_end_beside_zero(end: Floats, above: Flags) -> Floats:
    """The same lower ends, above zero exactly where the test says that the effect is; for upper ends change all signs.

    All arrays have shape (looks,).
    """
    return np.where(above, np.maximum(end, np.finfo(np.float64).tiny), np.minimum(end, 0.0))


E = TypeVar("E")


@dataclass(frozen=True, slots=True, eq=False)
class Begun(Generic[E]):
    """A comparison since its first gated look, before its intervals are known.

    `course` has the looks as they count, `today` the last look by itself, whatever was looked at before. `evidence`
    says it all, once it is told the running intersection of the first and the interval of the second.
    """

    course: Course
    today: Course
    evidence: Callable[[Intervals, Intervals], E]


def with_intervals(begun: Sequence[Begun[E] | NotEnoughData]) -> list[E | NotEnoughData]:
    """The evidence of each comparison that has enough data; the intervals of all are computed together."""
    ready = [one for one in begun if not isinstance(one, NotEnoughData)]
    running = iter(running_intersections([one.course for one in ready]))
    last = iter(invert([one.today for one in ready]))
    return [one if isinstance(one, NotEnoughData) else one.evidence(next(running), next(last)) for one in begun]


class _Mirrored:
    """All looks of all courses, then the same with the arms exchanged: an upper end is a lower end in the mirror."""

    def __init__(self, courses: Sequence[Course]) -> None:
        pairs = [course.pair for course in courses]
        z = np.concatenate([course.z for course in courses])
        rejects = np.concatenate([course.rejects for course in courses])
        self._pair = Pair.joined([*pairs, *(pair.swapped() for pair in pairs)])
        self._critical = np.tile(np.concatenate([course.critical for course in courses]), 2)
        self._above_zero = np.concatenate((rejects & (z > 0), rejects & (z < 0)))
        ends = np.cumsum([0, *2 * [len(course.critical) for course in courses]]).tolist()
        self.courses = [slice(start, end) for start, end in pairwise(ends)]
        self.looks: int = ends[-1]

    def part(self, looks: npt.NDArray[np.intp]) -> _Part:
        """These looks alone."""
        return _Part(looks, ScoreTest(self._pair.looks(looks)), self._critical[looks], self._above_zero[looks])

    def intervals(self, ratio: Floats, difference: Floats) -> list[Intervals]:
        """One result per course, from the lower ends of all looks."""
        half = len(self.courses) // 2
        return [
            Intervals(np.expm1(ratio[here]), np.expm1(-ratio[mirror]), difference[here], -difference[mirror])
            for here, mirror in zip(self.courses[:half], self.courses[half:], strict=True)
        ]

    def highest_ends(self, form: _Form, first: _Part, others: Sequence[_Part]) -> Floats:
        """The highest end of each course so far. Of the `others` only those are solved that can be higher."""
        ends = np.full(self.looks, form.floor)  # which changes no maximum
        ends[first.looks] = first.lower_ends(form)
        so_far = self._accumulated(ends)
        narrowing = np.concatenate([first.looks[:0], *(part.narrowing(form, so_far[part.looks]) for part in others)])
        ends[narrowing] = self.part(narrowing).lower_ends(form)
        return self._accumulated(ends)

    def _accumulated(self, ends: Floats) -> Floats:
        return np.concatenate([np.maximum.accumulate(ends[course]) for course in self.courses])


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """Some of the looks, by their places; `above_zero` says on which side of zero the lower end lies."""

    looks: npt.NDArray[np.intp]
    test: ScoreTest
    critical: Floats
    above_zero: Flags

    def narrowing(self, form: _Form, so_far: Floats) -> npt.NDArray[np.intp]:
        """Those of the looks whose lower end is above the highest one so far."""
        outside = form.statistic(self.test, so_far) >= self.critical * (1 - 1e-9)
        return self.looks[outside | (self.above_zero & (so_far <= 0))]

    def lower_ends(self, form: _Form) -> Floats:
        """The effect below the estimate at which the falling statistic equals the critical value; else the floor."""
        test, critical, above_zero = self.test, self.critical, self.above_zero
        estimate = form.estimate(test)
        result = np.full(estimate.shape, form.floor)
        solvable = np.flatnonzero((test.information > 0) & (estimate > form.floor) & np.isfinite(critical))
        if not len(solvable):
            return result
        if len(solvable) < len(estimate):
            test = ScoreTest(test.pair.looks(solvable))
            estimate, critical, above_zero = estimate[solvable], critical[solvable], above_zero[solvable]
        bracket = _Bracket(lambda effect: form.statistic(test, effect) - critical, form.floor)
        bracket.open(estimate, critical, test.no_effect(), critical * form.standard_error(test), above_zero)
        result[solvable] = lower_end_beside_zero(bracket.close(critical * _TOLERANCE), above_zero)
        return result


class _Bracket:
    """For each look, an effect inside the interval and one outside; the end of the interval is between them.

    `miss` is statistic minus critical value: negative inside, not negative outside.
    """

    def __init__(self, miss: Callable[[Floats], Floats], floor: float) -> None:
        self._miss = miss
        self._floor = floor

    def open(self, estimate: Floats, critical: Floats, z0: Floats, stride: Floats, above_zero: Flags) -> None:
        """Find the two effects, starting from the estimate and from what is known at zero.

        Below zero, walk down from the estimate; above zero, outside is zero itself, and without an estimate
        (nobody in A reached the step) walk up from there. Strides double.
        """
        at_estimate = above_zero | (estimate <= 0)
        self.inner = np.where(at_estimate, estimate, 0.0)
        self.miss_inner = np.where(at_estimate, -critical, np.minimum(z0 - critical, -critical * 1e-15))
        self.outer = np.zeros_like(estimate)
        self.miss_outer = np.maximum(z0 - critical, 0.0)
        upwards = above_zero & np.isinf(estimate)
        start = np.where(np.isfinite(estimate) & ~above_zero, estimate, 0.0)
        walking = upwards | ~above_zero
        while walking.any():
            step = np.where(upwards, start + stride, np.maximum(start - stride, self._floor))
            with np.errstate(over="ignore"):
                miss = self._miss(np.where(walking, step, self.inner))
            outside = (miss >= 0) | (~upwards & (step <= self._floor))
            self._move(step, miss, outside, walking & (outside | (step < self.inner)))
            walking &= outside == upwards
            stride = stride * 2

    def close(self, tolerance: Floats) -> Floats:
        """Narrow every bracket by regula falsi with the weights of Anderson & Bjorck (1973), BIT 13."""
        end = self.inner
        done = np.zeros(end.shape, dtype=np.bool_)
        was_outside: Flags | None = None
        for _ in range(_ROUNDS):
            with np.errstate(invalid="ignore"):
                share = self.miss_inner / (self.miss_inner - self.miss_outer)
            share = np.where(np.isfinite(self.miss_outer), share, 0.5)
            step = self.inner + share * (self.outer - self.inner)
            end = np.where(done, end, step)
            miss = self._miss(end)
            outside = miss >= 0
            narrow = np.abs(self.outer - self.inner) <= 4e-16 * np.abs(end)
            done |= (np.abs(miss) <= tolerance) | narrow
            if done.all():
                break
            replaced = np.where(outside, self.miss_outer, self.miss_inner)
            with np.errstate(divide="ignore", invalid="ignore"):
                weight = 1 - miss / replaced
            weight = np.where(weight > 0, weight, 0.5)
            weight = np.where(outside == was_outside, weight, 1.0)  # only the end that has stayed twice
            was_outside = outside
            self.miss_inner = np.where(outside, self.miss_inner * weight, self.miss_inner)
            self.miss_outer = np.where(outside, self.miss_outer, self.miss_outer * weight)
            self._move(end, miss, outside, ~done)
        return end

    def _move(self, effect: Floats, miss: Floats, outside: Flags, where: Flags) -> None:
        self.outer = np.where(where & outside, effect, self.outer)
        self.miss_outer = np.where(where & outside, miss, self.miss_outer)
        self.inner = np.where(where & ~outside, effect, self.inner)
        self.miss_inner = np.where(where & ~outside, miss, self.miss_inner)
