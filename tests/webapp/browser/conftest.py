"""Two places for a real browser: a page of somebody's site with a widget on it, and the demo site."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from playwright.sync_api import Browser, Page, Route
from werkzeug.serving import WSGIRequestHandler, make_server

from experiments.assignment.assignment import assign
from experiments.gallery.exhibit import exhibit
from webapp.commands.site.site_folder import add_exhibit, new_site
from webapp.server.app import create_app

SOURCES = Path(__file__).parents[3] / "webapp" / "browser" / "widgets"
HOST = "http://host.example"
KINDS = {"js": "text/javascript", "css": "text/css"}
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; form-action 'self'; base-uri 'none'"

# What the snippet is to a widget, and a record of the moments that it would see.
STUB = """\
const makers = {};
window.moments = [];
window.yesladder = {
  widget: (name, make) => (makers[name] = make),
  use: (name, select, options) => document.querySelectorAll(select).forEach((one) => makers[name](one, options)),
};
const mark = ({ type, target }) => moments.push([type, target.closest("#contact, a.contact")?.className]);
["click", "focusin", "submit"].forEach((type) => addEventListener(type, mark, true));
"""

FORM = """\
<form id="contact" class="form" method="post" action="/sent">
  <p id="before">Before</p>
  <fieldset><legend>What is wrong?</legend>
    <label><input type="radio" name="job" value="spring" required> Spring</label>
    <label><input type="radio" name="job" value="track" required> Track</label></fieldset>
  <fieldset><legend>Where?</legend><label>ZIP <input name="zip" required pattern="[0-9]{5}"></label></fieldset>
  <fieldset><legend>Who?</legend>
    <label>E-mail <input type="email" name="email" required></label>
    <label>Note <textarea name="note"></textarea></label></fieldset>
  <div><label><input type="checkbox" name="news" value="yes"> News</label><button class="go">Send</button></div>
  <p id="after">After</p>
</form>"""


@dataclass
class Host:
    """A page of somebody's site, with what was submitted there."""

    page: Page
    sent: list[list[tuple[str, str]]] = field(default_factory=list)

    def moments(self, moment: str) -> list[str]:
        return [name for kind, name in self.page.evaluate("moments") if kind == moment and name]

    def at(self) -> str:
        """The legend of the step that is shown, where exactly one is."""
        [legend] = [one for one in self.page.locator("legend").all() if one.is_visible()]
        return str(legend.text_content())

    def focused(self) -> str:
        """The text or name of what has the focus."""
        return str(self.page.evaluate("document.activeElement.name || document.activeElement.textContent.trim()"))


Opened = Callable[..., Any]


@pytest.fixture
def form() -> str:
    """A contact form in three fieldsets."""
    return FORM


@pytest.fixture
def hosted(chromium: Browser) -> Opened:
    """`with hosted(body, widget, select) as host:` A page with this widget; it fails the test on any console error."""

    @contextmanager
    def hosted(
        body: str,
        widget: str = "multi-step-form",
        select: str = "#contact",
        options: str = "{}",
        css: bool = True,
        **of: Any,
    ) -> Iterator[Host]:
        context = chromium.new_context(**of)
        host = Host(context.new_page())
        document = (
            f'<!doctype html><html lang="en"><title>Host</title><meta name="viewport" content="width=device-width">'
            f'<meta name="color-scheme" content="light dark"><link rel="stylesheet" href="/{widget}.css">'
            f'<main><h1>Host</h1>{body}</main><script src="/stub.js"></script>'
            f'<script src="/{widget}.js"></script><script src="/use.js"></script></html>'
        )
        files = {
            "/": document,
            "/stub.js": STUB,
            "/use.js": f"yesladder.use('{widget}', '{select}', {options})",
            f"/{widget}.js": (SOURCES / f"{widget}.js").read_text(),
            f"/{widget}.css": (SOURCES / f"{widget}.css").read_text() if css else "",
        }

        def answer(route: Route) -> None:
            path = route.request.url.removeprefix(HOST)
            if path == "/sent":
                host.sent.append(parse_qsl(route.request.post_data or "", keep_blank_values=True))
            text = files.get(path, f"<!doctype html><title>Page</title><p>{path}")
            kind = KINDS.get(path.rpartition(".")[2], "text/html")
            route.fulfill(body=text, content_type=f"{kind}; charset=utf-8", headers={"Content-Security-Policy": POLICY})

        faults: list[str] = []
        host.page.on("console", lambda message: faults.append(message.text))
        host.page.on("pageerror", lambda error: faults.append(str(error)))
        context.route("**/*", answer)
        host.page.goto(f"{HOST}/")
        try:
            yield host
            assert faults == []
        finally:
            context.close()

    return hosted


class Quiet(WSGIRequestHandler):
    """Says nothing of each request."""

    def log(self, *_: Any) -> None:
        """Nothing."""


@dataclass
class Demo:
    """The demo served on this machine, with a clock that can be put forward."""

    url: str
    services: Any
    ahead: timedelta = field(default_factory=timedelta)

    def visitor(self, form: str, popup: str) -> str:
        """An id that gets these two variants."""
        catalog = self.services.catalog
        for number in range(1000):
            visitor = f"{number:032x}"
            found = [assign(catalog.get(key), visitor, {}).variant for key in ("contact-form", "popup-contact-form")]
            if found == [form, popup]:
                return visitor
        raise AssertionError("nobody gets these variants")

    def told(self, visitor: str) -> list[str]:
        """The names of the events of this visitor in the order of receipt."""
        found = [one for one in self.services.store.recent(200) if getattr(one, "visitor", None) == visitor]
        exposures = {"exposure": lambda one: f"exposed {one.experiment} {one.variant}"}
        return [exposures.get(one.kind, lambda one: one.name)(one) for one in reversed(found)]

    def results(self, key: str) -> dict[str, Any]:
        """An experiment's result as data."""
        with urllib.request.urlopen(f"{self.url}/results/{key}.json", timeout=20) as answer:
            return dict(json.load(answer))


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    """The demo site with the gallery's two experiments as they are, running, without any history."""
    began = datetime.now(UTC) - timedelta(hours=2)
    new_site(tmp_path / "site", "USD")
    for name in ("multi-step-form", "popup-contact-form"):
        add_exhibit(tmp_path / "site", exhibit(name), running=True, started_at=f"{began:%Y-%m-%dT%H:%M:%SZ}")
    made: list[Demo] = []
    app = create_app(
        tmp_path / "site",
        clock=lambda: datetime.now(UTC) + (made[0].ahead if made else timedelta()),
        open_results=True,
        demo_site=True,
    )
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    made.append(Demo(f"http://127.0.0.1:{server.server_port}", app.extensions["yesladder"]))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield made[0]
    server.shutdown()
    thread.join()
    server.server_close()
    app.extensions["yesladder"].close()


@pytest.fixture
def visiting(chromium: Browser, demo: Demo, patient: str) -> Opened:
    """`with visiting(visitor) as page:` A page of this visitor's browser on the demo site."""
    return lambda visitor, **of: _visiting(chromium, demo, visitor, patient, **of)


@contextmanager
def _visiting(chromium: Browser, demo: Demo, visitor: str, patient: str, **of: Any) -> Iterator[Page]:
    """A page of this visitor's browser; it fails the test on any error or warning in the console."""
    context = chromium.new_context(**of)
    context.add_init_script(patient)
    value = f"{visitor}.{datetime.now(UTC):%Y-%m-%d}"
    context.add_cookies([{"name": "yesladder_id", "value": value, "url": demo.url}])
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    try:
        yield page
        assert [fault for fault in faults if "422 (UNPROCESSABLE" not in fault] == []
    finally:
        context.close()
