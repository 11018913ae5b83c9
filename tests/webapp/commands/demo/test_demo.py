"""demo and serve: a site built once, served for real, and ended."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from experiments.site.catalog import Catalog
from experiments.store.sqlite.engine import open_store
from tests.webapp.commands.conftest import run
from webapp.commands.demo import history as demo_site

YESLADDER = [sys.executable, "-W", "error", "-c", "from webapp.cli import main; main(prog_name='yesladder')"]
pytestmark = pytest.mark.server
NAMES = ["contact-form", "free-trial-screener", "popup-contact-form"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo built by the command, with fewer simulated visitors."""
    path = tmp_path_factory.mktemp("demo") / "demo-site"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo_site, "VISITORS", {"multi-step-form": 600, "popup-contact-form": 400})
        result = run("demo", "--folder", path, "--no-serve")
    assert result.exit_code == 0, result.output
    assert "job booked         single 3.23%, multi-step 4.60%: +42.3%" in result.output
    return path


def test_three_weeks_that_end_now_and_a_real_history(folder: Path) -> None:
    now = datetime.now(UTC)
    catalog = Catalog(folder, lambda: now)
    assert sorted(catalog.experiments()) == NAMES
    assert catalog.problems() == ()
    store = open_store(folder / "yesladder.db", catalog.phases)
    for key, visitors in (("contact-form", 600), ("popup-contact-form", 400)):
        phase = catalog.get(key)
        assert phase is not None
        assert phase.started_at is not None
        hours = store.tables(phase).reach.exposed.cohorts * 3600
        assert timedelta(days=21) <= now - phase.started_at < timedelta(days=22)
        assert phase.started_at.timestamp() <= hours[0] < phase.started_at.timestamp() + 86400
        assert 0 <= now.timestamp() - hours[-1] < 86400
        assert visitors * 21 / 22 * 0.95 < store.tables(phase).reach.exposed.visitors.sum() <= visitors
        assert store.tables(phase).revisions == []
    screener = catalog.get("free-trial-screener")
    assert screener is not None
    assert store.tables(screener).reach.exposed.visitors.sum(axis=0).tolist() == [17_293, 17_260]
    assert store.tables(screener).revisions == []
    assert store.verify() == []
    store.close()


def test_a_demo_that_is_there_is_kept(folder: Path) -> None:
    stamp = (folder / "yesladder.db").stat().st_mtime_ns
    result = run("demo", "--folder", folder, "--no-serve")
    assert result.exit_code == 0
    assert "was built" in result.output
    assert "--fresh builds it anew" in result.output
    assert (folder / "yesladder.db").stat().st_mtime_ns == stamp


@pytest.mark.parametrize("options", [(), ("--fresh",)], ids=["as it is", "fresh"])
def test_a_folder_that_is_no_demo_is_left_alone(tmp_path: Path, options: tuple[str, ...]) -> None:
    run("init", tmp_path / "mine")
    before = sorted((tmp_path / "mine").rglob("*"))
    result = run("demo", "--folder", tmp_path / "mine", "--no-serve", *options)
    assert result.exit_code == 1
    assert "exists and is no demo, so it is left alone" in result.stderr
    assert sorted((tmp_path / "mine").rglob("*")) == before


def test_an_interrupted_build_leaves_no_half_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(demo_site, "VISITORS", {"multi-step-form": 10})
    monkeypatch.setattr(demo_site, "_fill", interrupted)
    result = run("demo", "--folder", tmp_path / "demo", "--no-serve")
    assert result.exit_code == 1
    assert not (tmp_path / "demo").exists()
    assert "Traceback" not in result.output


@contextlib.contextmanager
def serving(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*YESLADDER, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(timeout=30)
        assert process.stdout is not None
        process.stdout.close()


def fetch(url: str) -> tuple[int, str]:
    """The answer, once the server is up: asked for up to 30 seconds."""
    for _ in range(300):
        try:
            with urllib.request.urlopen(url, timeout=20) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise AssertionError(f"{url} does not answer")


def test_the_demo_is_served_on_the_next_free_port_open_and_ends_quietly(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with serving("demo", "--folder", folder, "--port", port) as process:
            assert process.stdout is not None
            told = []
            for line in process.stdout:
                told.append(line)
                if "Ctrl-C" in line:
                    break
            text = "".join(told)
            assert f"Port {port} is taken by another program" in text
            base = next(line.split()[1] for line in told if line.startswith("Open "))
            assert base != f"http://127.0.0.1:{port}/"
            for address in (base, *(f"{base}results/{key}" for key in NAMES)):
                assert address in text
                assert fetch(address)[0] == 200
            status, body = fetch(f"{base}results/contact-form.json")
            assert (status, json.loads(body)["experiment"]) == (200, "contact-form")
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=30) == 0
            assert "Traceback" not in process.stdout.read()


def test_a_site_is_served_and_shows_no_results_without_a_token(tmp_path: Path) -> None:
    run("init", tmp_path / "site")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with serving("serve", tmp_path / "site", "--port", port, "--workers", 1) as process:
        assert process.stdout is not None
        assert f"http://127.0.0.1:{port}/" in process.stdout.readline()
        assert fetch(f"http://127.0.0.1:{port}/livez")[0] == 200
        assert fetch(f"http://127.0.0.1:{port}/results/contact-form.json")[0] == 401


def test_serve_names_a_free_port_when_its_own_is_taken(tmp_path: Path) -> None:
    run("init", tmp_path / "site")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = run("serve", tmp_path / "site", "--port", port)
    assert result.exit_code == 1
    assert f"port {port} is taken by another program. Port " in result.stderr
    assert "--port" in result.stderr


def test_serve_says_when_an_address_is_not_ours(tmp_path: Path) -> None:
    run("init", tmp_path / "site")
    result = run("serve", tmp_path / "site", "--host", "192.0.2.1", "--port", "8000")
    assert result.exit_code == 1
    assert "cannot listen on 192.0.2.1:8000" in result.stderr


def test_a_token_is_made_listed_and_ended(tmp_path: Path) -> None:
    site = tmp_path / "site"
    run("init", site)
    assert "no tokens" in run("token", site).stderr
    secret = run("token", site, "--scope", "read", "--note", "dashboard").stdout.strip()
    assert secret.startswith("yl_read_")
    assert secret not in (site / "tokens.json").read_text()
    listed = run("token", site).stdout
    assert "read" in listed
    assert "dashboard" in listed
    known = listed.split()[0]
    assert known in run("token", site, "--revoke", "nonsense").stderr
    assert run("token", site, "--revoke", known).exit_code == 0
    assert run("token", site).stdout == ""
    assert run("token", site, "--scope", "read", "--revoke", known).exit_code == 2
