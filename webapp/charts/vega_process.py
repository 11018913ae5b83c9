"""Drawing: a child process that turns Vega-Lite specs into SVG, so that no worker that serves visitors pays for it.

vl-convert holds a JavaScript engine: about 100 MiB and half a second to warm up. The child starts with the first
chart that is wanted, answers one line of JSON per spec, runs at low priority, loads nothing from the network, and
ends by itself when its parent is gone or nobody wanted a chart for `IDLE_SECONDS`.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from threading import Lock

IDLE_SECONDS = 300
TIMEOUT_SECONDS = 8.0
PAUSE_SECONDS = 30.0
"""After a failure nobody waits for a picture during this time; the tables stand alone."""

Spec = Mapping[str, object]


class Drawing:
    """Draws one spec at a time in one child process; answers None when it cannot, never raises.

    `timeout` and `pause` in seconds; `now` is a monotonic clock; `command` starts the child.
    """

    def __init__(
        self,
        timeout: float = TIMEOUT_SECONDS,
        pause: float = PAUSE_SECONDS,
        now: Callable[[], float] = time.monotonic,
        command: tuple[str, ...] = (sys.executable, "-m", "webapp.charts.vega_process"),
    ) -> None:
        self._timeout = timeout
        self._pause = pause
        self._now = now
        self._command = command
        self._lock = Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._not_before = float("-inf")

    def draw(self, spec: Spec) -> str | None:
        """The SVG text of a Vega-Lite spec, or None when drawing failed or took longer than the timeout."""
        request = json.dumps(spec).encode() + b"\n"
        if not self._lock.acquire(timeout=self._timeout):
            return None
        try:
            if self._now() < self._not_before:
                return None
            answer = self._ask(request) or self._ask(request)  # a child that was idle may have just ended: once more
            if answer is None:
                self._not_before = self._now() + self._pause
                return None
            svg = json.loads(answer)
            return svg if isinstance(svg, str) else None
        finally:
            self._lock.release()

    def close(self) -> None:
        """End the child, if there is one."""
        with self._lock:
            self._end()

    def _ask(self, request: bytes) -> bytes | None:
        if self._now() < self._not_before:
            return None
        try:
            child = self._child or self._start()
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdin.write(request)
            child.stdin.flush()
            answer = self._read_line(child.stdout.fileno())
        except OSError:
            answer = None
        if answer is None:
            self._end()
        return answer

    def _start(self) -> subprocess.Popen[bytes]:
        self._child = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        return self._child

    def _read_line(self, source: int) -> bytes | None:
        deadline = self._now() + self._timeout
        line = b""
        while not line.endswith(b"\n"):
            left = deadline - self._now()
            if left <= 0:
                self._not_before = self._now() + self._pause  # hung, not ended: no second try
                return None
            if not select.select([source], [], [], left)[0]:
                continue
            chunk = os.read(source, 1 << 16)
            if not chunk:
                return None
            line += chunk
        return line

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.communicate()


@functools.cache
def drawing() -> Drawing:
    """The one of this process; it starts nothing before the first chart, and ends with the process."""
    one = Drawing()
    atexit.register(one.close)
    return one


def serve_lines() -> None:
    """The child: a spec per line on stdin, its SVG (or null) as a JSON string per line on stdout."""
    import vl_convert  # noqa: PLC0415 - heavy; only the child may pay for it

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server; we end when it does
    os.nice(10)
    while True:
        signal.alarm(IDLE_SECONDS)
        line = sys.stdin.buffer.readline()
        signal.alarm(0)
        if not line:
            return
        try:
            svg = vl_convert.vegalite_to_svg(json.loads(line), allowed_base_urls=[])
        except ValueError:
            svg = None
        sys.stdout.write(json.dumps(svg) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve_lines()
