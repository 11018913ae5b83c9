"""What the visitor's eyes meet: no control that turns into something else, nothing hidden for long."""

from __future__ import annotations

import time
from typing import Any

import pytest

VIEWS = 10
PATIENCE = 300  # milliseconds
FRAME = 50  # how much later a frame may show it, on a busy machine


def hidden_for(frames: list[tuple[float, str]]) -> float:
    """Milliseconds from the first frame in which the tested element is hidden to the first in which it is not."""
    hidden = [index for index, (_, seen) in enumerate(frames) if seen == "hidden"]
    return frames[hidden[-1] + 1][0] - frames[hidden[0]][0] if hidden else 0.0


def test_a_second_page_view_paints_the_variant_at_once(stage: Any) -> None:
    address = stage.show()
    hidden = []
    with stage.visit(stage.visitor("changed")) as visit:
        visit.page.goto(address)
        stage.wait_for_text(visit.page, "Changed")
        stage.settle(visit.page, "Experiment Viewed")
        for number in range(VIEWS):
            visit.page.goto(f"{address}?{number}")
            visit.page.wait_for_timeout(100)
            frames = visit.page.evaluate("frames_seen")
            assert {seen for _, seen in frames} == {"Changed"}
            hidden.append(hidden_for(frames))
    print(f"MEASURED warm: {VIEWS} of {VIEWS} page views painted the variant first; hidden for {max(hidden)} ms")


@pytest.mark.parametrize("delay", [0, 150, 290])
def test_a_first_page_view_hides_only_what_is_tested_and_not_for_long(stand_in: Any, delay: int) -> None:
    def answer(handler: Any) -> None:
        time.sleep(delay / 1000)
        stand_in.answer_flags(handler)

    stand_in.answer_ofrep = answer
    with stand_in.stage.visit() as visit:
        visit.page.goto(stand_in.stage.show())
        assert visit.page.evaluate("getComputedStyle(document.querySelector('#other')).visibility") == "visible"
        visit.page.wait_for_timeout(600)
        frames = visit.page.evaluate("frames_seen")
    shown = [seen for _, seen in frames if seen != "hidden"]
    assert len(set(shown)) == 1, "the element never turns from one into the other"
    assert shown[0] == "Changed" or delay > 200
    assert hidden_for(frames) <= PATIENCE + FRAME
    print(f"MEASURED cold, answer after {delay} ms: hidden for {hidden_for(frames):.0f} ms, then {shown[0]}")


def test_elements_that_appear_later_are_never_painted_unchanged(stand_in: Any) -> None:
    """A single-page application shows another page, and builds its elements when it likes."""
    with stand_in.stage.visit() as visit:
        page = visit.page
        page.goto(stand_in.stage.show(body='<p id="other">Empty</p>'))
        page.wait_for_timeout(400)
        for _ in range(3):
            page.evaluate(
                "history.pushState(0, '', '/p' + Math.random());"
                "document.body.innerHTML = '<h1 id=offer>Control</h1>'; frames_seen.length = 0"
            )
            page.wait_for_timeout(100)
            assert {seen for _, seen in page.evaluate("frames_seen")} == {"Changed"}
    assert stand_in.names().count("Experiment Viewed") == 1
