"""Front: whatever is sent, the answer and the log are those of Flask's own way; most events never get that far."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from flask import Flask, request
from granian.rsgi import HTTPProtocol, ProtocolClosed, Scope  # type: ignore[attr-defined]  # as granian documents them
from werkzeug.datastructures import Headers

from experiments.events.event import Event
from experiments.store.event_log import QueueFull
from experiments.store.store import StoreUnavailable
from webapp.server.app import create_app
from webapp.server.rsgi import Front
from webapp.wire.json_body import MAX_BODY_BYTES

ORIGIN = "https://shop.example"  # allowed by the test site
EVENT = {"type": "track", "event": "form_started", "anonymousId": "v", "messageId": "m1"}
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Mobile/15E148 Safari"
TWO = [EVENT, EVENT | {"messageId": "m2", "event": "quote_requested", "properties": {"revenue": 12}}]


@dataclass
class Asked:
    """One request as granian's Scope and HTTPProtocol give it, and what was answered. `gone`: the client hung up."""

    method: str = "POST"
    path: str = "/v1/batch"
    body: bytes = b""
    headers: Headers = field(default_factory=Headers)
    query_string: str = ""
    gone: bool = False
    http_version: str = "1.1"
    scheme: str = "http"
    server: str = "127.0.0.1:8000"
    client: str = "127.0.0.9:50000"
    read: int = 0
    status: int = 0
    told: list[tuple[str, str]] = field(default_factory=list)
    answer: bytes = b""

    async def __call__(self) -> bytes:
        self.read = len(self.body)
        return self.body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self.body), 65_536):
            part = self.body[start : start + 65_536]
            self.read += len(part)
            yield part

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        if self.gone:
            raise ProtocolClosed
        self.status, self.told, self.answer = status, headers, body


def post(body: str, path: str = "/v1/batch", **headers: str) -> Asked:
    raw = body.encode("utf-8", "surrogateescape")
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Asked(path=path, body=raw, headers=Headers({"host": "127.0.0.1", "content-length": str(len(raw)), **named}))


def answered(front: Front, *asked: Asked) -> None:
    """Have the front answer these, all at once, on a loop of another thread: a browser's may run in this one."""

    async def answer() -> None:
        await asyncio.gather(*(front.__rsgi__(cast(Scope, one), cast(HTTPProtocol, one)) for one in asked))

    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(answer())).result()


@pytest.fixture
def pair(site_path: Path, tmp_path: Path, clock: Any) -> Iterator[tuple[Front, Flask]]:
    """The front of an application, and another application without one; each with a log of its own."""
    apps = []
    for name in ("front", "flask"):
        copy = tmp_path / name
        copy.mkdir()
        for file in (*site_path.glob("*.yaml"), *site_path.glob("experiments/*.yaml")):
            target = copy / file.relative_to(site_path)
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(file.read_bytes())
        app = create_app(copy, clock=clock)
        app.testing = False
        apps.append(app)
    made = Front(apps[0])
    yield made, apps[1]
    made.threads.shutdown()
    for app in apps:
        app.extensions["yesladder"].close()


@pytest.fixture
def lane(pair: tuple[Front, Flask]) -> Front:
    return pair[0]


def _body(*items: object, key: str | None = "wk_test", **more: object) -> str:
    return json.dumps(({"writeKey": key} if key else {}) | {"batch": list(items)} | more)


def _stored(services: Any) -> list[Event]:
    return list(services.store.scan())


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
    pair: tuple[Front, Flask], what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = answered_alike(pair, ASKED[what], monkeypatch)
    assert status == 200 or not ASKED[what][3]
    assert _stored(pair[0].services) == _stored(pair[1].extensions["yesladder"])


def answered_alike(
    pair: tuple[Front, Flask], row: tuple[str, str, dict[str, str], bool], monkeypatch: pytest.MonkeyPatch
) -> int:
    """The status of an answer that is the same both ways, and stayed in its lane or not, as its row says."""
    path, body, headers, stays = row
    made, plain = pair
    calls: list[bool] = []
    by_flask = made._by_flask
    monkeypatch.setattr(made, "_by_flask", lambda *given: (calls.append(True), by_flask(*given))[1])
    asked = post(body, path)
    asked.headers.extend(headers)
    answered(made, asked)
    answer = plain.test_client().post(path, data=asked.body, headers=headers)
    assert (asked.status, asked.answer) == (answer.status_code, answer.data)
    assert _headers(asked.told) == _headers(answer.headers)
    assert calls == ([] if stays else [True])
    return asked.status


def _context(**context: object) -> str:
    return json.dumps({"context": context})


FLAGS = "/ofrep/v1/evaluate/flags"
EVALUATED: dict[str, tuple[str, str, dict[str, str], bool]] = {
    # what: (path, body, headers, does it stay in the lane?)
    "one experiment": (f"{FLAGS}/contact-form", _context(targetingKey="v1"), {}, True),
    "one that is asked for explicitly": (f"{FLAGS}/asked", _context(targetingKey="v1"), {}, True),
    "one for phones": (f"{FLAGS}/phones", _context(targetingKey="v1", device="phone", bot=True), {}, True),
    "half of the visitors": (f"{FLAGS}/half", _context(targetingKey="v2", company="ours"), {}, True),
    "one that was stopped": (f"{FLAGS}/won", _context(targetingKey="v1"), {}, True),
    "newcomers": (f"{FLAGS}/newcomers", _context(targetingKey="v1", first_seen="2026-11-21"), {}, True),
    "all": (FLAGS, _context(targetingKey="v1"), {}, True),
    "all, from an allowed page": (FLAGS, _context(targetingKey="v1"), {"Origin": ORIGIN}, True),
    "a browser": (f"{FLAGS}/phones", _context(targetingKey="v1"), {"User-Agent": IPHONE, "Origin": ORIGIN}, True),
    "all, known already": (FLAGS, _context(targetingKey="v1"), {"If-None-Match": '"x"'}, False),
    "all, with a cookie": (FLAGS, _context(targetingKey="v1", remember=True), {}, False),
    "an unknown one": (f"{FLAGS}/nothing", _context(targetingKey="v1"), {}, False),
    "no key": (f"{FLAGS}/", _context(targetingKey="v1"), {}, False),
    "a path without a slash": (f"{FLAGS}xcontact-form", _context(targetingKey="v1"), {}, False),
    "another path": (f"{FLAGS}s", _context(targetingKey="v1"), {}, False),
    "nobody": (FLAGS, _context(), {}, False),
    "a date that is none": (FLAGS, _context(targetingKey="v1", first_seen="soon"), {}, False),
    "a NUL": (FLAGS, _context(targetingKey="v1", plan="\0"), {}, False),
    "no context": (FLAGS, "{}", {}, False),
    "no object": (FLAGS, "[]", {}, False),
    "no JSON": (FLAGS, "{", {}, False),
    "not UTF-8": (FLAGS, "\udcff", {}, False),
    "nested too deep": (FLAGS, "[" * 100_000, {}, False),
}


@pytest.mark.parametrize("what", EVALUATED)
def test_an_assignment_is_that_of_flask(pair: tuple[Front, Flask], what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answered_alike(pair, EVALUATED[what], monkeypatch)
    both = pair[0].services, pair[1].extensions["yesladder"]
    for services in both:
        services.exposures.close()  # writes what waits
    assert _stored(both[0]) == _stored(both[1])


def test_an_assignment_exposes_behind_the_answer(lane: Front) -> None:
    answered(lane, post(_context(targetingKey="v1"), f"{FLAGS}/contact-form"), post(_context(targetingKey="v2"), FLAGS))
    lane.services.exposures.close()
    assert [(event.kind, event.visitor, event.experiment) for event in _stored(lane.services)] == [
        ("exposure", "v1", "contact-form")
    ]


def _headers(told: Any) -> list[tuple[str, str]]:
    return sorted((name.lower(), value) for name, value in told if name.lower() != "content-length")


TROUBLE: dict[str, tuple[Exception, int, str | None]] = {
    # what: (the trouble, status, Retry-After)
    "disk full": (StoreUnavailable("disk full"), 503, "5"),
    "busy": (QueueFull("busy"), 503, "1"),
    "a bug": (TypeError("a bug"), 500, None),
}


@pytest.mark.parametrize("at_once", [True, False], ids=["refused at once", "told later"])
@pytest.mark.parametrize("what", TROUBLE)
def test_trouble_is_told_as_flask_tells_it(
    pair: tuple[Front, Flask], what: str, at_once: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    trouble, status, again = TROUBLE[what]
    made, plain = pair

    def fails(*_: object, **__: object) -> None:
        raise trouble

    if at_once:
        monkeypatch.setattr(made.services.log, "hand_in", fails)
    else:
        monkeypatch.setattr(made.services.store, "append", fails)
    monkeypatch.setattr(plain.extensions["yesladder"].log, "append", fails)
    asked = post(_body(EVENT), origin=ORIGIN)
    answered(made, asked)
    answer = plain.test_client().post("/v1/batch", data=asked.body, headers={"Origin": ORIGIN})
    assert (asked.status, answer.status_code) == (status, status)
    assert (asked.answer, _headers(asked.told)) == (answer.data, _headers(answer.headers))
    assert dict(asked.told).get("retry-after") == again


def test_a_disk_that_does_not_answer_is_told_after_a_while(lane: Front) -> None:
    lane.services.log.patience = 0.2
    asked = post(_body(EVENT))
    with lane.services.store.file.writing():  # type: ignore[attr-defined]  # the store of a site is SQLite's
        answered(lane, asked)
    assert asked.status == 503
    assert b"the disk did not answer within 0.2 seconds" in asked.answer
    again = post(_body(EVENT))
    lane.services.log.patience = 60
    answered(lane, again)
    assert again.status == 200
    assert len(_stored(lane.services)) == 1


def test_a_client_that_is_gone_is_not_answered_and_its_event_kept(lane: Front) -> None:
    asked = post(_body(EVENT))
    asked.gone = True
    answered(lane, asked)
    assert asked.status == 0
    assert len(_stored(lane.services)) == 1


def test_hundreds_wait_for_the_disk_without_a_thread(lane: Front) -> None:
    answered(lane, post(_body(EVENT)))
    many = [post(_body(EVENT | {"messageId": f"n{number}"})) for number in range(300)]
    entered, seen = threading.Event(), []
    append = lane.services.store.append

    def waits(events: Sequence[Event], refusals: Any = ()) -> Any:
        if not seen:
            assert entered.wait(60)
            seen.append(threading.active_count())
        return append(events, refusals)

    def all_wait() -> None:
        while lane.services.log.waiting < 300:
            pass
        entered.set()

    lane.services.store.append = waits  # type: ignore[method-assign]
    before = threading.active_count()
    watch = threading.Thread(target=all_wait)
    watch.start()
    answered(lane, *many)
    watch.join(60)
    assert {one.status for one in many} == {200}
    assert seen[0] <= before + 2  # the one that watches, and the loop's
    assert len(_stored(lane.services)) == 301


def test_a_changed_config_file_is_taken_up(lane: Front, clock: Any) -> None:
    catalog = lane.services.catalog
    answered(lane, post(_body(EVENT)))
    file = lane.services.site.path / "experiments" / "drafted.yaml"
    file.write_text(file.read_text("utf-8").replace("status: draft", "status: running"), "utf-8")
    clock.move(seconds=2)
    answered(lane, post(_body(EVENT | {"messageId": "m2"})))
    drafted = catalog.get("drafted")
    assert drafted is not None
    assert drafted.status == "running"


@pytest.mark.parametrize(
    ("asked", "seen"),
    [
        (Asked("GET", "/seen/caf\u00e9"), {"path": "/seen/caf\u00e9"}),
        (Asked("GET", "/seen/", query_string="a=%20b&c"), {"query": "a=%20b&c"}),
        (Asked("GET", "/seen/", headers=Headers([("x-b", "1"), ("x-b", "2")])), {"X-B": "1,2"}),
        (Asked("GET", "/seen/", headers=Headers([("cookie", "a=1"), ("cookie", "b=2")])), {"Cookie": "a=1; b=2"}),
        (Asked("GET", "/seen/", headers=Headers([("x_b", "1")])), {"X-B": None}),
        (
            Asked("GET", "/seen/", headers=Headers([("host", "shop.example:81")])),
            {"url": "http://shop.example:81/seen/"},
        ),
        (Asked("GET", "/seen/"), {"client": "127.0.0.9"}),
        (Asked("POST", "/seen/", b"text", Headers({"content-length": "4"})), {"body": "text"}),
        (Asked("POST", "/seen/", b"text", Headers({"transfer-encoding": "chunked"})), {"body": "text"}),
        (Asked("POST", "/seen/", b"no length"), {"body": ""}),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_flask_sees_the_request_as_it_was_sent(lane: Front, asked: Asked, seen: dict[str, str | None]) -> None:
    def view(name: str = "") -> dict[str, Any]:
        told = {"path": request.path, "query": request.query_string.decode(), "url": request.url}
        more = {"client": request.remote_addr, "body": request.get_data(as_text=True)}
        return {key: (told | more).get(key, request.headers.get(key)) for key in seen}

    lane.app.add_url_rule("/seen/", view_func=view, methods=["GET", "POST"])
    lane.app.add_url_rule("/seen/<name>", endpoint="named", view_func=view)
    answered(lane, asked)
    assert json.loads(asked.answer) == seen


@pytest.mark.parametrize("path", ["/v1/batch", "/ofrep/v1/evaluate/flags"])
@pytest.mark.parametrize("headers", [{}, {"transfer-encoding": "chunked"}], ids=["length", "chunked"])
def test_what_is_too_large_is_refused_without_being_kept(lane: Front, path: str, headers: dict[str, str]) -> None:
    asked = post("x" * (4 * MAX_BODY_BYTES), path)
    if headers:
        del asked.headers["content-length"]
        asked.headers.extend(headers)
    answered(lane, asked)
    assert asked.status == 413
    assert asked.read <= MAX_BODY_BYTES + 65_536


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/batch"), ("OPTIONS", "/v1/batch"), ("GET", "/livez")])
def test_other_methods_and_pages_are_flasks(pair: tuple[Front, Flask], method: str, path: str) -> None:
    asked = Asked(method, path, headers=Headers({"host": "localhost", "origin": ORIGIN}))
    answered(pair[0], asked)
    with closing(pair[1].test_client().open(path, method=method, headers={"Origin": ORIGIN})) as answer:
        assert (asked.status, asked.answer) == (answer.status_code, answer.data)
        assert _headers(asked.told) == _headers(answer.headers)
