"""What the wire answers, and what is then in the log: written down for every request, whoever runs the application.

`answers.json` has what Flask answered when it still had views of its own for the wire, with the headers in alphabetical
order; a new row of REQUESTS fails until its answer is added there.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder, run_wsgi_app

from tests.webapp.server.asked import EVENT, ORIGIN, Asked, answered, batch, context
from webapp.server.rsgi import Front
from webapp.services.services import Services

ANSWERS: dict[str, Any] = json.loads(Path(__file__).with_name("answers.json").read_text("utf-8"))
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Mobile/15E148 Safari"
TWO = [EVENT, EVENT | {"messageId": "m2", "event": "quote_requested", "properties": {"revenue": 12}}]
HISTORY = EVENT | {"timestamp": "2026-11-02T10:00:00Z", "receivedAt": "2026-11-02T10:00:05Z"}
FLAGS = "/ofrep/v1/evaluate/flags"
SETTINGS = "/v1/projects/wk_test/settings"
BASIC = {"Authorization": "Basic d2tfdGVzdDo="}
GZIP = {"Content-Encoding": "gzip"}
CHUNKED = {"Transfer-Encoding": "chunked"}
MET = context(targetingKey="0123456789abcdef" * 2, first_seen="2026-11-21", remember=True)
OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}
TAG = '"12cd61701862a0a335982d76770d7e66"'  # of all flags for visitor v1

Row = tuple[str, str | bytes, dict[str, str]]

EVENTS: dict[str, Row] = {
    # what: (path, body, headers)
    "one event": ("/v1/batch", batch(EVENT), {}),
    "two events": ("/v1/b", batch(*TWO), {}),
    "the same twice": ("/v1/batch", batch(EVENT, EVENT), {}),
    "a call of its own": ("/v1/track", json.dumps(EVENT | {"writeKey": "wk_test"}), {}),
    "its short form": ("/v1/i", json.dumps({"writeKey": "wk_test", "anonymousId": "a", "userId": "u"}), {}),
    "from an allowed page": ("/v1/batch", batch(EVENT), {"Origin": ORIGIN, "User-Agent": "Mozilla/5.0 (iPhone)"}),
    "from another page": ("/v1/batch", batch(EVENT), {"Origin": "https://elsewhere.example"}),
    "as text": ("/v1/batch", batch(EVENT), {"Content-Type": "text/plain"}),
    "one bad event": ("/v1/batch", batch(*TWO, {"type": "track"}), {}),
    "nothing": ("/v1/batch", batch(), {}),
    "no list": ("/v1/batch", json.dumps({"writeKey": "wk_test", "batch": 5}), {}),
    "no object": ("/v1/batch", "[]", {}),
    "no JSON": ("/v1/batch", "{", {}),
    "not UTF-8": ("/v1/batch", b"\xff", {}),
    "no key": ("/v1/batch", batch(EVENT, key=None), {}),
    "another key": ("/v1/batch", batch(EVENT, key="wk_other"), {}),
    "the key as user name": ("/v1/batch", batch(EVENT, key=None), BASIC),
    "a wrong token": ("/v1/batch", batch(EVENT), {"Authorization": "Bearer x"}),
    "said to be gzip": ("/v1/batch", batch(EVENT), GZIP),
    "too large": ("/v1/batch", batch(EVENT | {"properties": {"a": "x" * 600_000}}), {}),
    "too large, of good events": (
        "/v1/batch",
        batch(*(EVENT | {"messageId": f"m{n}", "properties": {"a": "x" * 30_000}} for n in range(20))),
        {},
    ),
    "an event too large": ("/v1/batch", batch(EVENT | {"properties": {"a": "x" * 40_000}}), {}),
    "an unknown call": ("/v1/nothing", batch(EVENT), {}),
    "gzip": ("/v1/batch", gzip.compress(batch(*TWO, key=None).encode()), GZIP | BASIC),
    "gzip, cut": ("/v1/batch", gzip.compress(b"{}")[:-4], GZIP),
    "gzip that inflates to too much": ("/v1/batch", gzip.compress(b" " * 5_000_000), GZIP),
    "another encoding": ("/v1/batch", b"{}", BASIC | {"Content-Encoding": "br"}),
    "a damaged user name": ("/v1/batch", batch(EVENT), {"Authorization": "Basic ???"}),
    "history, with a token": ("/v1/batch", batch(HISTORY, key=None), {"Authorization": "Bearer INGEST"}),
    "history, with a token to read": ("/v1/batch", batch(HISTORY, key=None), {"Authorization": "Bearer READ"}),
    "no batch": ("/v1/batch", '{"writeKey": "wk_test"}', {}),
    "an empty body": ("/v1/batch", "", {}),
    "nested without end": ("/v1/batch", "[" * 200_000, {}),
    "numbers that are none": ("/v1/batch", batch(EVENT, 7).replace("7", '{"a": NaN}'), {}),
    "rubbish": ("/v1/batch", '{"writeKey":"wk_test","batch": [' + "1," * 20_000 + "1]}", {}),
    "more rubbish than is told": ("/v1/batch", batch(*range(120)), {}),
    "all too large": (
        "/v1/batch",
        batch(*(EVENT | {"messageId": f"m{n}", "properties": {"a": "x" * 33_000}} for n in range(3))),
        {},
    ),
    "one too large": ("/v1/batch", batch(EVENT | {"properties": {"a": "x" * 33_000}}, TWO[1]), {}),
    "in chunks": ("/v1/batch", batch(EVENT), CHUNKED),
    "in chunks, too large": ("/v1/batch", "x" * 600_000, CHUNKED),
    "as large as may be": ("/v1/batch", batch(EVENT).ljust(512_000), {}),
    "one byte more": ("/v1/batch", batch(EVENT).ljust(512_001), {}),
    "sent later": ("/v1/batch", batch(HISTORY, sentAt="2026-11-02T11:00:00Z"), {}),
}
ASSIGNMENTS: dict[str, Row] = {
    "one experiment": (f"{FLAGS}/contact-form", context(targetingKey="v1"), {}),
    "one that is asked for explicitly": (f"{FLAGS}/asked", context(targetingKey="v1"), {}),
    "one for phones": (f"{FLAGS}/phones", context(targetingKey="v1", device="phone", bot=True), {}),
    "half of the visitors": (f"{FLAGS}/half", context(targetingKey="v2", company="ours"), {}),
    "one that was stopped": (f"{FLAGS}/won", context(targetingKey="v1"), {}),
    "newcomers": (f"{FLAGS}/newcomers", context(targetingKey="v1", first_seen="2026-11-21"), {}),
    "all": (FLAGS, context(targetingKey="v1"), {}),
    "all, from an allowed page": (FLAGS, context(targetingKey="v1"), {"Origin": ORIGIN}),
    "a browser": (f"{FLAGS}/phones", context(targetingKey="v1"), {"User-Agent": IPHONE, "Origin": ORIGIN}),
    "all, known already": (FLAGS, context(targetingKey="v1"), {"If-None-Match": '"x"'}),
    "all, with a cookie": (FLAGS, context(targetingKey="v1", remember=True), {}),
    "an unknown one": (f"{FLAGS}/nothing", context(targetingKey="v1"), {}),
    "no flag": (f"{FLAGS}/", context(targetingKey="v1"), {}),
    "a path without a slash": (f"{FLAGS}xcontact-form", context(targetingKey="v1"), {}),
    "another path": (f"{FLAGS}s", context(targetingKey="v1"), {}),
    "nobody": (FLAGS, context(), {}),
    "a date that is none": (FLAGS, context(targetingKey="v1", first_seen="soon"), {}),
    "a NUL": (FLAGS, context(targetingKey="v1", plan="\0"), {}),
    "no context": (FLAGS, "{}", {}),
    "no object with a context": (FLAGS, "[]", {}),
    "no JSON with a context": (FLAGS, "{", {}),
    "no UTF-8 with a context": (FLAGS, b"\xff", {}),
    "nested too deep": (FLAGS, "[" * 100_000, {}),
    "all, the very same": (FLAGS, context(targetingKey="v1"), {"If-None-Match": f'W/"x", {TAG}', "Origin": ORIGIN}),
    "all, whatever": (FLAGS, context(targetingKey="v1"), {"If-None-Match": "*"}),
    "a visitor to remember": (FLAGS, MET, OWN_PAGE),
    "one who is remembered": (FLAGS, MET, OWN_PAGE | {"Cookie": "a=b; yesladder_id=x"}),
    "a visitor of another site": (FLAGS, MET, {"Sec-Fetch-Site": "cross-site"}),
    "remembered, and the very same": (FLAGS, MET, OWN_PAGE | {"If-None-Match": "*"}),
    "one, to remember": (f"{FLAGS}/half", MET, OWN_PAGE),
    "a flag with a slash": (f"{FLAGS}/a/b", context(targetingKey="v"), {"Origin": ORIGIN}),
    "a flag with an accent": (f"{FLAGS}/caf\u00e9", context(targetingKey="v"), {}),
    "a flag, too large": (f"{FLAGS}/half", "x" * 600_000, {"Origin": ORIGIN}),
    "a flag, gzip": (f"{FLAGS}/half", gzip.compress(context(targetingKey="v1").encode()), GZIP),
    "a flag, no number": (f"{FLAGS}/half", '{"context": {"targetingKey": "v", "x": NaN}}', {}),
    "a flag, in chunks": (f"{FLAGS}/half", context(targetingKey="v1"), CHUNKED),
    "a flag, with a token": (f"{FLAGS}/half", context(targetingKey="v1"), {"Authorization": "Bearer x"}),
}
METHODS: dict[str, tuple[str, str, str | None]] = {
    # what: (method, path, origin)
    f"{method} {path} from {origin}": (method, path, origin)
    for method in ("GET", "HEAD", "OPTIONS", "PUT")
    for path in ("/v1/batch", SETTINGS, "/v1/projects/other/settings", "/v1/", FLAGS, f"{FLAGS}/half", "/ofrep/v1")
    for origin in (None, ORIGIN)
}
REQUESTS = (
    {what: ("POST", *row) for what, row in (EVENTS | ASSIGNMENTS).items()}
    | {
        what: (method, path, b"", {"Origin": origin} if origin else {})
        for what, (method, path, origin) in METHODS.items()
    }
    | {"settings to be posted to": ("POST", SETTINGS, "{}", {}), "no wire": ("GET", "/livez", "", {"Origin": ORIGIN})}
)


def asked_of(services: Services, what: str) -> Asked:
    """The request of this row; it carries a token that the site knows where the row wants one."""
    method, path, body, headers = REQUESTS[what]
    raw = body if isinstance(body, bytes) else body.encode()
    length = {} if method != "POST" or headers is CHUNKED else {"Content-Length": str(len(raw))}
    sent = Headers({"Host": "127.0.0.1"} | length | headers)
    for word, scope in (("INGEST", "ingest"), ("READ", "read")):
        if sent.get("Authorization", "").endswith(word):
            sent["Authorization"] = f"Bearer {services.tokens.create(scope, 'test', services.clock())}"  # type: ignore[arg-type]
    return Asked(method, path, raw, sent)


def as_written(services: Services, status: int, headers: Any, body: bytes) -> dict[str, Any]:
    """An answer and the log, as they are written down."""
    services.exposures.close()  # writes what waits
    return {
        "status": status,
        "headers": sorted(
            [name.lower(), re.sub("Expires=[^;]*", "Expires=THEN", value)]
            for name, value in headers
            if name.lower() != "content-length" or not body
        ),
        "body": body.decode(),
        "stored": [json.loads(event.canonical()) for event in services.store.scan()],
        "refused": dict(services.store.refused()),
    }


@pytest.fixture
def front(app: Flask) -> Iterator[Front]:
    made = Front(app)
    yield made
    made.threads.shutdown()


@pytest.mark.parametrize("what", REQUESTS)
def test_the_answer_and_the_log_are_as_written_down(front: Front, what: str) -> None:
    asked = asked_of(front.services, what)
    answered(front, asked)
    assert as_written(front.services, asked.status, asked.told, asked.answer) == ANSWERS[what]


@pytest.mark.parametrize("what", REQUESTS)
def test_flask_by_itself_answers_the_same(app: Flask, what: str) -> None:
    services: Services = app.extensions["yesladder"]
    asked = asked_of(services, what)
    builder = EnvironBuilder(asked.path, "http://127.0.0.1", method=asked.method, headers=Headers(asked.headers))
    environ = builder.get_environ() | {"wsgi.input": BytesIO(asked.body), "wsgi.input_terminated": True}
    environ["PATH_INFO"] = asked.path.encode().decode("latin-1")
    if length := asked.headers.get("Content-Length"):
        environ["CONTENT_LENGTH"] = length
    body, status, headers = run_wsgi_app(app, environ, buffered=True)
    found = as_written(services, int(status[:3]), headers, b"".join(body))
    assert without_length(found) == without_length(ANSWERS[what])


def without_length(found: dict[str, Any]) -> dict[str, Any]:
    """As written, but for the length of an empty body, which not every server tells."""
    return found | {"headers": [one for one in found["headers"] if one[0] != "content-length"]}


def test_every_answer_belongs_to_a_request() -> None:
    assert set(ANSWERS) == set(REQUESTS)
