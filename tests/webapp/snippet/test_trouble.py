"""Whatever happens, the host page works and shows the control, and nothing is thrown into it."""

from __future__ import annotations

import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from types import SimpleNamespace
from typing import Any

import pytest

FULL = """
for (let size = 1 << 20; size; size >>= 1)
  try { for (let n = 0; ; n++) localStorage["f" + size + n] = "x".repeat(size); } catch {}"""
NO_COOKIES = "Object.defineProperty(document, 'cookie', { get: () => '', set: () => {} });"
NO_STORAGE = """
Object.defineProperty(window, "localStorage", { get: () => { throw new DOMException("no", "SecurityError"); } });"""
OF_THE_NETWORK = ("Failed to load resource", "net::ERR")


def _dead(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True
    handler.connection.close()


def _says(text: str, status: int = 200) -> Callable[[Any, SimpleNamespace], Callable[[BaseHTTPRequestHandler], None]]:
    return lambda _, build: lambda handler: build.answer(handler, status, text, "application/json", build.SHARED)


def _slow(stand_in: Any, _: SimpleNamespace) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(2)
        stand_in.answer_flags(handler)

    return answer


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(lambda *_: _dead, id="dead"),
        pytest.param(_slow, id="slow"),
        pytest.param(_says("<html>Bad gateway</html>"), id="html"),
        pytest.param(_says("", 500), id="500"),
        pytest.param(_says("{}"), id="empty"),
        pytest.param(_says('{"flags": 5}'), id="number"),
        pytest.param(_says('{"flags": [null]}'), id="null"),
        pytest.param(_says('{"flags": [{"key": "offer", "value": 1, "metadata": {"trigger": "{"}}]}'), id="half"),
        pytest.param(
            _says('{"flags": [{"key": "offer", "value": {"changes": {"a": 1}}, "metadata": {}}]}'), id="no-list"
        ),
    ],
)
def test_a_broken_server(stand_in: Any, build: SimpleNamespace, trouble: Any) -> None:
    stand_in.answer_ofrep = trouble(stand_in, build)
    with stand_in.stage.visit() as visit:
        visit.page.goto(stand_in.stage.show())
        visit.page.wait_for_timeout(2600 if trouble is _slow else 700)
        frames = visit.page.evaluate("frames_seen")
        assert frames[-1][1] == "Control"
        hidden = [at for at, seen in frames if seen == "hidden"]
        assert not hidden or hidden[-1] - hidden[0] <= 300
        assert {seen for _, seen in frames} <= {"hidden", "Control"}
        assert visit.page.evaluate("yesladder.ready().then(() => 'ready')") == "ready"
        visit.page.click("#next")
        visit.faults[:] = [fault for fault in visit.faults if not any(word in fault for word in OF_THE_NETWORK)]
    assert "Experiment Viewed" not in stand_in.names(), "who is shown the control for trouble's sake is not counted"


def test_a_slow_answer_is_used_on_the_next_page(stand_in: Any, build: SimpleNamespace) -> None:
    stand_in.answer_ofrep = _slow(stand_in, build)
    with stand_in.stage.visit() as visit:
        address = stand_in.stage.show()
        visit.page.goto(address)
        visit.page.wait_for_timeout(2600)
        visit.page.goto(address)
        stand_in.stage.wait_for_text(visit.page, "Changed")


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(NO_COOKIES, id="cookies-refused"),
        pytest.param(NO_STORAGE, id="storage-refused"),
        pytest.param(FULL, id="storage-full"),
        pytest.param("delete window.IntersectionObserver", id="old-browser"),
        pytest.param("window.CSSStyleSheet = undefined; window.fetch = undefined", id="older-browser"),
    ],
)
def test_a_browser_that_keeps_nothing(stand_in: Any, trouble: str) -> None:
    with stand_in.stage.visit() as visit:
        visit.page.add_init_script(trouble)
        visit.page.goto(stand_in.stage.show())
        visit.page.wait_for_timeout(700)
        assert visit.page.evaluate("frames_seen").pop()[1] == "Control"
        assert {seen for _, seen in visit.page.evaluate("frames_seen")} <= {"hidden", "Control"}
        visit.page.evaluate("yesladder.track('tried'); yesladder.variant('offer'); yesladder.consent(false)")
        visit.page.click("#next")
    assert stand_in.names() == []
