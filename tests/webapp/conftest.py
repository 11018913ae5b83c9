"""A small site with every kind of experiment, in process or served by the real server."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, sync_playwright

from webapp.server.app import create_app

WRITE_KEY = "wk_test"
ORIGIN = "https://shop.example"
NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)

SETTINGS = f"""\
write_key: {WRITE_KEY}
allowed_origins: ["{ORIGIN}"]
durability: full
staff: {{ids: [boss], attributes: {{company: ours}}}}
"""

EXPERIMENT = """\
key: {key}
name: Multi-step vs single contact form
status: {status}
{more}variants:
  - {{key: single, weight: 50}}
  - {{key: multi-step, weight: 50{value}}}
path:
  - {{step: form-started, event: form_started, window: 1 hour}}
  - {{step: quote-requested, event: quote_requested, value: revenue}}
window: 7 days
"""

STARTED = "started_at: 2026-11-01T00:00:00Z\n"


def experiment(key: str, status: str = "running", more: str = "", value: str = "") -> str:
    """The config file of a small experiment."""
    return EXPERIMENT.format(key=key, status=status, more=(STARTED if status != "draft" else "") + more, value=value)


EXPERIMENTS = {
    "contact-form": experiment("contact-form"),
    "half": experiment("half", more="traffic: 50%\n", value=", value: 1.0"),
    "asked": experiment("asked", more="exposure: explicit\nsegments: [plan]\n", value=", value: {steps: [1, 2]}"),
    "phones": experiment("phones", more="audience: {device: [phone]}\n"),
    "newcomers": experiment("newcomers", more="audience: {returning: false}\n"),
    "drafted": experiment("drafted", status="draft"),
    "won": experiment("won", status="stopped", more="ended_at: 2026-11-10T00:00:00Z\nserve: multi-step\n"),
}


@pytest.fixture
def site_path(tmp_path: Path) -> Path:
    """The folder of a site with `EXPERIMENTS`."""
    return make_site(tmp_path / "site")


def make_site(path: Path) -> Path:
    """Write the site into this folder."""
    (path / "experiments").mkdir(parents=True)
    (path / "yesladder.yaml").write_text(SETTINGS, "utf-8")
    for key, text in EXPERIMENTS.items():
        (path / "experiments" / f"{key}.yaml").write_text(text, "utf-8")
    return path


class Hands:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def app(site_path: Path, clock: Hands) -> Iterator[Flask]:
    made = create_app(site_path, clock=clock)
    made.testing = False  # errors are answered as in service, never raised into the test
    yield made
    made.extensions["yesladder"].close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@dataclass(frozen=True, slots=True)
class Served:
    """A site on loopback, by the real server in processes of its own."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def workers(self) -> list[int]:
        """Process ids of the workers that live now."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()] if children.exists() else []

    def request(
        self, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """One request on a connection of its own: status and body. Raises OSError or HTTPException when it is cut."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


@contextmanager
def serving(site: Path, workers: int = 2, capacity: int | None = None) -> Iterator[Served]:
    """Serve the site and wait until it answers; at the end every process of it is gone, by its id."""
    port = free_port()
    call = f"serve(Path({str(site)!r}), port={port}, workers={workers}"
    call += f", capacity={capacity})" if capacity else ")"
    log = site / f"serve-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", f"from pathlib import Path\nfrom webapp.server.serve import serve\n{call}"],
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=Path(__file__).parents[2],
        )
    served = Served(process, port, log)
    known: set[int] = set()
    try:
        wait_until(lambda: answers(served), "the server answers", log)
        known.update(served.workers())
        yield served
    finally:
        known.update(served.workers())
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
        for pid in known:
            if is_worker(pid):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def serve_site(site_path: Path) -> Callable[..., AbstractContextManager[Served]]:
    """Serve the test site: `with serve_site(workers=2, capacity=100) as served`."""
    return lambda **settings: serving(site_path, **settings)


@pytest.fixture
def serve_at() -> Callable[..., AbstractContextManager[Served]]:
    """Serve a site of the test's own making: `with serve_at(folder) as served`."""
    return serving


@pytest.fixture(scope="session")
def patient() -> str:
    """A script for a browser's pages: there the snippet waits ten minutes for its assignment instead of 300 ms.

    So nothing that a test sees depends on how busy the machine is. Only tests of the 300 ms do without it.
    """
    return """(() => {
      const wait = window.setTimeout;
      window.setTimeout = (act, after, ...given) => wait(act, after === 300 ? 600000 : after, ...given);
    })()"""


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """A real browser, one for all tests: there can be only one in a process."""
    found = shutil.which("chromium")
    if found is None:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ],
        )
        yield browser
        browser.close()


def answers(served: Served) -> bool:
    """Does the server answer already? Fails the test when it has ended instead."""
    assert served.process.poll() is None, f"the server ended:\n{served.log.read_text()}"
    with suppress(OSError, http.client.HTTPException):
        return served.request("GET", "/livez")[0] == 200
    return False


def wait_until(condition: Callable[[], bool], what: str, log: Path | None = None, seconds: float = 30) -> None:
    """Wait until it is so, or fail the test saying what was waited for."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s in vain until {what}\n{log.read_text() if log else ''}"
        time.sleep(0.02)


def is_worker(pid: int) -> bool:
    """Does a process of this id live and belong to a server of these tests? Ids are used again by the system."""
    try:
        return b"webapp.server.serve" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
