"""What the pages name is there: files and folders, make targets, commands with their options, and links."""

from __future__ import annotations

import re

import click
import pytest

from tests.docs.pages import PAGES, ROOT, Page
from webapp.cli import main

NAMES = "|".join(
    ("stats", "experiments", "webapp", "tests", "benchmarks", "docs", r"\.ci", r"\.github", r"\.devcontainer")
)
_PATH = re.compile(rf"(?<![\w/.-])((?:{NAMES})/[\w./*{{}}-]*[\w*/])(?=[`)\s:,;|]|\.(?:\s|$))")
_ALONE = re.compile(r"`(\.?[\w.-]+\.(?:py|js|toml|lock|cfg|md|yaml|yml))`")
_ANYWHERE = {"__init__.py", "yesladder.yaml", "phases.json", "yesladder.js"}
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
ALL = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
_OF_THE_BUILD = ("docs/_build", "experiments/*.yaml")  # made by make docs; a site's folder, not ours


def _there(path: str, page: Page) -> bool:
    if path.startswith(_OF_THE_BUILD):
        return True
    return any(ROOT.glob(path.rstrip("/"))) if "*" in path else (ROOT / path).exists()


@ALL
def test_every_path_is_there(page: Page) -> None:
    text = re.sub(r"\]\([^)]*\)", "]", page.text)  # links are tried below, from where the page stands
    text = re.sub(r"my-site/\S*", "", text)
    gone = [path for path in _PATH.findall(text) if not _there(path, page)]
    gone += [name for name in _ALONE.findall(text) if name not in _ANYWHERE and not (ROOT / name).exists()]
    assert not gone, f"{page.name} names {', '.join(gone)}, which is not there"


@ALL
def test_every_link_leads_somewhere(page: Page) -> None:
    """Also where the pages are read as files, without being built."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.text):
        if not re.match(r"https?:|#", target):
            assert (page.path.parent / target.partition("#")[0]).exists(), f"{page.name}: {target}"


@ALL
def test_every_make_target_is_one(page: Page) -> None:
    named = {name for text in _code(page) for name in re.findall(r"^\s*make ([a-z-]+)", text, re.MULTILINE)}
    assert named <= TARGETS | {"it"}, page.name


@ALL
def test_every_command_is_one_with_these_options(page: Page) -> None:
    for text in _code(page):
        for called in re.findall(r"(?:^|\s)yesladder ([a-z][a-z-]*)([^\n|]*)", text):
            command = main.get_command(click.Context(main), called[0])
            assert command, f"{page.name}: yesladder {called[0]} is no command"
            known = {name for one in command.params if isinstance(one, click.Option) for name in one.opts}
            known |= {name for one in command.params for name in one.secondary_opts} | {"--help"}
            assert set(re.findall(r"(?<=\s)--[a-z-]+", called[1])) <= known, f"{page.name}: yesladder {''.join(called)}"


def _code(page: Page) -> list[str]:
    """Inline code, and blocks that show commands."""
    fenced = [text for language, text in page.blocks if language in ("sh", "text")]
    indented = re.findall(r"^    (\S.*)$", page.text, re.MULTILINE)
    return [*fenced, *indented, *re.findall(r"`([^`\n]+)`", page.text)]


def test_every_make_target_is_explained() -> None:
    rows = re.findall(r"^\| `make ([a-z-]+)`", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), re.MULTILINE)
    assert set(rows) | {"demo"} == TARGETS


def test_the_readme_is_one_screen_or_two() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 120
