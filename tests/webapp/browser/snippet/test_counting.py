"""From the page to the result: what the visitor sees and does is what is counted, alike in both variants."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

MARKED = """\
<form id="contact" action="/sent" data-yes-focus="form_started" data-yes-submit="form_sent"
  data-yes-properties='{"amount": 12}'><h2 tabindex="-1" id="title">Ask us</h2>
<label>E-mail <input type="email" id="email" data-yes-change="email_given"></label>
<button id="send">Send</button></form>
<button data-yes-click="poll_answered"><b id="yes">Yes</b></button>
<p data-yes-view="prices_viewed">Prices</p><div class="gap"></div><p id="deep" data-yes-visible="deep_seen">Deep</p>"""
BOTH = pytest.mark.parametrize("variant", ["control", "changed"])


@BOTH
def test_a_visitor_is_counted_at_the_trigger_and_at_each_step(stage: Any, variant: str) -> None:
    visitor = stage.visitor(variant)
    with stage.visit(visitor) as visit:
        visit.page.goto(stage.show())
        stage.wait_for_text(visit.page, variant.capitalize())
        visit.page.click("#go")
        visit.page.evaluate("yesladder.track('bought', {amount: 12})")
        stage.settle(visit.page, "bought")
    expected = [("Experiment Viewed", variant), ("bought", None), ("offer_clicked", None), ("offer_seen", None)]
    assert sorted(stage.events(visitor)) == expected
    assert stage.reached() == {(variant, step): 1 for step in ("seen", "clicked", "bought")}


@BOTH
def test_both_variants_are_exposed_at_the_same_moment(stage: Any, build: SimpleNamespace, variant: str) -> None:
    """Nobody is exposed before the tested element is on the screen, also where the change would take it away."""
    visitor = stage.visitor(variant)
    body = '<button id="early" data-yes-click="early">Early</button><div class="gap"></div>' + build.BODY
    with stage.visit(visitor) as visit:
        visit.page.goto(stage.show(body=body))
        visit.page.click("#early")
        stage.settle(visit.page, "early")
        assert stage.events(visitor) == [("early", None)]
        assert visit.page.text_content("#offer") == "Control"
        visit.page.evaluate("document.querySelector('#offer').scrollIntoView()")
        stage.wait_for_text(visit.page, variant.capitalize())
        stage.settle(visit.page, "Experiment Viewed", "offer_seen")
    assert sorted(stage.events(visitor))[0] == ("Experiment Viewed", variant)


@pytest.mark.parametrize(
    ("moment", "action"),
    [
        pytest.param('{click: "#go"}', "document.querySelector('#go').click()", id="click"),
        pytest.param('{focus: "#field"}', "document.querySelector('#field').focus()", id="focus"),
        pytest.param('{submit: "form"}', "document.querySelector('form').requestSubmit()", id="submit"),
        pytest.param('{view: "/shop"}', "history.pushState(0, '', '/shop'); document.body.append('x')", id="view"),
        pytest.param(
            '{visible: "#late"}', "document.body.prepend(Object.assign(new Image(), {id: 'late'}))", id="later"
        ),
    ],
)
@BOTH
def test_triggers(site_of: Any, build: SimpleNamespace, moment: str, action: str, variant: str) -> None:
    body = build.BODY + '<form action="/next"><input id="field"></form>'
    with site_of(build.experiment(trigger=moment)) as stage:
        stage.host.page_script = "addEventListener('submit', (event) => event.preventDefault())"
        visitor = stage.visitor(variant)
        with stage.visit(visitor) as visit:
            visit.page.goto(stage.show(body=body))
            stage.settle(visit.page, "offer_seen")
            assert stage.events(visitor) == [("offer_seen", None)]
            visit.page.evaluate(action)
            stage.settle(visit.page, "Experiment Viewed")
            assert visit.page.text_content("#offer") == variant.capitalize()
        assert stage.reached()[variant, "seen"] == 1, "a step of this page view counts after the exposure"


def test_data_attributes(stage: Any) -> None:
    visitor = stage.visitor("control")
    with stage.visit(visitor) as visit:
        page = visit.page
        page.goto(stage.show(body=MARKED))
        page.evaluate("addEventListener('submit', (event) => event.preventDefault())")
        page.evaluate("document.querySelector('#title').focus()")
        stage.settle(page, "prices_viewed")
        assert stage.events(visitor) == [("prices_viewed", None)], "a focus that a script sets is not the visitor's"
        page.fill("#email", "nobody")
        page.focus("#send")
        page.fill("#email", "a@b.example")
        page.focus("#send")
        page.click("#yes")
        page.click("#yes")
        page.click("#send")
        stage.settle(page, "form_started", "email_given", "poll_answered", "form_sent")
        assert "deep_seen" not in dict(stage.events(visitor))
        page.evaluate("document.querySelector('#deep').scrollIntoView()")
        stage.settle(page, "deep_seen")
    names = sorted(name for name, _ in stage.events(visitor))
    once = ["deep_seen", "email_given", "form_sent", "form_started", "prices_viewed"]
    assert names == sorted([*once, "poll_answered", "poll_answered"])
    assert stage.properties("form_sent") == {"amount": 12}


def test_the_page_s_own_calls(site_of: Any, build: SimpleNamespace) -> None:
    """Calls made before the snippet is there are kept; asking for a variant without a trigger is the exposure."""
    plain = build.experiment().replace('trigger: {visible: "#offer"}\n', "").replace("value: {changes", "value: {ours")
    with site_of(plain) as stage:
        stage.host.page_script = """\
          (window.yesladder = window.yesladder || []).push(["track", "early", {n: 1}], ["identify", "user-7"]);
          yesladder.push(["ready", () => (window.told = yesladder.variant("offer"))]);"""
        visitor = stage.visitor("changed")
        with stage.visit(visitor) as visit:
            visit.page.goto(stage.show())
            visit.page.wait_for_function("() => window.told")
            assert visit.page.evaluate("[told, yesladder.variant('nonsense')]") == ["changed", None]
            visit.page.evaluate("yesladder.push(['track', 'pushed'], ['nonsense'], ['track', 'too'])")
            stage.settle(visit.page, "early", "Identify", "Experiment Viewed", "pushed", "too")
        assert ("Experiment Viewed", "changed") in stage.events(visitor)


def test_a_preview_shows_a_variant_and_counts_nothing(stage: Any) -> None:
    with stage.visit() as visit:
        address = stage.show()
        visit.page.goto(address + "?yesladder=offer:changed")
        stage.wait_for_text(visit.page, "Changed")
        visit.page.click("#go")
        visit.page.goto(address)
        stage.wait_for_text(visit.page, "Changed")
        visit.page.goto(address + "?yesladder=")
        stage.settle(visit.page, "offer_seen")
        cookies = [one["name"] for one in visit.context.cookies()]
    assert cookies == ["yesladder_id"], "counting began with the end of the preview"
    assert {name for name, _ in stage.events()} <= {"offer_seen", "Experiment Viewed"}


@BOTH
def test_exposure_explicit_is_left_to_the_page(site_of: Any, build: SimpleNamespace, variant: str) -> None:
    with site_of(build.experiment(more="exposure: explicit\n")) as stage:
        visitor = stage.visitor(variant)
        with stage.visit(visitor) as visit:
            visit.page.goto(stage.show())
            stage.settle(visit.page, "offer_seen")
            assert visit.page.text_content("#offer") == variant.capitalize()
        assert stage.events(visitor) == [("offer_seen", None)]


def test_a_winner_is_served_without_counting(site_of: Any, build: SimpleNamespace) -> None:
    stopped = build.experiment(
        more="serve: changed\nended_at: 2026-02-01T00:00:00Z\nstarted_at: 2026-01-01T00:00:00Z\n"
    )
    with site_of(stopped.replace("status: running", "status: stopped")) as stage, stage.visit() as visit:
        visit.page.goto(stage.show())
        stage.wait_for_text(visit.page, "Changed")
        stage.settle(visit.page, "offer_seen")
        assert [name for name, _ in stage.events()] == ["offer_seen"]
