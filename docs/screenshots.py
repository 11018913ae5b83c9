"""The pictures of these pages: the demo's pages as a browser shows them, taken anew by `make screenshots`.

    python docs/screenshots.py

The demo is built in a temporary folder as `yesladder demo` builds it, with its seed, but as if it were always the same
moment, and shown by a clock that stands still there: the same code gives the same pictures. It is served on a free port
of this machine, by this process, and is gone when it ends. Needs Chromium and the packages of requirements-dev.lock.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from playwright.sync_api import sync_playwright
from werkzeug.serving import make_server

from webapp.commands.demo.demo import demo as command
from webapp.commands.demo.history import build
from webapp.server.app import create_app

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
FOLDER = Path(__file__).parent / "pictures"
WIDTH, HEIGHT = 1280, 900
MOST_BYTES = 250_000


@dataclass(frozen=True, slots=True)
class Picture:
    """One page from the top, or from the place its address names. `shows`: for who does not see it."""

    name: str
    page: str
    scheme: Literal["light", "dark"]
    shows: str


PICTURES = (
    Picture("home.png", "/", "light", "The list of experiments, each with its verdict and its effect on the goal"),
    Picture("experiment.png", "/results/contact-form", "light", "An experiment: its verdict, and what to do next"),
    Picture(
        "experiment-dark.png", "/results/contact-form#path", "dark", "Further down, in the dark: its path, by step"
    ),
    Picture("demo.png", "/demo/", "light", "The garage-door repair service that the demo's experiments run on"),
)


@contextmanager
def demo() -> Iterator[str]:
    """The address of the demo, served while the block runs."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # its line for each request
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder) / "demo-site"
        seed = next(option.default for option in command.params if option.name == "seed")
        build(site, NOW, seed)
        app = create_app(site, clock=lambda: NOW, open_results=True, demo_site=True)
        server = make_server("127.0.0.1", 0, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
            app.extensions["yesladder"].close()


def take(address: str, folder: Path = FOLDER) -> None:
    """Write every picture of the site at this address into the folder."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("Chromium is not installed: there is no `chromium` on the path")
    folder.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for one in PICTURES:
            page = browser.new_page(
                viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=one.scheme, reduced_motion="reduce"
            )
            page.goto(address + one.page, wait_until="networkidle")
            taken = page.screenshot(path=folder / one.name)
            page.close()
            print(f"{folder / one.name}  {len(taken) / 1000:.0f} KB")
            if len(taken) > MOST_BYTES:
                raise SystemExit(f"{one.name} is bigger than {MOST_BYTES / 1000:.0f} KB: everybody who clones loads it")
        browser.close()


if __name__ == "__main__":
    with demo() as address:
        take(address)
