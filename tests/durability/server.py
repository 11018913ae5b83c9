"""Server: one site served by the real server, which is killed and started again on the same port."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.store.sqlite.engine import SqliteStore

StoreAt = Callable[[Path], AbstractContextManager[SqliteStore]]  # the store of a site, opened beside the server
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers with small letters, and what the JSON of the body says."""

    status: int
    headers: Mapping[str, str]
    json: Any


class Server:
    """Started by `start`, in this environment. Whoever makes one must `stop` or `kill` it in the end."""

    def __init__(self, site: Path, environment: Mapping[str, str] | None = None, workers: int = 2) -> None:
        self.site = site
        self.workers_wanted = workers
        self.log = site / "serve.log"
        self.port = _free_port()
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._known: set[int] = set()

    def start(self, until: str = "/readyz") -> float:
        """Start it and wait until this is answered with 200; how many seconds that took."""
        call = f"serve(Path({str(self.site)!r}), port={self.port}, workers={self.workers_wanted})"
        began = time.monotonic()
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-c", f"from pathlib import Path\nfrom webapp.server.serve import serve\n{call}"],
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=ROOT,
                env=self._environment,
            )
        self._wait_until(lambda: self._answers(until), f"{until} answers 200")
        took = time.monotonic() - began
        self._wait_until(lambda: len(self.workers()) == self.workers_wanted, "all its workers are there")
        self._known.update(self.workers())
        return took

    def stop(self) -> None:
        """Ask it to end, as at a shutdown."""
        if self._process is not None:
            self._known.update(self.workers())
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(30)
            self.kill()

    def kill(self) -> None:
        """SIGKILL to the master and every worker, as near to one moment as can be."""
        if self._process is None:
            return
        self._known.update(self.workers())
        self._process.kill()
        for pid in self._known:
            if _is_server(pid):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(10)
        self._process = None
        self._wait_until(lambda: not any(map(_is_server, self._known)), "its workers are gone")
        self._known.clear()

    def kill_worker(self, index: int) -> None:
        """SIGKILL to one worker; the master starts another."""
        pid = self.workers()[index]
        os.kill(pid, signal.SIGKILL)
        self._wait_until(lambda: pid not in self.workers(), "the worker is gone")

    def workers(self) -> list[int]:
        """Process ids of the workers that live now."""
        if self._process is None:
            return []
        with suppress(FileNotFoundError):
            children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text()
            return [pid for pid in map(int, children.split()) if _is_server(pid)]
        return []

    def pids(self) -> list[int]:
        """Every process of it."""
        return [*self.workers(), *([self._process.pid] if self._process else [])]

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """One request on a connection of its own. Raises OSError or HTTPException when it is cut."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            response = connection.getresponse()
            headers = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, headers, json.loads(response.read()))
        finally:
            connection.close()

    def readiness(self) -> Answer:
        """What it says about itself."""
        return self.ask("GET", "/readyz")

    def _answers(self, path: str) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"the server ended:\n{self.log.read_text()}"
        with suppress(OSError, http.client.HTTPException):
            return self.ask("GET", path).status == 200
        return False

    def _wait_until(self, condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"waited {seconds} s in vain until {what}\n{self.log.read_text()}"
            time.sleep(0.02)


def _is_server(pid: int) -> bool:
    """Does a process of this id live, and is it one of ours? Ids are used again by the system."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        return state != "Z" and b"webapp.server.serve" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
