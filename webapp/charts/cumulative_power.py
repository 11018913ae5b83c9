"""CumulativePower: with what chance an experiment is decided by each week, as a picture and as a table."""

import math
from collections.abc import Sequence

from markupsafe import Markup

from experiments.planning.cumulative_power import Course
from webapp.charts.line_chart import Axis, LineChart, Size, nice_values
from webapp.words.formatting import lift

MAX_POINTS = 120
MAX_WEEKS = 26
"""Of the table; a longer course is shown in steps of several weeks."""
_LABEL_GAP = 0.085  # of the height: two labels nearer than this would touch
ASKED = 2
"""Which line is that of the lift that the plan asks for."""
_DASHES = ("2 3", "6 4", "", "10 4")


Week = tuple[int, Sequence[float]]
"""One line of the table: after so many weeks, the chance for each true lift, in [0, 1]."""


def weeks(courses: Sequence[Course]) -> Sequence[Week]:
    """The chances after each whole week in which anything can be decided, up to the end."""
    if not courses:
        return ()
    last = math.ceil(max(course.days[-1] for course in courses) / 7)
    stride = math.ceil(last / MAX_WEEKS)
    numbers = sorted({*range(stride, last + 1, stride), last})
    return [(number, [course.by(number * 7) for course in courses]) for number in numbers]


def chances_chart(courses: Sequence[Course], size: Size, name: str) -> Markup:
    """The chance over weeks, one line for each true lift, whose name stands at its end. `name`: for a screen reader."""
    last = max(course.days[-1] for course in courses) / 7
    x = Axis(0.0, last, [(week, f"{week:g}") for week in nice_values(0.0, last, size.ticks, 1.0)], title="weeks")
    chart = LineChart(size, x, Axis(0.0, 1.0, [(k / 5, f"{k / 5:.0%}") for k in range(6)]), right=76.0)
    chart.line([(0.0, 0.0), (last, 0.0)], "stroke-zero")
    for k, (course, place) in enumerate(zip(courses, _label_places(courses), strict=True)):
        colour, width = ("effect", 2.5 if k == ASKED else 1.75) if course.lift else ("quiet", 1.5)
        chart.line(_points(course), f"stroke-{colour}", width, _DASHES[k])
        chart.word(last, place, _label(course), "fill-ink" if k == ASKED else "fill-quiet")
    return chart.svg(name)


def _points(course: Course) -> list[tuple[float, float]]:
    """At most `MAX_POINTS` (week, chance), evenly spaced, beginning with the day before which nothing is decided."""
    step = max(1, len(course.days) // MAX_POINTS)
    chosen = [*range(0, len(course.days) - 1, step), len(course.days) - 1]
    before = [(0.0, 0.0), (course.days[0] / 7, 0.0)]
    return [*before, *((course.days[k] / 7, float(course.found[k])) for k in chosen)]


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
