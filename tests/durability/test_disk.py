"""The disk of the power cuts: what was synced is there, what was not may be there in any part, and names in order."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from tests.durability.disk import Disk
from tests.durability.medium import Change

TRIES = 400


def created(name: str, inode: int = 1) -> Change:
    return Change("created", inode, 0, name.encode())


def written(data: bytes, offset: int = 0, inode: int = 1) -> Change:
    return Change("written", inode, offset, data)


def renamed(old: str, new: str) -> Change:
    return Change("renamed", 0, 0, f"{old}\0{new}".encode())


def unlinked(name: str) -> Change:
    return Change("unlinked", 0, 0, name.encode())


def truncated(length: int, inode: int = 1) -> Change:
    return Change("truncated", inode, length, b"")


SYNCED = Change("synced", 1, 0, b"")
LISTED = Change("listed", 0, 0, b"")

HISTORIES: dict[str, tuple[Sequence[Change], set[tuple[tuple[str, bytes], ...]]]] = {
    # what was done: everything that may be found
    "all synced": ([created("a"), written(b"x"), SYNCED, LISTED], {(("a", b"x"),)}),
    "a name that was not listed": ([created("a"), written(b"x"), SYNCED], {(), (("a", b"x"),)}),
    "a write that was not synced": ([created("a"), LISTED, written(b"x")], {(("a", b""),), (("a", b"x"),)}),
    "the second write without the first": (
        [created("a"), LISTED, written(b"x"), written(b"y", 1)],
        {(("a", one),) for one in (b"", b"x", b"xy", b"\0y")},
    ),
    "cut short, not synced": (
        [created("a"), LISTED, written(b"xyz"), SYNCED, truncated(1)],
        {(("a", b"xyz"),), (("a", b"x"),)},
    ),
    "a write in two sectors": (
        [created("a"), LISTED, written(bytes(511)), SYNCED, written(b"xy", 511)],
        {(("a", bytes(511) + one),) for one in (b"", b"x", b"xy", b"\0y")},
    ),
    "renamed, then another made": (
        [created("a"), written(b"x"), SYNCED, LISTED, renamed("a", "b"), created("a", 2)],
        {(("a", b"x"),), (("b", b"x"),), (("a", b""), ("b", b"x"))},
    ),
    "an inode used again": (
        [created("a"), written(b"x"), SYNCED, LISTED, unlinked("a"), created("b")],
        {(("a", b"x"),), (), (("b", b""),)},
    ),
}


@pytest.mark.parametrize("name", HISTORIES)
def test_what_may_be_found_after_a_power_cut(name: str) -> None:
    changes, expected = HISTORIES[name]
    disk, chance = Disk(), random.Random(1)
    for change in changes:
        disk.play(change)
    assert {tuple(sorted(disk.after_power_cut(chance).items())) for _ in range(TRIES)} == expected
