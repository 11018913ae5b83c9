"""Traffic: simulated visitors who keep arriving at the served demo, over the endpoints that real ones use.

It runs as a process of its own beside the server and ends with the one that started it. It opens every page once, so
that nobody waits for a server that has just started. Then each visitor asks over OFREP which variant to see, is
exposed, and does what the gallery's truth says of that variant, as Segment events.
"""

import contextlib
import heapq
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import numpy as np

from experiments.definition.experiment import Experiment
from experiments.gallery.exhibit import exhibits
from experiments.simulation.truth import Crowd, Truth, read_truth
from experiments.simulation.visit import Act, acts, amounts, draws
from experiments.site.catalog import Catalog
from experiments.site.site import Site
from webapp.wire.segment_writer import USER_AGENTS

SECONDS_BETWEEN: Final = 1.0
"""Mean time between two visitors."""
MOST_PENDING: Final = 5_000
"""Acts that may lie ahead; a visitor who would exceed it goes no further. Most wait for a visit of another day."""
_LONGEST_PAUSE: Final = 15.0  # seconds between two acts of one visit
_TIMEOUT: Final = 10.0
_NOBODY: Final = "--no-visitors"
_START_SECONDS: Final = 60.0
_TOLD_EVERY: Final = 60.0  # seconds, where the terminal cannot rewrite its last line


@dataclass(slots=True)
class Wire:
    """The server's HTTP endpoints, as a visitor's browser calls them."""

    address: str
    write_key: str

    def variant(self, visitor: str, crowd: Crowd, key: str) -> str | None:
        """The variant of an experiment that this visitor gets, None for who is not in it. Raises OSError."""
        told = {
            name: value == "true" if value in ("true", "false") else value for name, value in crowd.attributes.items()
        }
        answer = self._post("/ofrep/v1/evaluate/flags", {"context": {"targetingKey": visitor, **told}})
        found = next((flag for flag in answer["flags"] if flag["key"] == key), None)
        return found["variant"] if found and found["metadata"]["in_experiment"] else None

    def track(self, visitor: str, crowd: Crowd, event: str, properties: Mapping[str, Any]) -> None:
        """Send one event. Raises OSError."""
        now = datetime.now(UTC).isoformat()
        context: dict[str, Any] = {"userAgent": USER_AGENTS.get(crowd.attributes.get("device", ""), "")}
        if "returning" in crowd.attributes:
            context["returning"] = crowd.attributes["returning"] == "true"
        item = {"type": "track", "anonymousId": visitor, "event": event, "properties": properties, "timestamp": now}
        self._post("/v1/batch", {"writeKey": self.write_key, "batch": [item | {"context": context}], "sentAt": now})

    def warm_up(self) -> None:
        """Ask what a first page view asks: who is kept waiting for the answer sees the control. Raises OSError."""
        agent = {"User-Agent": USER_AGENTS["desktop"], "Origin": self.address}
        for path in ("/demo/", "/yesladder.js"):
            self._ask("GET", path, None, agent)
        self._ask("POST", "/ofrep/v1/evaluate/flags", {"context": {"targetingKey": "warm-up"}}, agent)

    def open(self, pages: Sequence[str]) -> None:
        """Open these pages: the first result page after a start takes seconds. Why one fails, its reader will learn."""
        for page in pages:
            with contextlib.suppress(OSError):
                self._ask("GET", page)

    def is_up(self) -> bool:
        """Does the server answer already?"""
        with contextlib.suppress(OSError):
            self._ask("GET", "/livez")
            return True
        return False

    def _post(self, path: str, body: Mapping[str, Any]) -> Any:
        return json.loads(self._ask("POST", path, body))

    def _ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> bytes:
        connection = http.client.HTTPConnection(urlsplit(self.address).netloc, timeout=_TIMEOUT)
        sent = None if body is None else json.dumps(body)
        try:
            connection.request(method, path, sent, {"Content-Type": "application/json", **(headers or {})})
            response = connection.getresponse()
            answer = response.read()
        except http.client.HTTPException as error:
            raise ConnectionError(f"{path}: {error}") from error
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise ConnectionError(f"{path} answered {response.status}")
        return answer


@dataclass(slots=True)
class Traffic:
    """Visitors of these experiments, one by one. `run`: a text that no other run has, for their ids.

    The same seed makes the same crowds at the same times; their ids, and so their variants, are new in every run.
    """

    wire: Wire
    experiments: Sequence[tuple[Experiment, Truth]]
    rng: np.random.Generator
    run: str
    seen: Counter[str] = field(default_factory=Counter)
    """How many visitors came, and how many events of each name they sent."""
    _ahead: list[tuple[float, int, str, Crowd, Act]] = field(default_factory=list)
    _arrival: float = 0.0
    _number: int = 0

    def advance(self, now: float) -> float:
        """Let everything happen that is due at this moment (seconds, monotonic); answers when the next is due."""
        while self._due() <= now:
            try:
                if self._arrival <= now:
                    self._arrival = max(self._arrival, now - 1) + float(self.rng.exponential(SECONDS_BETWEEN))
                    self._arrive(now)
                else:
                    _, _, visitor, crowd, act = heapq.heappop(self._ahead)
                    self._send(visitor, crowd, act.event, act.properties)
            except OSError:  # the server is busy or gone: this visitor is lost, as real ones would be
                self.seen["lost"] += 1
        return self._due()

    def _due(self) -> float:
        return min(self._arrival, self._ahead[0][0] if self._ahead else self._arrival)

    def _arrive(self, now: float) -> None:
        experiment, truth = self.experiments[int(self.rng.integers(len(self.experiments)))]
        shares = np.array([crowd.share for crowd in truth.crowds])
        crowd = truth.crowds[self.rng.choice(len(shares), p=shares / shares.sum())]
        self._number += 1
        visitor = f"simulated-{self.run}-{self._number}"
        variant = self.wire.variant(visitor, crowd, experiment.key)
        if variant is None:
            return
        self._send(visitor, crowd, "Experiment Viewed", {"experiment_id": experiment.key, "variation_id": variant})
        self.seen["visitors"] += 1
        [draw], [amount] = draws(experiment, truth, self.rng, 1), amounts(experiment, truth, self.rng, 1).tolist()
        done = acts(experiment, truth.variants[variant], crowd, draw, amount, _LONGEST_PAUSE)
        for number, act in enumerate(done[: MOST_PENDING - len(self._ahead)]):
            due = now + act.after.total_seconds()
            heapq.heappush(self._ahead, (due, self._number * 100 + number, visitor, crowd, act))

    def _send(self, visitor: str, crowd: Crowd, event: str, properties: Mapping[str, Any]) -> None:
        self.wire.track(visitor, crowd, event, properties)
        self.seen[event] += 1


def told(seen: Mapping[str, int]) -> str:
    """What happened so far, in a line."""
    lost = f", {seen['lost']} lost" if seen.get("lost") else ""
    return (
        f"Simulated visitors since the start: {seen.get('visitors', 0)}; "
        f"{seen.get('quote_requested', 0)} asked for a quote, {seen.get('job_booked', 0)} booked{lost}"
    )


@contextlib.contextmanager
def arriving(folder: Path, address: str, seed: int, visitors: bool) -> Iterator[None]:
    """Visitors keep arriving at the demo in this folder, served at this address, until the block ends.

    Without `visitors` its pages are opened once, and that is all.
    """
    command = [sys.executable, "-m", "webapp.commands.demo.traffic", str(folder), address, str(seed)]
    process = subprocess.Popen(command if visitors else [*command, _NOBODY])
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def main(folder: Path, address: str, seed: int, visitors: bool = True) -> None:
    """Open every page once; then send `visitors` until the process that started this one is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which ends this one
    parent = os.getppid()
    catalog = Catalog(folder, lambda: datetime.now(UTC))
    truths = {one.experiment().key: read_truth(one.truth) for one in exhibits() if one.truth}
    running = [(one, truths[key]) for key, one in catalog.experiments().items() if key in truths]
    wire = Wire(address, Site.open(folder).settings.write_key)
    began = time.monotonic()
    while not wire.is_up():
        if os.getppid() != parent or time.monotonic() > began + _START_SECONDS:
            return
        time.sleep(0.2)
    with contextlib.suppress(OSError):
        wire.warm_up()
    pages = ["/", *(f"/results/{key}" for key in catalog.experiments())]
    opening = threading.Thread(target=wire.open, args=(pages,), daemon=True)
    opening.start()
    if not visitors:
        opening.join()
        return
    traffic = Traffic(wire, running, np.random.default_rng(seed), f"{int(time.time()):x}", _arrival=time.monotonic())
    last_told = time.monotonic()
    while os.getppid() == parent:
        due = traffic.advance(time.monotonic())
        if sys.stdout.isatty():
            print(f"\r{told(traffic.seen)} ", end="", flush=True)
        elif time.monotonic() > last_told + _TOLD_EVERY:
            print(told(traffic.seen), flush=True)
            last_told = time.monotonic()
        time.sleep(min(1.0, max(0.0, due - time.monotonic())))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), visitors=_NOBODY not in sys.argv)
