"""The page of one visitor, over a real store: what it says, what it never shows, and how it looks in a browser.

A little over 300 lines, so that the table of what it says stays in one place.
"""

from __future__ import annotations

import html
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser
from werkzeug.serving import make_server

from experiments.events.event import Event, MessageId, Refusal, VisitorId
from webapp.pages.visitor import visitor_page
from webapp.server.app import create_app
from webapp.wire.exchange import CONTENT_SECURITY_POLICY

HERE = "http://localhost"
NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
SETTINGS = "write_key: wk_test\ntime_zone: Europe/Berlin\ncurrency: EUR\n"
EXPERIMENT = """\
key: {key}
name: {name}
status: running
started_at: 2026-11-01T00:00:00Z
variants: [{{key: single, weight: 50}}, {{key: multi-step, weight: 50}}]
path:
  - {{step: form-started, event: form_started, grade: 2, window: 1 hour}}
  - {{step: quote-requested, event: quote_requested, value: revenue}}
window: 7 days
value_cap: 500
analysis: {{adjust_for: [device]}}
"""
LONG = "8d7c8a1e-" + "4f0e4a8f" * 30
HOSTILE = '"><script>alert(1)</script>'


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    (tmp_path / "experiments").mkdir()
    (tmp_path / "yesladder.yaml").write_text(SETTINGS, "utf-8")
    for key, name in (("contact-form", "Contact form"), ("other", "Another one")):
        (tmp_path / "experiments" / f"{key}.yaml").write_text(EXPERIMENT.format(key=key, name=name), "utf-8")
    app = create_app(tmp_path, clock=lambda: NOW, open_results=True)
    app.testing = False
    yield app
    app.extensions["yesladder"].close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def day(number: int, hour: int = 10, minute: int = 0) -> datetime:
    return datetime(2026, 11, number, hour, minute, tzinfo=UTC)


def event(kind: Any, visitor: str, at: datetime, late: timedelta = timedelta(), **more: Any) -> Event:
    message = MessageId(f"{kind} {visitor} {at} {more.get('name')}"[:250])
    return Event(message, kind, VisitorId(visitor), at, at + late, **more)


def exposed(visitor: str, at: datetime, variant: str = "single", key: str = "contact-form", **more: Any) -> Event:
    return event("exposure", visitor, at, experiment=key, variant=variant, **more)


def store(app: Flask, *events: Event, refusals: tuple[Refusal, ...] = ()) -> None:
    app.extensions["yesladder"].catalog.refresh()
    app.extensions["yesladder"].store.append(events, refusals)


def said(client: FlaskClient, visitor: str, status: int = 200) -> str:
    """The words of the page."""
    response = client.get("/visitor?" + urlencode({"id": visitor}), base_url=HERE)
    assert response.status_code == status, response.text
    words = re.sub(r"<wbr>|</?(b|code|span|time|a)\b[^>]*>", "", response.text)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", words)))


WEEK = timedelta(days=10)
CASES = [
    (
        "reached",
        [exposed("v", day(3)), event("action", "v", day(3, 10, 5), name="form_started")],
        [
            "First exposed 3 Nov 2026, 11:00",
            "Compared among device unknown.",
            "✓ Form started medium yes",
            "Reached 3 Nov 2026, 11:05, 5 minutes after the first exposure.",
            "sealed 3 Nov 2026, 14:00",
            "Reached “form started”.",
            "Not reached within 7 days.",
        ],
    ),
    (
        "a later step",
        [
            exposed("v", day(3)),
            event("action", "v", day(3, 10, 5), name="quote_requested", properties={"revenue": 12.5}),
        ],
        [
            "through “quote_requested”, a later step.",
            "Value 12.50 EUR",
            "The visitor’s value: 12.50 EUR.",
            "revenue 12.5",
            "Reached “form started” and “quote requested”.",
        ],
    ),
    (
        "capped",
        [exposed("v", day(3)), event("action", "v", day(3), name="quote_requested", properties={"revenue": 900})],
        ["500.00 EUR, cut off at value_cap: 500"],
    ),
    (
        "no number",
        [exposed("v", day(3)), event("action", "v", day(3), name="quote_requested", properties={"revenue": "much"})],
        ["0.00 EUR, because the amount is missing or no number", "In the ledger: Unreadable value"],
    ),
    (
        "after the window",
        [exposed("v", day(3)), event("action", "v", day(3, 12), name="form_started")],
        [
            "within 1 hour. “form_started” happened 3 Nov 2026, 13:00; the time was over 3 Nov 2026, 12:00.",
            "Not counted for “form started”: the time for it was over 3 Nov 2026, 12:00.",
            "Value and funnel, which seal with the day",
        ],
    ),
    (
        "before exposure",
        [event("action", "v", day(3, 9), name="form_started"), exposed("v", day(3))],
        ["“form_started” happened 3 Nov 2026, 10:00, before the first exposure."],
    ),
    (
        "too late",
        [exposed("v", day(3)), event("action", "v", day(3, 10, 5), timedelta(hours=4), name="form_started")],
        [
            "! Form started",
            "was received 3 Nov 2026, 15:05; it would have counted until 3 Nov 2026, 14:00.",
            "received 4 hours later",
            "In the ledger: Too late",
        ],
    ),
    (
        "still open",
        [exposed("v", day(22, 9, 30))],
        ["… Form started", "Not yet. There is time until 22 Nov 2026, 11:30.", "open until 22 Nov 2026, 13:00"],
    ),
    (
        "waiting for a report",
        [exposed("v", day(22, 8, 30))],
        ["Not reached within 1 hour. A report of it that comes by 22 Nov 2026, 12:00 counts."],
    ),
    (
        "bot",
        [exposed("v", day(3), attributes={"bot": "true"})],
        ["the same variant. Not counted: recognised as a bot at the first exposure."],
    ),
    (
        "withdrawn",
        [exposed("v", day(3)), event("withdrawal", "v", day(5))],
        ["Consent was withdrawn", "Not counted any more: the visitor withdrew consent."],
    ),
    (
        "second variant",
        [exposed("v", day(3)), exposed("v", day(4), "multi-step")],
        ["Exposed to multi-step as well. Stays in the variant seen first", "In the ledger: Saw a second variant"],
    ),
    (
        "before the start",
        [exposed("v", datetime(2026, 10, 31, tzinfo=UTC))],
        ["No exposure of this visitor counts in this phase.", "Not counted: the phase began 1 Nov 2026, 01:00."],
    ),
    (
        "all too late",
        [event("exposure", "v", day(3), WEEK, experiment="contact-form", variant="single")],
        [
            "not counted contact-form, phase 1",
            "Too late for “quote requested”: received 13 Nov 2026, 11:00, would have counted until 10 Nov 2026, 13:00.",
        ],
    ),
    (
        "never exposed",
        [event("action", "v", day(3), name="form_started")],
        [
            "This visitor was exposed to no experiment, so nothing counts.",
            "Not counted for “form started”: no exposure that counts.",
        ],
    ),
    (
        "nothing asks",
        [exposed("v", day(3)), event("action", "v", day(3), name="hello")],
        ["No step of an experiment that ran then asks for it."],
    ),
    (
        "joined",
        [exposed("v", day(3)), event("join", "w", day(3), joined=VisitorId("v"))],
        ["Joined, and counted as one person where that came in time: w", "w and v count as one visitor."],
    ),
    (
        "joined too late",
        [
            exposed("v", day(3)),
            exposed("w", day(3, 11), "multi-step"),
            event("join", "v", day(20), joined=VisitorId("w")),
        ],
        [
            "as v",
            "as w",
            "v and w stay two visitors for “form started” and “quote requested”: those numbers were published before.",
        ],
    ),
    (
        "joined too late for one step",
        [
            exposed("v", day(3)),
            exposed("w", day(3, 11), "multi-step"),
            event("join", "v", day(4), joined=VisitorId("w")),
        ],
        ["Here w counts, in multi-step since 3 Nov 2026, 12:00: the rest came too late for this step."],
    ),
]


@pytest.mark.parametrize(("events", "words"), [pytest.param(e, w, id=i) for i, e, w in CASES])
def test_the_page_tells(app: Flask, client: FlaskClient, events: list[Event], words: list[str]) -> None:
    store(app, *events)
    page = said(client, "v")
    for sentence in words:
        assert sentence in page, page


def test_two_experiments_are_told_apart(app: Flask, client: FlaskClient) -> None:
    store(
        app,
        exposed("v", day(3)),
        event("action", "v", day(3, 10, 5), name="form_started"),
        exposed("v", day(3, 10, 10), key="other"),
    )
    page = said(client, "v")
    assert "Contact form ✓ Reached “form started”. Another one – Not counted for “form started”: before the" in page


def test_what_was_refused_of_the_visitor_is_told(app: Flask, client: FlaskClient) -> None:
    mine = Refusal("variant-mismatch", "properties.variation_id is 'x'", day(4), "m", "Experiment Viewed", "v", "other")
    store(app, refusals=(mine, Refusal("invalid", "of somebody else", day(5), visitor="w")))
    page = said(client, "v")
    assert "Refused, another variant: properties.variation_id is 'x'" in page
    assert "of somebody else" not in page


@pytest.mark.parametrize("visitor", ["nobody", "x" * 300, "null\0byte", "half \ud800 pair", "a/b//c", " "])
def test_of_who_never_came_nothing_is_known(client: FlaskClient, visitor: str) -> None:
    query = urlencode({"id": visitor}, errors="surrogatepass")
    response = client.get(f"/visitor?{query}", base_url=HERE)
    assert response.status_code == (200 if visitor == " " else 404)
    assert ("Paste the id" if visitor == " " else "Nothing is known of this id") in response.text


def test_after_forgetting_nothing_is_known(app: Flask, client: FlaskClient) -> None:
    store(app, exposed("v", day(3)))
    assert "First exposed" in said(client, "v")
    app.extensions["yesladder"].store.forget(VisitorId("v"))
    assert "not even that there was one" in said(client, "v", 404)


@pytest.mark.parametrize("visitor", ["plain", "a/b", "sp ace", "ümlaut", "50%", "a?b=c&d", "a+b", "x" * 255, HOSTILE])
def test_any_id_has_its_page(app: Flask, client: FlaskClient, visitor: str) -> None:
    store(app, exposed(visitor, day(3)))
    for path in ("/visitor/" + quote(visitor), "/visitor?" + urlencode({"id": visitor})):
        response = client.get(path, base_url=HERE)
        assert response.status_code == 200, path
        assert html.escape(visitor, quote=False).replace('"', "&#34;") in response.text
        assert "<script>alert" not in response.text


def test_the_page_asks_for_a_token_and_runs_nothing(app: Flask, client: FlaskClient) -> None:
    store(app, exposed("v", day(3)))
    page = client.get("/visitor/v", base_url=HERE)
    assert page.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert not re.search(r"<script|\sstyle=|\son[a-z]+=", page.text)
    assert page.headers["Cache-Control"] == "private, no-cache"
    elsewhere = client.get("/visitor/v", base_url="http://elsewhere.example")
    assert (elsewhere.status_code, elsewhere.headers["Location"]) == (302, "/login?next=/visitor/v")
    asked = client.get("/visitor/v", base_url="http://elsewhere.example", headers={"Accept": "application/json"})
    assert asked.status_code == 401


def test_of_a_robot_with_many_events_the_newest_are_shown(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visitor_page, "SHOWN", 3)
    store(app, *(event("action", "v", day(3, 10, minute), name=f"n{minute}") for minute in range(5)))
    page = said(client, "v")
    assert "2 earlier ones are left out" in page
    assert [f"n{minute}" in page for minute in range(5)] == [False, False, True, True, True]


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """The page of a visitor with everything, served on this machine for a real browser."""
    store(
        app,
        exposed(LONG, day(3), attributes={"device": "phone", "source": "ads"}),
        exposed(LONG, day(3, 11), key="other"),
        event("action", LONG, day(3, 10, 5), timedelta(days=3), name="form_started", properties={"note": "word" * 200}),
        event("action", LONG, day(4), name="quote_requested", properties={"revenue": 900}),
        event("join", LONG, day(4), joined=VisitorId("customer-7")),
        exposed("customer-7", day(5), "multi-step"),
        event("withdrawal", LONG, day(20)),
    )
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("width", [360, 880, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_a_browser(address: str, chromium: Browser, scheme: Any, width: int) -> None:
    """No barrier, no scrolling sideways, no fault, and no script needed."""
    context = chromium.new_context(color_scheme=scheme, viewport={"width": width, "height": 800})
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    try:
        for path in (f"/visitor/{LONG}", "/visitor"):
            page.goto(address + path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
            found = Axe().run(page).response["violations"]
            assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
        page.get_by_label("Visitor’s id").fill("customer-7")
        page.keyboard.press("Enter")
        page.wait_for_url("**/visitor?id=customer-7")
        assert page.get_by_role("heading", name="Visitor customer-7").is_visible()
        page.get_by_role("link", name=LONG).click()
        page.wait_for_url(f"**/visitor?id={LONG}")
        assert faults == []
    finally:
        context.close()
