"""What the visitor's eyes meet: no control that turns into the variant, nothing hidden for longer than 300 ms."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.sync_api import Page

VIEWS = 20
BLOCKING = 'blocking="render"'
SHOWN = "['#offer', '#other'].map((one) => getComputedStyle(document.querySelector(one)).visibility)"
START = datetime(2026, 11, 22, tzinfo=UTC)


def standing_clock(page: Page) -> None:
    """From now on time passes in the page only when the test lets it."""
    page.clock.install(time=START)
    page.clock.pause_at(START.replace(second=1))


@pytest.mark.parametrize("attributes", ["", BLOCKING], ids=["async", "blocking"])
def test_a_second_page_view_paints_the_variant_at_once(stage: Any, attributes: str) -> None:
    """Always, once the snippet is there. That it is there before the first paint is certain with a tag that blocks
    rendering, and likely with one that lets the page go on."""
    address = stage.show(attributes=attributes)
    first = []
    with stage.visit(stage.visitor("changed")) as visit:
        visit.page.goto(address)
        stage.wait_for_text(visit.page, "Changed")
        stage.settle(visit.page, "Experiment Viewed")
        for number in range(VIEWS):
            visit.page.goto(f"{address}?{number}")
            stage.frames(visit.page, "Changed")
            frames = visit.page.evaluate("frames_seen")
            assert {seen for _, seen, there in frames if there} == {"Changed"}
            first.append(frames[0][1])
    print(f"MEASURED second view, {attributes or 'plain async'}: variant first in {first.count('Changed')} of {VIEWS}")
    assert set(first) == {"Changed"} or not attributes


def test_a_first_page_view_never_paints_the_control_before_the_variant(stand_in: Any) -> None:
    with stand_in.stage.visit() as visit:
        visit.page.goto(stand_in.stage.show(attributes=BLOCKING))
        assert stand_in.stage.frames(visit.page, "Changed") in (["hidden", "Changed"], ["Changed"])


def test_only_what_is_tested_is_hidden_and_only_for_300_ms(stand_in: Any, build: SimpleNamespace) -> None:
    answer = stand_in.hold()
    with stand_in.stage.visit(patient=False) as visit:
        page = visit.page
        standing_clock(page)
        page.goto(stand_in.stage.show(attributes=BLOCKING))
        assert page.evaluate(SHOWN) == ["hidden", "visible"]
        page.clock.run_for(299)
        assert page.evaluate(SHOWN) == ["hidden", "visible"]
        page.clock.run_for(1)
        assert page.evaluate(SHOWN) == ["visible", "visible"]
        assert page.text_content("#offer") == "Control"
        answer.set()  # too late for this page view
        page.wait_for_function(build.KEPT)
        page.evaluate("yesladder.track('after')")
        page.clock.run_for(1000)
        assert page.text_content("#offer") == "Control", "what the visitor has met with stays"
        stand_in.wait_for(page, "after")
        assert stand_in.names() == ["after"], "who was shown the control for lack of an answer is not counted"
        page.goto(stand_in.stage.host.origin)
        page.clock.run_for(100)
        assert page.text_content("#offer") == "Changed"
        stand_in.wait_for(page, "Experiment Viewed")


def test_an_answer_in_the_last_moment_is_used(stand_in: Any, build: SimpleNamespace) -> None:
    answer = stand_in.hold()
    with stand_in.stage.visit(patient=False) as visit:
        page = visit.page
        standing_clock(page)
        page.goto(stand_in.stage.show(attributes=BLOCKING))
        page.clock.run_for(299)
        assert page.evaluate(SHOWN) == ["hidden", "visible"]
        answer.set()
        page.wait_for_function(build.KEPT)
        page.clock.run_for(100)
        assert page.evaluate(SHOWN) == ["visible", "visible"]
        assert page.text_content("#offer") == "Changed"
        stand_in.wait_for(page, "Experiment Viewed")


def test_a_widget_that_does_not_come_hides_its_place_for_300_ms(stand_in: Any, build: SimpleNamespace) -> None:
    let_go = threading.Event()

    def late(handler: Any) -> None:
        let_go.wait(60)
        build.answer(
            handler, 200, "yesladder.widget('late', (one) => (one.textContent = 'Changed'))", "text/javascript"
        )

    stand_in.flags = [build.flag([{"select": "#offer", "widget": "late"}])]
    stand_in.stage.host.answers["/widgets/late.js"] = late
    with stand_in.stage.visit(patient=False) as visit:
        page = visit.page
        standing_clock(page)
        page.goto(stand_in.stage.show(attributes=BLOCKING), wait_until="commit")
        page.wait_for_function(build.KEPT)
        page.clock.run_for(17)  # a frame: the change is made, and its widget asked for
        page.wait_for_function("() => document.querySelector('script[src$=\"/late.js\"]')")
        assert page.evaluate(SHOWN) == ["hidden", "visible"]
        page.clock.run_for(300)
        assert page.evaluate(SHOWN) == ["visible", "visible"]
        page.evaluate("document.body.append('more')")
        page.clock.run_for(100)
        assert page.evaluate(SHOWN) == ["visible", "visible"], "what was shown is not hidden again"
        let_go.set()
        page.wait_for_function("() => document.querySelector('#offer').textContent === 'Changed'")


def test_how_long_it_is_hidden(stand_in: Any) -> None:
    """With a real clock. How long it took is told, not asserted: a busy machine paints its frames when it can."""
    answer = stand_in.hold()
    with stand_in.stage.visit(patient=False) as visit:
        visit.page.goto(stand_in.stage.show(attributes=BLOCKING))
        seen = stand_in.stage.frames(visit.page, "Control")
        assert seen in (["hidden", "Control"], ["Control"])
        frames = visit.page.evaluate("frames_seen")
        answer.set()
    hidden = [at for at, seen, _ in frames if seen == "hidden"]
    shown = next(at for at, seen, _ in frames if seen == "Control")
    print(f"MEASURED no answer: hidden for {shown - hidden[0] if hidden else 0:.0f} ms, then the control")


PARTS = {
    "text": ('<h1 id="offer">Con', "trol</h1><p>"),
    "form": ('<form id="offer"><p>Con', "trol</p><input></form><p>"),
}


@pytest.mark.parametrize("kind", PARTS)
def test_an_element_that_arrives_in_two_parts(stand_in: Any, build: SimpleNamespace, kind: str) -> None:
    """The parser adds the second part of the control when the variant is there already."""
    let_go = threading.Event()
    before, after = (build.PAGE.split("{body}")[0] + PARTS[kind][0], PARTS[kind][1])
    code = "yesladder.widget('all', (one) => (one.innerHTML = 'Changed' + one.elements.length))"
    host = stand_in.stage.host

    def in_two_parts(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/html")
        handler.send_header("Content-Security-Policy", host.policy)
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(before.format(server=stand_in.stage.server, attributes=BLOCKING).encode())
        handler.wfile.flush()
        let_go.wait(60)
        handler.wfile.write(after.encode())
        handler.close_connection = True

    host.answers["/"] = in_two_parts
    host.answers["/widgets/all.js"] = lambda handler: build.answer(handler, 200, code, "text/javascript")
    change = {"text": "Changed1"} if kind == "text" else {"widget": "all"}
    stand_in.flags = [build.flag([{"select": "#offer"} | change])]
    with stand_in.stage.visit() as visit:
        page = visit.page
        page.goto(host.origin, wait_until="commit")
        page.wait_for_function(build.KEPT)
        early = "Changed1" if kind == "text" else "hidden"
        page.wait_for_function("(early) => frames_seen.at(-1)?.[1] === early", arg=early)
        let_go.set()
        page.wait_for_load_state()
        assert set(stand_in.stage.frames(page, "Changed1")) <= {"hidden", "Changed1"}
        page.evaluate("document.body.append('more')")
        page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert page.text_content("#offer") == "Changed1"


def test_elements_that_appear_later_are_never_painted_unchanged(stand_in: Any) -> None:
    """A single-page application shows another page, and builds its elements when it likes."""
    with stand_in.stage.visit() as visit:
        page = visit.page
        page.goto(stand_in.stage.show(body='<p id="other">Empty</p>'))
        page.evaluate("yesladder.ready()")
        for _ in range(3):
            page.evaluate(
                "history.pushState(0, '', '/p' + Math.random());"
                "document.body.innerHTML = '<h1 id=offer>Control</h1>'; frames_seen.length = 0"
            )
            assert stand_in.stage.frames(page, "Changed") == ["Changed"]
        stand_in.wait_for(page, "Experiment Viewed")
        page.evaluate("yesladder.track('last')")
        stand_in.wait_for(page, "last")
    assert stand_in.names().count("Experiment Viewed") == 1
