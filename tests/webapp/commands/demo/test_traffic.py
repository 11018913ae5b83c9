"""Traffic: visitors who behave as the truth says, at a bounded rate, and who are gone when the demo is."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from experiments.definition.experiment import Experiment
from experiments.gallery.exhibit import exhibit
from experiments.simulation.truth import Crowd, Truth, read_truth
from webapp.commands.demo import traffic
from webapp.commands.demo.traffic import Traffic, Wire, told

YESLADDER = [sys.executable, "-W", "error", "-c", "from webapp.cli import main; main(prog_name='yesladder')"]


class Ear(Wire):
    """A wire that only listens. `broken`: nothing gets through."""

    def __init__(self, broken: bool = False) -> None:
        super().__init__("", "")
        self.heard: list[tuple[str, str]] = []
        self.broken = broken

    def variant(self, visitor: str, crowd: Crowd, key: str) -> str | None:
        """Every visitor is in the treatment; bots are in nothing."""
        return None if "bot" in crowd.attributes else "multi-step"

    def track(self, visitor: str, crowd: Crowd, event: str, properties: Mapping[str, Any]) -> None:
        """Listen."""
        if self.broken:
            raise ConnectionRefusedError
        self.heard.append((visitor, event))


@pytest.fixture
def shown() -> tuple[Experiment, Truth]:
    one = exhibit("multi-step-form")
    assert one.truth is not None
    return one.experiment(), read_truth(one.truth)


def test_about_one_a_second_in_the_same_order_for_the_same_seed(shown: tuple[Experiment, Truth]) -> None:
    heard = []
    for _ in range(2):
        ear = Ear()
        visits = Traffic(ear, [shown], np.random.default_rng(3), "run")
        for second in range(600):
            assert visits.advance(float(second)) > second
        heard.append(ear.heard)
        exposed = [event for _, event in ear.heard].count("Experiment Viewed")
        assert 500 < exposed < 700
        assert visits.seen["visitors"] == exposed
        assert f"since the start: {exposed};" in told(visits.seen)
    assert heard[0] == heard[1]


def test_who_was_held_up_does_not_make_up_for_it(shown: tuple[Experiment, Truth]) -> None:
    visits = Traffic(Ear(), [shown], np.random.default_rng(3), "run")
    visits.advance(0.0)
    visits.advance(10_000.0)
    assert visits.seen["visitors"] < 10


def test_what_lies_ahead_is_bounded_and_a_server_that_is_gone_stops_nothing(
    shown: tuple[Experiment, Truth], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traffic, "MOST_PENDING", 5)
    visits = Traffic(Ear(), [shown], np.random.default_rng(3), "run")
    for second in range(200):
        visits.advance(float(second))
        assert len(visits._ahead) <= 5
    broken = Traffic(Ear(broken=True), [shown], np.random.default_rng(3), "run")
    for second in range(20):
        broken.advance(float(second))
    assert broken.seen["visitors"] == 0
    assert f"{broken.seen['lost']} lost" in told(broken.seen)


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_visitors_arrive_at_the_served_demo_and_end_with_it(tmp_path: Path, served_demo: Any, end: int) -> None:
    with served_demo() as demo:
        demo.wait_until(lambda: "simulated-" in demo.fetch("live"), "a simulated visitor is in the log")
        children = demo.children()
        assert any("webapp.commands.demo.traffic" in line for line in children.values())
        demo.process.send_signal(end)
        demo.process.wait(timeout=30)
        demo.wait_until(lambda: not demo.alive(children), "its processes are gone")


def test_without_traffic_nobody_arrives(served_demo: Any) -> None:
    with served_demo("--no-traffic") as demo:
        assert "simulated visitor a second" not in demo.told
        demo.wait_until(lambda: "commands.traffic" not in "".join(demo.children().values()), "all pages are open")
        live = demo.fetch("live")
        assert "simulated-" not in live
        assert "warm-up" not in live, "to ask is not to be counted"


class Witness(BaseHTTPRequestHandler):
    """A server that keeps what it is asked; its result pages fail."""

    asked: ClassVar[list[tuple[str, str, str]]] = []

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.asked.append((self.command, self.path, self.headers["User-Agent"] or ""))
        self.send_response(404 if self.path.startswith("/results") else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_POST = do_GET  # noqa: N815  # the name that the library calls

    def log_message(self, *_: object) -> None:
        pass


def test_every_page_is_opened_once_before_visitors_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a server that has just started, and a page that fails stops nothing."""
    subprocess.run([*YESLADDER, "init", str(tmp_path / "site")], check=True, capture_output=True)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(Witness, "asked", [])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Witness)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        traffic.main(tmp_path / "site", f"http://127.0.0.1:{server.server_port}", 1, visitors=False)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    [alive, *asked] = Witness.asked
    assert alive[:2] == ("GET", "/livez")
    assert [one[:2] for one in asked] == [
        ("GET", "/demo/"),
        ("GET", "/yesladder.js"),
        ("POST", "/ofrep/v1/evaluate/flags"),
        ("GET", "/"),
        ("GET", "/results/contact-form"),
    ]
    assert all("Mozilla" in agent for _, _, agent in asked[:3]), "as a browser asks: it is the device that takes time"


@pytest.mark.parametrize("gone", ["no server", "no parent"])
def test_it_ends_by_itself_when_no_server_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gone: str) -> None:
    subprocess.run([*YESLADDER, "init", str(tmp_path / "site")], check=True, capture_output=True)
    asked: list[str] = []
    parents = iter([1, 2])  # the one that started it, and the one that inherits orphans
    if gone == "no server":
        monkeypatch.setattr(traffic, "_START_SECONDS", 0.3)
    else:
        monkeypatch.setattr(traffic.os, "getppid", lambda: next(parents))
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(Wire, "is_up", lambda _: bool(asked.append("livez")))
    monkeypatch.setattr(Wire, "_ask", lambda *_: asked.append("more"))
    traffic.main(tmp_path / "site", "http://127.0.0.1:9", 1)
    assert set(asked) == {"livez"}
    assert len(asked) > 1 or gone == "no parent", "it is asked again before it is given up"


def test_it_ends_with_the_one_that_started_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subprocess.run([*YESLADDER, "init", str(tmp_path / "site")], check=True, capture_output=True)
    parents = iter([1, 1, 1, 2])
    rounds: list[float] = []
    monkeypatch.setattr(traffic.os, "getppid", lambda: next(parents))
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(Wire, "is_up", lambda _: True)
    monkeypatch.setattr(Wire, "_ask", lambda *_: b"{}")
    monkeypatch.setattr(Traffic, "advance", lambda _, now: rounds.append(now) or now)
    traffic.main(tmp_path / "site", "http://127.0.0.1:9", 1)
    assert len(rounds) == 2
