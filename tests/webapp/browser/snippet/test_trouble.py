"""Whatever happens, the host page works and shows the control, and nothing is thrown into it."""

from __future__ import annotations

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
NO_LIST = """
{"flags": [{"key": "offer", "value": {"changes": {}}, "metadata": {"trigger": "{\\"visible\\": \\"#offer\\"}"}}]}"""
OF_THE_NETWORK = ("Failed to load resource", "net::ERR")


def _dead(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True
    handler.connection.close()


def _says(text: str, status: int = 200) -> Callable[[Any, SimpleNamespace], Callable[[BaseHTTPRequestHandler], None]]:
    return lambda _, build: lambda handler: build.answer(handler, status, text, "application/json", build.SHARED)


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(lambda *_: _dead, id="dead"),
        pytest.param(_says("<html>Bad gateway</html>"), id="html"),
        pytest.param(_says("", 500), id="500"),
        pytest.param(_says("{}"), id="empty"),
        pytest.param(_says('{"flags": 5}'), id="number"),
        pytest.param(_says('{"flags": [null]}'), id="null"),
        pytest.param(_says('{"flags": [{"key": "offer", "value": 1, "metadata": {"trigger": "{"}}]}'), id="half"),
        pytest.param(_says(NO_LIST), id="no-list"),
    ],
)
def test_a_broken_server(stand_in: Any, build: SimpleNamespace, trouble: Any) -> None:
    """Trouble is no reason to wait: this browser would for ten minutes."""
    stand_in.answer_ofrep = trouble(stand_in, build)
    with stand_in.stage.visit() as visit:
        visit.page.goto(stand_in.stage.show(attributes='blocking="render"'))
        assert visit.page.evaluate("yesladder.ready().then(() => 'ready')") == "ready"
        assert stand_in.stage.frames(visit.page, "Control") in (["hidden", "Control"], ["Control"])
        visit.page.evaluate("yesladder.track('after')")
        stand_in.wait_for(visit.page, "after")
        visit.page.click("#next")
        visit.page.wait_for_url("**/next")
        visit.faults[:] = [fault for fault in visit.faults if not any(word in fault for word in OF_THE_NETWORK)]
    assert stand_in.names() == ["after"], "who is shown the control for trouble's sake is not counted"


def test_a_slow_answer_is_used_on_the_next_page(stand_in: Any, build: SimpleNamespace) -> None:
    """The answer comes when the control is shown already."""
    answer = stand_in.hold()
    with stand_in.stage.visit(patient=False) as visit:
        address = stand_in.stage.show()
        visit.page.goto(address)
        visit.page.evaluate("yesladder.ready()")
        assert stand_in.stage.frames(visit.page, "Control")[-1] == "Control"
        answer.set()
        visit.page.wait_for_function(build.KEPT)
        visit.page.evaluate("yesladder.track('after')")
        stand_in.wait_for(visit.page, "after")
        assert visit.page.text_content("#offer") == "Control"
        assert stand_in.names() == ["after"]
        visit.page.goto(address)
        stand_in.stage.wait_for_text(visit.page, "Changed")
        stand_in.wait_for(visit.page, "Experiment Viewed")


def test_a_server_that_is_gone_takes_nothing_from_the_page(stand_in: Any, build: SimpleNamespace) -> None:
    """Not even the snippet comes, and a page that asked to wait for it is shown."""
    stand_in.stage.host.answers["/yesladder.js"] = _dead
    with stand_in.stage.visit() as visit:
        for attributes in ("", 'blocking="render"'):
            visit.page.goto(stand_in.stage.show(attributes=attributes))
            assert stand_in.stage.frames(visit.page, "Control") == ["Control"]
        visit.faults[:] = [fault for fault in visit.faults if not any(word in fault for word in OF_THE_NETWORK)]
    assert stand_in.names() == []


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
        visit.page.goto(stand_in.stage.show(attributes='blocking="render"'))
        assert visit.page.evaluate("yesladder.ready().then(() => 'ready')") == "ready"
        assert stand_in.stage.frames(visit.page, "Control") in (["hidden", "Control"], ["Control"])
        visit.page.evaluate("yesladder.track('tried'); yesladder.variant('offer'); yesladder.consent(false)")
        visit.page.wait_for_timeout(300)  # nothing is sent: not by itself, and not when the page is left
        visit.page.click("#next")
        visit.page.wait_for_url("**/next")
        visit.page.wait_for_timeout(100)
    assert stand_in.names() == []
