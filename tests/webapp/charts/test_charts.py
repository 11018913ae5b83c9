"""Charts and the child that draws them: what is drawn, what is kept, and that a failure leaves the page standing."""

from __future__ import annotations

import os
import re
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, timedelta, timezone
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from webapp.charts.charts import MAX_POINTS, NARROW, WIDE, Charts, effect_over_time, thinned
from webapp.charts.svg import for_page
from webapp.charts.vega_process import Drawing
from webapp.pages.experiment.effect_over_time import over_time
from webapp.words.formatting import Formatting

ECHO = "import sys, json\nfor line in sys.stdin: print(json.dumps('<svg>' + str(len(line)) + '</svg>'), flush=True)"


class Counting(Drawing):
    """A drawing that counts what it is asked for, and answers at once."""

    def __init__(self, answer: str | None) -> None:
        super().__init__()
        self.asked = 0
        self._answer = answer

    def draw(self, spec: Any) -> str | None:
        self.asked += 1
        return self._answer


@pytest.fixture(scope="module")
def drawn() -> Iterator[Drawing]:
    """Draws with the real engine."""
    drawing = Drawing(timeout=60)
    yield drawing
    drawing.close()


def test_a_chart_carries_no_colour_style_or_foreign_name(drawn: Drawing, build: SimpleNamespace) -> None:
    spec = effect_over_time(build.comparison("multi-step", "better", 0.2), UTC, WIDE)
    assert spec is not None
    picture = Charts(drawn).picture(spec, "Effect of <b> over time", WIDE.css)
    assert picture is not None
    root = ET.fromstring(picture)
    assert (root.get("role"), root.get("aria-label")) == ("img", "Effect of <b> over time")
    assert root.get("width") is None
    assert root.get("viewBox") == "0 0 880 290"
    assert "style=" not in picture
    assert not re.search(r"#[0-9a-f]{3,6}\b(?!\))", re.sub(r"url\(#[^)]*\)", "", picture))
    for css in ("fill-band", "stroke-effect", "stroke-zero", "fill-decided", "stroke-decided"):
        assert css in picture
    words = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "decided" in words
    assert "no effect" in words
    assert any(word and word.startswith("+") and word.endswith("%") for word in words)


def test_the_axis_is_in_the_sites_time_zone(build: SimpleNamespace) -> None:
    comparison = build.comparison("multi-step", "undecided", 0.1)
    utc = effect_over_time(comparison, UTC, NARROW)
    east = effect_over_time(comparison, timezone(timedelta(hours=13)), NARROW)
    assert utc is not None
    assert east is not None
    assert utc["data"]["values"][-1]["at"] == "2026-11-22T10:00:00Z"
    assert east["data"]["values"][-1]["at"] == "2026-11-22T23:00:00Z"


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_looks_have_no_chart(build: SimpleNamespace, n: int) -> None:
    comparison = build.comparison("multi-step", "undecided", 0.1)
    assert effect_over_time(replace(comparison, looks=comparison.looks[:n]), UTC, WIDE) is None


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
    spec = effect_over_time(replace(comparison, looks=looks), UTC, WIDE)
    assert spec is not None
    last_but_one, last = spec["data"]["values"][-2:]
    assert last_but_one["low"] < 0 < last_but_one["high"]
    assert last["low"] == last["high"] == last["lift"]


def test_a_page_waits_once_for_all_its_charts() -> None:
    now, drawing = [100.0], Counting('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    charts = Charts(drawing, now=lambda: now[0])
    until = charts.patience()
    drawn = []
    for mark in ("bar", "line", "area", "bar"):
        drawn.append(charts.picture({"mark": mark}, mark, "chart", until) is not None)
        now[0] += 5  # a busy machine
    assert drawn == [True, True, False, True]  # what is kept is shown all the same
    assert drawing.asked == 2


def test_the_same_chart_is_drawn_once() -> None:
    drawing = Counting('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    charts = Charts(drawing)
    for name in ("one", "two"):
        picture = charts.picture({"mark": "bar"}, name, "chart")
        assert picture is not None
        assert f'aria-label="{name}"' in picture
    assert drawing.asked == 1
    charts.picture({"mark": "line"}, "three", "chart")
    assert drawing.asked == 2


def test_a_failure_is_not_kept() -> None:
    drawing = Counting(None)
    charts = Charts(drawing)
    assert [charts.picture({}, "x", "chart"), charts.picture({}, "x", "chart")] == [None, None]
    assert drawing.asked == 2


def test_a_drawing_loses_what_the_page_forbids_and_keeps_its_ids_to_itself() -> None:
    drawn = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="8"><clipPath id="clip0"/>'
        '<g clip-path="url(#clip0)" style="cursor:pointer" role="graphics-symbol" aria-label="other">'
        '<path d="M0.123456,1L2,3.98" fill="#000001" stroke="none"/></g></svg>'
    )
    picture = for_page(drawn, {"#000001": "ink"}, "c1-", "n", "chart")
    assert picture == (
        '<svg xmlns="http://www.w3.org/2000/svg" version="1.1" viewBox="0 0 9 8" class="chart" role="img" '
        'aria-label="n" focusable="false"><clipPath id="c1-clip0" /><g clip-path="url(#c1-clip0)">'
        '<path d="M0.1,1L2,3.9" stroke="none" class="fill-ink" /></g></svg>'
    ).replace(' version="1.1"', "")


def test_an_unknown_colour_is_refused() -> None:
    with pytest.raises(ValueError, match="fill '#abcdef', must be one of #000001"):
        for_page(
            '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><path fill="#abcdef"/></svg>',
            {"#000001": "ink"},
            "c-",
            "n",
            "chart",
        )


def child(source: str) -> tuple[str, ...]:
    """A command that runs this source instead of the real engine."""
    return (sys.executable, "-c", source)


def test_a_child_that_ended_is_started_again() -> None:
    drawing = Drawing(timeout=20, command=child(ECHO.replace("for line in sys.stdin:", "line = sys.stdin.readline();")))
    try:
        assert [drawing.draw({"a": 1}), drawing.draw({"a": 1})] == ["<svg>9</svg>"] * 2
    finally:
        drawing.close()


@pytest.mark.parametrize("source", ["import time\ntime.sleep(600)", "raise SystemExit(1)"], ids=["hangs", "dies"])
def test_a_child_that_fails_is_left_alone_for_a_while(source: str) -> None:
    now = [0.0]
    drawing = Drawing(timeout=0.5, pause=30, now=lambda: time.monotonic() + now[0], command=child(source))
    try:
        assert drawing.draw({}) is None
        drawing._command = child(ECHO)
        drawing._timeout = 20
        assert drawing.draw({}) is None  # it would draw now, but is not asked: nobody waits while it is left alone
        now[0] = 31
        assert drawing.draw({}) is not None
    finally:
        drawing.close()


def test_a_spec_the_engine_refuses_is_no_chart(drawn: Drawing) -> None:
    assert drawn.draw({"mark": "no such mark", "data": {"values": []}}) is None


def test_nothing_is_loaded_from_elsewhere(drawn: Drawing) -> None:
    spec = {"data": {"url": "http://127.0.0.1:9/data.json"}, "mark": "point", "encoding": {"x": {"field": "a"}}}
    answer = drawn.draw(spec)
    assert answer is None or "data.json" not in answer


def test_closing_ends_the_child() -> None:
    drawing = Drawing(timeout=20, command=child(ECHO))
    drawing.draw({})
    assert drawing._child is not None
    number = drawing._child.pid
    drawing.close()
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kathmandu"])
def test_the_table_has_the_last_look_of_every_day(build: SimpleNamespace, zone: str) -> None:
    report = build.report("better")
    formatting = Formatting(ZoneInfo(zone), zone, "EUR")
    shown = over_time(report, None, Charts(Counting(None)), formatting)
    assert shown is not None
    looks = shown.courses[0].comparison.looks
    days = {look.at.astimezone(formatting.zone).date(): look for look in looks}
    assert list(shown.courses[0].days) == list(reversed(days.values()))
    assert len(days) > 15
