"""Every page of a real site in a real browser, with what is hard to show: nobody, one visitor, a crowd, 400 days."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Literal
from urllib.parse import quote

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, Route
from werkzeug.serving import make_server

from tests.webapp.pages.awkward_site import CROWD, LONG_ID, NOW, STEPS, VARIANTS, build
from tests.webapp.pages.inspection import barriers, keyboard, motion, opened, paper, visit, widths
from webapp.server.app import create_app

Scheme = Literal["light", "dark"]

TESTS = ("nobody", "one-visitor", CROWD, "long-run", "mismatch", "twice", "contact-form", "popup-contact-form")
DARK = (CROWD, "contact-form", "mismatch", "drafted")
"""Tests whose pages are looked at in the dark too: together they have every part of a page."""
PAGES: dict[str, tuple[str, ...]] = {
    # rule of the app's url_map: what is visited of it; `!` in front: answered 404, as a page
    "/": ("/",),
    "/results/<key>": (
        *(f"/results/{key}" for key in (*TESTS, "drafted")),
        f"/results/{CROWD}?step={STEPS[0]}&by=campaign&as_of=2026-11-12T00:00:00Z",
        "/results/twice?phase=1",
        "/results/long-run?as_of=2026-03-01T00:00:00Z&step=form-started",
        "!/results/no-such-test",
    ),
    "/results/<key>/time-to-convert": tuple(f"/results/{key}/time-to-convert" for key in TESTS[:-2]),
    "/plan/<key>": tuple(f"/plan/{key}" for key in ("nobody", CROWD, "long-run", "twice", "contact-form", "drafted")),
    "/visitor": ("/visitor", f"/visitor?id={LONG_ID}", "!/visitor?id=" + quote("nobody <b>&</b> " + "v" * 200)),
    "/visitor/<path:visitor>": (f"/visitor/{LONG_ID}",),
    "/live": ("/live", "/live?paused=yes"),
    "/preview/<key>": (f"/preview/{CROWD}", "/preview/drafted"),
    "/preview/<key>/<variant>": (f"/preview/{CROWD}/{VARIANTS[1]}",),
    "/login": ("/login?next=/results/contact-form",),
    "/demo/": ("/demo/",),
    "/demo/prices": ("/demo/prices",),
    "/demo/contact": ("/demo/contact",),
    "/demo/booking": ("/demo/booking",),
    "/demo/booked": ("/demo/booked?job=spring&slot=2026-11-23T08", "!/demo/booked"),
}
NO_PAGES = re.compile(r"/(static|v1|ofrep|widgets)/.*|/yesladder\.js|/(livez|readyz)|.*\.(json|csv)")
"""Rules that answer programs, with data, scripts or styles."""

VISITS: list[tuple[Scheme, str]] = [("light", one) for addresses in PAGES.values() for one in addresses]
VISITS += [("dark", one) for _, one in VISITS if not any(key in one for key in TESTS if key not in DARK)]
ON_PAPER = (
    "/",
    f"/results/{CROWD}",
    "/results/contact-form",
    "/results/nobody",
    "/results/contact-form/time-to-convert",
)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The real app over the awkward site."""
    path = tmp_path_factory.mktemp("awkward") / "site"
    build(path)
    app = create_app(path, clock=lambda: NOW, open_results=True, demo_site=True)
    yield app
    app.extensions["yesladder"].close()


def test_an_alarm_is_looked_into_by_device_and_by_source(app: Flask) -> None:
    """Their cells are read for it alone: a page without an alarm does not need them."""
    found = app.test_client().get("/results/mismatch.json", base_url="http://localhost").json["sample_ratio"]
    assert found["alarm"]
    assert [finding.split()[1] for finding in found["findings"][:2]] == ["device", "source"]


@pytest.fixture(scope="module")
def address(app: Flask) -> Iterator[str]:
    """The app on loopback."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def windows(chromium: Browser, address: str) -> Iterator[dict[Scheme, tuple[Page, list[str]]]]:
    """One window for each colour scheme, and what went wrong in it; in the dark one no motion is wanted."""
    with ExitStack() as open_ones:
        light = open_ones.enter_context(opened(chromium, address, color_scheme="light"))
        dark = open_ones.enter_context(opened(chromium, address, color_scheme="dark", reduced_motion="reduce"))
        yield {"light": light, "dark": dark}


def test_every_page_of_the_app_is_visited(app: Flask) -> None:
    rules = {rule.rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    pages = {rule for rule in rules if not NO_PAGES.fullmatch(rule)}
    assert pages == set(PAGES), "give a new page its cases in PAGES"
    there = app.url_map.bind("127.0.0.1")
    for rule, addresses in PAGES.items():
        for one in addresses:
            assert there.match(one.lstrip("!").split("?")[0], return_rule=True)[0].rule == rule, one


@pytest.mark.parametrize(("scheme", "shown"), VISITS, ids=[f"{scheme} {one[:60]}" for scheme, one in VISITS])
def test_a_page_has_no_fault(
    windows: dict[Scheme, tuple[Page, list[str]]], address: str, scheme: Scheme, shown: str
) -> None:
    page, noted = windows[scheme]
    noted.clear()
    missing = shown.startswith("!")
    faults = list(visit(page, address + shown.removeprefix("!"), 404 if missing else 200))
    if scheme == "light":
        faults += [*widths(page), *keyboard(page), *paper(page), *barriers(page)]
    else:
        faults += [*motion(page), *barriers(page, ["color-contrast"])]
    expected = "Failed to load resource: the server responded with a status of 404 (NOT FOUND)" if missing else None
    assert [*faults, *(fault for fault in noted if fault != expected)] == []


@pytest.mark.parametrize("shown", ON_PAPER)
def test_a_page_is_printed(chromium: Browser, address: str, shown: str) -> None:
    with opened(chromium, address, color_scheme="dark") as (page, _):
        assert list(visit(page, address + shown)) == []
        printed = page.pdf(format="A4", margin=dict.fromkeys(("top", "right", "bottom", "left"), "1cm"))
        assert printed.startswith(b"%PDF")
        sheets = len(re.findall(rb"/Type\s*/Page\b", printed))
        height = page.evaluate("document.documentElement.scrollHeight")
        assert 1 <= sheets <= height / 400 + 2
        assert len(printed) > 15_000 * min(sheets, 2)


@pytest.mark.parametrize(
    ("source", "shown", "does"),
    [
        ("script-src", "/live", None),
        ("style-src", "/", None),
        ("img-src", "/demo/", None),
        ("connect-src", "/demo/contact", None),
        ("form-action", "/login", "#token"),
    ],
)
def test_each_source_of_the_policy_is_needed(
    chromium: Browser, address: str, source: str, shown: str, does: str | None
) -> None:
    def forbid(route: Route) -> None:
        answer = route.fetch()
        policy = answer.headers["content-security-policy"].replace(f"{source} 'self'", f"{source} 'none'")
        route.fulfill(response=answer, headers={**answer.headers, "content-security-policy": policy})

    with opened(chromium, address) as (page, noted):
        page.route(address + shown, forbid)
        with page.expect_console_message(lambda message: f"{source} 'none'" in message.text):
            page.goto(address + shown)
            if does:
                page.fill(does, "a-token")
                page.keyboard.press("Enter")
        assert noted
