"""The house: rooms of at most twelve files, each with a map; every file and every class name once per floor."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

FLOORS = ("stats", "experiments", "webapp")
ROOMS = sorted(path.parent for floor in FLOORS for path in (ROOT / floor).rglob("__init__.py"))


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*.py") if path.name != "__init__.py"]


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.relative_to(ROOT).as_posix())
def test_the_map_of_a_room_names_what_is_in_it(room: Path) -> None:
    """Every file and every room in it, and nothing that is not there, in at most fifteen lines."""
    text = (room / "__init__.py").read_text("utf-8")
    assert len(text.splitlines()) <= 15
    lines = re.findall(r"^((?:[a-z_]+(?:\.py|/)(?:, )?)+) +\S", text, re.MULTILINE)
    named = {name for line in lines for name in re.findall(r"[a-z_]+(?:\.py|/)", line)}
    assert not [name for name in named if not (room / name).exists()]
    inside = {path.stem for path in room.glob("*.py")} | {path.parent.name for path in room.glob("*/__init__.py")}
    assert not [name for name in inside - {"__init__"} if not re.search(rf"\b{name}\b", text)]


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.relative_to(ROOT).as_posix())
def test_a_room_has_at_most_twelve_files(room: Path) -> None:
    assert len(_files(room)) <= 12


def _type_named(node: ast.stmt) -> str:
    """The class, the alias or the type variable that this statement names; "" for other statements."""
    if isinstance(node, ast.ClassDef):
        return node.name
    names = [one.id for one in getattr(node, "targets", ()) if isinstance(one, ast.Name)]
    return next((name for name in names if name[0].isupper() and not name.isupper()), "")


@pytest.mark.parametrize("floor", FLOORS)
def test_a_file_name_and_a_class_name_are_there_once(floor: str) -> None:
    files = [path for path in (ROOT / floor).rglob("*.py") if path.name != "__init__.py"]
    trees = [ast.parse(path.read_text("utf-8")) for path in files]
    types = [name for tree in trees for node in tree.body if (name := _type_named(node))]
    for names in ([path.name for path in files], [name for name in types if not name.startswith("_")]):
        assert not [name for name, count in Counter(names).items() if count > 1]


@pytest.mark.parametrize("floor", FLOORS)
def test_no_name_says_nothing(floor: str) -> None:
    names = {path.stem for path in (ROOT / floor).rglob("*.py")} | {path.name for path in (ROOT / floor).rglob("*/")}
    assert not names & {"utils", "util", "helpers", "common", "base", "manager", "misc", "shared_utils"}
