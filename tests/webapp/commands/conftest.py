"""Commands, run in this process; sites made by them, and their stores; the command `demo`, running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from experiments.site.catalog import Catalog
from experiments.store.sqlite.engine import SqliteStore, open_store
from webapp.cli import main
from webapp.commands.demo import history as demo_site
from webapp.server.app import now_utc

YESLADDER = [sys.executable, "-W", "error", "-c", "from webapp.cli import main; main(prog_name='yesladder')"]


def run(*arguments: object, columns: int = 80) -> Result:
    """What a command does and prints in a terminal of so many columns."""
    return CliRunner(env={"COLUMNS": str(columns)}).invoke(main, [str(argument) for argument in arguments])


def simulated_site(path: Path, visitors: int, days: int = 14, *drafts: str) -> Path:
    """A new site here, with these drafts from the gallery, whose contact form so many simulated visitors met."""
    assert run("init", path).exit_code == 0
    for draft in drafts:
        assert run("new", draft, path).exit_code == 0
    result = run("simulate", path, "contact-form", "--visitors", visitors, "--days", days, "--into-site")
    assert result.exit_code == 0, result.output
    return path


@contextmanager
def store_of(site: Path) -> Iterator[SqliteStore]:
    """The site's store, opened beside the command."""
    store = open_store(site / "yesladder.db", Catalog(site, now_utc).phases)
    try:
        yield store
    finally:
        store.close()


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A new site, as `init` makes it."""
    path = tmp_path / "site"
    assert run("init", path).exit_code == 0
    return path


@dataclass
class Running:
    """A demo that is served; `told` is what it said until then."""

    process: subprocess.Popen[str]
    told: str
    base: str

    def fetch(self, path: str) -> str:
        """A page, empty while the server does not answer."""
        with suppress(OSError), urllib.request.urlopen(self.base + path, timeout=20) as answer:
            return str(answer.read().decode())
        return ""

    def children(self) -> dict[int, str]:
        """The processes that it started: id -> command line."""
        found = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return {int(pid): _command(int(pid)) for pid in found}

    def alive(self, children: dict[int, str]) -> list[int]:
        """Those of these processes that are still there. A process id may be another's by now."""
        return [pid for pid, line in children.items() if line and _command(pid) == line]

    def wait_until(self, condition: Callable[[], Any], what: str) -> None:
        """Wait until it is so, or fail the test saying what was waited for."""
        end = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < end, f"waited in vain until {what}"
            time.sleep(0.1)


def _command(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""


@pytest.fixture
def served_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """`with served_demo(*options) as demo:` A small demo, served; every process of it is gone at the end."""
    monkeypatch.setattr(demo_site, "VISITORS", {"multi-step-form": 60, "popup-contact-form": 40})
    folder = str(tmp_path / "demo-site")
    assert run("demo", "--folder", folder, "--no-serve").exit_code == 0

    @contextmanager
    def served(*options: str) -> Iterator[Running]:
        command = [*YESLADDER, "demo", "--folder", folder, *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert process.stdout is not None
        told = ""
        for line in process.stdout:
            told += line
            if "Ctrl-C" in line:
                break
        base = next(line.split()[1] for line in told.splitlines() if line.startswith("Open "))
        demo = Running(process, told, base)
        try:
            demo.wait_until(lambda: demo.fetch("livez"), "the server answers")
            yield demo
        finally:
            known = demo.children() if process.poll() is None else {}
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
            for pid in demo.alive(known):
                os.kill(pid, signal.SIGKILL)
            process.stdout.close()

    return served
