"""A page of somebody's site: another origin, a strict content-security policy, a real browser and the real server.

Over 300 lines because a stage needs its page, its server, the broken servers in its place, and eyes for all of them.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import groupby
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from experiments.assignment.assignment import place
from experiments.site.catalog import Catalog
from webapp.browser.snippet_routes import snippet_source
from webapp.server.app import now_utc

FIRST_SEEN = "2026-01-01"
SHARED = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "ETag"}
OFREP = "/ofrep/v1/evaluate/flags"

EXPERIMENT = """\
key: {key}
name: {key}
status: running
{more}variants:
  - {{key: control, weight: 50}}
  - key: changed
    weight: 50
    value: {{changes: {changes}}}
trigger: {trigger}
path:
{path}
window: 7 days
"""
PATH = """\
  - {step: seen, event: offer_seen, on: {visible: "#offer"}}
  - {step: clicked, event: offer_clicked, on: {click: "#go"}}
  - {step: bought, event: bought, value: amount}"""
HEADLINE = '[{select: "#offer", text: Changed}]'

PAGE = """\
<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title>
<script async fetchpriority="high" src="{server}/yesladder.js" data-write-key="wk_test" {attributes}></script>
<link rel="stylesheet" href="/style.css"><script src="/page.js"></script></head>
<body>{body}</body></html>"""
BODY = """\
<h1 id="offer">Control</h1><p id="other">Other</p><button id="go">Go</button>
<p><a id="next" href="/next">Next</a></p>"""

# What the page records of itself, frame by frame: when, how its tested element was painted, and whether the snippet was
# there before. A new ResizeObserver speaks after all animation frames' callbacks, just before the paint.
RECORDER = """\
window.frames_seen = [];
(function frame() {
  requestAnimationFrame((now) => {
    const there = Boolean(window.yesladder?.style);
    const painting = new ResizeObserver(() => {
      painting.disconnect();
      const element = document.querySelector("#offer");
      if (!element) return;
      const hidden = getComputedStyle(element).visibility === "hidden";
      frames_seen.push([now, hidden ? "hidden" : element.textContent, there]);
    });
    painting.observe(document.documentElement);
    frame();
  });
})();
"""
KEPT = "() => Object.keys(localStorage).some((key) => key.startsWith('yesladder.flags.'))"


def experiment(
    key: str = "offer",
    changes: str = HEADLINE,
    trigger: str = '{visible: "#offer"}',
    path: str = PATH,
    more: str = "",
) -> str:
    """The config file of an experiment on the page."""
    return EXPERIMENT.format(key=key, changes=changes, trigger=trigger, path=path, more=more)


@dataclass
class Host:
    """The other origin. `pages`: path -> HTML; `answers`: what a stand-in for the server does with a path."""

    origin: str = ""
    policy: str = ""
    pages: dict[str, str] = field(default_factory=lambda: {"/next": "<title>Next</title>"})
    answers: dict[str, Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=dict)
    page_script: str = RECORDER


def _handler(host: Host) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            if path in host.answers:
                return host.answers[path](self)
            kinds = {
                "/style.css": ("text/css", "body{font:20px serif}.gap{height:3000px}"),
                "/page.js": ("text/javascript", host.page_script),
            }
            kind, text = kinds.get(path, ("text/html", host.pages.get(path, "")))
            answer(self, 200 if text else 404, text, kind, {"Content-Security-Policy": host.policy})
            return None

        do_POST = do_OPTIONS = do_GET  # noqa: N815  # the names that the library calls

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def answer(
    handler: BaseHTTPRequestHandler,
    status: int,
    text: str,
    kind: str = "text/plain",
    headers: dict[str, str] | None = None,
) -> None:
    """One answer to one request."""
    handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
    body = text.encode()
    handler.send_response(status)
    for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


@pytest.fixture
def host() -> Iterator[Host]:
    """Somebody's site, served by a machine that knows nothing of us."""
    made = Host()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(made))
    server.daemon_threads = True
    made.origin = f"http://localhost:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class Stage:
    """A served site, a host page that carries its snippet, and a browser."""

    host: Host
    server: str
    site: Path
    browser: Browser
    patient: str

    def show(self, path: str = "/", body: str = BODY, attributes: str = "", server: str = "") -> str:
        """Put a page on the host; its address."""
        self.host.pages[path] = PAGE.format(server=server or self.server, attributes=attributes, body=body)
        return self.host.origin + path

    def visitor(self, variant: str, key: str = "offer", number: int = 0) -> str:
        """The id of the nth visitor whom this experiment gives this variant."""
        phase = Catalog(self.site, now_utc).experiments()[key]
        ids = (f"{candidate:032x}" for candidate in range(10_000))
        return [one for one in ids if place(phase, one).variant == variant][number]

    @contextmanager
    def visit(self, visitor: str = "", patient: bool = True, **settings: Any) -> Iterator[SimpleNamespace]:
        """A browser of one visitor: `page`, `context`, and `faults`, which must stay empty. `patient`: see the fixture
        of this name."""
        context = self.browser.new_context(**settings)
        if patient:
            context.add_init_script(self.patient)
        if visitor:
            context.add_cookies([{"name": "yesladder_id", "value": f"{visitor}.{FIRST_SEEN}", "url": self.host.origin}])
        faults: list[str] = []
        page = opened(context, faults)
        try:
            yield SimpleNamespace(page=page, context=context, faults=faults)
            assert faults == []
        finally:
            context.close()

    def events(self, visitor: str = "") -> list[tuple[str, str | None]]:
        """What is in the log, by receipt: (name, variant)."""
        return self._rows("select name, variant from events where ? in (visitor, '') order by received_at, at", visitor)

    def properties(self, name: str) -> Any:
        """The properties of the one event of this name."""
        [(text,)] = self._rows("select properties from events where name = ?", name)
        return json.loads(text)

    def reached(self, key: str = "offer") -> dict[tuple[str, str], int]:
        """How many visitors reached each step: (variant, step) -> number."""
        rows = self._rows(
            "select variant, step, sum(reached) from reach where experiment = ? and attribute = '' group by 1, 2", key
        )
        return {(variant, step): number for variant, step, number in rows if number}

    def _rows(self, query: str, value: str) -> list[Any]:
        path = self.site / "yesladder.db"
        if not path.exists():
            return []  # made with the first event
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            made = db.execute("select count(*) from sqlite_master where name = 'ledger'").fetchone()[0]
            return db.execute(query, (value,)).fetchall() if made else []  # made a moment before its tables

    def wait_for_text(self, page: Page, text: str) -> None:
        """Wait until the tested element says this."""
        page.locator(f"#offer:text-is('{text}')").wait_for()

    def frames(self, page: Page, last: str) -> list[str]:
        """How the tested element was painted, in frames that differ, as soon as it is painted like this."""
        page.wait_for_function("(last) => frames_seen.at(-1)?.[1] === last", arg=last)
        return [seen for seen, _ in groupby(frame[1] for frame in page.evaluate("frames_seen"))]

    def settle(self, page: Page, *names: str, drained: bool = True) -> None:
        """Wait until the log has these events and (`drained`) nothing more waits in the browser."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            waiting = page.evaluate(
                "Object.keys(localStorage).filter((key) => key.startsWith('yesladder.event.')).length"
            )
            if not (waiting and drained) and {name for name, _ in self.events()} >= set(names):
                return
            page.wait_for_timeout(50)
        raise AssertionError(f"waited in vain for {names}; the log has {self.events()}")


def opened(context: BrowserContext, faults: list[str]) -> Page:
    """A page whose errors, and everything it writes to the console as one, are told in `faults`."""
    page = context.new_page()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type in ("error", "warning") else None)
    return page


@dataclass
class StandIn:
    """A server that answers as the test wants: the real snippet, and `answer_ofrep` for assignments. It keeps what
    the browser sent in `received`."""

    stage: Stage
    flags: list[dict[str, Any]]
    answer_ofrep: Callable[[BaseHTTPRequestHandler], None]
    received: list[dict[str, Any]] = field(default_factory=list)

    def hold(self) -> threading.Event:
        """From now on an assignment is answered when this is set, and not before."""
        let_go = threading.Event()

        def answer_later(handler: BaseHTTPRequestHandler) -> None:
            let_go.wait(60)
            self.answer_flags(handler)

        self.answer_ofrep = answer_later
        return let_go

    def wait_for(self, page: Page, *names: str) -> None:
        """Wait until the browser has sent these events."""
        end = time.monotonic() + 60
        while not set(names) <= set(self.names()):
            assert time.monotonic() < end, f"waited in vain for {names}; sent was {self.names()}"
            page.wait_for_timeout(20)

    def names(self) -> list[str]:
        """The events that the browser sent."""
        return [one["event"] for body in self.received for one in body["batch"]]

    def answer_flags(self, handler: BaseHTTPRequestHandler) -> None:
        """What a healthy server would answer."""
        answer(handler, 200, json.dumps({"flags": self.flags}), "application/json", SHARED)

    def take_batch(self, handler: BaseHTTPRequestHandler) -> None:
        """Take events as the server does."""
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        del handler.headers["Content-Length"]
        self.received.append(json.loads(body))
        answer(handler, 200, "{}", "application/json", SHARED)


def flag(changes: Any, trigger: dict[str, str] | None = None, **metadata: Any) -> dict[str, Any]:
    """An assignment to the variant with these changes, of a visitor who counts."""
    told = {
        "in_experiment": True,
        "reason": "split",
        "phase": 1,
        "trigger": json.dumps(trigger or {"visible": "#offer"}),
    }
    return {"key": "offer", "variant": "changed", "value": {"changes": changes}, "metadata": told | metadata}


@pytest.fixture
def stand_in(host: Host, chromium: Browser, patient: str, tmp_path: Path) -> StandIn:
    """A stand-in for the server on an origin of its own; it answers well, with one change, until told otherwise."""
    server = host.origin.replace("localhost", "127.0.0.1")
    host.policy = f"default-src 'none'; script-src {server} {host.origin}; connect-src {server}; style-src 'self'"
    stage = Stage(host, server, tmp_path, chromium, patient)
    made = StandIn(stage, [flag([{"select": "#offer", "text": "Changed"}])], answer)
    made.answer_ofrep = made.answer_flags
    script = snippet_source('[["#offer",""]]')
    host.answers["/yesladder.js"] = lambda handler: answer(handler, 200, script, "text/javascript", SHARED)
    host.answers[OFREP] = lambda handler: made.answer_ofrep(handler)  # noqa: PLW0108  # tests exchange it
    host.answers["/v1/batch"] = made.take_batch
    return made


@pytest.fixture
def site_of(
    tmp_path: Path, host: Host, chromium: Browser, patient: str, serve_at: Callable[..., AbstractContextManager[Any]]
) -> Callable[..., AbstractContextManager[Stage]]:
    """A served site with these experiments: `with site_of(experiment(...)) as stage`."""

    @contextmanager
    def made(*texts: str) -> Iterator[Stage]:
        site = tmp_path / "site"
        (site / "experiments").mkdir(parents=True)
        settings = {"write_key": "wk_test", "allowed_origins": [host.origin]}
        (site / "yesladder.yaml").write_text(json.dumps(settings), "utf-8")
        for index, text in enumerate(texts):
            (site / "experiments" / f"{index}.yaml").write_text(text, "utf-8")
        with serve_at(site) as served:
            own = (
                f"script-src {served.url} {host.origin}; connect-src {served.url}; style-src 'self'; form-action 'self'"
            )
            host.policy = f"default-src 'none'; {own}"
            yield Stage(host, served.url, site, chromium, patient)

    return made


@pytest.fixture
def stage(site_of: Callable[..., AbstractContextManager[Stage]]) -> Iterator[Stage]:
    """A served site with the one experiment `offer`."""
    with site_of(experiment()) as made:
        yield made


@pytest.fixture(scope="session")
def build() -> SimpleNamespace:
    """What tests make their sites and pages of."""
    return SimpleNamespace(
        experiment=experiment,
        flag=flag,
        answer=answer,
        opened=opened,
        BODY=BODY,
        KEPT=KEPT,
        PAGE=PAGE,
        SHARED=SHARED,
    )
