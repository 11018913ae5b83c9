"""The pages in a real browser: nothing from elsewhere, no errors, no barriers, no scrolling sideways."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from werkzeug.serving import make_server

from experiments.definition.problem import Problem
from experiments.events.event import Event, MessageId, Refusal, VisitorId
from experiments.reporting.sample_ratio import Finding, SampleRatio
from tests.webapp.pages.inspection import barriers, opened, visit, widths

PATHS = (
    "/",
    "/results/contact-form",
    "/results/empty",
    "/results/withdrawn",
    "/results/draft",
    "/results/nobody",
    "/live",
    "/preview/crowd",
    "/login",
)


@contextmanager
def clean(browser: Browser, address: str, **settings: Any) -> Iterator[Page]:
    """A fresh page that fails the test on any console error, failed request or request to elsewhere."""
    with opened(browser, address, **settings) as (page, faults):
        yield page
        assert [fault for fault in faults if "404 (NOT FOUND)" not in fault] == []


@pytest.fixture
def address(stage: Any) -> Iterator[str]:
    """The app on stage, served on this machine for a real browser."""
    server = make_server("127.0.0.1", 0, stage.app(), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def full_stage(stage: Any, build: SimpleNamespace) -> Any:
    """Something on every page, with the longest names."""
    found = Finding("level", "source", "a-source-" + "x" * 80, "multi-step", 0, 400, 200)
    alarm = SampleRatio(0.0001, True, {"single": 0.5, "multi-step": 0.5}, build.NOW - timedelta(days=1), [found])
    ended = build.experiment(status="stopped", ended_at=build.NOW - timedelta(days=9))
    unstable = build.report("better", build.experiment(phase=2))
    steps = [
        replace(step, comparisons=[replace(one, decides_today=False) for one in step.comparisons])
        for step in unstable.steps
    ]
    crowd = build.experiment(
        "crowd",
        n_variants=8,
        n_steps=12,
        name="A test of eight variants and twelve steps, with a name that goes on and on",
    )
    stage.show(
        build.report("worse", ended),
        replace(unstable, steps=steps),
        build.report("better", crowd),
        build.report("collecting", build.experiment("empty"), visitors=0, ledger={}),
        build.report("withdrawn", build.experiment("withdrawn"), sample_ratio=alarm),
    )
    long = "a-level-with-a-name-" + "x" * 80
    stage.segments = {"device": build.levels(crowd, **{"phone": (900, 0.8), long: (300, 0.0), "unknown": (3, 0.0)})}
    stage.drafts = [build.experiment("draft", status="draft", started_at=None)]
    stage.problems = [
        Problem(
            "experiments/a-file-with-quite-a-long-name.yaml", 12, 14, "variants[1].weight is -1, must be > 0", "write 1"
        )
    ]
    stage.recent = [
        Event(
            MessageId("m1"),
            "action",
            VisitorId("8d7c8a1e-4f0e-4a8f-a0b7-" + "3" * 100),
            build.NOW,
            build.NOW,
            "form_started",
        ),
        Refusal("invalid", "batch[0].event is missing, must be a text" + "y" * 300, build.NOW),
    ]
    stage.refused = {"invalid": 12}
    stage.reasons = ["the disk is full"]
    return stage


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_barrier_or_scrolls_sideways(
    full_stage: Any, address: str, chromium: Browser, scheme: Any, path: str
) -> None:
    with clean(chromium, address, color_scheme=scheme) as page:
        assert list(visit(page, address + path, 404 if "nobody" in path else 200)) == []
        if scheme == "light":
            assert [*widths(page), *barriers(page)] == []
        else:
            assert list(barriers(page, ["color-contrast"])) == []


def test_light_and_dark_paint_the_chart_differently(full_stage: Any, address: str, chromium: Browser) -> None:
    paints = []
    for scheme in ("light", "dark"):
        with clean(chromium, address, color_scheme=scheme) as page:
            page.goto(address + "/results/contact-form")
            chart = page.locator("svg.chart-wide")
            assert chart.is_visible()
            assert page.locator("svg.chart-narrow").is_hidden()
            paints.append(chart.locator(".stroke-effect").first.evaluate("element => getComputedStyle(element).stroke"))
    assert paints == ["rgb(20, 89, 138)", "rgb(130, 191, 232)"]


def test_a_phone_gets_the_narrow_chart_in_readable_letters(full_stage: Any, address: str, chromium: Browser) -> None:
    with clean(chromium, address, viewport={"width": 360, "height": 800}) as page:
        page.goto(address + "/results/contact-form")
        assert page.locator("svg.chart-wide").is_hidden()
        label = page.locator("svg.chart-narrow text", has_text="%").first
        assert label.evaluate("element => element.getBoundingClientRect().height") >= 10


def test_everything_is_there_without_scripts(full_stage: Any, address: str, chromium: Browser) -> None:
    full_stage.reasons = []
    for path, words in [
        ("/", "Multi-step vs single"),
        ("/results/contact-form", "What to do next"),
        ("/live?paused=yes", "form_started"),
    ]:
        with clean(chromium, address, java_script_enabled=False) as page:
            page.goto(address + path)
            assert page.get_by_text(words).first.is_visible()


def test_the_keyboard_skips_to_the_content_and_opens_details(full_stage: Any, address: str, chromium: Browser) -> None:
    with clean(chromium, address) as page:
        page.goto(address + "/results/contact-form")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        page.locator("#path ~ details > summary").focus()
        page.keyboard.press("Enter")
        assert page.get_by_text("Where visitors are lost", exact=True).is_visible()


def test_live_shows_what_arrives_without_a_reload_until_paused(
    full_stage: Any, address: str, chromium: Browser, build: SimpleNamespace
) -> None:
    with clean(chromium, address) as page:
        page.goto(address + "/live")
        page.evaluate("window.sameDocument = true")
        at = build.NOW
        full_stage.recent = [
            Event(MessageId("m2"), "action", VisitorId("v2"), at, at, "arrived_just_now"),
            *full_stage.recent,
        ]
        page.get_by_text("arrived_just_now").wait_for(timeout=15_000)
        assert page.evaluate("window.sameDocument") is True
        page.get_by_role("link", name="Pause").click()
        page.get_by_text("Paused").wait_for()
        full_stage.recent = [
            Event(MessageId("m3"), "action", VisitorId("v3"), at, at, "came_too_late"),
            *full_stage.recent,
        ]
        page.wait_for_timeout(4000)
        assert page.get_by_text("came_too_late").count() == 0


def test_print_leaves_out_what_is_for_the_screen(full_stage: Any, address: str, chromium: Browser) -> None:
    with clean(chromium, address, color_scheme="dark") as page:
        page.goto(address + "/results/contact-form")
        page.emulate_media(media="print")
        assert page.locator(".contents").is_hidden()
        assert page.locator(".verdict").is_visible()
        assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
