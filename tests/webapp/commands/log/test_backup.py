"""backup: of a site that is served and written to, restored and served again."""

from __future__ import annotations

import http.client
import json
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

import pytest

from experiments.assignment.assignment import assign
from experiments.definition.experiment import Experiment
from experiments.site.catalog import Catalog
from tests.webapp.commands.conftest import run, simulated_site, store_of
from webapp.server.app import now_utc

Serve = Callable[..., AbstractContextManager[Any]]
BACKUPS = 20
CLIENTS = 3


class Client(threading.Thread):
    """Sends visitors until told to stop; `acknowledged` are the message ids that the server answered with 200."""

    def __init__(self, served: Any, experiment: Experiment, name: str) -> None:
        super().__init__(name=name)
        self.served = served
        self.experiment = experiment
        self.acknowledged: set[str] = set()
        self.stopped = threading.Event()

    def run(self) -> None:
        number = 0
        while not self.stopped.is_set():
            number += 1
            visitor = f"{self.name}-{number}"
            claim = {
                "experiment_id": self.experiment.key,
                "variation_id": assign(self.experiment, visitor, {}).variant,
            }
            items = [
                self._track(visitor, "Experiment Viewed", properties=claim),
                self._track(visitor, "form_started"),
            ]
            with suppress(OSError, http.client.HTTPException):
                body = json.dumps({"writeKey": "wk_test", "batch": items})
                if self.served.request("POST", "/v1/batch", body)[0] == 200:
                    self.acknowledged.update(str(item["messageId"]) for item in items)

    def _track(self, visitor: str, event: str, **more: object) -> dict[str, object]:
        return {"type": "track", "event": event, "anonymousId": visitor, "messageId": f"{visitor} {event}", **more}


@pytest.mark.slow
def test_backups_under_load_have_every_event_acknowledged_before_they_began(
    site_path: Path, serve_site: Serve, serve_at: Serve, tmp_path: Path
) -> None:
    experiment = Catalog(site_path, now_utc).get("contact-form")
    assert experiment is not None
    sizes = []
    with serve_site(workers=2) as served:
        clients = [Client(served, experiment, f"client-{number}") for number in range(CLIENTS)]
        for client in clients:
            client.start()
        try:
            for number in range(BACKUPS):
                before = set().union(*(client.acknowledged.copy() for client in clients))
                result = run("backup", site_path, tmp_path / f"copy-{number}")
                assert result.exit_code == 0, result.output
                with store_of(tmp_path / f"copy-{number}") as store:
                    found = {event.message_id for event in store.scan()}
                assert before <= found
                sizes.append(len(found))
        finally:
            for client in clients:
                client.stopped.set()
            for client in clients:
                client.join(30)
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]  # there was load
    with serve_at(tmp_path / f"copy-{BACKUPS - 1}") as restored:
        end = time.monotonic() + 30
        while restored.request("GET", "/readyz")[0] != 200:
            assert time.monotonic() < end, restored.request("GET", "/readyz")[1]
            time.sleep(0.1)
        client = Client(restored, experiment, "after")
        client.start()
        while not client.acknowledged and client.is_alive():
            client.stopped.wait(0.01)
        client.stopped.set()
        client.join(30)
    with store_of(tmp_path / f"copy-{BACKUPS - 1}") as store:
        assert client.acknowledged <= {event.message_id for event in store.scan()}
        assert not store.verify()


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return simulated_site(tmp_path / "site", 40)


@pytest.mark.parametrize(
    ("options", "told"),
    [pytest.param((), " All counts agree with them.\n", id="verified"), pytest.param(("--quick",), "\n", id="quick")],
)
def test_it_says_what_it_did(site: Path, tmp_path: Path, options: tuple[str, ...], told: str) -> None:
    result = run("backup", site, tmp_path / "copy", *options)
    assert result.exit_code == 0, result.output
    with store_of(site) as store:
        events = sum(1 for _ in store.scan())
    assert result.stdout == f"Copied {events:,} events to {tmp_path / 'copy'}.{told}"


def test_restored_by_copying_it_shows_the_same_results(site: Path, tmp_path: Path) -> None:
    shown = run("results", site, "contact-form", "--json").stdout
    assert run("backup", site, tmp_path / "copy").exit_code == 0
    shutil.rmtree(site)
    shutil.copytree(tmp_path / "copy", site)
    again = run("results", site, "contact-form", "--json").stdout
    assert _undated(again) == _undated(shown)
    assert run("verify", site).exit_code == 0


def _undated(document: str) -> dict[str, Any]:
    return {key: value for key, value in json.loads(document).items() if key != "as_of"}


def test_an_existing_folder_is_left_alone(site: Path, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    result = run("backup", site, tmp_path / "copy")
    assert result.exit_code == 1
    assert "exists already, and nothing is overwritten" in result.stderr
    assert not list((tmp_path / "copy").iterdir())


def test_counts_that_differ_are_told_and_the_copy_is_kept(site: Path, tmp_path: Path) -> None:
    with store_of(site) as store, store.file.writing() as connection:
        connection.execute("UPDATE exposed SET visitors = visitors + 1")
    result = run("backup", site, tmp_path / "copy")
    assert result.exit_code == 1
    assert "is a sound copy, but" in result.stderr
    assert (tmp_path / "copy" / "yesladder.db").exists()
