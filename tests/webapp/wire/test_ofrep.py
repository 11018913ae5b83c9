"""OFREP: the protocol as its OpenAPI file says it, and our decisions in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from experiments.assignment.assignment import assign
from webapp.services.services import Services
from webapp.wire.ofrep import OFREP_REASON

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
ORIGIN = "https://shop.example"
SINGLE = "/ofrep/v1/evaluate/flags/"
BULK = "/ofrep/v1/evaluate/flags"


def evaluate(client: FlaskClient, key: str, headers: dict[str, str] | None = None, **context: Any) -> TestResponse:
    return client.post(SINGLE + key, json={"context": {"targetingKey": "v-1"} | context}, headers=headers)


def test_a_single_evaluation_says_what_assign_says(client: FlaskClient, app: Flask) -> None:
    services: Services = app.extensions["yesladder"]
    for visitor in map(str, range(50)):
        experiment = services.catalog.experiments()["half"]
        expected = assign(experiment, visitor, {})
        answer = evaluate(client, "half", targetingKey=visitor).get_json()
        assert answer["variant"] == expected.variant
        assert answer["metadata"] == {
            "in_experiment": expected.in_experiment, "reason": expected.reason, "phase": 1,
            "exposure": "auto", "started_at": "2026-11-01T00:00:00+00:00",
        }  # fmt: skip
        assert answer["reason"] == OFREP_REASON[expected.reason]


def test_metadata_tells_the_page_when_to_count(site_path: Path, client: FlaskClient) -> None:
    """The trigger, and the steps that a page can see itself; flat, as OFREP wants metadata."""
    text = (site_path / "experiments" / "contact-form.yaml").read_text("utf-8").replace("key: contact-form", "key: new")
    text = text.replace("path:", 'trigger: {visible: "#contact"}\npath:')
    text = text.replace("event: form_started,", 'event: form_started, on: {focus: "#contact"},')
    (site_path / "experiments" / "new.yaml").write_text(text, "utf-8")
    client.application.extensions["yesladder"].clock.move(seconds=5)
    told = evaluate(client, "new").get_json()["metadata"]
    assert json.loads(told["trigger"]) == {"visible": "#contact"}
    assert json.loads(told["on"]) == [["form_started", "focus", "#contact"]]


@pytest.mark.parametrize(
    ("key", "context", "reason", "ours"),
    [
        pytest.param("contact-form", {}, "SPLIT", "split", id="split"),
        pytest.param("contact-form", {"consent": False}, "UNKNOWN", "no-consent", id="no-consent"),
        pytest.param("contact-form", {"bot": True}, "UNKNOWN", "bot", id="bot"),
        pytest.param("contact-form", {"userAgent": GOOGLEBOT}, "UNKNOWN", "bot", id="bot-by-user-agent"),
        pytest.param("contact-form", {"force": "multi-step"}, "TARGETING_MATCH", "forced", id="forced"),
        pytest.param("drafted", {}, "DISABLED", "not-running", id="draft"),
        pytest.param("won", {}, "STATIC", "served", id="served"),
        pytest.param("phones", {}, "UNKNOWN", "outside-audience", id="audience-unknown"),
        pytest.param("phones", {"device": "phone"}, "SPLIT", "split", id="audience-told"),
        pytest.param("phones", {"userAgent": IPHONE}, "SPLIT", "split", id="audience-by-user-agent"),
        pytest.param("newcomers", {"first_seen": "2026-10-31"}, "UNKNOWN", "outside-audience", id="seen-before"),
        pytest.param("newcomers", {"first_seen": "2026-11-01T08:00:00Z"}, "SPLIT", "split", id="seen-since"),
        pytest.param("newcomers", {"returning": False}, "SPLIT", "split", id="returning-told"),
    ],
)
def test_reasons(client: FlaskClient, key: str, context: dict[str, Any], reason: str, ours: str) -> None:
    answer = evaluate(client, key, **context).get_json()
    assert (answer["reason"], answer["metadata"]["reason"]) == (reason, ours)
    assert answer["metadata"]["in_experiment"] == (ours == "split")
    if ours not in ("split", "forced", "served"):
        assert answer["variant"] == "single"


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        pytest.param({"User-Agent": IPHONE, "Origin": ORIGIN}, "split", id="browser"),
        pytest.param({"User-Agent": IPHONE}, "outside-audience", id="program"),
        pytest.param({"User-Agent": GOOGLEBOT, "Sec-Fetch-Mode": "cors"}, "bot", id="robot-with-a-browser"),
        pytest.param({"User-Agent": GOOGLEBOT}, "outside-audience", id="robot-by-proxy"),
    ],
)
def test_request_headers_speak_only_for_a_browser(client: FlaskClient, headers: dict[str, str], reason: str) -> None:
    assert evaluate(client, "phones", headers).get_json()["metadata"]["reason"] == reason


def test_a_float_stays_a_float(client: FlaskClient) -> None:
    text = evaluate(client, "half", force="multi-step").get_data(as_text=True)
    assert '"value":1.0,' in text


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "details"),
    [
        pytest.param("half", "{", 400, "PARSE_ERROR", "must be JSON", id="no-json"),
        pytest.param("half", "[]", 400, "PARSE_ERROR", "must be an object with a context", id="no-object"),
        pytest.param("half", b"\xff{}", 400, "PARSE_ERROR", "must be JSON in UTF-8", id="no-utf-8"),
        pytest.param("half", "[" * 100_000, 400, "PARSE_ERROR", "", id="deep"),
        pytest.param("half", '{"context":' + "1" * 5000 + "}", 400, "PARSE_ERROR", "", id="digits"),
        pytest.param("half", "{}", 400, "INVALID_CONTEXT", "context is None, must be an object", id="no-context"),
        pytest.param("half", '{"context": 5}', 400, "INVALID_CONTEXT", "context is 5", id="context-number"),
        pytest.param("half", '{"context": {}}', 400, "TARGETING_KEY_MISSING", "targetingKey is missing", id="no-key"),
        pytest.param("half", '{"context": {"targetingKey": ""}}', 400, "TARGETING_KEY_MISSING", "", id="empty-key"),
        pytest.param("half", '{"context": {"targetingKey": 5}}', 400, "INVALID_CONTEXT", "is 5, must be", id="number"),
        pytest.param(
            "half", '{"context": {"targetingKey": "' + "x" * 256 + '"}}', 400, "INVALID_CONTEXT", "1 to 255", id="long"
        ),
        pytest.param(
            "half", '{"context": {"targetingKey": "\\ud800"}}', 400, "INVALID_CONTEXT", "surrogate", id="surrogate"
        ),
        pytest.param("half", '{"context": {"targetingKey": "a\\u0000"}}', 400, "INVALID_CONTEXT", "NUL", id="nul"),
        pytest.param("half", '{"context": {"targetingKey": "v", "x": NaN}}', 400, "INVALID_CONTEXT", "nan", id="nan"),
        pytest.param(
            "half", '{"context": {"targetingKey": "v", "first_seen": 5}}', 400, "INVALID_CONTEXT", "a date", id="date"
        ),
        pytest.param("nope", '{"context": {"targetingKey": "v"}}', 404, "FLAG_NOT_FOUND", "known: asked", id="unknown"),
        pytest.param("a/b", '{"context": {"targetingKey": "v"}}', 404, "FLAG_NOT_FOUND", "known: asked", id="slash"),
    ],
)  # fmt: skip
def test_errors_have_a_code_and_details(
    client: FlaskClient, path: str, body: str | bytes, status: int, code: str, details: str
) -> None:
    response = client.post(SINGLE + path, data=body, content_type="application/json")
    answer = response.get_json()
    assert (response.status_code, answer["errorCode"], answer["key"]) == (status, code, path)
    assert details in answer["errorDetails"]
    if status == 400:
        response = client.post(BULK, data=body, content_type="application/json")
        assert (response.status_code, response.get_json()["errorCode"]) == (400, code)
        assert details in response.get_json()["errorDetails"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_other_methods_are_refused_in_the_words_of_the_protocol(client: FlaskClient, method: str) -> None:
    response = client.open(SINGLE + "half", method=method)
    assert response.status_code == 405
    assert response.get_json()["errorCode"] == "GENERAL"
    assert response.get_json()["errorDetails"]


def test_bulk_evaluates_everything_and_has_an_etag(client: FlaskClient) -> None:
    body = {"context": {"targetingKey": "v-1", "device": "phone"}}
    first = client.post(BULK, json=body)
    assert [flag["key"] for flag in first.get_json()["flags"]] == sorted(
        ("asked", "contact-form", "drafted", "half", "newcomers", "phones", "won")
    )
    tag = first.headers["ETag"]
    assert tag.startswith('"')
    assert tag.endswith('"')
    again = client.post(BULK, json=body, headers={"If-None-Match": tag})
    assert (again.status_code, again.get_data(), again.headers["ETag"]) == (304, b"", tag)
    assert client.post(BULK, json=body, headers={"If-None-Match": f'W/"x", {tag}'}).status_code == 304
    # what a proxy that compresses makes of it: it says "weak", as its bytes are others
    assert client.post(BULK, json=body, headers={"If-None-Match": f"W/{tag}"}).status_code == 304
    assert client.post(BULK, json=body, headers={"If-None-Match": 'W/"x"'}).status_code == 200
    other = client.post(BULK, json={"context": {"targetingKey": "v-2"}}, headers={"If-None-Match": tag})
    assert other.status_code == 200
    assert other.headers["ETag"] != tag


def test_cors_lets_the_sites_own_pages_ask(client: FlaskClient) -> None:
    preflight = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,if-none-match",
    }
    allowed = client.options(BULK, headers=preflight)
    assert allowed.status_code in (200, 204)
    assert allowed.headers["Access-Control-Allow-Origin"] == ORIGIN
    headers = {name.strip().lower() for name in allowed.headers["Access-Control-Allow-Headers"].split(",")}
    assert headers >= {"content-type", "if-none-match", "authorization", "x-api-key"}
    answer = evaluate(client, "half", {"Origin": ORIGIN})
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert answer.headers["Access-Control-Expose-Headers"] == "ETag, Retry-After"
    assert "Origin" in answer.headers["Vary"]
    for refused in (
        client.options(BULK, headers=preflight | {"Origin": "https://evil.example"}),
        evaluate(client, "half", {"Origin": "https://evil.example"}),
    ):
        assert "Access-Control-Allow-Origin" not in refused.headers
    error = client.post(SINGLE + "nope", json={"context": {"targetingKey": "v"}}, headers={"Origin": ORIGIN})
    assert error.headers["Access-Control-Allow-Origin"] == ORIGIN


CLIENTS = Path(__file__).parent / "clients"


@pytest.mark.parametrize(
    ("name", "statuses"),
    [("ofrep-python", [200, 400, 404]), ("ofrep-node", [200, 400, 404]), ("ofrep-web", [200, 200, 200, 200])],
)
def test_what_the_real_clients_ask_is_answered(client: FlaskClient, name: str, statuses: list[int]) -> None:
    """The requests in `clients/` were captured from the clients named in them; their flag is ours here."""
    requests = json.loads((CLIENTS / f"{name}.json").read_text("utf-8"))["requests"]
    found = []
    for request in requests:
        path = request["path"].replace("checkout-button", "contact-form")
        body = "" if request["body"] is None else json.dumps(request["body"])
        found.append(client.open(path, method=request["method"], data=body, headers=request["headers"]).status_code)
    assert found == statuses


# From the OpenAPI file of OFREP 0.3.0 (github.com/open-feature/protocol): what an answer must have, and may say.
REQUIRED = {"evaluationSuccess": {"key", "reason"}, "evaluationFailure": {"key", "errorCode"}, "flagNotFound": {"key"}}
REASONS = {"STATIC", "TARGETING_MATCH", "SPLIT", "DISABLED", "UNKNOWN"}
CODES = {"PARSE_ERROR", "TARGETING_KEY_MISSING", "INVALID_CONTEXT", "GENERAL"}


def test_answers_have_the_shape_of_the_openapi_file(client: FlaskClient) -> None:
    flags = client.post(BULK, json={"context": {"targetingKey": "v"}}).get_json()["flags"]
    assert {flag["key"] for flag in flags} >= {"contact-form", "drafted", "won"}
    for flag in flags:
        assert flag.keys() >= REQUIRED["evaluationSuccess"]
        assert flag["reason"] in REASONS
        assert all(isinstance(value, bool | str | int | float) for value in flag["metadata"].values())
        assert isinstance(flag["value"], bool | str | int | float | dict)
    for body in ("{", "{}", '{"context":{}}'):
        failure = client.post(SINGLE + "half", data=body).get_json()
        assert failure.keys() >= REQUIRED["evaluationFailure"] | {"errorDetails"}
        assert failure["errorCode"] in CODES
    missing = client.post(SINGLE + "nope", json={"context": {"targetingKey": "v"}}).get_json()
    assert missing.keys() >= REQUIRED["flagNotFound"] | {"errorDetails"}
    assert missing["errorCode"] == "FLAG_NOT_FOUND"
