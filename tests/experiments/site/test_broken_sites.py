"""Every kind of broken site is a folder in tests/broken_sites, and `yesladder check` can be run on each.

expected.txt holds what check says, to the letter: `file:line:column: what; remedy`. fixed/ holds the files after the
remedy was applied (removed.txt: those that it removes), with which check has nothing left to say.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from experiments.site.catalog import check

BROKEN_SITES = Path(__file__).parents[2] / "broken_sites"
CASES = sorted(path.name for path in BROKEN_SITES.iterdir() if path.is_dir())


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(params=CASES)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    copy = tmp_path / request.param
    shutil.copytree(BROKEN_SITES / request.param, copy)
    return copy


def test_every_problem_is_named_by_place_and_remedy(site: Path) -> None:
    before = contents(site)
    expected = (site / "expected.txt").read_text("utf-8").splitlines()
    assert [str(problem) for problem in check(site)] == expected
    assert expected
    assert contents(site) == before, "check must not write"


def test_applying_the_remedy_leaves_nothing_to_mend(site: Path) -> None:
    fixed = site / "fixed"
    shutil.copytree(fixed, site, dirs_exist_ok=True)
    for name in (site / "removed.txt").read_text().split() if (site / "removed.txt").exists() else ():
        (site / name).unlink()
    assert [str(problem) for problem in check(site)] == []


def test_places_point_at_something(site: Path) -> None:
    """The line exists, and the column lies on it; a file or folder that is missing is named at its beginning."""
    for problem in check(site):
        path = site / problem.file
        if not path.is_file():
            assert (problem.line, problem.column) == (1, 1)
            continue
        lines = path.read_bytes().decode("utf-8", "replace").split("\n")
        assert 1 <= problem.line <= len(lines)
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1


def test_there_are_at_least_forty_kinds() -> None:
    """Kinds differ in what they say once names and numbers are taken out."""
    kinds = set()
    for name in CASES:
        first = (BROKEN_SITES / name / "expected.txt").read_text("utf-8").splitlines()[0]
        what = first.split(": ", 1)[1]
        kinds.add(re.sub(r'"[^"]*"|[0-9.]+%?|\S+\[\d+\]\S*', "_", what))
    assert len(kinds) >= 40
