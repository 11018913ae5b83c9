"""EventLane: whatever is sent, the answer and the log are those of Flask's own way; most of it never gets that far."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from experiments.events import Event
from experiments.group_commit import QueueFull
from experiments.store import StoreUnavailable
from webapp.app import create_app
from webapp.event_lane import EventLane

ORIGIN = "https://shop.example"  # allowed by the test site
EVENT = {"type": "track", "event": "form_started", "anonymousId": "v", "messageId": "m1"}
TWO = [EVENT, EVENT | {"messageId": "m2", "event": "quote_requested", "properties": {"revenue": 12}}]


@pytest.fixture
def pair(site_path: Path, tmp_path: Path, clock: Any) -> Iterator[tuple[Flask, Flask]]:
    """The application with the lane, and one without; each with a log of its own."""
    apps = []
    for name in ("lane", "flask"):
        copy = tmp_path / name
        copy.mkdir()
        for file in (*site_path.glob("*.yaml"), *site_path.glob("experiments/*.yaml")):
            target = copy / file.relative_to(site_path)
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(file.read_bytes())
        app = create_app(copy, clock=clock)
        app.testing = False
        plain = Flask.wsgi_app.__get__(app)
        app.wsgi_app = plain  # type: ignore[method-assign]  # without the lane, if it is in service already
        apps.append(app)
    apps[0].wsgi_app = EventLane(apps[0], "ETag, Retry-After")  # type: ignore[method-assign]  # as create_app does it
    yield apps[0], apps[1]
    for app in apps:
        app.extensions["yesladder"].close()


def _body(*items: object, key: str | None = "wk_test", **more: object) -> str:
    return json.dumps(({"writeKey": key} if key else {}) | {"batch": list(items)} | more)


ASKED: dict[str, tuple[str, str, dict[str, str], bool]] = {
    # what: (path, body, headers, does it stay in the lane?)
    "one event": ("/v1/batch", _body(EVENT), {}, True),
    "two events": ("/v1/b", _body(*TWO), {}, True),
    "the same twice": ("/v1/batch", _body(EVENT, EVENT), {}, True),
    "a call of its own": ("/v1/track", json.dumps(EVENT | {"writeKey": "wk_test"}), {}, True),
    "its short form": ("/v1/i", json.dumps({"writeKey": "wk_test", "anonymousId": "a", "userId": "u"}), {}, True),
    "from an allowed page": ("/v1/batch", _body(EVENT), {"Origin": ORIGIN, "User-Agent": "Mozilla/5.0 (iPhone)"}, True),
    "from another page": ("/v1/batch", _body(EVENT), {"Origin": "https://elsewhere.example"}, True),
    "as text": ("/v1/batch", _body(EVENT), {"Content-Type": "text/plain"}, True),
    "one bad event": ("/v1/batch", _body(*TWO, {"type": "track"}), {}, False),
    "nothing": ("/v1/batch", _body(), {}, False),
    "no list": ("/v1/batch", json.dumps({"writeKey": "wk_test", "batch": 5}), {}, False),
    "no object": ("/v1/batch", "[]", {}, False),
    "no JSON": ("/v1/batch", "{", {}, False),
    "not UTF-8": ("/v1/batch", "\udcff", {}, False),
    "no key": ("/v1/batch", _body(EVENT, key=None), {}, False),
    "another key": ("/v1/batch", _body(EVENT, key="wk_other"), {}, False),
    "the key as user name": ("/v1/batch", _body(EVENT, key=None), {"Authorization": "Basic d2tfdGVzdDo="}, False),
    "a wrong token": ("/v1/batch", _body(EVENT), {"Authorization": "Bearer x"}, False),
    "said to be gzip": ("/v1/batch", _body(EVENT), {"Content-Encoding": "gzip"}, False),
    "too large": ("/v1/batch", _body(EVENT | {"properties": {"a": "x" * 600_000}}), {}, False),
    "too large, of good events": (
        "/v1/batch",
        _body(*(EVENT | {"messageId": f"m{n}", "properties": {"a": "x" * 30_000}} for n in range(20))),
        {},
        False,
    ),
    "an event too large": ("/v1/batch", _body(EVENT | {"properties": {"a": "x" * 40_000}}), {}, False),
    "an unknown call": ("/v1/nothing", _body(EVENT), {}, False),
}


@pytest.mark.parametrize("what", ASKED)
def test_the_answer_and_the_log_are_those_of_flask(
    pair: tuple[Flask, Flask], what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, body, headers, stays = ASKED[what]
    calls: list[bool] = []
    lane = pair[0].wsgi_app
    assert isinstance(lane, EventLane)
    flask = lane.flask
    monkeypatch.setattr(lane, "flask", lambda *given: (calls.append(True), flask(*given))[1])
    answers = []
    for app in pair:
        answer = app.test_client().post(path, data=body.encode("utf-8", "surrogateescape"), headers=headers)
        answers.append((answer.status, sorted(answer.headers), answer.data, _stored(app)))
    assert answers[0] == answers[1]
    assert calls == ([] if stays else [True])
    assert answers[0][0].startswith("200") or not stays


def _stored(app: Flask) -> list[Event]:
    return list(app.extensions["yesladder"].store.scan())


@pytest.mark.parametrize(
    ("trouble", "status", "again"),
    [(StoreUnavailable("disk full"), 503, "5"), (QueueFull("busy"), 503, "1"), (TypeError("a bug"), 500, None)],
    ids=["disk full", "busy", "a bug"],
)
def test_trouble_is_told_as_flask_tells_it(
    pair: tuple[Flask, Flask], trouble: Exception, status: int, again: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise trouble

    answers = []
    for app in pair:
        monkeypatch.setattr(app.extensions["yesladder"].log, "append", fails)
        answer = app.test_client().post("/v1/batch", data=_body(EVENT), headers={"Origin": ORIGIN})
        answers.append((answer.status_code, sorted(answer.headers), answer.data))
        assert answer.headers.get("Retry-After") == again
    assert answers[0] == answers[1]
    assert answers[0][0] == status


def test_other_methods_and_pages_are_flasks(pair: tuple[Flask, Flask]) -> None:
    clients: list[FlaskClient] = [app.test_client() for app in pair]
    for method, path in (("GET", "/v1/batch"), ("OPTIONS", "/v1/batch"), ("GET", "/livez"), ("POST", "/v1/b/")):
        answers = [client.open(path, method=method, headers={"Origin": ORIGIN}) for client in clients]
        assert len({(answer.status, answer.data) for answer in answers}) == 1
