"""Charts: the effect over time, and how long visitors take, each as one SVG element."""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo

from markupsafe import Markup

from experiments.reporting.comparison import Comparison, Look
from experiments.reporting.time_to_convert import StepTimes
from webapp.charts.line_chart import WIDE, Axis, LineChart, Size, Tick, dates, instant, nice_values
from webapp.words.formatting import MINUS

MAX_POINTS = 160
"""More looks than this would be finer than the pixels of a phone."""
VARIANTS = 8
"""So many colours there are for variants, in the order of the config."""

_TIMES = (1, 5, 15, 60, 300, 900, 3600, 4 * 3600, *(days * 86400 for days in (1, 3, 7, 14, 30, 90, 365, 1460)))


def thinned(looks: Sequence[Look], keep: datetime | None = None) -> list[Look]:
    """At most `MAX_POINTS` looks with a number, evenly spaced, with the first and the last, and the one at `keep`."""
    numbered = (k for k in range(len(looks)) if looks[k].effect.relative_lift is not None)
    first = next(numbered, None)
    if first is None:
        return []
    last = next(k for k in reversed(range(len(looks))) if looks[k].effect.relative_lift is not None)
    step = max(1.0, (last - first) / (MAX_POINTS - 1))
    chosen = {first + round(step * k) for k in range(MAX_POINTS)} & set(range(first, last + 1))
    if keep is not None:
        chosen.add(min(bisect_left(looks, keep, key=lambda look: look.at), last))
    found = [looks[k] for k in sorted(chosen)]  # each look is made when it is asked for: the others never are
    return [look for look in found if look.effect.relative_lift is not None]


def effect_over_time(comparison: Comparison, zone: tzinfo, sizes: Sequence[Size], name: str) -> list[Markup]:
    """The relative lift at every look and its running interval, in each size; none with fewer than two looks.

    Times are those of the wall clock in `zone`. An unbounded end of an interval is cut at the frame, as are the wide
    intervals of the first looks. `name`: what a screen reader says.
    """
    looks = thinned(comparison.looks, comparison.decided_at)
    if len(looks) < 2:
        return []
    low, high = _frame(looks)
    times = [look.at.astimezone(zone).replace(tzinfo=None) for look in looks]
    at = [instant(time) for time in times]
    lower, upper = ([_bound(look, side, edge) for look in looks] for side, edge in enumerate((low, high)))
    lifts = [look.effect.relative_lift or 0.0 for look in looks]
    decimals = 0 if high - low > 0.06 else 1
    drawn = []
    for size in sizes:
        words = {value: f"{value:+,.{decimals}%}".replace("-", MINUS) for value in nice_values(low, high, 5)}
        words[0.0] = "no effect" if size is WIDE else "0%"
        x = Axis(at[0], at[-1], dates(times[0], times[-1], size.dates))
        chart = LineChart(size, x, Axis(low, high, list(words.items())))
        chart.band(list(zip(at, lower, strict=True)), list(zip(at, upper, strict=True)), "fill-band")
        chart.line([(at[0], 0.0), (at[-1], 0.0)], "stroke-zero", 1.5)
        chart.line(zip(at, lifts, strict=True), "stroke-effect")
        if comparison.decided_at is not None:
            then = instant(comparison.decided_at.astimezone(zone).replace(tzinfo=None))
            chart.line([(then, low), (then, high)], "stroke-decided", 1.5, "4 3")
            chart.word(then, high - (high - low) * 0.04, "decided", "fill-decided")
        drawn.append(chart.svg(name))
    return drawn


def reached_by_time(step: StepTimes, points: Sequence[timedelta], size: Size, name: str) -> Markup | None:
    """Which share of each variant's visitors had reached a step so long after their first exposure; None of nobody.

    Time is drawn by its ratios, from where the first of them got there. `name`: what a screen reader says.
    """
    seconds = [int(point.total_seconds()) for point in points]
    found = [next((k for k, n in enumerate(one.course) if n), None) for one in step.variants.values()]
    begun = [seconds[k] for k in found if k is not None]
    if not begun or len(seconds) < 2:
        return None
    first = max(1, min(begun) // 2)
    most = max(one.share(one.reached) or 0 for one in step.variants.values())
    decimals = 0 if most >= 0.04 else 1 if most >= 0.004 else 2
    x = Axis(first, seconds[-1], [_time(one) for one in _TIMES if first <= one <= seconds[-1]], logarithmic=True)
    y = Axis(0.0, most * 1.06, [(value, f"{value:.{decimals}%}") for value in nice_values(0.0, most * 1.06, 5)])
    chart = LineChart(size, x, y)
    for place, one in enumerate(step.variants.values()):
        reached = zip(seconds, one.course, strict=True)
        shares = [(within, one.share(number) or 0.0) for within, number in reached if within >= first and one.visitors]
        chart.line(shares, f"stroke-variant-{place % VARIANTS}")
    return chart.svg(name)


def _time(seconds: int) -> Tick:
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return seconds, f"{seconds // length} {unit}"
    return seconds, f"{seconds} s"


def _frame(looks: Sequence[Look]) -> tuple[float, float]:
    settled = looks[len(looks) // 5 :]  # the first fifth may be cut: its intervals would squeeze the rest
    ends = [end for look in settled for end in look.effect.relative_interval or () if end is not None]
    ends += [look.effect.relative_lift for look in settled if look.effect.relative_lift is not None]
    low, high = min(-0.02, *ends), max(0.02, *ends)
    margin = (high - low) * 0.08
    return low - margin, high + margin


def _bound(look: Look, side: int, edge: float) -> float:
    if look.effect.relative_interval is None:
        return look.effect.relative_lift or 0.0  # no interval at this look: the band has no width there
    end = look.effect.relative_interval[side]
    return edge if end is None else end
