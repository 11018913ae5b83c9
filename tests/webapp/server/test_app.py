"""What holds for every answer: headers, errors in words, login, health, and a light start."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments.definition.problem import SiteError
from webapp.server.app import create_app
from webapp.server.serve import ServeRefused, is_loopback, serve
from webapp.services.access import require_read
from webapp.services.services import Services

PAGE = {"Accept": "text/html"}


@pytest.fixture
def guarded(app: Flask) -> FlaskClient:
    """The app with one page more, which needs leave to read and says so."""
    app.add_url_rule("/secret", view_func=require_read(lambda: "the results"), endpoint="secret")
    return app.test_client()


def token_of(app: Flask, scope: str = "read") -> str:
    services: Services = app.extensions["yesladder"]
    return services.tokens.create("read" if scope == "read" else "ingest", "test", services.clock())


def test_pages_may_run_and_load_nothing_foreign(client: FlaskClient) -> None:
    response = client.get("/login", headers=PAGE)
    policy = dict(part.split(" ", 1) for part in response.headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert not any("unsafe" in value or "*" in value for value in policy.values())
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    for word in ("<script>", " onclick=", " style="):
        assert word not in response.get_data(as_text=True)


@pytest.mark.parametrize("path", ["/nowhere", "/login/x", "/%00", "/results/../../etc/passwd", "/" + "x" * 5000])
def test_unknown_pages_are_pages_and_unknown_json_is_json(client: FlaskClient, path: str) -> None:
    page = client.get(path, headers=PAGE)
    assert page.status_code in (302, 404)
    if page.status_code == 404:
        assert page.mimetype == "text/html"
    answer = client.get("/nowhere.json")
    assert (answer.status_code, answer.get_json()["code"]) == (404, "not-found")


def test_a_fault_of_ours_is_told_without_its_inside(
    app: Flask, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> str:
        raise RuntimeError("secret detail")

    app.add_url_rule("/fail", view_func=fail)
    monkeypatch.setattr(app.extensions["yesladder"].catalog, "experiments", fail)
    client = app.test_client()
    evaluated = client.post("/ofrep/v1/evaluate/flags", json={"context": {"targetingKey": "v"}})
    taken = client.post("/v1/track", json={"writeKey": "wk_test"})
    for response in (client.get("/fail"), evaluated, taken):
        assert response.status_code == 500
        assert "secret" not in response.get_data(as_text=True)
    assert caplog.text.count("RuntimeError: secret detail") == 3


def test_results_need_a_token(app: Flask, guarded: FlaskClient) -> None:
    login = guarded.get("/secret?step=x", headers=PAGE)
    assert (login.status_code, login.headers["Location"]) == (302, "/login?next=/secret%3Fstep%3Dx")
    refused = guarded.get("/secret", headers={"Accept": "application/json"})
    assert (refused.status_code, refused.get_json()["code"]) == (401, "unauthorized")
    for secret, status in ((token_of(app), 200), (token_of(app, "ingest"), 401), ("wrong", 401), ("", 401)):
        headers = {"Authorization": f"Bearer {secret}", "Accept": "application/json"}
        assert guarded.get("/secret", headers=headers).status_code == status


def test_the_login_page_keeps_the_token_out_of_reach_of_scripts(app: Flask, guarded: FlaskClient) -> None:
    wrong = guarded.post("/login", data={"token": "wrong", "next": "/secret"})
    assert wrong.status_code == 401
    assert "Set-Cookie" not in wrong.headers
    right = guarded.post("/login", data={"token": token_of(app), "next": "/secret"})
    assert (right.status_code, right.headers["Location"]) == (303, "/secret")
    cookie = right.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert guarded.get("/secret").get_data(as_text=True) == "the results"
    guarded.post("/logout")
    assert guarded.get("/secret", headers=PAGE).status_code == 302


@pytest.mark.parametrize(
    ("asked", "target"),
    [
        ("/results/x?step=y", "/results/x?step=y"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example/", "/"),
        ("/\t/evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ],
)
def test_a_login_leads_nowhere_else(app: Flask, client: FlaskClient, asked: str, target: str) -> None:
    response = client.post("/login", data={"token": token_of(app), "next": asked})
    assert response.headers["Location"] == target


@pytest.fixture
def opened(site_path: Path) -> Iterator[FlaskClient]:
    """A client of the same site with open results."""
    app = create_app(site_path, open_results=True)
    app.add_url_rule("/secret", view_func=require_read(lambda: "the results"), endpoint="secret")
    yield app.test_client()
    app.extensions["yesladder"].close()


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8000", 200),
        ("localhost:8000", 200),
        ("localhost", 200),
        ("[::1]:8000", 200),
        ("evil.example:8000", 302),
        ("127.0.0.1.evil.example", 302),
    ],
)
def test_open_results_are_open_on_this_machine_only(opened: FlaskClient, host: str, status: int) -> None:
    assert opened.get("/secret", headers={"Host": host} | PAGE).status_code == status


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True), ("0.0.0.0", False),
     ("192.168.1.4", False), ("::", False), ("shop.example", False)],
)  # fmt: skip
def test_open_results_are_never_served_beyond_this_machine(site_path: Path, host: str, loopback: bool) -> None:
    assert is_loopback(host) == loopback
    if not loopback:
        with pytest.raises(ServeRefused, match="on loopback only"):
            serve(site_path, host=host, open_results=True)


def test_a_host_that_is_none_is_refused(site_path: Path) -> None:
    with pytest.raises(ServeRefused, match=r"cannot listen on 203\.0\.113\.1 port 8765: Cannot assign"):
        serve(site_path, host="203.0.113.1", port=8765)  # an address for documentation: no machine has it


def test_a_folder_that_is_no_site_is_not_served(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match=r"yesladder\.yaml"):
        serve(tmp_path)


def test_health(client: FlaskClient) -> None:
    assert client.get("/livez").get_json() == {"status": "alive"}
    ready = client.get("/readyz")
    assert ready.status_code == 200
    nothing = {"set_aside": [], "exposures_waiting": 0, "exposures_lost": 0}
    assert ready.get_json() == {"status": "ready", "reasons": []} | nothing


def test_a_database_that_is_none_is_set_aside_and_named(site_path: Path) -> None:
    garbage = b"this is no database, it never was one" * 99
    (site_path / "yesladder.db").write_bytes(garbage)
    app = create_app(site_path)
    client = app.test_client()
    try:
        ready = client.get("/readyz")
        assert ready.status_code == 503
        assert "set aside" in ready.get_json()["reasons"][0]
        item = {"type": "track", "event": "x", "anonymousId": "a"}
        taken = client.post("/v1/batch", json={"writeKey": "wk_test", "batch": [item]})
        assert taken.status_code == 200
        (named,) = client.get("/readyz").get_json()["set_aside"]
        assert named.startswith("yesladder.db.corrupt-")
        assert (site_path / named).read_bytes() == garbage
        asked = {"context": {"targetingKey": "v"}}
        assert client.post("/ofrep/v1/evaluate/flags/contact-form", json=asked).status_code == 200
    finally:
        app.extensions["yesladder"].close()


def test_a_worker_starts_without_the_statistics() -> None:
    """scipy, statsmodels and pandas take seconds to load; serving assignments needs none of them."""
    heavy = ("scipy", "statsmodels", "pandas")
    code = (
        f"import json, sys, webapp.server.worker; print(json.dumps([name for name in {heavy} if name in sys.modules]))"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(output.stdout) == []


def test_changed_config_files_are_taken_up_and_a_broken_one_disturbs_nobody(
    site_path: Path, client: FlaskClient, clock: Any
) -> None:
    asked = {"context": {"targetingKey": "v"}}
    path = "/ofrep/v1/evaluate/flags/"
    file = site_path / "experiments" / "drafted.yaml"
    good = file.read_text("utf-8")
    file.write_text(good.replace("status: draft", "status: running"), "utf-8")
    (site_path / "experiments" / "half.yaml").write_text("key: [", "utf-8")
    clock.move(seconds=2)
    assert client.post(path + "drafted", json=asked).get_json()["metadata"]["reason"] == "split"
    assert client.post(path + "half", json=asked).status_code == 200


def test_a_record_that_cannot_be_written_leaves_what_was_in_force(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse() -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(app.extensions["yesladder"].catalog, "refresh", refuse)
    asked = {"context": {"targetingKey": "v"}}
    assert client.post("/ofrep/v1/evaluate/flags/half", json=asked).status_code == 200
    assert "No space left on device" in caplog.text


def test_damaged_tokens_are_named(site_path: Path, client: FlaskClient) -> None:
    (site_path / "tokens.json").write_text("{")
    response = client.post("/v1/batch", json={"batch": []}, headers={"Authorization": "Bearer x"})
    assert response.status_code == 503
    assert response.get_json()["message"].startswith("tokens.json is not a list of tokens")


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["\ud800", "a\0", "wk_test"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    ("batch", "writeKey", "sentAt", "context", "targetingKey", "type", "event", "anonymousId", "userId", "properties")
)
BODIES = st.binary(max_size=200) | st.builds(
    lambda body: json.dumps(body).encode(),
    st.dictionaries(FIELDS, JUNK | st.dictionaries(FIELDS, JUNK) | st.lists(st.dictionaries(FIELDS, JUNK), max_size=3)),
)
ROUTES = ("/v1/batch", "/v1/t", "/v1/identify", "/v1/a", "/ofrep/v1/evaluate/flags", "/ofrep/v1/evaluate/flags/half")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(ROUTES), BODIES, st.sampled_from(["", "gzip"]), st.booleans())
def test_no_input_is_a_fault_of_ours(client: FlaskClient, path: str, body: bytes, encoding: str, known: bool) -> None:
    headers = {"Content-Encoding": encoding} | ({"Authorization": "Basic d2tfdGVzdDo="} if known else {})
    response = client.post(path, data=body, headers=headers)
    assert response.status_code in (200, 400, 401, 413)
    assert response.get_json() is not None
