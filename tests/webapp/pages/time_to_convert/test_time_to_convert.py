"""The page of times to convert: a scan that is bounded, kept, and never made on the experiment page's way."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from ruamel.yaml import YAML

from experiments.events.event import Event, MessageId, VisitorId
from experiments.maintenance.retention import expire
from webapp.charts.charts import reached_by_time
from webapp.charts.line_chart import NARROW, WIDE
from webapp.cli import main
from webapp.pages.time_to_convert import scan as time_scan
from webapp.pages.time_to_convert import time_to_convert_routes as time_to_convert_page
from webapp.pages.time_to_convert.scan import NoTimes, TimeScans
from webapp.server.app import create_app
from webapp.words.formatting import span

HERE = "http://localhost"
PAGE = "/results/form/time-to-convert"
START = datetime(2026, 11, 2, tzinfo=UTC)
NOW = START + timedelta(days=18, hours=10)

DEFINITION: dict[str, Any] = {
    "key": "form",
    "name": "One form or two",
    "status": "stopped",
    "started_at": "2026-11-02T00:00:00Z",
    "ended_at": "2026-11-12T00:00:00Z",
    "variants": [{"key": "single", "weight": 1}, {"key": "multi", "weight": 1}],
    "path": [{"step": "form-seen", "event": "seen"}, {"step": "job-booked", "event": "booked"}],
    "window": "2 days",
    "assignment": "reported",
}


def visit(visitor: str, variant: str, at: datetime, *after: tuple[str, float]) -> list[Event]:
    """An exposure, and what followed it: event and minutes later."""
    exposed = Event(
        *(MessageId(f"x-{visitor}"), "exposure", VisitorId(visitor), at, at, "Experiment Viewed"),
        experiment="form",
        variant=variant,
    )
    later = [(name, at + timedelta(minutes=minutes)) for name, minutes in after]
    return [exposed, *(Event(MessageId(f"{n}-{visitor}"), "action", VisitorId(visitor), t, t, n) for n, t in later)]


def history() -> list[Event]:
    """30 visitors of each variant: seen after 1 to 30 minutes; every third of multi books three hours later."""
    events = []
    for k in range(1, 31):
        at = START + timedelta(hours=k)
        events += visit(f"s{k}", "single", at, ("seen", k))
        events += visit(f"m{k}", "multi", at, ("seen", k / 2), *([("booked", 180.0)] if k % 3 == 0 else []))
    return events


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    """A site with this history."""
    (tmp_path / "experiments").mkdir()
    (tmp_path / "yesladder.yaml").write_text("write_key: 0123456789abcdef\n")
    with (tmp_path / "experiments" / "form.yaml").open("w") as file:
        YAML(typ="safe", pure=True).dump(DEFINITION, file)
    app = create_app(tmp_path, clock=lambda: NOW, open_results=True)
    app.extensions["yesladder"].store.append(history())
    yield app
    app.extensions["yesladder"].close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client of it."""
    return app.test_client()


@pytest.fixture
def scans(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every scan that is begun."""
    begun: list[str] = []
    real = time_scan.time_to_convert
    monkeypatch.setattr(time_scan, "time_to_convert", lambda *asked: (begun.append(asked[0].key), real(*asked))[1])
    return begun


def test_the_page_says_who_was_there_after_how_long(client: FlaskClient) -> None:
    text = client.get(PAGE + "?step=form-seen", base_url=HERE).text
    assert "Only visitors whose whole 2 days are over are in these numbers." in text
    assert "(each mark is several times the one before)" in text
    rows = list(csv.DictReader(io.StringIO(client.get(PAGE + ".csv", base_url=HERE).text)))
    seen = {(row["variant"], row["within"]): row["reached_within"] for row in rows if row["step"] == "form-seen"}
    assert [seen["single", within] for within in ("60", "300", "900", "3600", "172800")] == ["1", "5", "15", "30", "30"]
    assert [seen["multi", within] for within in ("60", "300", "900", "3600")] == ["2", "10", "30", "30"]
    assert "15 min" in text
    document = client.get(PAGE + ".json", base_url=HERE).get_json()
    booked = document["steps"][1]["variants"]
    assert booked["multi"]["reached"] == 10
    assert booked["multi"]["half_within"] is None, "ten are not enough"
    assert document["steps"][0]["variants"]["single"]["half_within"] == pytest.approx(900, rel=0.01)
    assert f'href="{PAGE}?"' in client.get("/results/form", base_url=HERE).text


def test_a_page_of_the_past_counts_who_had_had_their_time_then(client: FlaskClient) -> None:
    moment = "?as_of=2026-11-05T02:00:00Z"  # those of the first day have
    document = client.get(PAGE + ".json" + moment, base_url=HERE).get_json()
    assert [one["visitors"] for one in document["steps"][0]["variants"].values()] == [23, 23]
    assert f"/results/form?as_of={moment[7:].replace(':', '%3A')}" in client.get(
        PAGE + moment, base_url=HERE
    ).text.replace("as_of=2026-11-05T02:00:00Z", "as_of=2026-11-05T02%3A00%3A00Z")


def test_the_log_is_scanned_once_until_sealed_counts_change(app: Flask, client: FlaskClient, scans: list[str]) -> None:
    client.get("/results/form", base_url=HERE)
    assert scans == [], "the experiment page never scans"
    for address in (
        PAGE,
        PAGE + "?step=form-seen",
        PAGE + ".json",
        PAGE + ".csv",
        PAGE + "?as_of=2026-11-20T09:00:00Z",
    ):
        assert client.get(address, base_url=HERE).status_code == 200
    assert scans == ["form"]
    other = visit("other", "single", START, ("seen", 1))[1:]
    app.extensions["yesladder"].store.append(other)  # of somebody who was not exposed
    client.get(PAGE, base_url=HERE)
    assert scans == ["form"]
    document = client.get(PAGE + ".json?as_of=2026-11-20T09:30:00Z", base_url=HERE).get_json()
    assert (document["as_of"], len(scans)) == ("2026-11-20T09:30:00Z", 1)
    client.get(PAGE + "?as_of=2026-11-05T02:00:00Z", base_url=HERE)
    assert len(scans) == 2, "fewer were sealed then"


def test_what_changes_sealed_counts_changes_the_times(app: Flask, client: FlaskClient, scans: list[str]) -> None:
    def known() -> tuple[int, int]:
        """Visitors of multi, and how many of them had seen the form within a minute."""
        multi = client.get(PAGE + ".json", base_url=HERE).get_json()["steps"][0]["variants"]["multi"]
        return multi["visitors"], multi["curve"][0]["reached"]

    store = app.extensions["yesladder"].store
    assert known() == (30, 2)
    for number, left in (
        ("m4", 29),
        ("m6", 28),
        ("m5", 27),
    ):  # the last one's revision is in words that of the two before
        store.forget(VisitorId(number))
        assert known() == (left, 2)
    store.forget(VisitorId("m7"))
    store.append(visit("new", "multi", START + timedelta(hours=7), ("seen", 0.5)))  # in whose place another one comes
    assert known() == (27, 3)
    assert len(scans) == 5


@pytest.mark.parametrize(
    ("limit", "value", "code", "says"),
    [
        ("MOST_VISITORS", 59, "times-many", "More than 59 visitors have had their time."),
        ("MOST_SECONDS", -1.0, "times-slow", "and was given up so that nobody waits for it."),
    ],
)
def test_what_would_take_too_long_is_left_to_the_command(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, limit: str, value: float, code: str, says: str
) -> None:
    for module in (time_scan, time_to_convert_page):
        monkeypatch.setattr(module, limit, value)
    page = client.get(PAGE, base_url=HERE)
    assert page.status_code == 200
    assert says in page.text
    assert "<code>yesladder time-to-convert SITE form</code>" in page.text
    assert "<table" not in page.text
    refused = client.get(PAGE + ".json", base_url=HERE)
    assert (refused.status_code, refused.get_json()["code"]) == (503, code)
    assert says in refused.get_json()["message"]


def test_one_scan_at_a_time(app: Flask, client: FlaskClient) -> None:
    scans = TimeScans()
    phase = app.extensions["yesladder"].catalog.get("form")
    store = app.extensions["yesladder"].store
    scans._scanning.acquire()
    with pytest.raises(NoTimes) as refused:
        scans.times(phase, store, NOW)
    assert refused.value.why == "busy"
    scans._scanning.release()
    assert scans.times(phase, store, NOW).steps[0].variants["single"].visitors == 30
    scans._scanning.acquire()
    assert scans.times(phase, store, NOW).as_of == NOW, "what is kept needs no scan"


def test_expired_phases_say_that_raw_events_are_gone(app: Flask, client: FlaskClient) -> None:
    store = app.extensions["yesladder"].store
    client.get("/results/form", base_url=HERE)
    expire(store, timedelta(days=1), NOW, delete=True)
    page = client.get(PAGE, base_url=HERE)
    assert page.status_code == 200
    assert "The raw events of this phase were deleted" in page.text
    refused = client.get(PAGE + ".json", base_url=HERE)
    assert (refused.status_code, refused.get_json()["code"]) == (410, "times-gone")
    done = CliRunner().invoke(main, ["time-to-convert", str(app.extensions["yesladder"].site.path), "form"])
    assert done.exit_code == 1
    assert "have expired, and its counts do not keep times" in done.output


@pytest.mark.parametrize(
    ("address", "status", "says"),
    [
        (PAGE + "?step=nothing", 404, "its steps are form-seen, job-booked"),
        (PAGE + "?as_of=now", 400, "must be a moment with its time zone"),
        (PAGE + "?phase=4", 404, "has no phase 4"),
        ("/results/nobody/time-to-convert", 404, "There is no experiment"),
    ],
)
def test_a_wrong_address_says_what_would_be_right(client: FlaskClient, address: str, status: int, says: str) -> None:
    answer = client.get(address, base_url=HERE)
    assert (answer.status_code, says in answer.text) == (status, True)
    assert client.get(PAGE, base_url="http://elsewhere.example").status_code == 302


def test_the_command_tells_the_same(app: Flask, client: FlaskClient) -> None:
    site = str(app.extensions["yesladder"].site.path)
    told = client.get(PAGE + ".json", base_url=HERE).get_json()
    asked = ["--as-of", told["as_of"]]
    done = CliRunner().invoke(main, ["time-to-convert", site, "form", *asked, "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == told
    shown = CliRunner().invoke(main, ["time-to-convert", site, "form", *asked])
    assert "it is no test and gets no verdict" in " ".join(shown.stdout.split())
    assert shown.stdout.count("multi") == 2


def test_the_curve_is_drawn_in_the_colours_of_the_variants(app: Flask, client: FlaskClient) -> None:
    store, phase = app.extensions["yesladder"].store, app.extensions["yesladder"].catalog.get("form")
    found = TimeScans().times(phase, store, NOW)
    for size in (WIDE, NARROW):
        drawn = reached_by_time(found.steps[0], found.points, size, "curve")
        assert drawn is not None
        curves = dict(re.findall(r'<polyline points="([^"]+)" class="stroke-(variant-\d)"', drawn)[::-1])
        assert list(curves.values())[::-1] == ["variant-0", "variant-1"], "in the order of the config"
        for points in curves:
            across, down = zip(*(map(float, point.split(",")) for point in points.split()), strict=True)
            assert list(across) == sorted(across)
            assert list(down) == sorted(down, reverse=True), "a share never shrinks"
        ends = [float(re.split("[ ,]", points)[-2]) for points in curves]
        inside = re.search(r'<svg x="[^"]+" y="[^"]+" width="([^"]+)"', drawn)
        assert inside is not None
        assert ends == [float(inside[1])] * 2, "up to the whole window, at the edge"
        assert re.findall(r">(\d+ (?:s|min|h|d))<", drawn)[-1] == "1 d"
    empty = TimeScans().times(phase, store, START + timedelta(hours=1))
    assert reached_by_time(empty.steps[0], empty.points, WIDE, "curve") is None
    assert client.get(PAGE + "?as_of=2026-11-02T01:00:00Z", base_url=HERE).status_code == 200


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "at once"),
        (45, "45 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (7200, "2 h"),
        (7260, "2 h 1 min"),
        (86_400, "1 day"),
        (273_600, "3 days 4 h"),
    ],
)
def test_lengths_of_time_are_told_in_two_units(seconds: int, said: str) -> None:
    assert span(timedelta(seconds=seconds)).replace("\u00a0", " ") == said
