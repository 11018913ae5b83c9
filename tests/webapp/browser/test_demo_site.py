"""Both experiments on the demo's pages, from the first page to the booking, and what the data says of one visitor."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Callable
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

FORM, POPUP = "contact-form", "popup-contact-form"
VARIANTS = list(product(("single", "multi-step"), ("page", "popup")))
PAGES = (
    "/demo/",
    "/demo/prices",
    "/demo/contact",
    "/demo/booking?job=panel",
    "/demo/booked?job=panel&slot=2026-11-24T08",
)
AMOUNT = 240  # of the job chosen below
Opened = Callable[..., Any]


def wait_for(page: Page, condition: Callable[[], bool]) -> None:
    """Wait until it is so, while the browser goes on."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        page.wait_for_timeout(50)


def by_mouse(page: Page, multi_step: bool, popup: bool) -> None:
    """From the first page to the booking with the pointer."""
    page.locator("a.contact").nth(1).click()
    assert page.get_by_role("dialog", name="Get a free quote").count() == popup
    page.get_by_label("It came off its track").check()
    go_on(page, multi_step)
    page.get_by_label("This week").check()
    page.get_by_label("ZIP code").fill("53005")
    go_on(page, multi_step)
    page.get_by_label("Your name").fill("Ann")
    page.get_by_label("E-mail").fill("ann@example.com")
    page.get_by_role("button", name="Get my free quote").click()
    page.wait_for_url("**/demo/booking?job=track")
    page.locator("[name=slot]").nth(1).check()
    page.get_by_role("button", name="Book the repair").click()


def go_on(page: Page, multi_step: bool) -> None:
    next_button = page.get_by_role("button", name="Next")
    assert next_button.count() == multi_step
    if multi_step:
        next_button.click()


def by_keyboard(page: Page, multi_step: bool, popup: bool) -> None:
    """From the first page to the booking with the keyboard alone."""
    keys = page.keyboard
    tab_to(page, "a.contact")
    keys.press("Enter")
    page.wait_for_selector("#contact")
    assert page.get_by_role("dialog", name="Get a free quote").count() == popup
    tab_to(page, "[name=job]")
    keys.press("ArrowDown")
    if multi_step:
        keys.press("Enter")
    tab_to(page, "[name=when]")
    keys.press("ArrowDown")
    tab_to(page, "[name=zip]")
    keys.type("53005")
    if multi_step:
        keys.press("Enter")
    tab_to(page, "[name=name]")
    keys.type("Ann")
    tab_to(page, "[name=email]")
    keys.type("ann@example.com")
    keys.press("Enter")
    page.wait_for_url("**/demo/booking?job=track")
    tab_to(page, "[name=slot]")
    keys.press("ArrowDown")
    keys.press("Enter")


def tab_to(page: Page, selector: str) -> None:
    for _ in range(30):
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not get to {selector}")


@pytest.mark.parametrize("way", [by_mouse, by_keyboard])
@pytest.mark.parametrize(("form", "popup"), VARIANTS)
def test_one_visitor_sees_the_assigned_variants_books_and_is_counted_once_at_each_step(
    demo: Any, visiting: Opened, form: str, popup: str, way: Callable[[Page, bool, bool], None]
) -> None:
    visitor = demo.visitor(form, popup)
    with visiting(visitor) as page:
        page.goto(f"{demo.url}/demo/")
        page.get_by_text(f"You see {form} in {FORM} and {popup} in {POPUP}.").wait_for()
        wait_for(page, lambda: f"exposed {POPUP} {popup}" in demo.told(visitor))
        assert not any(FORM in event.split() for event in demo.told(visitor)), "who has not met the form is not counted"
        way(page, form == "multi-step", popup == "popup")
        page.wait_for_url("**/demo/booked?job=track&slot=*")
        assert page.get_by_role("heading", name="Booked").is_visible()
        wait_for(page, lambda: "job_booked" in demo.told(visitor))
    told = [event for event in demo.told(visitor) if event != "testimonials_viewed"]
    steps = ["contact_opened", "form_viewed", "form_started", "email_given", "quote_requested", "job_booked"]
    assert sorted(told) == sorted([f"exposed {FORM} {form}", f"exposed {POPUP} {popup}", *steps])
    demo.ahead = timedelta(days=9)
    for key, variant in ((FORM, form), (POPUP, popup)):
        result = demo.results(key)
        assert {key: count for key, count in result["exposed"].items() if count} == {variant: 1}
        for step in result["steps"]:
            reach = step["variants"][variant]
            if step["kind"] in ("milestone", "macro"):
                assert (step["step"], reach["visitors"], reach["reached"]) == (step["step"], 1, 1)
            if step["kind"] == "macro":
                assert reach["value_sum"] == AMOUNT
            if step["kind"] == "guardrail":
                assert reach["reached"] == 0
            others = [one for other, one in step["variants"].items() if other != variant]
            assert all(one["visitors"] == one["reached"] == 0 for one in others)
        assert result["ledger"] == {}


@pytest.mark.parametrize(("form", "popup"), VARIANTS)
def test_every_variant_exposes_at_the_trigger_and_not_before(
    demo: Any, visiting: Opened, form: str, popup: str
) -> None:
    visitor = demo.visitor(form, popup)
    with visiting(visitor, viewport={"width": 1280, "height": 200}) as page:
        page.goto(f"{demo.url}/demo/contact")
        page.get_by_text(f"You see {form}").wait_for(state="attached")
        page.evaluate("yesladder.track('looked around')")
        wait_for(page, lambda: demo.told(visitor) != [])
        assert demo.told(visitor) == ["looked around"]
        page.locator("#contact").scroll_into_view_if_needed()
        wait_for(page, lambda: "form_viewed" in demo.told(visitor))
        seen = set(demo.told(visitor)) - {"testimonials_viewed", "looked around"}
        assert seen == {f"exposed {FORM} {form}", "form_viewed"}
        page.goto(f"{demo.url}/demo/prices")
        wait_for(page, lambda: f"exposed {POPUP} {popup}" in demo.told(visitor))


@pytest.mark.parametrize("form", ["single", "multi-step"])
def test_what_the_server_refuses_is_shown_where_it_is_and_counted(demo: Any, visiting: Opened, form: str) -> None:
    visitor = demo.visitor(form, "page")
    with visiting(visitor) as page:
        page.goto(f"{demo.url}/demo/contact")
        page.get_by_text(f"You see {form}").wait_for()
        page.get_by_label("It came off its track").check()
        go_on(page, form == "multi-step")
        page.get_by_label("This week").check()
        page.get_by_label("ZIP code").fill("53005")
        go_on(page, form == "multi-step")
        page.get_by_label("Your name").fill("Ann")
        page.get_by_label("E-mail").fill("ann@example.com")
        page.get_by_label("Telephone").fill("123")
        page.get_by_role("button", name="Get my free quote").click()
        page.get_by_text("has 7 digits or more").wait_for()
        assert page.get_by_label("Your name").input_value() == "Ann"
        wait_for(page, lambda: "form_error" in demo.told(visitor))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_no_demo_page_has_a_barrier_or_scrolls_sideways(demo: Any, visiting: Opened, scheme: Any, width: int) -> None:
    size = {"width": width, "height": 800}
    with visiting(demo.visitor("multi-step", "popup"), color_scheme=scheme, viewport=size) as page:
        for path in PAGES:
            page.goto(demo.url + path)
            page.get_by_text("You see multi-step").wait_for()
            barriers(page, path, width)
            if path == "/demo/":
                page.locator("a.contact").first.click()
                page.get_by_text("Step 1 of 3").wait_for()
                barriers(page, "the pop-up", width)
    with visiting(demo.visitor("single", "page"), color_scheme=scheme, viewport=size) as page:
        page.goto(f"{demo.url}/demo/contact")
        barriers(page, "the whole form", width)


def barriers(page: Page, where: str, width: int) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= width, where
    found = Axe().run(page).response["violations"]
    grave = [one for one in found if one["impact"] in ("serious", "critical")]
    assert [(where, one["id"], one["nodes"][0]["html"]) for one in grave] == []


def test_be_another_visitor_forgets_who_this_was(demo: Any, visiting: Opened) -> None:
    visitor = demo.visitor("single", "page")
    with visiting(visitor) as page:
        page.goto(f"{demo.url}/demo/prices")
        page.get_by_text("You see single").wait_for()
        page.get_by_role("button", name="Be another visitor").click()
        page.wait_for_url("**/demo/")
        wait_for(page, lambda: "yesladder_id" in page.evaluate("document.cookie"))
        assert visitor not in page.evaluate("document.cookie")


def test_the_pages_are_whole_without_scripts(demo: Any, visiting: Opened) -> None:
    with visiting(demo.visitor("multi-step", "popup"), java_script_enabled=False) as page:
        page.goto(f"{demo.url}/demo/")
        by_mouse(page, False, False)
        assert page.get_by_role("heading", name="Booked").is_visible()
    assert demo.services.store.recent(10) == []


@pytest.mark.parametrize("name", ["multi-step-form", "popup-contact-form"])
def test_a_widget_weighs_at_most_3_kilobytes(demo: Any, name: str) -> None:
    asked = urllib.request.Request(f"{demo.url}/widgets/{name}.js", headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(asked, timeout=20) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        size = len(answer.read())
    print(f"{name}: {size} bytes, style included")
    assert size <= 3 * 1024
