"""The picture of the rooms and the table beside it, drawn from the real imports.

    python docs/rooms.py [--check]

docs/architecture.svg has the rooms of each floor, each above what it imports; an arrow that follows from two others is
left out. The table in docs/architecture.md has them all, with what the maps of the floors say of each room. With
--check nothing is written, and a change ends it with exit code 1.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

import grimp

DOCS: Final = Path(__file__).parent
ROOT: Final = DOCS.parent
PICTURE: Final = DOCS / "architecture.svg"
PAGE: Final = DOCS / "architecture.md"
FLOORS: Final = {"webapp": "#cfe2ff", "experiments": "#cdeed6", "stats": "#fde9b8"}  # dark text reads on each
INK, LINE = "#1d2430", "#8a919c"  # the line also on black and on white
WIDTH, BOX, PITCH, CHARACTER, GAP = 720, 26, 50, 6.9, 14

Graph = Mapping[str, frozenset[str]]
Place = tuple[float, float, float]  # middle, top, width


def imports() -> dict[str, dict[str, frozenset[str]]]:
    """Floor -> room -> the rooms that it imports from, those of floors below as "floor.room"."""
    found = grimp.build_graph(*FLOORS, cache_dir=None)
    graph: dict[str, dict[str, set[str]]] = {floor: {} for floor in FLOORS}
    for module in found.modules:
        floor, _, inside = module.partition(".")
        if not inside:
            continue
        knows = graph[floor].setdefault(inside.partition(".")[0], set())
        for other in found.find_modules_directly_imported_by(module):
            lower, _, there = other.partition(".")
            room = there.partition(".")[0]
            knows.add(room if lower == floor else f"{lower}.{room}")
    graph["webapp"]["cli"].add("commands")  # by their names, each when it is called
    return {
        floor: {room: frozenset(knows - {room}) for room, knows in sorted(of.items())} for floor, of in graph.items()
    }


def within(floor: Mapping[str, frozenset[str]]) -> Graph:
    """The arrows inside a floor."""
    return {room: frozenset(one for one in knows if "." not in one) for room, knows in floor.items()}


def heights(graph: Graph) -> dict[str, int]:
    """How many rooms each has below it, one above another; 0 for who imports none. Raises ValueError for a circle."""
    known: dict[str, int] = {}

    def height(room: str, above: tuple[str, ...]) -> int:
        if room in above:
            raise ValueError(f"rooms import each other in a circle: {' -> '.join((*above, room))}")
        if room not in known:
            known[room] = max((height(one, (*above, room)) + 1 for one in graph[room]), default=0)
        return known[room]

    for room in graph:
        height(room, ())
    return known


def reduced(graph: Graph) -> Graph:
    """Without the arrows that follow from others."""

    def below(room: str) -> frozenset[str]:
        return graph[room].union(*(below(one) for one in graph[room]))

    return {
        room: frozenset(one for one in knows if not any(one in below(other) for other in knows - {one}))
        for room, knows in graph.items()
    }


def rows(graph: Graph) -> tuple[list[list[str]], list[tuple[str, str]]]:
    """The rooms from top to bottom, with a bend where an arrow passes a row; and the arrows from row to row.

    Within a row they are ordered by the mean place of their neighbours, so that few arrows cross.
    """
    height = heights(graph)
    lines: list[list[str]] = [[] for _ in range(max(height.values()) + 1)]
    for room in graph:
        lines[height[room]].append(room)
    arrows: list[tuple[str, str]] = []
    for room, knows in reduced(graph).items():
        for one in sorted(knows):
            bends = [f"{room}>{one}>{row}" for row in range(height[room] - 1, height[one], -1)]
            for row, bend in zip(range(height[room] - 1, height[one], -1), bends, strict=True):
                lines[row].append(bend)
            arrows += pairwise([room, *bends, one])
    for _ in range(12):
        for order in (range(len(lines)), range(len(lines) - 1, -1, -1)):
            for row in order:
                lines[row].sort(key=lambda one: _mean(one, lines, arrows))
    return lines[::-1], arrows


def _mean(one: str, lines: Sequence[Sequence[str]], arrows: Sequence[tuple[str, str]]) -> float:
    """Where the neighbours of this room or bend stand on average, in [0, 1]."""
    places = {name: (index + 0.5) / len(line) for line in lines for index, name in enumerate(line)}
    beside = [places[b] for a, b in arrows if a == one] + [places[a] for a, b in arrows if b == one]
    return sum(beside) / len(beside) if beside else places[one]


def picture(graph: Mapping[str, Mapping[str, frozenset[str]]]) -> str:
    """All floors as SVG, one below another."""
    parts, top = [], 10.0
    for floor, rooms in graph.items():
        lines, arrows = rows(within(rooms))
        height = 34 + len(lines) * PITCH - (PITCH - BOX) + 14
        parts.append(_floor(floor, lines, arrows, top, height))
        top += height
        if floor != list(graph)[-1]:
            parts.append(_arrow(WIDTH / 2, top + 2, WIDTH / 2, top + 22, 3))
            top += 28
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top + 10:.0f}" width="{WIDTH}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="12">\n'
        "<title>The rooms of the three floors; an arrow leads to what is imported</title>\n"
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto" '
        f'markerUnits="userSpaceOnUse"><path d="M0 0 8 4 0 8z" fill="{LINE}"/></marker></defs>\n'
    )
    return head + "".join(parts) + "</svg>\n"


def _floor(
    floor: str, lines: Sequence[Sequence[str]], arrows: Sequence[tuple[str, str]], top: float, height: float
) -> str:
    colour = FLOORS[floor]
    parts = [
        f'<rect x="6" y="{top:.0f}" width="{WIDTH - 12}" height="{height:.0f}" rx="8" fill="none" stroke="{LINE}"/>\n',
        f'<rect x="6" y="{top:.0f}" width="{_wide(floor) + 20:.0f}" height="22" rx="8" fill="{colour}"/>\n',
        _text(6 + (_wide(floor) + 20) / 2, top + 15, floor, bold=True),
    ]
    places: dict[str, Place] = {}
    for row, line in enumerate(lines):
        widths = [4.0 if ">" in one else _wide(one) for one in line]
        space = (WIDTH - 40 - sum(widths)) / (len(line) + 1)
        left = 20 + space
        for one, width in zip(line, widths, strict=True):
            places[one] = left + width / 2, top + 34 + row * PITCH, width
            left += width + space
    for a, b in arrows:
        (from_x, from_top, _), (to_x, to_top, _) = places[a], places[b]
        start, end = from_top + BOX, to_top
        bend = (start + end) / 2
        curve = f"M{from_x:.0f} {start:.0f}C{from_x:.0f} {bend:.0f} {to_x:.0f} {bend:.0f} {to_x:.0f} {end:.0f}"
        tip = "" if ">" in b else ' marker-end="url(#tip)"'
        parts.append(f'<path d="{curve}" fill="none" stroke="{LINE}" stroke-width="1.2"{tip}/>\n')
    for one, (middle, y, width) in places.items():
        if ">" in one:
            parts.append(f'<path d="M{middle:.0f} {y:.0f}v{BOX}" stroke="{LINE}" stroke-width="1.2"/>\n')
            continue
        parts.append(
            f'<rect x="{middle - width / 2:.0f}" y="{y:.0f}" width="{width:.0f}" height="{BOX}" rx="5" '
            f'fill="{colour}"/>\n{_text(middle, y + 17, one)}'
        )
    return "".join(parts)


def _wide(name: str) -> float:
    return len(name) * CHARACTER + GAP


def _text(x: float, y: float, text: str, bold: bool = False) -> str:
    weight = ' font-weight="700"' if bold else ""
    return f'<text x="{x:.0f}" y="{y:.0f}" fill="{INK}" text-anchor="middle"{weight}>{text}</text>\n'


def _arrow(x: float, y: float, to_x: float, to_y: float, width: float) -> str:
    tip = f"M{to_x - 7:.0f} {to_y - 8:.0f}l7 8 7-8z"
    return (
        f'<path d="M{x:.0f} {y:.0f}V{to_y - 6:.0f}" stroke="{LINE}" stroke-width="{width}"/><path d="{tip}" '
        f'fill="{LINE}"/>\n'
    )


def table(graph: Mapping[str, Mapping[str, frozenset[str]]]) -> str:
    """Every room: what it holds, as the map of its floor says, and which rooms it imports from."""
    lines = ["| room | holds | imports from |", "| --- | --- | --- |"]
    for floor, rooms in graph.items():
        holds = _map(ROOT / floor / "__init__.py")
        for room in holds:
            knows = sorted(rooms.get(room, ()), key=lambda one: ("." in one, one))
            name = f"{floor}/{room}" + ("/" if (ROOT / floor / room).is_dir() else ".py")
            lines.append(f"| `{name}` | {holds[room]} | {', '.join(knows)} |")
    return "\n".join(lines) + "\n"


def _map(path: Path) -> dict[str, str]:
    """Room -> what the map says of it, from the docstring of an `__init__`."""
    text = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    return dict(re.findall(r"^(\w+)(?:/|\.py) +(.+)$", text, re.MULTILINE))


def made() -> Mapping[Path, str]:
    """The picture, and the page with its table, as they should be."""
    graph = imports()
    page = re.sub(
        r"(<!-- made: rooms -->\n).*?(<!-- end -->)",
        lambda found: found[1] + table(graph) + found[2],
        PAGE.read_text("utf-8"),
        flags=re.DOTALL,
    )
    return {PICTURE: picture(graph), PAGE: page}


if __name__ == "__main__":
    changed = {path: text for path, text in made().items() if not path.exists() or path.read_text("utf-8") != text}
    if "--check" in sys.argv[1:] and changed:
        sys.exit(f"make reference would change {', '.join(path.name for path in changed)}")
    for path, text in changed.items():
        path.write_text(text, "utf-8")
