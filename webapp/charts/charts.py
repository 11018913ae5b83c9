"""Charts: the pictures of a result page as Vega-Lite specs, drawn once per content and kept.

The numbers of every chart are also in a table on the page, so a chart that cannot be drawn is simply not there.
"""

from __future__ import annotations

import hashlib
import json
import math
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache
from threading import Lock
from time import monotonic
from typing import Any

from markupsafe import Markup

from experiments.reporting.comparison import Comparison, Look
from experiments.reporting.time_to_convert import StepTimes
from webapp.charts.svg import for_page
from webapp.charts.vega_process import Drawing, Spec

MAX_POINTS = 160
"""More looks than this would be finer than the pixels of a phone."""
KEPT_CHARTS = 256
PATIENCE_SECONDS = 8.0
"""A page with many pictures on a busy machine waits so long for all of them together, not for each."""

# Colours of the drawing that the stylesheet replaces, so that one drawing serves light and dark.
PAINTS = {
    "#000001": "ink",
    "#000002": "quiet",
    "#000003": "grid",
    "#000004": "zero",
    "#000005": "band",
    "#000006": "effect",
    "#000007": "decided",
}
INK, QUIET, GRID, ZERO, BAND, EFFECT, DECIDED = PAINTS
VARIANTS = tuple(f"#00001{place}" for place in range(8))
"""The colours of the variants, in the order of the config."""
PAINTS |= {paint: f"variant-{place}" for place, paint in enumerate(VARIANTS)}


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height in CSS pixels at which a chart's letters have their natural size, and its CSS class."""

    width: int
    height: int
    css: str


WIDE = Size(880, 290, "chart chart-wide")
NARROW = Size(330, 230, "chart chart-narrow")


class Charts:
    """Draws charts, and remembers the last `KEPT_CHARTS` by their content. Safe to share between threads."""

    def __init__(self, drawing: Drawing, now: Callable[[], float] = monotonic) -> None:
        self._drawing = drawing
        self._now = now
        self._kept: OrderedDict[str, str] = OrderedDict()
        self._lock = Lock()

    def patience(self) -> float:
        """Until when (on a clock of its own) a page that begins now begins to draw pictures."""
        return self._now() + PATIENCE_SECONDS

    def picture(self, spec: Spec, name: str, css: str, until: float = math.inf) -> Markup | None:
        """The chart as an SVG element with an accessible name, or None when it cannot be drawn now, or begun `until`
        then."""
        key = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()
        drawn = self._drawn(key, spec, until)
        return None if drawn is None else _dressed(drawn, f"c{key[:8]}-", name, css)

    def _drawn(self, key: str, spec: Spec, until: float) -> str | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        drawn = self._drawing.draw(spec) if self._now() < until else None
        if drawn is not None:
            with self._lock:
                self._kept[key] = drawn
                if len(self._kept) > KEPT_CHARTS:
                    self._kept.popitem(last=False)
        return drawn


@lru_cache(maxsize=2 * KEPT_CHARTS)
def _dressed(drawn: str, ident: str, name: str, css: str) -> Markup:
    return for_page(drawn, PAINTS, ident, name, css)


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


def effect_over_time(comparison: Comparison, zone: tzinfo, size: Size) -> Spec | None:
    """The relative lift at every look and its running interval, as a Vega-Lite spec; None with fewer than two looks.

    Times are written in `zone` (the wall clock there, drawn on a scale that knows no zones). An unbounded end of an
    interval is cut at the frame, as are the wide intervals of the first looks.
    """
    looks = thinned(comparison.looks, comparison.decided_at)
    if len(looks) < 2:
        return None
    low, high = _frame(looks)
    rows = [
        {
            "at": _wall_clock(look.at, zone),
            "lift": look.effect.relative_lift,
            "low": _bound(look, 0, low),
            "high": _bound(look, 1, high),
        }
        for look in looks
    ]
    time: dict[str, Any] = {"field": "at", "type": "temporal", "scale": {"type": "utc"}, "title": None}
    time["axis"] = {"grid": False, "tickCount": 7 if size is WIDE else 4, "format": "%-d %b", "labelFlush": True}
    if looks[-1].at - looks[0].at < _THREE_DAYS:
        time["axis"]["format"] = "%-d %b, %H:%M"
        time["axis"]["tickCount"] = 5 if size is WIDE else 3
    lift: dict[str, Any] = {
        "field": "lift",
        "type": "quantitative",
        "title": None,
        "scale": {"domain": [low, high], "nice": False},
    }
    percents = "+.0%" if high - low > 0.06 else "+.1%"
    nothing = "no effect" if size is WIDE else "0%"
    lift["axis"] = {"labelExpr": f"datum.value == 0 ? '{nothing}' : format(datum.value, '{percents}')", "tickCount": 5}
    layers: list[object] = [
        {
            "mark": {"type": "area", "color": BAND, "clip": True},
            "encoding": {"x": time, "y": {**lift, "field": "low"}, "y2": {"field": "high"}},
        },
        {"mark": {"type": "rule", "color": ZERO, "strokeWidth": 1.5}, "encoding": {"y": {"datum": 0}}},
        {
            "mark": {"type": "line", "color": EFFECT, "strokeWidth": 2, "clip": True},
            "encoding": {"x": time, "y": lift},
        },
    ]
    if comparison.decided_at is not None:
        layers += _decided(_wall_clock(comparison.decided_at, zone), size)
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "width": size.width,
        "height": size.height,
        "autosize": {"type": "fit", "contains": "padding"},
        "padding": {"left": 14 if size is WIDE else 6, "top": 6, "right": 10, "bottom": 4},
        "background": None,
        "data": {"values": rows},
        "layer": layers,
        "config": CONFIG,
    }


def reached_by_time(step: StepTimes, points: Sequence[timedelta], size: Size) -> Spec | None:
    """Which share of each variant's visitors had reached a step so long after their first exposure; None of nobody.

    Time is drawn on a logarithmic scale, from where the first of them got there.
    """
    seconds = [int(point.total_seconds()) for point in points]
    found = [next((k for k, n in enumerate(one.course) if n), None) for one in step.variants.values()]
    begun = [seconds[k] for k in found if k is not None]
    if not begun or len(seconds) < 2:
        return None
    first = max(1, min(begun) // 2)
    rows = [
        {"within": within, "share": one.share(reached), "variant": key}
        for key, one in step.variants.items()
        for within, reached in zip(seconds, one.course, strict=True)
        if within >= first and one.visitors
    ]
    most = max(one.share(one.reached) or 0 for one in step.variants.values())
    ticks = [one for one in _TICKS if first <= one <= seconds[-1]]
    time: dict[str, Any] = {"field": "within", "type": "quantitative", "title": None}
    time["scale"] = {"type": "log", "domain": [first, seconds[-1]], "nice": False}
    time["axis"] = {"grid": False, "values": ticks, "labelExpr": _TIME_LABEL, "labelOverlap": "greedy"}
    share: dict[str, Any] = {"field": "share", "type": "quantitative", "title": None}
    share["scale"] = {"domain": [0, most * 1.06], "nice": False}
    share["axis"] = {"format": ".0%" if most >= 0.04 else ".1%" if most >= 0.004 else ".2%", "tickCount": 5}
    keys = list(step.variants)
    colours = {"domain": keys, "range": [VARIANTS[place % len(VARIANTS)] for place in range(len(keys))]}
    colour = {"field": "variant", "type": "nominal", "scale": colours, "legend": None}
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "width": size.width,
        "height": size.height,
        "autosize": {"type": "fit", "contains": "padding"},
        "padding": {"left": 14 if size is WIDE else 6, "top": 6, "right": 16, "bottom": 4},
        "background": None,
        "data": {"values": rows},
        "mark": {"type": "line", "strokeWidth": 2, "clip": True},
        "encoding": {"x": time, "y": share, "color": colour},
        "config": CONFIG,
    }


def _decided(at: str, size: Size) -> list[object]:
    data = {"values": [{"at": at}]}
    where = {"x": {"field": "at", "type": "temporal", "scale": {"type": "utc"}}}
    rule = {"type": "rule", "color": DECIDED, "strokeWidth": 1.5, "strokeDash": [4, 3]}
    word = {"type": "text", "text": "decided", "color": DECIDED, "align": "left", "dx": 5, "fontSize": 12}
    high_up = {"y": {"value": 8 if size is WIDE else 6}}
    return [
        {"data": data, "mark": rule, "encoding": where},
        {"data": data, "mark": word, "encoding": {**where, **high_up}},
    ]


def _frame(looks: Sequence[Look]) -> tuple[float, float]:
    settled = looks[len(looks) // 5 :]  # the first fifth may be cut: its intervals would squeeze the rest
    ends = [end for look in settled for end in look.effect.relative_interval or () if end is not None]
    ends += [look.effect.relative_lift for look in settled if look.effect.relative_lift is not None]
    low, high = min(-0.02, *ends), max(0.02, *ends)
    margin = (high - low) * 0.08
    return low - margin, high + margin


def _bound(look: Look, side: int, edge: float) -> float | None:
    if look.effect.relative_interval is None:
        return look.effect.relative_lift  # no interval at this look: the band has no width there
    end = look.effect.relative_interval[side]
    return edge if end is None else end


def _wall_clock(at: datetime, zone: tzinfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m-%dT%H:%M:%SZ")


_TICKS = (1, 5, 15, 60, 300, 900, 3600, 4 * 3600, *(days * 86400 for days in (1, 3, 7, 14, 30, 90, 365, 1460)))
_TIME_LABEL = (
    "datum.value < 60 ? datum.value + ' s' : datum.value < 3600 ? datum.value / 60 + ' min' : "
    "datum.value < 86400 ? datum.value / 3600 + ' h' : datum.value / 86400 + ' d'"
)
_THREE_DAYS = datetime(1970, 1, 4) - datetime(1970, 1, 1)
CONFIG = {
    "view": {"stroke": None},
    "axis": {
        "labelColor": QUIET,
        "labelFontSize": 12,
        "titleColor": QUIET,
        "gridColor": GRID,
        "domain": False,
        "tickColor": GRID,
        "ticks": False,
        "labelPadding": 8,
    },
    "axisX": {"ticks": True, "tickSize": 4, "labelPadding": 4},
    "text": {"color": INK},
}
