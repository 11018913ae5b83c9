"""LineChart: lines and bands over two axes, as one SVG element that the stylesheet of the page colours.

No colour, style or script is in it: classes such as `stroke-effect` say what a part is, and the stylesheet what that
looks like in light, in the dark and on paper. The numbers of every chart are also in a table on the page.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup, escape

Tick = tuple[float, str]
"""A value of an axis, and its label."""

_LETTERS = 12  # their size, in pixels
_LETTER_WIDTH = 7.0  # of an average one, a little more than most fonts take
_EPOCH = datetime(1970, 1, 1)
_HOURS = (1, 3, 6, 12, 24)
_DAYS = (1, 2, 7, 14)
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120)


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height in CSS pixels at which a chart's letters have their natural size, and its CSS class.

    `ticks`, `dates`: about how many of its numbers, and at most how many days, have room along the bottom.
    """

    width: int
    height: int
    css: str
    ticks: int
    dates: int


WIDE = Size(880, 290, "chart chart-wide", ticks=10, dates=11)
NARROW = Size(330, 230, "chart chart-narrow", ticks=5, dates=5)


@dataclass(frozen=True, slots=True)
class Axis:
    """The values from `low` to `high`, with labels at some; `logarithmic`: for values above 0, by their ratios."""

    low: float
    high: float
    ticks: Sequence[Tick]
    logarithmic: bool = False
    title: str = ""

    def place(self, value: float) -> float:
        """Where a value lies: 0 at `low`, 1 at `high`."""
        low, high = self.low, self.high
        if self.logarithmic:
            low, high, value = math.log(low), math.log(high), math.log(value)
        return (value - low) / (high - low)


class LineChart:
    """A chart of this size, to which `line` and the others add what is drawn, each over what was there before.

    `right`: pixels beside the drawing, for words there.
    """

    def __init__(self, size: Size, x: Axis, y: Axis, right: float = 12.0) -> None:
        self._size, self._x, self._y = size, x, y
        self._left = 22.0 + _LETTER_WIDTH * max((len(word) for _, word in y.ticks), default=0)
        self._width = size.width - self._left - right
        self._height = size.height - 8.0 - (42.0 if x.title else 26.0)
        self._drawn: list[str] = []
        self._words: list[str] = []

    def line(self, points: Iterable[tuple[float, float]], css: str, width: float = 2.0, dash: str = "") -> None:
        """Through these points (x, y); `dash`: lengths of dashes and gaps, such as "4 3"."""
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self._drawn.append(
            f'<polyline points="{self._path(points)}" class="{css}" fill="none" stroke-width="{width:g}"{dashed}/>'
        )

    def band(self, low: Sequence[tuple[float, float]], high: Sequence[tuple[float, float]], css: str) -> None:
        """Between these two lines."""
        self._drawn.append(f'<polygon points="{self._path([*low, *reversed(high)])}" class="{css}"/>')

    def word(self, x: float, y: float, text: str, css: str) -> None:
        """A word that begins beside the point (x, y), in its middle."""
        self._words.append(self._text(self._left + self._across(x) + 6, 8 + self._down(y) + 4, text, css, "start"))

    def svg(self, name: str) -> Markup:
        """The element; `name` is what a screen reader says instead of it."""
        size, inside = self._size, f'x="{self._left:.1f}" y="8" width="{self._width:.1f}" height="{self._height:.1f}"'
        parts = [*self._axes(), f"<svg {inside}>", *self._drawn, "</svg>", *self._words]
        return Markup(  # of our own parts; what comes from elsewhere is escaped
            f'<svg viewBox="0 0 {size.width} {size.height}" class="{size.css}" role="img" aria-label="{escape(name)}" '
            f'focusable="false">{"".join(parts)}</svg>'
        )

    def _axes(self) -> Iterator[str]:
        left, bottom = self._left, 8 + self._height
        for value, word in self._y.ticks:
            y = 8 + self._down(value)
            yield f'<path d="M{left:.1f},{y:.1f}h{self._width:.1f}" class="stroke-grid"/>'
            yield self._text(left - 8, y + 4, word, "fill-quiet", "end")
        free = 0.0
        for value, word in self._x.ticks:
            x, half = left + self._across(value), _LETTER_WIDTH * len(word) / 2
            yield f'<path d="M{x:.1f},{bottom:.1f}v4" class="stroke-grid"/>'
            middle = min(x, self._size.width - half)  # at the edge it moves inwards
            if middle - half >= free:
                yield self._text(middle, bottom + 18, word, "fill-quiet", "middle")
                free = middle + half + _LETTERS / 2
        if self._x.title:
            yield self._text(left + self._width / 2, bottom + 36, self._x.title, "fill-quiet", "middle")

    def _text(self, x: float, y: float, text: str, css: str, anchor: str) -> str:
        place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{_LETTERS}"'
        return f'<text {place} class="{css}">{escape(text)}</text>'

    def _path(self, points: Iterable[tuple[float, float]]) -> str:
        return " ".join(f"{self._across(x):.1f},{self._down(y):.1f}" for x, y in points)

    def _across(self, x: float) -> float:
        return self._x.place(x) * self._width

    def _down(self, y: float) -> float:
        return (1 - self._y.place(y)) * self._height


def nice_values(low: float, high: float, about: int, least: float = 0.0) -> list[float]:
    """Round values between two ends, about so many: whole multiples of 1, 2 or 5 times a power of ten.

    `least`: the smallest step between them.
    """
    rough = max((high - low) / about, least)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough / 1.45)
    return [k * step for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def instant(wall_clock: datetime) -> float:
    """Where a moment, as a clock on the wall shows it, lies on an axis of dates, in seconds."""
    return (wall_clock - _EPOCH).total_seconds()


def dates(first: datetime, last: datetime, most: int) -> list[Tick]:
    """Round moments between two readings of a clock on the wall, at most so many: hours, days, Mondays or months."""
    span = last - first
    if span < timedelta(days=3):
        hours = next(hours for hours in _HOURS if span / timedelta(hours=hours) <= most or hours == _HOURS[-1])
        midnight, step = first.replace(hour=0, minute=0, second=0, microsecond=0), timedelta(hours=hours)
        chosen = [midnight + k * step for k in range(96 // hours + 1)]
        return [(instant(at), f"{at:%-d %b, %H:%M}") for at in chosen if first <= at <= last]
    days = list(_midnights(first, last))
    for step_days in _DAYS:
        chosen = [at for at in days if at.toordinal() % step_days == 1 % step_days]
        if len(chosen) <= most:
            return [(instant(at), f"{at:%-d %b}") for at in chosen]
    months = [at for at in days if at.day == 1]
    for step_months in _MONTHS:
        chosen = [at for at in months if (12 * at.year + at.month - 1) % step_months == 0]
        if len(chosen) <= most:
            break
    return [(instant(at), f"{at:%b %Y}" if span > timedelta(days=300) else f"{at:%-d %b}") for at in chosen]


def _midnights(first: datetime, last: datetime) -> Iterator[datetime]:
    at = first.replace(hour=0, minute=0, second=0, microsecond=0)
    while (at := at + timedelta(days=1)) <= last:
        yield at
