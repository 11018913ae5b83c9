"""Charts: the pictures of a result page as Vega-Lite specs, drawn once per content and kept.

The numbers of every chart are also in a table on the page, so a chart that cannot be drawn is simply not there.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from threading import Lock
from typing import Any

from markupsafe import Markup

from experiments.report import Comparison, Look
from webapp.drawing import Drawing, Spec
from webapp.svg import for_page

MAX_POINTS = 160
"""More looks than this would be finer than the pixels of a phone."""
KEPT_CHARTS = 256

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

    def __init__(self, drawing: Drawing) -> None:
        self._drawing = drawing
        self._kept: OrderedDict[str, str] = OrderedDict()
        self._lock = Lock()

    def picture(self, spec: Spec, name: str, css: str) -> Markup | None:
        """The chart as an SVG element with an accessible name, or None when it cannot be drawn now."""
        key = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()
        drawn = self._drawn(key, spec)
        return None if drawn is None else for_page(drawn, PAINTS, f"c{key[:8]}-", name, css)

    def _drawn(self, key: str, spec: Spec) -> str | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        drawn = self._drawing.draw(spec)
        if drawn is not None:
            with self._lock:
                self._kept[key] = drawn
                if len(self._kept) > KEPT_CHARTS:
                    self._kept.popitem(last=False)
        return drawn


def thinned(looks: Sequence[Look], keep: datetime | None = None) -> list[Look]:
    """At most `MAX_POINTS` looks with a number, evenly spaced, with the first and the last, and the one at `keep`."""
    numbered = [look for look in looks if look.relative_lift is not None]
    if len(numbered) <= MAX_POINTS:
        return numbered
    step = (len(numbered) - 1) / (MAX_POINTS - 1)
    chosen = {round(step * k) for k in range(MAX_POINTS)}
    return [look for k, look in enumerate(numbered) if k in chosen or look.at == keep]


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
            "lift": look.relative_lift,
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
        "config": _CONFIG,
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
    ends = [end for look in settled for end in look.relative_interval or () if end is not None]
    ends += [look.relative_lift for look in settled if look.relative_lift is not None]
    low, high = min(-0.02, *ends), max(0.02, *ends)
    margin = (high - low) * 0.08
    return low - margin, high + margin


def _bound(look: Look, side: int, edge: float) -> float | None:
    if look.relative_interval is None:
        return look.relative_lift  # no interval at this look: the band has no width there
    end = look.relative_interval[side]
    return edge if end is None else end


def _wall_clock(at: datetime, zone: tzinfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m-%dT%H:%M:%SZ")


_THREE_DAYS = datetime(1970, 1, 4) - datetime(1970, 1, 1)
_CONFIG = {
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
