"""Whoever shows a report writes its decisions, and nobody waits or fails because of them."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from experiments.audit.decision_log import Entry
from experiments.audit.readout import Readout
from experiments.events.decision import Decision
from experiments.events.event import Event, MessageId, VisitorId
from experiments.store.store import StoreUnavailable
from webapp.pages.experiment import result_routes
from webapp.server.app import create_app
from webapp.services.services import Services

HERE = "http://localhost"
RESULT, DOCUMENT = "/results/contact-form", "/results/contact-form.json"


@pytest.fixture
def open_app(site_path: Path, clock: Any) -> Iterator[Flask]:
    """The site with open results, and ten days of visitors whom the second variant suits much better."""
    app = create_app(site_path, clock=clock, open_results=True)
    services(app).store.append(list(visits(clock.now - timedelta(days=20))))
    yield app
    services(app).close()


@pytest.fixture
def client(open_app: Flask) -> FlaskClient:
    return open_app.test_client()


def services(app: Flask) -> Services:
    found = app.extensions["yesladder"]
    assert isinstance(found, Services)
    return found


def visits(start: Any) -> Iterator[Event]:
    for number in range(1200):
        visitor, at = VisitorId(f"v{number}"), start + timedelta(minutes=12 * number)
        variant = ["single", "multi-step"][number % 2]
        yield Event(MessageId(f"x{number}"), "exposure", visitor, at, at, experiment="contact-form", variant=variant)
        then = at + timedelta(minutes=5)
        if number % 10 < (4 if variant == "single" else 8):
            yield Event(MessageId(f"s{number}"), "action", visitor, then, then, "form_started")


def shown(client: FlaskClient, path: str = DOCUMENT) -> list[dict[str, Any]]:
    response = client.get(path, base_url=HERE)
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.get_json()["decisions"]
    return found


def log_of(app: Flask, wait: bool = True) -> Sequence[Decision]:
    """The log on disk, once what was handed in is written."""
    if wait:
        services(app).log.append([])
        services(app).log.append([])
    (phase,) = [one for one in services(app).catalog.phases() if one.key == "contact-form"]
    return services(app).store.decisions([phase])


@pytest.mark.parametrize("path", ["/", RESULT, DOCUMENT])
def test_whoever_looks_writes_what_was_decided(open_app: Flask, client: FlaskClient, clock: Any, path: str) -> None:
    assert client.get(path, base_url=HERE).status_code == 200
    (one,) = log_of(open_app)
    assert (one.step, one.variant, one.state) == ("form-started", "multi-step", "better")
    assert one.recorded_at == clock.now
    clock.move(days=1)
    assert client.get(path, base_url=HERE).status_code == 200
    assert log_of(open_app) == [one]


@pytest.mark.parametrize("path", ["/", RESULT, f"{RESULT}?by=source", DOCUMENT])
def test_a_page_reads_by_one_connection_which_is_kept(
    open_app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """However many experiments of the site have ended."""
    opened: list[str] = []
    connect = sqlite3.connect

    def counted(database: str, **options: Any) -> sqlite3.Connection:
        opened.append(database)
        return connect(database, **options)

    monkeypatch.setattr(sqlite3, "connect", counted)
    past = [
        one.model_copy(update={"key": f"past-{n}"}) for n in range(3) for one in services(open_app).catalog.phases()
    ]
    monkeypatch.setattr(result_routes, "ended", lambda *_: past)
    assert client.get(path, base_url=HERE).status_code == 200
    assert [uri.partition("?")[2] for uri in opened] == ["mode=ro"]
    assert client.get(path, base_url=HERE).status_code == 200
    assert len(opened) == 1


def test_the_document_has_the_log_before_and_after_it_is_written(open_app: Flask, client: FlaskClient) -> None:
    (before,) = shown(client)
    assert (before["state"], before["confirmed"], before["recorded_at"]) == ("better", True, None)
    log_of(open_app)
    (after,) = shown(client)
    assert after == before | {"recorded_at": "2026-11-22T10:00:00Z"}


def test_an_earlier_moment_shows_the_decisions_of_then(open_app: Flask, client: FlaskClient) -> None:
    (one,) = shown(client)
    log_of(open_app)
    assert shown(client, f"{DOCUMENT}?as_of={one['decided_at']}") == []  # at the very seal a fact still counts
    assert [later["step"] for later in shown(client, f"{DOCUMENT}?as_of={one['decided_at'][:-1]}.5Z")] == [one["step"]]


def test_the_page_has_a_line_for_it(client: FlaskClient) -> None:
    for _ in range(2):  # not written yet, written
        page = client.get(RESULT, base_url=HERE).text
        section = page[page.index('id="decisions"') :].partition("</section>")[0]
        words = re.sub(r"\s+", " ", re.sub(r"<wbr>|<[^>]+>", " ", section))
        assert re.search(
            r"3 Nov 2026 Form started multi- step ▲ Better \+1\.3% .* p = 0\.\d+, \d+ visitors ✓ say the same", words
        ), words


def test_nothing_decided_is_said(client: FlaskClient) -> None:
    page = client.get("/results/half", base_url=HERE).text
    assert "No verdict has been reached yet. Each one is written here when it is." in page


def test_a_page_neither_waits_nor_fails_while_the_log_cannot_be_written(open_app: Flask, client: FlaskClient) -> None:
    store: Any = services(open_app).store
    with store.file.writing():  # an import may take that long
        assert client.get(RESULT, base_url=HERE).status_code == 200
        assert len(shown(client)) == 1
        assert not log_of(open_app, wait=False)
    assert len(log_of(open_app)) == 1


def test_a_page_does_not_fail_where_nothing_can_be_written_and_the_next_one_makes_up_for_it(
    open_app: Flask, client: FlaskClient, site_path: Path
) -> None:
    store: Any = services(open_app).store
    store.close()
    lock = site_path / "yesladder.db.lock"
    lock.unlink()
    lock.mkdir()  # nobody gets the lock, not even root
    assert client.get(RESULT, base_url=HERE).status_code == 200
    assert len(shown(client)) == 1
    for _ in range(2):  # when the second one is refused, the writer is through with what was handed in before
        with pytest.raises(StoreUnavailable):
            services(open_app).log.append([])
    lock.rmdir()
    assert not log_of(open_app)
    shown(client)
    assert len(log_of(open_app)) == 1


def test_a_revision_is_told_and_the_line_stays(open_app: Flask, client: FlaskClient) -> None:
    shown(client)
    (one,) = log_of(open_app)
    services(open_app).store.forget(VisitorId("v0"))
    (entry,) = shown(client)
    assert not entry["confirmed"]
    assert entry["differs"].startswith("its counts were revised later; they give")
    assert (entry["decided_at"], entry["visitors"]) == (f"{one.decided_at:%Y-%m-%dT%H:%M:%SZ}", one.visitors)
    assert "Its counts were revised later" in client.get(RESULT, base_url=HERE).text
    assert log_of(open_app) == [one]


def test_what_was_decided_this_minute_waits_for_the_next_one(open_app: Flask, client: FlaskClient, clock: Any) -> None:
    """What was received before the seal may still be on its way to the disk."""
    shown(client)
    (one,) = log_of(open_app)
    figures = Readout(report=None, funnels={}, decisions=[Entry(replace(one, recorded_at=None))])  # type: ignore[arg-type]  # not looked at
    assert not figures.unwritten(one.decided_at + timedelta(seconds=59))
    now = one.decided_at + timedelta(seconds=61)
    assert figures.unwritten(now) == [replace(one, recorded_at=now)]
    # what is written is not handed in again
    assert not Readout(report=None, funnels={}, decisions=[Entry(one)]).unwritten(now)  # type: ignore[arg-type]  # not looked at
