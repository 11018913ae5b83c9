"""Is my installation working? What the page says of events taken and refused, and when none can be taken."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask.testing import FlaskClient

from experiments.events.event import Event, MessageId, Refusal, VisitorId
from experiments.store.store import StoreUnavailable

HERE = "http://localhost"


def event(at: Any, **changes: Any) -> Event:
    """An event of visitor-7."""
    values = {
        "message_id": MessageId("m1"),
        "kind": "action",
        "visitor": VisitorId("visitor-7"),
        "at": at,
        "received_at": at,
        "name": "form_started",
    }
    return Event(**(values | changes))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, ["form_started", "visitor-7", "Accepted"]),
        (
            {"kind": "exposure", "experiment": "contact-form", "variant": "multi-step"},
            ["Exposure", "contact-form: multi-step"],
        ),
        ({"kind": "join", "joined": VisitorId("user-1")}, ["Two ids joined", "with user-1"]),
        ({"kind": "withdrawal"}, ["Consent withdrawn"]),
    ],
    ids=["action", "exposure", "join", "withdrawal"],
)
def test_every_kind_of_event_is_listed(
    stage: Any, client: FlaskClient, build: SimpleNamespace, changes: dict[str, Any], says: list[str]
) -> None:
    stage.recent = [event(build.NOW - timedelta(seconds=61), **changes)]
    page = client.get("/live", base_url=HERE).text
    for words in [*says, "22 Nov, 10:58:59", "Ready: events are taken and kept."]:
        assert words in page


def test_a_refused_event_says_why(stage: Any, client: FlaskClient, build: SimpleNamespace) -> None:
    detail = 'properties.variation_id is "<single>", must be "multi-step"' + "x" * 2000
    stage.recent = [Refusal("variant-mismatch", detail, build.NOW, "m1", "Experiment Viewed", "v1", "contact-form")]
    stage.refused = {"invalid": 2, "variant-mismatch": 1200, "something-new": 1}
    page = client.get("/live", base_url=HERE).text
    assert "another variant" in page
    assert "properties.variation_id is &#34;&lt;single&gt;&#34;, must be" in page
    assert "x" * 401 not in page
    assert page.index("1,200") < page.index("A field is missing or has an impossible value.")
    assert "Something new" in page


def test_a_store_that_cannot_be_opened_is_told_not_failed(stage: Any, build: SimpleNamespace) -> None:
    app = stage.app()
    reason = "the event log cannot be opened: disk full"

    class Shut:
        """A log whose store cannot be opened."""

        @property
        def store(self) -> Any:
            raise StoreUnavailable(reason)

        def health(self) -> list[str]:
            return [reason]

    services = app.extensions["yesladder"]
    app.extensions["yesladder"] = type(services)(
        **{name: getattr(services, name) for name in services.__slots__} | {"log": Shut()}
    )
    response = app.test_client().get("/live", base_url=HERE)
    assert response.status_code == 200
    assert "Events cannot be taken now" in response.text
    assert response.text.count(reason) == 1
    assert "No event has arrived yet" not in response.text


def test_a_first_event_can_be_sent_with_what_the_page_shows(
    stage: Any, client: FlaskClient, build: SimpleNamespace
) -> None:
    stage.drafts = [build.experiment("a-draft", status="draft", started_at=None)]
    stage.show(build.report())
    page = client.get("/live", base_url=HERE).text
    assert "No event has arrived yet." in page
    assert "curl -u wk_garage_doors: http://localhost/v1/track" in page
    assert "http://localhost/ofrep/v1/evaluate/flags/contact-form" in page  # a running one, not the draft


def test_without_scripts_the_browser_reloads_unless_paused(client: FlaskClient) -> None:
    assert '<noscript><meta http-equiv="refresh"' in client.get("/live", base_url=HERE).text
    assert "http-equiv" not in client.get("/live?paused=yes", base_url=HERE).text


@pytest.mark.parametrize(
    ("ages", "says"),
    [
        ([20], ["The newest came a minute ago,"]),
        ([61, 200], ["The newest came 1 minute ago,", "The newest 2 events came within 2 minutes."]),
        ([7200, 7210, 20_000], ["The newest came 2 hours ago,", "The newest 3 events came within 3 hours."]),
    ],
    ids=["one", "minutes", "hours"],
)
def test_how_lately_and_how_fast_events_come(
    stage: Any, client: FlaskClient, build: SimpleNamespace, ages: list[int], says: list[str]
) -> None:
    stage.recent = [event(build.NOW - timedelta(seconds=age)) for age in ages]
    page = client.get("/live", base_url=HERE).text
    for words in says:
        assert words in page
    assert ("came within" in page) == (len(ages) > 1)
