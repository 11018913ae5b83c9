"""Which evaluations expose a visitor, and that assignment needs no store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from experiments.events.event import Event, Refusal
from experiments.store.memory import MemoryStore
from experiments.store.store import Receipt, StoreUnavailable
from webapp.server.app import create_app
from webapp.services.services import Services

SINGLE = "/ofrep/v1/evaluate/flags/"
BULK = "/ofrep/v1/evaluate/flags"


def evaluate(client: FlaskClient, key: str, **context: Any) -> TestResponse:
    return client.post(SINGLE + key, json={"context": {"targetingKey": "v-1"} | context})


def exposures(app: Flask) -> list[Event]:
    """What the store has after the queue of exposures is written."""
    services: Services = app.extensions["yesladder"]
    services.exposures.close()
    return [event for event in services.store.scan() if event.kind == "exposure"]


@pytest.mark.parametrize(
    ("key", "context", "exposed"),
    [
        pytest.param("contact-form", {}, True, id="split"),
        pytest.param("asked", {}, False, id="explicit"),
        pytest.param("contact-form", {"force": "multi-step"}, False, id="forced"),
        pytest.param("contact-form", {"bot": True}, False, id="bot"),
        pytest.param("drafted", {}, False, id="draft"),
        pytest.param("won", {}, False, id="served"),
    ],
)
def test_only_a_single_split_exposes(
    app: Flask, client: FlaskClient, key: str, context: dict[str, Any], exposed: bool
) -> None:
    client.post(BULK, json={"context": {"targetingKey": "v-1"}})
    answer = evaluate(client, key, language="de", **context).get_json()
    found = exposures(app)
    assert [(event.experiment, event.variant, event.visitor) for event in found] == (
        [(key, answer["variant"], "v-1")] if exposed else []
    )
    assert [dict(event.attributes) for event in found] == ([{"language": "de"}] if exposed else [])


def test_the_same_visitor_is_exposed_once(app: Flask, client: FlaskClient) -> None:
    for visitor in ("v-1", "v-1", "v-2", "v-1"):
        evaluate(client, "contact-form", targetingKey=visitor)
    assert sorted(event.visitor for event in exposures(app)) == ["v-1", "v-2"]


@pytest.mark.parametrize(
    "context", [{"targetingKey": "boss"}, {"company": "ours"}, {"staff": True}], ids=["id", "attribute", "told"]
)
def test_exposures_of_staff_are_marked(app: Flask, client: FlaskClient, context: dict[str, Any]) -> None:
    evaluate(client, "contact-form", **context)
    assert [event.attributes["staff"] for event in exposures(app)] == ["true"]


class Broken(MemoryStore):
    """A store that cannot write until it is mended."""

    broken = True

    def append(self, events: Sequence[Event], refusals: Sequence[Refusal] = ()) -> Receipt:
        if self.broken:
            raise StoreUnavailable("the disk is full")
        return super().append(events, refusals)

    def health(self) -> Sequence[str]:
        return ("the disk is full",) if self.broken else ()


def test_assignment_needs_no_store_and_its_exposures_wait(site_path: Path, clock: Callable[[], datetime]) -> None:
    store = Broken(lambda: ())
    app = create_app(site_path, clock=clock, store=store)
    client = app.test_client()
    services: Services = app.extensions["yesladder"]
    try:
        for visitor in range(3):
            assert evaluate(client, "contact-form", targetingKey=f"v-{visitor}").status_code == 200
        ready = client.get("/readyz")
        assert (ready.status_code, ready.get_json()["reasons"]) == (503, ["the disk is full"])
        assert ready.get_json()["exposures_waiting"] == 3
        assert client.get("/livez").status_code == 200
        store.broken = False
        services.exposures.close()
        assert sorted(event.visitor for event in store.scan()) == ["v-0", "v-1", "v-2"]
        assert services.exposures.lost == 0
    finally:
        services.close()
