"""What a variant may do to a page, and what it may not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

BODY = """\
<a id="offer" class="old big" href="/next" title="Old">Control</a><a id="second" class="old" href="/next">Control</a>
<script id="code" type="text/plain">1</script><iframe id="frame" title="Empty"></iframe>"""


@pytest.mark.parametrize(
    ("change", "expression", "expected"),
    [
        pytest.param({"text": "<b>Bold</b>"}, "one.innerHTML", "&lt;b&gt;Bold&lt;/b&gt;", id="text"),
        pytest.param({"attribute": {"title": "New"}}, "one.title", "New", id="attribute"),
        pytest.param({"attribute": {"title": None}}, "one.hasAttribute('title')", False, id="attribute-removed"),
        pytest.param({"class": {"add": ["new", "more"], "remove": "old"}}, "one.className", "big new more", id="class"),
        pytest.param({"hide": True}, "one.checkVisibility()", False, id="hide"),
        pytest.param({"attribute": {"onclick": "alert(1)"}}, "one.getAttribute('onclick')", None, id="no-handler"),
        pytest.param({"attribute": {"ONfocus": "alert(1)"}}, "one.getAttribute('onfocus')", None, id="no-Handler"),
        pytest.param({"attribute": {"href": "javascript:alert(1)"}}, "one.getAttribute('href')", "/next", id="no-js"),
        pytest.param(
            {"attribute": {"href": " java\nscript:alert(1)"}}, "one.getAttribute('href')", "/next", id="no-hidden-js"
        ),
        pytest.param({"attribute": {"href": "data:text/html,x"}}, "one.getAttribute('href')", "/next", id="no-data"),
        pytest.param({"attribute": {"href": "/java"}}, "one.getAttribute('href')", "/java", id="link"),
        pytest.param(
            {"select": "#code", "text": "alert(1)"}, "document.querySelector('#code').text", "1", id="no-script"
        ),
        pytest.param(
            {"select": "#frame", "attribute": {"srcdoc": "<p>"}}, "frame.hasAttribute('srcdoc')", False, id="no-frame"
        ),
        pytest.param({"select": ".old", "text": "Both"}, "second.textContent", "Both", id="every-element"),
        pytest.param({"redirect": "javascript:alert(1)"}, "location.pathname", "/", id="no-js-redirect"),
        pytest.param({"redirect": "/"}, "location.pathname", "/", id="no-circle"),
        pytest.param({"select": "[[", "text": "x"}, "one.textContent", "Control", id="wrong-selector"),
        pytest.param({"widget": "nothing"}, "one.textContent", "Control", id="no-such-widget"),
        pytest.param({"class": {"add": "two words"}}, "one.textContent", "Control", id="wrong-class"),
    ],
)
def test_a_change(
    stand_in: Any, build: SimpleNamespace, change: dict[str, Any], expression: str, expected: Any
) -> None:
    stand_in.flags = [build.flag([{"select": "#offer"} | change, {"select": "#offer", "attribute": {"lang": "en"}}])]
    with stand_in.stage.visit() as visit:
        visit.page.goto(stand_in.stage.show(body=BODY))
        visit.page.wait_for_function("() => offer.lang === 'en'")  # a change that fails takes no other with it
        assert visit.page.evaluate(f"((one) => {expression})(offer)") == expected
        visit.faults[:] = [fault for fault in visit.faults if "Failed to load" not in fault and "MIME" not in fault]


def test_a_redirect_keeps_the_query_and_counts_before_it_goes(stand_in: Any, build: SimpleNamespace) -> None:
    stand_in.flags = [build.flag([{"redirect": "/next?b=2"}], {"view": "/"})]
    with stand_in.stage.visit() as visit:
        address = stand_in.stage.show()
        stand_in.stage.show("/next", body="<p>There</p>")
        visit.page.goto(address + "?a=1&b=1")
        visit.page.wait_for_url("**/next?b=2&a=1")
        assert visit.page.text_content("p") == "There"
        stand_in.wait_for(visit.page, "Experiment Viewed")
    sent = {one["messageId"] for body in stand_in.received for one in body["batch"]}
    assert len(sent) == 1, "who is sent on is counted once"


def test_a_redirect_to_another_host_takes_the_visitor_along(stand_in: Any, build: SimpleNamespace) -> None:
    elsewhere = stand_in.stage.server + "/next"
    stand_in.flags = [build.flag([{"redirect": elsewhere}], {"view": "/"})]
    with stand_in.stage.visit() as visit:
        address = stand_in.stage.show()
        stand_in.stage.show("/next", body="<p>There</p>")
        visit.page.goto(address)
        visit.page.wait_for_url(elsewhere)
        cookies = {one["domain"]: one["value"] for one in visit.context.cookies() if one["name"] == "yesladder_id"}
    assert len(cookies) == 2
    assert len(set(cookies.values())) == 1


def test_a_widget_comes_with_its_style_and_meets_each_element_once(stand_in: Any, build: SimpleNamespace) -> None:
    stand_in.flags = [build.flag([{"select": ".old", "widget": "frame", "options": {"with": "!"}}])]
    code = """yesladder.style(".framed{color:rgb(1,2,3)}");
      yesladder.widget("frame", (one, options) => { one.className += " framed"; one.append(options.with); });"""
    stand_in.stage.host.answers["/widgets/frame.js"] = lambda handler: build.answer(
        handler, 200, code, "text/javascript", build.SHARED
    )
    with stand_in.stage.visit() as visit:
        visit.page.goto(stand_in.stage.show(body=BODY))
        visit.page.locator("#second:text-is('Control!')").wait_for()
        visit.page.evaluate("document.body.append('x')")
        visit.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert visit.page.evaluate("[offer.textContent, getComputedStyle(offer).color]") == ["Control!", "rgb(1, 2, 3)"]


def test_a_widget_that_does_not_come_leaves_the_control_and_the_exposure(stand_in: Any, build: SimpleNamespace) -> None:
    stand_in.flags = [build.flag([{"select": "#offer", "widget": "gone"}])]
    with stand_in.stage.visit() as visit:
        visit.page.goto(stand_in.stage.show(attributes='blocking="render"'))
        assert stand_in.stage.frames(visit.page, "Control") in (["hidden", "Control"], ["Control"])
        stand_in.wait_for(visit.page, "Experiment Viewed")
        visit.faults.clear()  # the browser tells of the 404
