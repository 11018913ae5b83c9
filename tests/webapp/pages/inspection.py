"""Inspection: one visit of one page in a real browser, and everything that is wrong with it, in words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

WIDTHS = (360, 768, 1280)
PAPER = 718
"""What A4 leaves between margins of a centimetre, in CSS pixels."""
GRAVE = ("serious", "critical")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
INLINE = re.compile(
    r"""<[a-z][^>]*\s(?:style|on[a-z]+)\s*=[^>]*>|<style\b[^>]*>|<script(?![^>]*\ssrc=)[^>]*>|javascript:"""
)
SCRIPT = Path(__file__).with_name("inspection.js").read_text("utf-8")


@contextmanager
def opened(browser: Browser, address: str, **settings: Any) -> Iterator[tuple[Page, list[str]]]:
    """A page in a context of its own, and the list in which its faults are noted: whatever the console says, whatever
    fails, whatever is asked of elsewhere."""
    context = browser.new_context(**settings)
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith(address) else faults.append(request.url))
    # a picture that is still on its way when the page is left is given up: that is no fault
    page.on(
        "requestfailed",
        lambda request: (
            None
            if request.failure == "net::ERR_ABORTED"
            else faults.append(f"failed: {request.url}: {request.failure}")
        ),
    )
    try:
        yield page, faults
    finally:
        context.close()


def visit(page: Page, address: str, status: int = 200) -> Iterator[str]:
    """Go there. Is the answer the expected one, under the policy, and does it say itself what it looks like or does?"""
    answer = page.goto(address)
    assert answer is not None
    if "refresh" in answer.headers:  # still being computed: it would be loaded again under our hands
        page.goto("about:blank")
        while "refresh" in page.request.get(address).headers:
            page.wait_for_timeout(200)
        answer = page.goto(address)
        assert answer is not None
    if page.evaluate("'yesladder' in window"):  # what it changes, or a widget remakes, is there when nothing is loaded
        page.wait_for_load_state("networkidle")
    page.evaluate(SCRIPT)
    if answer.status != status:
        yield f"answered {answer.status}, expected {status}"
    if (policy := answer.headers.get("content-security-policy")) != POLICY:
        yield f"its policy is {policy}"
    for inline in INLINE.findall(answer.text()):
        yield f"inline: {inline}"


def widths(page: Page) -> Iterator[str]:
    """Is there anything to scroll sideways for, as the page comes and with everything open?"""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        for everything in (False, True):
            page.evaluate("inspection.open", everything)
            for fault in page.evaluate("inspection.tooWide", width):
                yield f"{'everything open, ' if everything else ''}{fault}"
    page.evaluate("inspection.open", False)


def barriers(page: Page, rules: Sequence[str] = ()) -> Iterator[str]:
    """What do axe-core's rules (all, or these) find that is serious or critical, with everything open? Takes rows that
    are built alike out of the page, so it comes last."""
    page.evaluate("inspection.open", True)
    page.evaluate("inspection.dropAlike()")
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = {"type": "rule", "values": list(rules)}
    for one in Axe().run(page, options=options).response["violations"]:
        if one["impact"] in GRAVE:
            yield f"{one['id']}: {len(one['nodes'])} times, first {one['nodes'][0]['html']}"


def keyboard(page: Page) -> list[str]:
    """Is everything that can be clicked reached with Tab, and is it seen where the focus is?"""
    for _ in range(page.evaluate("inspection.watchFocus()") + 5):
        page.keyboard.press("Tab")
    faults: list[str] = page.evaluate("inspection.focusFaults()")
    return faults


def motion(page: Page) -> list[str]:
    """Does anything move although the visitor asked for no motion?"""
    faults: list[str] = page.evaluate("inspection.moving()")
    return faults


def paper(page: Page) -> Iterator[str]:
    """Is anything cut off on paper, as the page comes and with everything open?"""
    page.emulate_media(media="print")
    page.set_viewport_size({"width": PAPER, "height": 1000})
    for everything in (False, True):
        page.evaluate("inspection.open", everything)
        for fault in page.evaluate("([width]) => inspection.tooWide(width, true)", [PAPER]):
            yield f"on paper{', everything open' if everything else ''}: {fault}"
    page.evaluate("inspection.open", False)
    page.emulate_media(media=None)
