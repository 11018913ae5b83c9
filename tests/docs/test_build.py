"""The documentation builds with nothing broken, is whole without network, and has no page that cannot be reached."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, DOCUMENTATION, ROOT


class Assets(HTMLParser):
    """What a page loads by itself: scripts, styles, pictures, fonts; not where its links lead."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("script", "img", "iframe", "source", "video", "audio", "embed", "object"):
            self.loaded += [given[name] or "" for name in ("src", "srcset", "data") if name in given]
        if tag == "link" and given.get("rel") not in ("canonical", "next", "prev", "search", "index", "author"):
            self.loaded.append(given.get("href") or "")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make docs` builds, by the command that it calls."""
    folder = tmp_path_factory.mktemp("docs")
    recipe = re.search(
        r"^docs:.*\n\t\$\(BIN\)/sphinx-build (.*) docs docs/_build$", (ROOT / "Makefile").read_text(), re.M
    )
    assert recipe, "the Makefile has no target docs that calls sphinx-build"
    assert {"-W", "-n"} <= set(recipe[1].split())
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *recipe[1].split(), "-d", folder / "doctrees", DOCS, folder / "html"],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "html"


@pytest.mark.slow
def test_nothing_is_broken_and_every_page_is_there(built: Path) -> None:
    for page in DOCUMENTATION:
        assert (built / page.path.relative_to(DOCS).with_suffix(".html")).exists()


@pytest.mark.slow
def test_nothing_is_loaded_from_elsewhere(built: Path) -> None:
    for path in sorted(built.rglob("*.html")):
        assets = Assets()
        assets.feed(path.read_text("utf-8"))
        assert assets.loaded
        assert not [one for one in assets.loaded if re.match(r"(https?:)?//", one)], path
    for path in sorted(built.rglob("*.css")):
        assert not re.search(r"(url\(|@import)\s*['\"]?(https?:)?//", path.read_text("utf-8")), path


def test_every_page_is_in_the_index() -> None:
    there = {path for path in DOCS.rglob("*.md") if "_build" not in path.parts}
    assert there == {page.path for page in DOCUMENTATION}
