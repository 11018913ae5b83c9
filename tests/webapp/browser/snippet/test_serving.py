"""How the snippet and the widgets are served: small, shared, conditional; and the cookie of the server's own pages."""

from __future__ import annotations

import gzip
import importlib.util
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from webapp.browser.minify import HERE, MINIFIED, PARTS, minified
from webapp.browser.snippet_routes import WIDGETS, snippet_source

VISITOR = "0" * 32
SAME = {"Sec-Fetch-Site": "same-origin"}
BULK = "/ofrep/v1/evaluate/flags"


@pytest.mark.parametrize("path", ["/yesladder.js", *(f"/widgets/{name}.js" for name in sorted(WIDGETS))])
def test_any_page_may_use_it_and_it_is_small(client: FlaskClient, path: str) -> None:
    answer = client.get(path, headers={"Accept-Encoding": "gzip"})
    limit = 4096 if path == "/yesladder.js" else 3072
    print(f"MEASURED {path}: {len(answer.data)} bytes gzipped")
    assert len(answer.data) <= limit
    assert answer.mimetype == "text/javascript"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert answer.headers["Vary"] == "Accept-Encoding"
    plain = client.get(path)
    assert gzip.decompress(answer.data) == plain.data
    assert answer.headers["ETag"] != plain.headers["ETag"]
    again = client.get(path, headers={"Accept-Encoding": "gzip", "If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_every_part_is_served_and_none_is_long() -> None:
    assert sorted(PARTS) == sorted(path.stem for path in (HERE / "snippet").glob("*.js"))
    assert all(len(path.read_text("utf-8").splitlines()) < 300 for path in HERE.rglob("*.js"))


@pytest.mark.skipif(not importlib.util.find_spec("minify"), reason="the minifier has no wheel for this platform")
def test_what_is_served_is_made_of_the_sources() -> None:
    served = {path.name: path.read_text("utf-8") for path in MINIFIED.iterdir()}
    assert served == minified(), "run `make snippet`"


def test_no_part_declares_names_by_taking_values_apart() -> None:
    """The minifier moves such declarations before those that they need."""
    parts = "\n".join(path.read_text("utf-8") for path in (HERE / "snippet").glob("*.js"))
    assert not [
        line for line in parts.splitlines() if line.strip().startswith(("const {", "const [", "let {", "let ["))
    ]


@pytest.mark.parametrize("path", ["/widgets/nothing.js", "/widgets/..%2Fsnippet%2Ftag.js", "/widgets/nothing.css"])
def test_no_other_file_is_served(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_it_carries_what_running_experiments_change(site_path: Path, client: FlaskClient) -> None:
    changes = "{changes: [{select: '#a', text: x}, {redirect: /b}]}"
    text = (site_path / "experiments" / "contact-form.yaml").read_text("utf-8").replace("key: contact-form", "key: new")
    text = text.replace("weight: 50}\npath", f"weight: 50, value: {changes}}}\ntrigger: {{view: /shop}}\npath")
    (site_path / "experiments" / "new.yaml").write_text(text, "utf-8")
    client.application.extensions["yesladder"].clock.move(seconds=5)
    assert b'[["#a",""],["body","/shop"]]' in client.get("/yesladder.js").data


def test_the_snippet_is_one_script_without_the_words_of_its_source() -> None:
    served = snippet_source("[]")
    assert "\n" not in served
    assert "recognise" not in served


@pytest.mark.parametrize(
    ("asked", "headers", "known", "cookie"),
    [
        pytest.param({"remember": True}, SAME, False, True, id="own-page"),
        pytest.param({}, SAME, False, False, id="another-client"),
        pytest.param({"remember": True}, {"Sec-Fetch-Site": "cross-site"}, False, False, id="other-site"),
        pytest.param({"remember": True}, {}, False, False, id="program"),
        pytest.param({"remember": True}, SAME, True, False, id="known"),
        pytest.param({"remember": True, "targetingKey": "x; Domain=a"}, SAME, False, False, id="no-id-of-ours"),
        pytest.param({"remember": True, "first_seen": "2026-01-01T00:00:00Z"}, SAME, False, False, id="no-day"),
    ],
)
def test_the_server_sets_the_cookie_of_its_own_pages(
    client: FlaskClient, asked: dict[str, Any], headers: dict[str, str], known: bool, cookie: bool
) -> None:
    context = {"targetingKey": VISITOR, "first_seen": "2026-11-22"} | asked
    if known:
        client.set_cookie("yesladder_id", f"{VISITOR}.2026-01-01")
    answer = client.post(BULK, json={"context": context}, headers=headers)
    assert answer.status_code == 200
    told = answer.headers.get("Set-Cookie", "")
    assert ("yesladder_id" in told) is cookie
    if cookie:
        assert told.startswith(f"yesladder_id={VISITOR}.2026-11-22; Expires=")
        assert all(part in told for part in ("Max-Age=34164000", "Path=/", "SameSite=Lax"))
        assert "Domain" not in told
        assert "HttpOnly" not in told
