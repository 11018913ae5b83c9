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
    """The looks of one comparison in order, each with its critical value and whether its test rejects "no effect".

    `rejects` must be |z(0)| >= critical, decided by the caller once from its p-value: the search for the ends starts
    from that side of zero and never crosses it, so "the interval excludes zero" and "p <= alpha" are the same
    statement even where rounding makes the last digit.
    """

    test: ScoreTest
    critical: Floats
    rejects: Flags

    def last(self) -> Self:
        """The last look alone."""
        last = slice(-1, None)
        return type(self)(ScoreTest(self.test.pair.looks(last)), self.critical[last], self.rejects[last])


def invert(courses: Sequence[Course]) -> list[Intervals]:
    """For each course: the interval of every look by itself. Looks without information get the whole range."""
    if not courses:
        return []
    both = _Mirrored(courses)
    looks = np.arange(2 * sum(len(course.critical) for course in courses))
    return both.intervals(both.lower_ends(_RATIO, looks), both.lower_ends(_DIFFERENCE, looks))


def running_intersections(courses: Sequence[Course]) -> list[Intervals]:
    """For each course: what is in the intervals of every look so far; where that is empty, lower > upper.

    Equal to accumulating what `invert` answers, but only looks that can narrow the intersection are solved: if the end
    so far is inside a look's interval, which takes one evaluation to see, that look's own end is further out. Courses
    (of equally many strata) share the passes over the arrays.
    """
    if not courses:
        return []
    both = _Mirrored(courses)
    ends = both.needed_lower_ends(_RATIO), both.needed_lower_ends(_DIFFERENCE)
    return both.intervals(*(both.accumulated(one) for one in ends))


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
        pairs = [course.test.pair for course in courses]
        z = np.concatenate([course.test.no_effect() for course in courses])
        rejects = np.concatenate([course.rejects for course in courses])
        self._pair = Pair.joined([*pairs, *(pair.swapped() for pair in pairs)])
        self._critical = np.tile(np.concatenate([course.critical for course in courses]), 2)
        self._above_zero = np.concatenate((rejects & (z > 0), rejects & (z < 0)))
        ends = np.cumsum([0, *2 * [len(course.critical) for course in courses]]).tolist()
        self._courses = [slice(start, end) for start, end in pairwise(ends)]

    def intervals(self, ratio: Floats, difference: Floats) -> list[Intervals]:
        """One result per course, from the lower ends of all looks."""
        half = len(self._courses) // 2
        return [
            Intervals(np.expm1(ratio[here]), np.expm1(-ratio[mirror]), difference[here], -difference[mirror])
            for here, mirror in zip(self._courses[:half], self._courses[half:], strict=True)
        ]

    def lower_ends(self, form: _Form, looks: npt.NDArray[np.intp]) -> Floats:
        """The lower end of each of these looks, shape (chosen looks,)."""
        return _lower_end(ScoreTest(self._pair.looks(looks)), form, self._critical[looks], self._above_zero[looks])

    def needed_lower_ends(self, form: _Form) -> Floats:
        """The ends that matter; the others are the floor, which changes no maximum."""
        needed = np.zeros(len(self._critical), dtype=np.bool_)
        for course in self._courses:
            needed[course][::_STRIDE] = True
        ends = np.full(len(self._critical), form.floor)
        ends[needed] = self.lower_ends(form, np.flatnonzero(needed))
        so_far = self.accumulated(ends)
        others = np.flatnonzero(~needed)
        if len(others):
            statistic = form.statistic(ScoreTest(self._pair.looks(others)), so_far[others])
            narrows = statistic >= self._critical[others] * (1 - 1e-9)
            narrows |= self._above_zero[others] & (so_far[others] <= 0)
            ends[others[narrows]] = self.lower_ends(form, others[narrows])
        return ends

    def accumulated(self, ends: Floats) -> Floats:
        """The highest end of each course so far."""
        return np.concatenate([np.maximum.accumulate(ends[course]) for course in self._courses])


def _lower_end(test: ScoreTest, form: _Form, critical: Floats, above_zero: Flags) -> Floats:
    """The effect below the estimate at which the falling statistic equals the critical value; else the floor.

    `above_zero` says on which side of zero it lies.
    """
    estimate = form.estimate(test)
    result = np.full(estimate.shape, form.floor)
    solvable = np.flatnonzero((test.information > 0) & (estimate > form.floor) & np.isfinite(critical))
    if not len(solvable):
        return result
    part = ScoreTest(test.pair.looks(solvable))
    estimate, critical, above_zero = estimate[solvable], critical[solvable], above_zero[solvable]
    bracket = _Bracket(lambda effect: form.statistic(part, effect) - critical, form.floor)
    bracket.open(estimate, critical, part.no_effect(), critical * form.standard_error(part), above_zero)
    end = bracket.close(critical * _TOLERANCE)
    result[solvable] = lower_end_beside_zero(end, above_zero)
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
