"""The pages over a real site: real config files, the real store, real requests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from experiments.site.site import Site
from webapp.server.app import create_app

HERE = "http://localhost"
NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


class Hands:
    """A clock that is moved by hand."""

    now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def hands() -> Hands:
    """The clock of the site."""
    return Hands()


@pytest.fixture
def open_app(site_path: Path, hands: Hands) -> Iterator[Flask]:
    """The test site with open results."""
    app = create_app(site_path, clock=hands, open_results=True)
    yield app
    app.extensions["yesladder"].close()


def track(app: Flask, *events: dict[str, object]) -> None:
    """Send these events as a Segment batch."""
    key = Site.open(app.extensions["yesladder"].site.path).settings.write_key
    response = app.test_client().post("/v1/batch", json={"writeKey": key, "batch": list(events)})
    assert response.status_code == 200, response.text


def viewed(visitor: str, variant: str) -> dict[str, object]:
    """A Segment exposure."""
    properties = {"experiment_id": "contact-form", "variation_id": variant}
    return {"type": "track", "event": "Experiment Viewed", "anonymousId": visitor, "properties": properties}


def evaluated(app: Flask, visitor: str, **context: str) -> dict[str, object]:
    """What OFREP answers."""
    body = {"context": {"targetingKey": visitor, **context}}
    answer = app.test_client().post("/ofrep/v1/evaluate/flags/contact-form", json=body).get_json()
    assert isinstance(answer, dict)
    return answer


def test_before_the_first_visitor_every_page_answers(open_app: Flask) -> None:
    client = open_app.test_client()
    for path, words in [
        ("/", "Multi-step vs single contact form"),
        ("/results/contact-form", "Waiting for the first visitor."),
        ("/results/drafted", "Not started"),
        ("/results/won", "This phase ended on 10 Nov 2026."),
        ("/results/contact-form?as_of=2001-01-01T00:00:00Z", "Waiting for the first visitor."),
        ("/live", "No event has arrived yet."),
        ("/preview/contact-form", "multi-step"),
    ]:
        response = client.get(path, base_url=HERE)
        assert response.status_code == 200, f"{path}: {response.text}"
        assert words in response.text, path
        assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert client.get("/results/contact-form.json", base_url=HERE).get_json()["state"] == "collecting"


def test_what_was_sent_is_seen_arriving_and_then_counted(open_app: Flask, hands: Hands) -> None:
    variant = str(evaluated(open_app, "v1", force="")["variant"])
    other = "single" if variant == "multi-step" else "multi-step"
    track(open_app, viewed("v1", variant), viewed("v1", other), {"type": "track", "event": "", "anonymousId": "v1"})
    client = open_app.test_client()
    live = client.get("/live", base_url=HERE).text
    assert f"contact-form: {variant}" in live
    assert "another variant" in live
    assert "not understood" in live
    hands.now = NOW + timedelta(days=9)
    page = client.get("/results/contact-form", base_url=HERE).text
    assert "Not enough data yet" in page
    assert 'data-label="Had time">1</td>' in page
    earlier = client.get("/results/contact-form?as_of=2026-11-22T09:00:00Z", base_url=HERE).text
    assert "Waiting for the first visitor." in earlier


def test_a_preview_is_what_a_forced_evaluation_answers_and_counts_nobody(open_app: Flask, hands: Hands) -> None:
    client = open_app.test_client()
    page = client.get("/preview/contact-form/multi-step", base_url=HERE).text.replace("&#34;", '"')
    start = page.index('{\n  "key"')
    assert json.loads(page[start : page.index("</code>", start)]) == evaluated(
        open_app, "test-visitor", force="multi-step"
    )
    open_app.extensions["yesladder"].exposures.close()  # writes what waits
    assert list(open_app.extensions["yesladder"].store.recent(10)) == []


def test_a_bad_edit_is_shown_and_the_last_good_definition_stays(open_app: Flask, site_path: Path, hands: Hands) -> None:
    client = open_app.test_client()
    assert "problem" not in client.get("/", base_url=HERE).text
    path = site_path / "experiments" / "contact-form.yaml"
    path.write_text(path.read_text("utf-8").replace("weight: 50}", "weight: -1}", 1), "utf-8")
    hands.now = NOW + timedelta(seconds=5)
    for address in ("/", "/results/contact-form", "/live"):
        page = client.get(address, base_url=HERE).text
        assert "experiments/contact-form.yaml:" in page
        assert "weight" in page
    assert "Waiting for the first visitor." in client.get("/results/contact-form", base_url=HERE).text
