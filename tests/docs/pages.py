"""The documentation as the tests read it: its pages in the order of the index, and the blocks they hold."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
_FENCE = re.compile(r"^( *)(`{3,}|:{3,})(\S*)[^\n]*\n(.*?)^\1\2 *$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """One Markdown file; `name` is its path in the repository."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def text(self) -> str:
        return self.path.read_text("utf-8")

    @cached_property
    def blocks(self) -> list[tuple[str, str]]:
        """Language and text of every fenced block, in order."""
        return [(found[3], textwrap.dedent(found[4])) for found in _FENCE.finditer(self.text)]

    def blocks_of(self, language: str) -> list[str]:
        return [text for one, text in self.blocks if one == language]


def _listed(index: Path) -> list[Path]:
    """The index and every page that its toctrees name, depth first."""
    found = [index]
    for language, tree in Page(index).blocks:
        if language != "{toctree}":
            continue
        for line in tree.splitlines():
            if not line or line.startswith(":"):
                continue
            paths = sorted(index.parent.glob(f"{line}.md"))
            assert paths, f"{index}: the toctree names {line}, which is no page"
            for path in paths:
                found += _listed(path) if path.name == "index.md" else [path]
    return found


DOCUMENTATION = [Page(path) for path in _listed(DOCS / "index.md")]
AROUND = [Page(ROOT / name) for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")]
PAGES = AROUND + DOCUMENTATION


def page(name: str) -> Page:
    """The page with this path in the repository."""
    return Page(ROOT / name)
