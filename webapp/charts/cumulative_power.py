"""ChancesChart: with what chance an experiment is decided by each week, as a Vega-Lite spec and as a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from experiments.planning.cumulative_power import Course
from webapp.charts.charts import CONFIG, EFFECT, INK, QUIET, WIDE, ZERO, Size
from webapp.charts.vega_process import Spec
from webapp.words.formatting import lift

MAX_POINTS = 120
MAX_WEEKS = 26
"""Of the table; a longer course is shown in steps of several weeks."""
_LABEL_GAP = 0.085  # of the height: two labels nearer than this would touch
_DASHES: tuple[list[int], ...] = ([2, 3], [6, 4], [1, 0], [10, 4])


@dataclass(frozen=True, slots=True)
class Week:
    """One line of the table: after so many weeks, the chance for each true lift, in [0, 1]."""

    number: int
    found: Sequence[float]


def weeks(courses: Sequence[Course]) -> Sequence[Week]:
    """The chances after each whole week in which anything can be decided, up to the end."""
    if not courses:
        return ()
    last = math.ceil(max(course.days[-1] for course in courses) / 7)
    stride = math.ceil(last / MAX_WEEKS)
    numbers = sorted({*range(stride, last + 1, stride), last})
    return [Week(number, [course.by(number * 7) for course in courses]) for number in numbers]


def chances_chart(courses: Sequence[Course], size: Size) -> Spec:
    """The chance over weeks, one line for each true lift; its name stands at its end."""
    rows = [row for k, course in enumerate(courses) for row in _points(course, k)]
    last = max(course.days[-1] for course in courses) / 7
    x: dict[str, Any] = {"field": "week", "type": "quantitative", "title": "weeks"}
    x["scale"] = {"domain": [0, last], "nice": False}
    x["axis"] = {"grid": False, "tickMinStep": 1, "tickCount": 10 if size is WIDE else 5, "titleFontWeight": "normal"}
    y: dict[str, Any] = {"field": "found", "type": "quantitative", "title": None, "scale": {"domain": [0, 1]}}
    y["axis"] = {"format": ".0%", "tickCount": 5}
    layers: list[object] = []
    for k, course in enumerate(courses):
        colour, width = (QUIET, 1.5) if not course.lift else (EFFECT, 2.5 if k == 2 else 1.75)
        mark = {"type": "line", "color": colour, "strokeWidth": width, "strokeDash": _DASHES[k], "clip": True}
        chosen = {"filter": f"datum.line == {k}"}
        layers.append({"transform": [chosen], "mark": mark, "encoding": {"x": x, "y": y}})
    for (k, course), place in zip(enumerate(courses), _label_places(courses), strict=True):
        word = {"type": "text", "text": _label(course), "align": "left", "dx": 6, "fontSize": 12}
        word["color"] = INK if k == 2 else QUIET
        layers.append(
            {
                "data": {"values": [{"week": last, "found": place}]},
                "mark": word,
                "encoding": {"x": {"field": "week", "type": "quantitative"}, "y": {"field": "found"} | _PLAIN},
            }
        )
    # with data of its own, or it would be drawn once for every row
    layers.append({"data": {"values": [{}]}, "mark": {"type": "rule", "color": ZERO}, "encoding": {"y": {"datum": 0}}})
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "width": size.width,
        "height": size.height,
        "autosize": {"type": "fit", "contains": "padding"},
        "padding": {"left": 8, "top": 10, "right": 76, "bottom": 4},
        "background": None,
        "data": {"values": rows},
        "layer": layers,
        "config": CONFIG,
    }


def _points(course: Course, line: int) -> list[dict[str, float]]:
    """At most `MAX_POINTS`, evenly spaced, beginning with the day before which nothing is decided."""
    step = max(1, len(course.days) // MAX_POINTS)
    chosen = [*range(0, len(course.days) - 1, step), len(course.days) - 1]
    before = {"line": line, "week": 0.0, "found": 0.0}, {"line": line, "week": course.days[0] / 7, "found": 0.0}
    return [*before, *({"line": line, "week": course.days[k] / 7, "found": float(course.found[k])} for k in chosen)]


def _label_places(courses: Sequence[Course]) -> list[float]:
    """How high each line's name stands: at its end, or below the one above it."""
    places = [float(course.found[-1]) for course in courses]
    order = sorted(range(len(places)), key=lambda k: -places[k])
    top = 1.0 + _LABEL_GAP
    for rank, k in enumerate(order):
        places[k] = min(places[k], top - _LABEL_GAP)
        top = places[k]
        places[k] = max(places[k], _LABEL_GAP * (len(order) - 1 - rank))
    return places


def _label(course: Course) -> str:
    return lift(course.lift) if course.lift else "no change"


_PLAIN = {"type": "quantitative"}
