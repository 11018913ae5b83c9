"""No event is lost and none is counted twice, however a page is left."""

from __future__ import annotations

import shutil
from types import SimpleNamespace
from typing import Any

from playwright.sync_api import Browser

NAVIGATIONS = 100
NOTHING_WAITS = "() => !Object.keys(localStorage).some((key) => key.startsWith('yesladder.event.'))"
LEAVING = """\
const number = new URLSearchParams(location.search).get("n");
addEventListener("pagehide", () => number && yesladder.track("left-" + number));
"""


def test_events_sent_on_unload(stage: Any) -> None:
    visitor = stage.visitor("changed")
    stage.host.page_script = LEAVING
    address = stage.show()
    with stage.visit(visitor) as visit:
        for number in range(NAVIGATIONS):
            visit.page.goto(f"{address}?n={number}")
        visit.page.goto(address)
        stage.settle(visit.page, *(f"left-{number}" for number in range(NAVIGATIONS)))
    left = [name for name, _ in stage.events(visitor) if name.startswith("left-")]
    assert sorted(left) == sorted(f"left-{number}" for number in range(NAVIGATIONS))
    assert [name for name, _ in stage.events(visitor)].count("Experiment Viewed") == 1


def test_the_last_page(stage: Any, build: SimpleNamespace) -> None:
    """What is said in the moment of leaving arrives though no other page of the site follows."""
    stage.host.page_script = LEAVING
    with stage.visit() as visit:
        other = build.opened(visit.context, visit.faults)
        other.goto(stage.show())
        visit.page.goto(stage.show() + "?n=last")
        visit.page.goto("about:blank")
        stage.settle(other, "left-last", drained=False)
    assert [name for name, _ in stage.events()].count("left-last") == 1


def test_a_server_that_was_away(stand_in: Any, build: SimpleNamespace) -> None:
    """What could not be sent is sent by the next page, once the server is back."""
    taking = stand_in.stage.host.answers["/v1/batch"]
    busy: list[int] = []

    def refuse(handler: Any) -> None:
        busy.append(1)
        build.answer(handler, 503, "", "text/plain", build.SHARED)

    stand_in.stage.host.answers["/v1/batch"] = refuse
    address = stand_in.stage.show()
    with stand_in.stage.visit() as visit:
        visit.page.goto(address)
        stand_in.stage.wait_for_text(visit.page, "Changed")
        visit.page.evaluate("for (let n = 0; n < 150; n++) yesladder.track('n' + n)")
        for _ in range(2):
            before = len(busy)
            while len(busy) == before:
                visit.page.wait_for_timeout(20)
            visit.page.goto(address)
        stand_in.stage.host.answers["/v1/batch"] = taking
        visit.page.goto(address)
        stand_in.wait_for(visit.page, "n50", "n149")
        visit.page.wait_for_function(NOTHING_WAITS)
        visit.faults.clear()  # the browser tells of each 503
    identities = {one["messageId"]: one["event"] for body in stand_in.received for one in body["batch"]}
    assert sorted(identities.values()) == sorted(f"n{n}" for n in range(50, 150)), "of too many, the newest are kept"


def test_two_tabs_are_exposed_once(stage: Any, build: SimpleNamespace) -> None:
    visitor = stage.visitor("control")
    address = stage.show()
    with stage.visit(visitor) as visit:
        other = build.opened(visit.context, visit.faults)
        other.goto("about:blank")
        for page in (visit.page, other):
            page.evaluate(f"void setTimeout(() => (location.href = {address!r}))")
        for page in (visit.page, other):
            page.wait_for_url(address)
            stage.settle(page, "Experiment Viewed")
        other.evaluate("localStorage.removeItem('yesladder.exposed.offer')")
        other.goto(address)  # exposed again as far as this browser knows: the same event, so it counts once
        stage.settle(other, "Experiment Viewed")
    assert stage.events(visitor).count(("Experiment Viewed", "control")) == 1


def test_back_and_forward_expose_once(site_of: Any, build: SimpleNamespace, chromium: Browser) -> None:
    """A page that comes back from the back/forward cache goes on as it was."""
    with site_of(build.experiment()) as stage:
        browser = launched_with_cache(chromium)
        try:
            stage.browser = browser
            visitor = stage.visitor("changed")
            address, there = stage.show(), stage.show("/next")
            stage.host.page_script = "addEventListener('pageshow', (event) => (window.cached = event.persisted))"
            with stage.visit(visitor) as visit:
                visit.page.goto(address)
                stage.settle(visit.page, "Experiment Viewed")
                visit.page.goto(there)
                visit.page.evaluate("history.back()")
                visit.page.wait_for_url(address, wait_until="commit")
                visit.page.wait_for_function("() => window.cached !== undefined")
                assert visit.page.evaluate("cached") is True, "the snippet must not keep its page out of the cache"
                visit.page.evaluate("yesladder.track('back')")
                stage.settle(visit.page, "back", drained=False)  # what /next said last waits for the next page
            assert stage.events(visitor).count(("Experiment Viewed", "changed")) == 1
        finally:
            browser.close()


def launched_with_cache(chromium: Browser) -> Browser:
    """The same browser with its back/forward cache, which test browsers come without."""
    return chromium.browser_type.launch(
        executable_path=shutil.which("chromium"),
        args=["--no-sandbox", "--disable-gpu", "--enable-features=BackForwardCache"],
        ignore_default_args=["--disable-back-forward-cache"],
    )
