"""The widget multi-step-form by itself: by mouse, by keyboard, and for any form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Opened = Callable[..., Any]
SENT = [("job", "track"), ("zip", "12345"), ("email", "a@b.example"), ("note", "")]


def test_the_form_in_steps_by_mouse_sends_what_the_whole_form_sends_once(hosted: Opened, form: str) -> None:
    sent = []
    for select in ("#contact", "#nothing"):
        with hosted(form, select=select) as host:
            page = host.page
            stepped = select == "#contact"
            assert page.get_by_text("Before").is_visible()
            if stepped:
                assert (host.at(), page.get_by_text("Step 1 of 3").is_visible()) == ("What is wrong?", True)
                assert [page.get_by_text(text).is_visible() for text in ("After", "News", "Send", "Back")] == [
                    False
                ] * 4
            page.get_by_label("Track").check()
            if stepped:
                page.get_by_role("button", name="Next").click()
                assert (host.at(), host.focused()) == ("Where?", "Where?")
            page.get_by_label("ZIP").fill("12345")
            if stepped:
                page.get_by_role("button", name="Back").click()
                assert (host.at(), host.focused()) == ("What is wrong?", "What is wrong?")
                assert page.get_by_label("Track").is_checked()
                page.get_by_role("button", name="Next").click()
                page.get_by_role("button", name="Next").click()
                assert (host.at(), page.get_by_text("Step 3 of 3").is_visible()) == ("Who?", True)
                assert page.get_by_role("button", name="Next").count() == 0
            page.get_by_label("E-mail").fill("a@b.example")
            assert host.moments("submit") == []
            page.get_by_role("button", name="Send").click()
            page.wait_for_url("**/sent")
            sent += host.sent
    assert sent == [SENT, SENT]


def test_the_form_in_steps_by_keyboard(hosted: Opened, form: str) -> None:
    with hosted(form) as host:
        keys = host.page.keyboard
        count = "window.sends = 0, document.querySelector('.go:not([type])').addEventListener('click', () => sends++)"
        host.page.evaluate(count)
        for key in ("Tab", "ArrowDown", "Enter", "Tab"):
            keys.press(key)
        assert (host.at(), host.focused()) == ("Where?", "zip")
        keys.type("123")
        keys.press("Enter")
        assert (host.at(), host.focused()) == ("Where?", "zip")
        keys.type("45")
        keys.press("Tab")
        assert host.focused() == "Next"
        keys.press("Space")
        assert (host.at(), host.focused()) == ("Who?", "Who?")
        keys.press("Tab")
        keys.type("a@b.example")
        assert (host.moments("submit"), host.sent) == ([], [])
        assert host.page.evaluate("window.sends") == 0, "who counts clicks on the button hears of no step before"
        keys.press("Enter")
        host.page.wait_for_url("**/sent")
        assert host.sent == [SENT]


def test_a_step_is_left_only_when_it_is_right_unless_the_form_checks_itself(hosted: Opened, form: str) -> None:
    with hosted(form) as host:
        host.page.get_by_role("button", name="Next").click()
        assert (host.at(), host.focused()) == ("What is wrong?", "job")
    with hosted(form.replace("<form ", "<form novalidate ")) as host:
        host.page.get_by_role("button", name="Next").click()
        assert host.at() == "Where?"


def test_what_has_become_wrong_in_an_earlier_step_is_shown_at_the_end(hosted: Opened, form: str) -> None:
    with hosted(form) as host:
        page = host.page
        page.get_by_label("Track").check()
        page.get_by_role("button", name="Next").click()
        page.get_by_label("ZIP").fill("12345")
        page.get_by_role("button", name="Next").click()
        page.get_by_label("E-mail").fill("a@b.example")
        page.evaluate("document.querySelector('[name=zip]').value = ''")
        page.get_by_role("button", name="Send").click()
        assert (host.at(), host.focused(), host.sent) == ("Where?", "zip", [])


def test_a_phone_that_submits_without_an_enter_key_goes_on_too(hosted: Opened, form: str) -> None:
    with hosted(form) as host:
        host.page.get_by_label("Track").check()
        host.page.evaluate("document.querySelector('.go:not([type])').click()")  # as a browser does for such a key
        assert (host.at(), host.moments("submit"), host.sent) == ("Where?", [], [])


def test_it_begins_where_the_server_found_something_wrong(hosted: Opened, form: str) -> None:
    with hosted(form.replace('name="zip"', 'name="zip" aria-invalid="true"')) as host:
        assert host.at() == "Where?"


def test_steps_are_steps_without_the_style_sheet_and_against_the_page_s_own(hosted: Opened, form: str) -> None:
    with hosted(form, css=False) as host:
        host.page.evaluate(
            "document.adoptedStyleSheets = [new CSSStyleSheet()], "
            "document.adoptedStyleSheets[0].replaceSync('fieldset, button { display: grid }')"
        )
        assert host.at() == "What is wrong?"
        assert not host.page.get_by_text("Send").is_visible()


def test_the_words_are_the_page_s(hosted: Opened, form: str) -> None:
    words = "{next: 'Weiter', back: 'Zurück', progress: '{step} von {steps}'}"
    with hosted(form, options=words) as host:
        host.page.get_by_label("Track").check()
        host.page.get_by_role("button", name="Weiter").click()
        assert host.page.get_by_role("button", name="Zurück").is_visible()
        assert host.page.get_by_text("2 von 3").is_visible()


GROUPS = [
    pytest.param(
        "<label>A <input name=a></label><label>B <input name=b></label><label>C <input name=c></label>",
        [["a"], ["b", "c"]],
        id="the first question alone",
    ),
    pytest.param(
        "<div><p><input name=a></p><p><input name=b></p><p><input name=c></p><p><input name=d></p>"
        "<p><select name=e></select></p></div>",
        [["a"], ["b", "c", "d"], ["e"]],
        id="then three at a time, through a wrapper",
    ),
    pytest.param(
        "<label for=a>A</label><input id=a name=a><label for=b>B</label><input id=b name=b>"
        "<input type=checkbox id=c name=c><label for=c>C</label>",
        [["A", "a"], ["B", "b", "c", "C"]],
        id="labels stay with their fields",
    ),
    pytest.param(
        "<input type=radio name=a value=1> One <input type=radio name=a value=2> Two"
        "<p>Next <textarea name=b></textarea></p>",
        [["a", "a"], ["b"]],
        id="radio buttons of one name are one question",
    ),
]


@pytest.mark.parametrize(("fields", "expected"), GROUPS)
def test_a_form_without_fieldsets_is_cut_up_in_the_order_of_the_page(
    hosted: Opened, fields: str, expected: list[list[str]]
) -> None:
    form = f'<form id="contact" method="post" action="/sent">{fields}<p><button>Send</button></p></form>'
    with hosted(form) as host:
        found = host.page.evaluate(
            "[...document.querySelectorAll('.yes-step')].map((step) => "
            "[...step.querySelectorAll('label[for], [name]')].map((one) => one.name || one.textContent))"
        )
        assert found == expected
        assert host.page.get_by_text(f"Step 1 of {len(expected)}").is_visible()
        host.page.get_by_role("button", name="Next").click()
        assert host.focused() == f"Step 2 of {len(expected)}"
        assert host.page.get_by_text("Send").is_visible() == (len(expected) == 2)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param('<form id="contact"><input name="a"><button>Send</button></form>', id="one question"),
        pytest.param('<div id="contact"><input name="a"></div>', id="no form"),
        pytest.param(
            '<form id="contact"><fieldset><input name="a"></fieldset><button>Send</button></form>', id="one fieldset"
        ),
    ],
)
def test_what_has_no_steps_stays_as_it_is(hosted: Opened, body: str) -> None:
    with hosted(body) as host:
        assert host.page.locator("[class^=yes-]").count() == 0
        assert host.page.locator("[name=a]").is_visible()
