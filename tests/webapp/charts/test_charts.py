"""Charts: what is drawn and where, in words and colours that the page's stylesheet knows."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import numpy as np
import pytest

import webapp
from experiments.planning.cumulative_power import Course
from webapp.charts.charts import MAX_POINTS, effect_over_time, thinned
from webapp.charts.cumulative_power import chances_chart
from webapp.charts.line_chart import NARROW, WIDE, Axis, LineChart, Size, dates, instant, nice_values
from webapp.pages.experiment.effect_over_time import over_time
from webapp.words.formatting import Formatting

SVG = "{http://www.w3.org/2000/svg}"
STYLES = (Path(webapp.__file__).parent / "static" / "yesladder.css").read_text("utf-8")
SIZES = pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])


def element(picture: str) -> ET.Element:
    """The picture as a tree; in a page it needs no namespace."""
    return ET.fromstring(str(picture).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))


def words(picture: str) -> dict[str, tuple[float, float]]:
    """Every word of the picture, and where it stands."""
    found = element(picture).iter(f"{SVG}text")
    return {one.text or "": (float(one.get("x", "")), float(one.get("y", ""))) for one in found}


def points(picture: str, css: str) -> list[tuple[float, float]]:
    """The points of the line or band of this class, in pixels of the drawing inside the axes."""
    [found] = [one for one in element(picture).iter() if one.get("class") == css and one.get("points")]
    return [(float(x), float(y)) for x, y in (point.split(",") for point in found.get("points", "").split())]


def inside(picture: str) -> tuple[float, float]:
    """Width and height of the drawing inside the axes."""
    [frame] = [one for one in element(picture) if one.tag == f"{SVG}svg"]
    return float(frame.get("width", "")), float(frame.get("height", ""))


def test_a_chart_carries_no_colour_style_or_foreign_name(build: SimpleNamespace) -> None:
    [picture] = effect_over_time(
        build.comparison("multi-step", "better", 0.2), UTC, [WIDE], 'Effect of <b> "over" time'
    )
    root = element(picture)
    assert (root.get("role"), root.get("aria-label")) == ("img", 'Effect of <b> "over" time')
    assert root.get("width") is None
    assert root.get("viewBox") == "0 0 880 290"
    assert not re.search(r"style=|href|url\(|\bid=|#[0-9a-f]{3,6}\b", picture)
    for css in ("fill-band", "stroke-effect", "stroke-zero", "fill-decided", "stroke-decided"):
        assert f'"{css}"' in picture
    said = words(picture)
    assert "decided" in said
    assert "no effect" in said
    assert any(word.startswith("+") and word.endswith("%") for word in said)


@SIZES
def test_the_stylesheet_knows_every_part(build: SimpleNamespace, size: Size) -> None:
    courses = [Course(lift, [7.0, 14.0], np.array([0.1, 0.2])) for lift in (0.0, 0.1, 0.2, 0.4)]
    [effect] = effect_over_time(build.comparison("multi-step", "better", 0.2), UTC, [size], "n")
    for picture in (effect, chances_chart(courses, size, "n")):
        for one in element(picture).iter():
            for css in (one.get("class") or "").split():
                assert re.search(rf"\.{css} {{", STYLES), css


def test_the_axis_is_in_the_sites_time_zone(build: SimpleNamespace) -> None:
    comparison = build.comparison("multi-step", "undecided", 0.1)
    [utc] = effect_over_time(comparison, UTC, [WIDE], "n")
    [east] = effect_over_time(comparison, timezone(timedelta(hours=13)), [WIDE], "n")
    width, _ = inside(utc)
    looks = comparison.looks
    an_hour = width / ((looks[-1].at - looks[0].at) / timedelta(hours=1))
    days = [word for word in words(utc) if word.endswith(" Nov") and word in words(east)]
    assert len(days) > 5
    for day in days[:-1]:  # its midnight came 13 hours earlier
        assert words(utc)[day][0] - words(east)[day][0] == pytest.approx(13 * an_hour, abs=0.2)


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_looks_have_no_chart(build: SimpleNamespace, n: int) -> None:
    comparison = build.comparison("multi-step", "undecided", 0.1)
    assert effect_over_time(replace(comparison, looks=comparison.looks[:n]), UTC, [WIDE], "n") == []


def test_many_looks_are_thinned_but_not_the_one_that_decided(build: SimpleNamespace) -> None:
    looks = build.looks(0.1, n=5000)
    decided = looks[1234].at
    kept = thinned(looks, decided)
    assert len(kept) <= MAX_POINTS + 1
    assert kept[0] is looks[0]
    assert kept[-1] is looks[-1]
    assert decided in [look.at for look in kept]


def test_a_look_without_interval_or_bound_is_drawn_to_the_frame(build: SimpleNamespace) -> None:
    comparison = build.comparison("multi-step", "undecided", 0.1)
    looks = build.looks(0.1, n=50)
    looks[-2] = build.with_effect(looks[-2], relative_interval=(None, 0.2))
    looks[-1] = build.with_effect(looks[-1], relative_interval=None)
    [picture] = effect_over_time(replace(comparison, looks=looks), UTC, [WIDE], "n")
    band, line, (_, height) = points(picture, "fill-band"), points(picture, "stroke-effect"), inside(picture)
    lower, upper = band[: len(band) // 2], band[: len(band) // 2 - 1 : -1]
    assert lower[-2][1] == pytest.approx(height, abs=0.1), "an open end is at the frame"
    assert 0 < upper[-2][1] < height
    assert lower[-1] == upper[-1] == line[-1], "without an interval the band has no width"


def test_what_is_drawn_lies_where_its_number_says(build: SimpleNamespace) -> None:
    comparison = build.comparison("multi-step", "undecided", 0.1)
    [picture] = effect_over_time(comparison, UTC, [WIDE], "n")
    said = words(picture)
    (_, zero), (_, tenth) = said["no effect"], said["+10%"]
    line = points(picture, "stroke-effect")
    assert line[0][0] == 0
    assert line[-1][0] == pytest.approx(inside(picture)[0], abs=0.1)
    last = comparison.looks[-1].effect.relative_lift
    assert zero - 12 - line[-1][1] == pytest.approx(last / 0.1 * (zero - tenth), abs=0.5)  # 4 for letters, 8 above


@SIZES
def test_a_courses_name_stands_at_its_end_and_touches_no_other(size: Size) -> None:
    ends = {0.0: 0.05, 0.1: 0.9, 0.2: 0.99, 0.4: 1.0}
    courses = [Course(lift, [70.0, 140.0], np.array([0.1, found])) for lift, found in ends.items()]
    picture = chances_chart(courses, size, "n")
    names = ("+40.0%", "+20.0%", "+10.0%", "no change")
    heights = [words(picture)[name][1] for name in names]
    assert all(below - above >= 12 for above, below in pairwise(heights))
    assert {words(picture)[name][0] for name in names} == {words(picture)["no change"][0]}
    assert picture.count("<polyline") == 5, "a line for each, and the one of zero"


@pytest.mark.parametrize(
    ("low", "high", "about", "least", "found"),
    [
        (0, 1, 5, 0, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (-0.03, 0.11, 5, 0, [-0.02, 0, 0.02, 0.04, 0.06, 0.08, 0.1]),
        (-0.28, 1.06, 5, 0, [-0.2, 0, 0.2, 0.4, 0.6, 0.8, 1]),
        (-1.2, 24.9, 5, 0, [0, 5, 10, 15, 20]),
        (0, 3.4, 10, 1, [0, 1, 2, 3]),
        (0, 75, 10, 1, [0, 10, 20, 30, 40, 50, 60, 70]),
    ],
)
def test_values_are_round(low: float, high: float, about: int, least: float, found: Sequence[float]) -> None:
    assert nice_values(low, high, about, least) == pytest.approx(found)


@pytest.mark.parametrize(
    ("days", "most", "first", "last", "number"),
    [
        (1, 5, "1 Mar, 12:00", "2 Mar, 06:00", 4),
        (2.5, 11, "1 Mar, 12:00", "3 Mar, 18:00", 10),
        (5, 11, "2 Mar", "6 Mar", 5),
        (21, 11, "2 Mar", "22 Mar", 11),
        (60, 11, "2 Mar", "27 Apr", 9),
        (60, 5, "2 Mar", "27 Apr", 5),
        (120, 5, "1 Apr", "1 Jun", 3),
        (400, 11, "May 2026", "Mar 2027", 6),
        (4000, 11, "Jan 2027", "Jan 2037", 11),
        (4000, 5, "Jan 2028", "Jan 2036", 5),
    ],
)
def test_dates_are_round_and_not_too_many(days: float, most: int, first: str, last: str, number: int) -> None:
    start = datetime(2026, 3, 1, 9, 17)
    found = [label for _, label in dates(start, start + timedelta(days=days), most)]
    assert (found[0], found[-1], len(found)) == (first, last, number)


@SIZES
@pytest.mark.parametrize("days", [0.1, 2, 9, 33, 200, 2000])
def test_labels_do_not_touch_and_stay_inside(size: Size, days: float) -> None:
    start = datetime(2026, 3, 1, 9, 17)
    end = start + timedelta(days=days)
    ticks = dates(start, end, size.dates)
    y = Axis(0.0, 1.0, [(0.5, "+50%")])
    crowded = LineChart(size, Axis(0.0, 1.0, [(k / 40, f"label {k}") for k in range(41)]), y)
    real = LineChart(size, Axis(instant(start), instant(end), ticks), y)
    for picture in (crowded.svg("n"), real.svg("n")):
        shown = sorted((x, len(word) * 7.0 / 2) for word, (x, _) in words(picture).items() if word != "+50%")
        assert all(x + half <= size.width + 0.1 for x, half in shown)
        assert all(x + half < other - its for (x, half), (other, its) in pairwise(shown))
    assert not ticks or ticks[0][1] in words(real.svg("n"))


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kathmandu"])
def test_the_table_has_the_last_look_of_every_day(build: SimpleNamespace, zone: str) -> None:
    report = build.report("better")
    formatting = Formatting(ZoneInfo(zone), zone, "EUR")
    shown = over_time(report, None, formatting)
    assert shown is not None
    looks = shown.courses[0].comparison.looks
    days = {look.at.astimezone(formatting.zone).date(): look for look in looks}
    assert list(shown.courses[0].days) == list(reversed(days.values()))
    assert len(days) > 15
    assert len(shown.courses[0].charts) == 2
