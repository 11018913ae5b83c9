"""Which numbers an address asks for: experiment, phase, moment, step; and what a wrong address says."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask.testing import FlaskClient

from experiments.audit.decision_log import Entry
from experiments.audit.readout import Decided, Readout
from tests.experiments.cases.decision_cases import A_DECISION
from tests.experiments.cases.json_schema import misfits

HERE = "http://localhost"


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/results/nobody", 404, "There is no experiment &#39;nobody&#39;. Known experiments: contact-form."),
        ("/results/contact-form?phase=7", 404, "has no phase 7. Recorded phases: 1, 2."),
        ("/results/contact-form?phase=one", 400, "phase is &#39;one&#39;, must be a whole number"),
        ("/results/contact-form?phase=" + "9" * 5000, 400, "must be a whole number"),
        ("/results/contact-form?step=nothing", 404, "its steps are form-seen, form-started, email-given, job-booked"),
        (
            "/results/contact-form?as_of=yesterday",
            400,
            "as_of is &#39;yesterday&#39;, must be a moment with its time zone",
        ),
        ("/results/contact-form?as_of=2026-11-20T10:00:00", 400, "which has no time zone"),
        ("/results/contact-form?as_of=2026-11-20T10:00:00+01:00", 400, "write a + as %2B"),
        ("/results/contact-form?as_of=2999-01-01T00:00:00Z", 400, "must be between the year 2000 and now"),
        ("/results/contact-form?as_of=0001-01-01T00:00:00%2B14:00", 400, "must be between the year 2000 and now"),
        ("/preview/nobody", 404, "There is no experiment"),
        ("/preview/contact-form/nothing", 404, "its variants are single, multi-step."),
    ],
)
def test_a_wrong_address_says_what_would_be_right(
    stage: Any, client: FlaskClient, build: SimpleNamespace, path: str, status: int, says: str
) -> None:
    stage.show(
        build.report(of=build.experiment(status="stopped", ended_at=build.NOW - timedelta(days=9))),
        build.report(of=build.experiment(phase=2)),
    )
    response = client.get(path, base_url=HERE)
    assert response.status_code == status
    assert says in response.text
    assert response.mimetype == "text/html"


def test_the_newest_phase_is_shown_and_old_ones_can_be_chosen(
    stage: Any, client: FlaskClient, build: SimpleNamespace
) -> None:
    old = build.experiment(status="stopped", ended_at=build.NOW - timedelta(days=9))
    stage.show(
        build.report("worse", old),
        build.report("better", build.experiment(phase=2, started_at=build.NOW - timedelta(days=8))),
    )
    newest = client.get("/results/contact-form", base_url=HERE).text
    assert "brings more visitors" in newest
    assert 'href="/results/contact-form?phase=1"' in newest
    assert "brings fewer visitors" in client.get("/results/contact-form?phase=1", base_url=HERE).text


def test_a_moment_is_asked_for_exactly_and_now_is_this_minute(
    stage: Any, client: FlaskClient, build: SimpleNamespace
) -> None:
    stage.show(build.report())
    page = client.get("/results/contact-form?as_of=2026-11-20T11:30:15%2B01:00&step=form-seen", base_url=HERE).text
    assert stage.asked[-1] == datetime(2026, 11, 20, 10, 30, 15, tzinfo=UTC)
    assert "You are looking at the numbers as they were on" in page
    assert "20 Nov 2026, 11:30" in page  # in the site's zone
    assert "as_of=2026-11-20T10%3A30%3A15Z&amp;step=form-started#over-time" in page  # other steps keep the moment
    client.get("/results/contact-form", base_url=HERE)
    assert stage.asked[-1] == build.NOW


def test_an_unchanged_page_is_not_sent_twice(stage: Any, client: FlaskClient, build: SimpleNamespace) -> None:
    stage.show(build.report())
    for path in ("/", "/results/contact-form", "/live", "/preview/contact-form", "/results/contact-form.json"):
        first = client.get(path, base_url=HERE)
        again = client.get(path, base_url=HERE, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
        assert first.headers["Cache-Control"] == "private, no-cache"
    stage.show(build.report("better"))
    changed = client.get("/results/contact-form", base_url=HERE, headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200


def test_the_json_is_the_reports_document(stage: Any, client: FlaskClient, build: SimpleNamespace) -> None:
    stage.show(build.report("better"))
    document = client.get("/results/contact-form.json", base_url=HERE).get_json()
    assert document == stage.reports[0].to_json() | {"decision": None, "decisions": []}
    assert document["state"] == "better"


@pytest.mark.parametrize("state", ["better", "worse", "undecided", "equivalent", "collecting", "withdrawn"])
def test_the_json_fits_its_published_schema(build: SimpleNamespace, state: str) -> None:
    guardrails = [{"step": "form-error", "event": "form_error", "harm": "more", "margin": "10%"}]
    record = {"made": "keep-control", "on": "2026-11-21", "note": "because"} if state == "worse" else None
    shown = build.report(state, build.experiment(guardrails=guardrails, decision=record))
    if state == "withdrawn":  # the verdict as a whole is, no comparison by itself
        shown = build.with_macro(shown, state="undecided")
    decisions = [Entry(A_DECISION), Entry(replace(A_DECISION, relative_interval=None, recorded_at=build.NOW), "why")]
    figures = Readout(shown, {}, decision=Decided.of(shown.experiment), decisions=decisions)
    document = json.loads(json.dumps(figures.to_json(), allow_nan=False))
    assert misfits(document, Readout.json_schema()) == []
    assert (document["state"], document["decision"] is None) == (state, record is None)


def test_a_draft_has_no_results_but_a_page(stage: Any, client: FlaskClient, build: SimpleNamespace) -> None:
    stage.drafts = [build.experiment(status="draft", started_at=None)]
    assert (
        "Not started: nothing is served and nothing is counted."
        in client.get("/results/contact-form", base_url=HERE).text
    )
    refused = client.get("/results/contact-form.json", base_url=HERE)
    assert (refused.status_code, refused.get_json()["message"]) == (
        404,
        "contact-form is a draft: it has not started, so there are no results.",
    )


def test_the_list_shows_running_ones_first_with_their_effect(
    stage: Any, client: FlaskClient, build: SimpleNamespace
) -> None:
    stopped = build.experiment(
        "a-stopped", status="stopped", ended_at=build.NOW - timedelta(days=1), name="A stopped one"
    )
    stage.show(build.report("worse", stopped), build.report("better", build.experiment("z-running", name="Z runs")))
    stage.drafts = [build.experiment("a-draft", status="draft", started_at=None, name="A draft")]
    page = client.get("/", base_url=HERE).text
    assert page.index("Z runs") < page.index("A draft") < page.index("A stopped one")
    for words in ("24,000", "3 weeks", "+20.9%", "+14.2% to\u00a0+27.9%", "Better", "Not started."):
        assert words in page


def test_an_empty_site_says_how_to_begin(client: FlaskClient) -> None:
    page = client.get("/", base_url=HERE).text
    assert "No experiments yet" in page
    assert "yesladder check" in page


def test_results_are_for_those_who_may_read(stage: Any, client: FlaskClient, build: SimpleNamespace) -> None:
    stage.show(build.report())
    for path in ("/", "/results/contact-form", "/live", "/preview/contact-form", "/preview/contact-form/single"):
        elsewhere = client.get(path, base_url="http://results.example")
        assert elsewhere.status_code == 302
        assert elsewhere.headers["Location"].startswith("/login")
    assert client.get("/results/contact-form.json", base_url="http://results.example").status_code == 401


def test_one_attribute_is_answered_by_itself(stage: Any, client: FlaskClient, build: SimpleNamespace) -> None:
    stage.show(build.report())
    found = client.get("/results/contact-form/by/device.json", base_url=HERE)
    assert found.status_code == 200
    assert found.json is not None
    assert (found.json["attribute"], found.json["kind"]) == ("device", "exploratory")
    missing = client.get("/results/contact-form/by/colour.json", base_url=HERE)
    assert missing.status_code == 404
    assert "it is by device, source, returning, language" in missing.json["message"]
