"""The Segment tracking API over HTTP: who may send, what is kept, what is refused and in which words."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from experiments.assignment.assignment import assign
from experiments.events.event import Event, Refusal
from experiments.store.event_log import QueueFull
from experiments.store.store import Receipt, StoreUnavailable
from webapp.services.services import Services

BASIC = {"Authorization": "Basic " + base64.b64encode(b"wk_test:").decode()}
TRACK = {"type": "track", "event": "form_started", "anonymousId": "a-1", "messageId": "m-1"}


def send(client: FlaskClient, *items: Any, **envelope: Any) -> TestResponse:
    return client.post("/v1/batch", json={"batch": list(items), "writeKey": "wk_test"} | envelope)


def stored(app: Flask) -> list[Event]:
    return list(app.extensions["yesladder"].store.scan())


@pytest.mark.parametrize(
    "call", ["track", "t", "identify", "i", "page", "p", "screen", "s", "group", "g", "alias", "a"]
)
def test_every_call_and_its_short_form_takes_one_event(app: Flask, client: FlaskClient, call: str) -> None:
    body = {"anonymousId": "a-1", "userId": "u-1", "previousId": "a-1", "event": "form_started", "messageId": "m-1"}
    response = client.post(f"/v1/{call}", data=json.dumps(body), content_type="text/plain", headers=BASIC)
    assert response.status_code == 200
    assert response.get_json() == {"success": True, "accepted": 1, "refused": 0, "refusals": []}
    assert [(event.visitor, event.joined) for event in stored(app)] == [("a-1", "u-1")]


@pytest.mark.parametrize("call", ["batch", "b"])
def test_a_batch_keeps_the_good_and_names_the_bad(app: Flask, client: FlaskClient, call: str) -> None:
    items = [TRACK, TRACK | {"messageId": "m-2", "anonymousId": 5}, "x", TRACK | {"messageId": "m-3"}]
    response = client.post(f"/v1/{call}", json={"batch": items}, headers=BASIC)
    answer = response.get_json()
    assert response.status_code == 200
    assert (answer["accepted"], answer["refused"]) == (2, 2)
    assert [(one["index"], one["messageId"], one["reason"]) for one in answer["refusals"]] == [
        (1, "m-2", "invalid"),
        (2, "", "invalid"),
    ]
    assert "anonymousId is 5, must be a string" in answer["refusals"][0]["detail"]
    assert [event.message_id for event in stored(app)] == ["m-1", "m-3"]
    assert app.extensions["yesladder"].store.refused() == {"invalid": 2}


def test_sending_again_counts_once(app: Flask, client: FlaskClient) -> None:
    for _ in range(3):
        assert send(client, TRACK, TRACK).status_code == 200
    nameless = {key: value for key, value in TRACK.items() if key != "messageId"}
    for _ in range(2):
        send(client, nameless, sentAt="2026-11-22T09:00:00Z")
    assert len(stored(app)) == 2


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        pytest.param({"writeKey": "wk_test"}, {}, 200, id="body"),
        pytest.param({}, BASIC, 200, id="basic"),
        pytest.param({"writeKey": "other"}, BASIC, 200, id="basic-leads"),
        pytest.param({}, {}, 401, id="none"),
        pytest.param({"writeKey": "other"}, {}, 401, id="wrong"),
        pytest.param({"writeKey": "wk_tést\ud800"}, {}, 401, id="not-ascii"),
        pytest.param({"writeKey": 5}, {}, 401, id="number"),
        pytest.param({"writeKey": "wk_test"}, {"Authorization": "Bearer unknown"}, 401, id="unknown-token"),
        pytest.param({"writeKey": "wk_test"}, {"Authorization": "Basic ???"}, 200, id="damaged-basic"),
    ],
)
def test_the_write_key_opens(client: FlaskClient, body: dict[str, Any], headers: dict[str, str], status: int) -> None:
    response = client.post("/v1/batch", data=json.dumps({"batch": [TRACK]} | body), headers=headers)
    assert response.status_code == status
    if status == 401:
        assert response.get_json()["code"] == "unauthorized"
        assert "write key" in response.get_json()["message"] or "Bearer" in response.get_json()["message"]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        pytest.param("{", 400, id="no-json"),
        pytest.param("[]", 400, id="list"),
        pytest.param("", 400, id="empty"),
        pytest.param("5", 400, id="number"),
        pytest.param('{"writeKey": "wk_test"}', 400, id="no-batch"),
        pytest.param('{"writeKey": "wk_test", "batch": {}}', 400, id="batch-is-object"),
        pytest.param("[" * 200_000, 400, id="deep"),
        pytest.param(b"\xff\xfe", 400, id="no-utf-8"),
        pytest.param('{"writeKey": "wk_test", "batch": []}' + " " * 512_000, 413, id="large"),
        pytest.param('{"writeKey": "wk_test", "batch": []}', 200, id="empty-batch"),
    ],
)
def test_400_is_for_the_malformed_and_413_for_the_large(client: FlaskClient, data: str | bytes, status: int) -> None:
    response = client.post("/v1/batch", data=data)
    assert response.status_code == status
    assert response.get_json()["success"] == (status == 200)
    if status != 200:
        assert response.get_json()["message"]


def test_a_large_event_is_refused_alone(app: Flask, client: FlaskClient) -> None:
    large = TRACK | {"messageId": "m-2", "properties": {"text": "x" * 33_000}}
    answer = send(client, TRACK, large).get_json()
    assert (answer["accepted"], answer["refusals"][0]["reason"]) == (1, "too-large")
    assert client.post("/v1/track", json=large | {"writeKey": "wk_test"}).status_code == 413
    assert [event.message_id for event in stored(app)] == ["m-1"]
    fitting = TRACK | {"messageId": "m-4", "properties": {"text": "x" * 32_000}}
    assert send(client, fitting).get_json()["accepted"] == 1
    half = [TRACK | {"messageId": f"b-{i}", "properties": {"text": "x" * 24_000}} for i in range(20)]
    assert send(client, *half).get_json()["accepted"] == 20


@pytest.mark.parametrize(
    ("data", "status"),
    [
        pytest.param(gzip.compress(json.dumps({"batch": [TRACK]}).encode()), 200, id="gzip"),
        pytest.param(gzip.compress(b" " * 50_000_000), 413, id="bomb"),
        pytest.param(gzip.compress(b"{}")[:-4], 400, id="cut"),
        pytest.param(gzip.compress(b"{}") + b"tail", 400, id="tail"),
        pytest.param(zlib.compress(b"{}"), 400, id="zlib"),
        pytest.param(b"", 400, id="empty"),
    ],
)
def test_gzip_is_inflated_within_limits(client: FlaskClient, data: bytes, status: int) -> None:
    response = client.post("/v1/batch", data=data, headers=BASIC | {"Content-Encoding": "gzip"})
    assert response.status_code == status


def test_another_encoding_is_refused(client: FlaskClient) -> None:
    response = client.post("/v1/batch", data=b"{}", headers=BASIC | {"Content-Encoding": "br"})
    assert response.status_code == 400
    assert "must be gzip or absent" in response.get_json()["message"]


def viewed(visitor: str, experiment: str, variant: Any, message: str) -> dict[str, Any]:
    properties = {"experiment_id": experiment, "variation_id": variant}
    return TRACK | {
        "event": "Experiment Viewed", "anonymousId": visitor, "properties": properties, "messageId": message
    }  # fmt: skip


def test_a_claim_of_a_variant_is_checked_not_trusted(app: Flask, client: FlaskClient) -> None:
    services: Services = app.extensions["yesladder"]
    running = services.catalog.experiments()
    mine = assign(running["contact-form"], "v-1", {}).variant
    other = next(variant.key for variant in running["contact-form"].variants if variant.key != mine)
    index = [variant.key for variant in running["contact-form"].variants].index(mine)
    outside = next(str(i) for i in range(99) if not assign(running["half"], str(i), {}).in_experiment)
    answer = send(
        client,
        viewed("v-1", "contact-form", mine, "key"),
        viewed("v-1", "contact-form", index, "index"),
        viewed("v-1", "contact-form", other, "mismatch"),
        viewed(outside, "half", "single", "outside"),
        viewed("v-1", "nope", "single", "unknown"),
        viewed("v-1", "contact-form", "third", "no-variant"),
    ).get_json()
    assert answer["accepted"] == 2
    assert {one["messageId"]: one["reason"] for one in answer["refusals"]} == {
        "mismatch": "variant-mismatch",
        "outside": "not-in-experiment",
        "unknown": "unknown-experiment",
        "no-variant": "unknown-variant",
    }
    assert {event.message_id: event.variant for event in stored(app)} == {"key": mine, "index": mine}


def test_a_token_of_scope_ingest_brings_its_own_receipt_times(app: Flask, client: FlaskClient) -> None:
    services: Services = app.extensions["yesladder"]
    history = TRACK | {"timestamp": "2026-11-02T10:00:00Z", "receivedAt": "2026-11-02T10:00:05Z"}
    token = services.tokens.create("ingest", "history", services.clock())
    reader = services.tokens.create("read", "results", services.clock())
    for secret, status in ((reader, 401), (token, 200)):
        headers = {"Authorization": f"Bearer {secret}"}
        assert client.post("/v1/batch", json={"batch": [history]}, headers=headers).status_code == status
    assert [event.received_at.isoformat() for event in stored(app)] == ["2026-11-02T10:00:05+00:00"]


@pytest.mark.parametrize("trouble", [QueueFull("10 events wait"), StoreUnavailable("the disk is full")], ids=repr)
def test_what_cannot_be_kept_now_is_asked_for_again(
    app: Flask, client: FlaskClient, trouble: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> Receipt:
        raise trouble

    monkeypatch.setattr(app.extensions["yesladder"].log, "append", refuse)
    response = send(client, TRACK)
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert response.get_json()["message"] == str(trouble)


def test_analytics_js_is_told_to_send_here(client: FlaskClient) -> None:
    response = client.get("/v1/projects/wk_test/settings", headers={"Origin": "https://shop.example"})
    segment = response.get_json()["integrations"]["Segment.io"]
    assert segment == {"apiKey": "wk_test", "apiHost": "localhost/v1", "protocol": "https"}
    assert response.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert client.get("/v1/projects/other/settings").status_code == 404


def test_unknown_calls_are_not_found_in_json(client: FlaskClient) -> None:
    for path in ("/v1/tracks", "/v1/", "/v1/import"):
        response = client.post(path, json={})
        assert response.status_code == 404
        assert response.get_json()["code"] == "not-found"


@pytest.mark.parametrize(
    "item",
    [{"anonymousId": "boss"}, {"userId": "boss"}, {"properties": {"company": "ours"}}, {"context": {"staff": True}}],
    ids=["id", "second-id", "attribute", "told"],
)
def test_events_of_staff_are_marked(app: Flask, client: FlaskClient, item: dict[str, Any]) -> None:
    send(client, TRACK | item, TRACK | {"messageId": "m-2", "anonymousId": "visitor"})
    assert {event.message_id: event.attributes.get("staff") for event in stored(app)} == {"m-1": "true", "m-2": None}


def test_a_batch_of_rubbish_is_malformed(client: FlaskClient) -> None:
    response = client.post("/v1/batch", data='{"batch": [' + "1," * 100_000 + "1]}", headers=BASIC)
    assert response.status_code == 400
    assert "has 100001 items, must have at most" in response.get_json()["message"]


CLIENTS = Path(__file__).parent / "clients"


def requests_of(name: str) -> Sequence[dict[str, Any]]:
    requests: list[dict[str, Any]] = json.loads((CLIENTS / f"{name}.json").read_text("utf-8"))["requests"]
    return requests


@pytest.mark.parametrize(
    ("name", "events"),
    [
        pytest.param("segment-analytics-python", 8, id="python"),
        pytest.param("segment-analytics-node", 4, id="node"),
        pytest.param("segment-analytics-next", 3, id="browser"),
        pytest.param("segment-analytics-next-batching", 2, id="browser-batching"),
    ],
)
def test_what_the_real_clients_send_is_taken(app: Flask, client: FlaskClient, name: str, events: int) -> None:
    """The requests in `clients/` were captured from the clients named in them."""
    for request in requests_of(name):
        body = json.dumps(request["body"]).encode() if request["body"] is not None else b""
        headers = dict(request["headers"])
        if request["gzip_body"]:
            body = gzip.compress(body)
        response = client.open(request["path"], method=request["method"], data=body, headers=headers)
        assert response.status_code == 200, response.get_data(as_text=True)
        if request["method"] == "POST":
            assert response.get_json()["refused"] == 0
    assert len(stored(app)) == events
    refusals = [one for one in app.extensions["yesladder"].store.recent(99) if isinstance(one, Refusal)]
    assert refusals == []
    kinds = {event.name: event.kind for event in stored(app)}
    assert kinds.get("Order Completed") == "action"
    if name == "segment-analytics-next":
        assert kinds == {"Viewed Home Page": "action", "Identify": "join", "Order Completed": "action"}
        assert {event.attributes["device"] for event in stored(app)} == {"desktop"}
        assert {event.attributes["source"] for event in stored(app)} == {"direct"}
        assert {event.attributes["language"] for event in stored(app)} == {"en"}
