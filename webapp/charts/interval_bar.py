"""Whisker: an interval of relative lifts placed on a scale with "no effect" in the middle, ready to be drawn."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from experiments.reporting.comparison import Effect

SCALES = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5, 2.0)
"""Relative lifts at which a scale may end."""


@dataclass(frozen=True, slots=True)
class Whisker:
    """An interval on the scale from -limit to +limit: positions in [0, 1], None where there is nothing to draw.

    `cut_low`, `cut_high`: the interval goes on beyond the scale on that side. `margin`: that of a guardrail.
    """

    low: float
    high: float
    middle: float | None
    cut_low: bool
    cut_high: bool
    margin: float | None = None


def whisker(
    effect: Effect, limit: float, margin: float | None = None, measure: Callable[[float], float] = float
) -> Whisker | None:
    """Where an interval lies on the scale; None when there is none, or when it is unbounded on both sides.

    `limit`: the end of the scale in what `measure` makes of a relative lift. `margin`: a relative lift.
    """
    if effect.relative_interval in (None, (None, None)):
        return None
    low, high = (None if end is None else measure(end) for end in effect.relative_interval or (None, None))
    middle = None if effect.relative_lift is None else measure(effect.relative_lift)
    return Whisker(
        place(-limit if low is None else low, limit),
        place(limit if high is None else high, limit),
        None if middle is None or abs(middle) > limit else place(middle, limit),
        low is None or low < -limit,
        high is None or high > limit,
        None if margin is None or abs(margin) > limit else place(margin, limit),
    )


def ends(effects: Iterable[Effect]) -> list[float]:
    """How far the intervals' ends are from no effect, nearest first."""
    return sorted(abs(end) for one in effects for end in one.relative_interval or () if end is not None)


def scale_end(reach: float, scales: Sequence[float] = SCALES) -> float:
    """The relative lift at which a scale ends that should reach so far."""
    return next((limit for limit in scales if limit >= reach), scales[-1])


def place(lift: float, limit: float) -> float:
    """The position of a lift on the scale from -limit to +limit, in [0, 1]; what is beyond lies at its end."""
    return (min(limit, max(-limit, lift)) + limit) / (2 * limit)
