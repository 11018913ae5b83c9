"""Who is not asked, or says no, leaves no trace and sees the control."""

from __future__ import annotations

from typing import Any

import pytest

TRACES = "[document.cookie, localStorage.length, sessionStorage.length, offer.textContent]"
NOTHING = ["", 0, 0, "Control"]
GPC = "Object.defineProperty(navigator, 'globalPrivacyControl', { value: true });"
DNT = "Object.defineProperty(navigator, 'doNotTrack', { value: '1' });"


@pytest.mark.parametrize(
    ("signal", "attributes", "counts"),
    [
        pytest.param(GPC, "", False, id="global-privacy-control"),
        pytest.param(DNT, "", False, id="do-not-track"),
        pytest.param(DNT, 'data-signals="ignore"', True, id="ignored-on-purpose"),
        pytest.param("", "", True, id="no-signal"),
        pytest.param("", 'data-consent="required"', False, id="not-asked-yet"),
    ],
)
def test_signals(stand_in: Any, signal: str, attributes: str, counts: bool) -> None:
    with stand_in.stage.visit() as visit:
        visit.page.add_init_script(signal)
        visit.page.goto(stand_in.stage.show(attributes=attributes))
        visit.page.evaluate("yesladder.track('tried')")
        if signal and not counts:
            visit.page.evaluate("yesladder.consent(true)")  # a banner that does not know of the signal
        if counts:
            stand_in.wait_for(visit.page, "Experiment Viewed", "tried")
        else:
            visit.page.wait_for_timeout(500)
        traces = visit.page.evaluate(TRACES)
    assert (traces == NOTHING) is not counts
    assert set(stand_in.names()) == ({"Experiment Viewed", "tried"} if counts else set())


def test_consent_given_and_withdrawn(stand_in: Any) -> None:
    address = stand_in.stage.show(attributes='data-consent="required"')
    with stand_in.stage.visit() as visit:
        page = visit.page
        page.goto(address)
        page.wait_for_timeout(400)
        assert page.evaluate(TRACES) == NOTHING
        page.evaluate("yesladder.consent(true)")
        stand_in.stage.wait_for_text(page, "Changed")
        stand_in.wait_for(page, "Experiment Viewed")
        page.goto(address)
        stand_in.stage.wait_for_text(page, "Changed")  # remembered
        page.evaluate("yesladder.consent(false); yesladder.track('after')")
        stand_in.wait_for(page, "Consent Withdrawn")
        page.wait_for_timeout(300)
        assert page.evaluate("[document.cookie, Object.keys(localStorage)]") == ["", ["yesladder.consent"]]
        page.goto(address)
        page.wait_for_timeout(400)
        assert page.text_content("#offer") == "Control"
    assert stand_in.names()[-1] == "Consent Withdrawn"


def test_the_cookie_is_the_host_s_own_lasts_13_months_and_is_not_renewed(stand_in: Any) -> None:
    with stand_in.stage.visit() as visit:
        address = stand_in.stage.show()
        visit.page.goto(address)
        stand_in.stage.wait_for_text(visit.page, "Changed")
        [first] = visit.context.cookies()
        visit.page.goto(address)
        stand_in.stage.wait_for_text(visit.page, "Changed")
        visit.page.evaluate("yesladder.track('second')")
        stand_in.wait_for(visit.page, "second")
        [second] = visit.context.cookies()
        now = visit.page.evaluate("Date.now()") / 1000
    assert first == second
    assert (first["domain"], first["path"], first["sameSite"]) == ("localhost", "/", "Lax")
    assert 394 < (first["expires"] - now) / 86400 < 396
