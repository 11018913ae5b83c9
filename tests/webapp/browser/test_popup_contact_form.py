"""The widget popup-contact-form by itself: focus goes in and comes back, and the link never breaks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

Opened = Callable[..., Any]
SENT = [("job", "track"), ("zip", "12345"), ("email", "a@b.example"), ("note", "")]


LINKS = '<p><a class="contact" href="/contact">Contact us</a> <a class="contact" href="/contact">Ask</a></p>'
POPUP = LINKS + '<template id="contact-popup">{form}</template>'


@pytest.fixture
def popup(hosted: Opened, form: str) -> Opened:
    """`with popup(body) as host:` A page whose links open a pop-up, where there is a form for it."""
    return lambda body=POPUP, **of: hosted(body.replace("{form}", form), "popup-contact-form", "a.contact", **of)


@pytest.mark.parametrize("key", ["mouse", "Enter"])
def test_the_popup_opens_keeps_the_focus_and_gives_it_back(popup: Opened, key: str) -> None:
    with popup() as host:
        page = host.page
        link = page.get_by_role("link", name="Contact us")
        if key == "mouse":
            link.click()
        else:
            page.keyboard.press("Tab")
            page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog", name="Contact us")
        assert dialog.is_visible()
        assert host.focused() == "Contact us"
        assert page.evaluate("document.activeElement.tagName") == "H2"
        assert host.moments("click") == ["contact"]
        assert host.moments("focusin") == ["contact"], "the link has had the focus, and opening starts no form"
        seen = set()
        for _ in range(12):
            page.keyboard.press("Tab")
            seen.add(
                page.evaluate("document.activeElement.closest('dialog') ? 'dialog' : document.activeElement.tagName")
            )
        assert seen <= {"dialog", "BODY"}, "BODY is where the browser's own buttons have the focus"
        page.get_by_label("ZIP").fill("12345")
        page.keyboard.press("Escape")
        assert not dialog.is_visible()
        assert host.focused() == "Contact us"
        page.get_by_role("link", name="Ask").click()
        assert page.get_by_label("ZIP").input_value() == "12345", "what was filled in stays"
        page.get_by_role("button", name="Close").click()
        assert host.focused() == "Ask"
        assert page.url == "http://host.example/"


def test_a_browser_that_does_not_focus_links_gives_the_focus_back_too(popup: Opened) -> None:
    with popup() as host:
        host.page.evaluate("document.querySelector('a.contact').click()")
        host.page.keyboard.press("Escape")
        assert host.focused() == "Contact us"


def test_a_click_beside_the_popup_closes_it_and_one_inside_does_not(popup: Opened) -> None:
    with popup(options="{title: 'Ask us'}") as host:
        host.page.get_by_role("link", name="Contact us").click()
        dialog = host.page.get_by_role("dialog", name="Ask us")
        dialog.get_by_text("Who?").click()
        assert dialog.is_visible()
        host.page.mouse.click(5, 5)
        assert not dialog.is_visible()


@pytest.mark.parametrize(
    "body", [POPUP, LINKS + '<div id="contact-popup" hidden>{form}</div>'], ids=["template", "hidden"]
)
def test_the_popup_sends_what_the_page_would(popup: Opened, body: str) -> None:
    with popup(body) as host:
        page = host.page
        page.get_by_role("link", name="Contact us").click()
        page.get_by_label("Track").check()
        page.get_by_label("ZIP").fill("12345")
        page.get_by_label("E-mail").fill("a@b.example")
        page.keyboard.press("Enter")
        page.wait_for_url("**/sent")
        assert host.sent == [SENT]


BREAK = {
    "no template": (LINKS, ""),
    "no form in it": (LINKS + '<template id="contact-popup"><p>Soon</p></template>', ""),
    "no dialogs": (POPUP, "delete window.HTMLDialogElement"),
    "a dialog that throws": (POPUP, "HTMLDialogElement.prototype.showModal = () => { throw new Error() }"),
}


@pytest.mark.parametrize("case", BREAK, ids=list(BREAK))
def test_whatever_is_missing_the_link_works_as_before(popup: Opened, case: str) -> None:
    body, script = BREAK[case]
    with popup(body, options=f"({script or 0}, {{}})" if "delete" in script else "{}") as host:
        if script and "delete" not in script:
            host.page.evaluate(f"void ({script})")
        host.page.get_by_role("link", name="Contact us").click()
        host.page.wait_for_url("**/contact")
        assert host.page.text_content("p") == "/contact", "it is the page, not the pop-up over the old one"


@pytest.mark.parametrize("held", ["ctrlKey", "metaKey", "shiftKey", "altKey"])
def test_a_click_for_a_new_tab_is_left_to_the_browser(popup: Opened, held: str) -> None:
    with popup() as host:
        host.page.evaluate(
            "(held) => { const click = new MouseEvent('click', { bubbles: true, cancelable: true, [held]: true });"
            "addEventListener('click', (event) => { window.stopped = event.defaultPrevented; event.preventDefault() });"
            "document.querySelector('a.contact').dispatchEvent(click) }",
            held,
        )
        assert host.page.evaluate("window.stopped") is False
        assert host.page.locator("dialog").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_no_widget_has_a_barrier_or_scrolls_sideways(
    hosted: Opened, popup: Opened, form: str, scheme: Any, width: int
) -> None:
    size = {"width": width, "height": 640}
    for opened in (
        hosted(form, color_scheme=scheme, viewport=size),
        popup(color_scheme=scheme, viewport=size),
    ):
        with opened as host:
            if host.page.locator("a.contact").count():
                host.page.locator("a.contact").first.click()
            else:
                host.page.get_by_label("Track").check()
                host.page.get_by_role("button", name="Next").click()
            assert host.page.evaluate("document.documentElement.scrollWidth") <= width
            violations = Axe().run(host.page).response["violations"]
            grave = [one for one in violations if one["impact"] in ("serious", "critical")]
            assert [(one["id"], one["nodes"][0]["html"]) for one in grave] == []
