"""Disk: what may be found on it after the power failed in the middle of a recorded history of changes.

What was synced is there. Of what came later to each file, any part may be there, in any order and in parts of
sectors: the system writes its pages back when it likes. Names come and go in their order (a journaling file system),
as far as the folder was synced and then up to any later one.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.durability.medium import Change

SECTORS = (512, 4096)


@dataclass(slots=True)
class _File:
    synced: bytearray = field(default_factory=bytearray)
    later: list[Change] = field(default_factory=list)

    def change(self, change: Change) -> None:
        if change.kind == "synced":
            for one in self.later:
                _apply(self.synced, one.kind, one.offset, one.data)
            self.later.clear()
        else:
            self.later.append(change)

    def found(self, chance: random.Random) -> bytes:
        """One of the contents that it may have now."""
        content = bytearray(self.synced)
        for change in _some(self.later, chance):
            for offset, data in _torn(change, chance) if chance.random() < 0.5 else [(change.offset, change.data)]:
                _apply(content, change.kind, offset, data)
        return bytes(content)


class Disk:
    """Plays changes one after another, and says at any moment what may be found if the power fails now."""

    def __init__(self) -> None:
        self._files: dict[int, _File] = {}  # by a number that is never used again, unlike an inode
        self._number: dict[int, int] = {}  # of an inode
        self._names: list[dict[str, int]] = [{}]  # as far as the folder was synced, and then after each change

    def play(self, change: Change) -> None:
        """This happened next."""
        names = dict(self._names[-1])
        match change.kind:
            case "created":
                if names.get(change.data.decode()) == self._number.get(change.inode, -1):
                    return  # two processes saw that it was missing, and one made it
                self._number[change.inode] = len(self._files)
                self._files[len(self._files)] = _File()
                names[change.data.decode()] = self._number[change.inode]
            case "unlinked":
                names.pop(change.data.decode(), None)
            case "renamed":
                old, new = change.data.decode().split("\0")
                names[new] = names.pop(old)
            case "listed":
                self._names = [names]
                return
            case "noted":
                return
            case _:
                self._files[self._number[change.inode]].change(change)
                return
        self._names.append(names)

    def after_power_cut(self, chance: random.Random) -> Mapping[str, bytes]:
        """Name -> content, of one of the many ways in which it may be found."""
        names = chance.choice(self._names)
        return {name: self._files[number].found(chance) for name, number in names.items()}


def _some(changes: Sequence[Change], chance: random.Random) -> Iterable[Change]:
    match chance.randrange(5):
        case 0:
            return []
        case 1:
            return changes
        case 2:
            return changes[: chance.randint(0, len(changes))]
        case 3:
            return changes[chance.randint(0, len(changes)) :]
        case _:
            return [change for change in changes if chance.random() < 0.5]


def _torn(change: Change, chance: random.Random) -> Iterable[tuple[int, bytes]]:
    """Some sectors of one write."""
    if change.kind == "truncated":
        yield change.offset, change.data
        return
    sector, at = chance.choice(SECTORS), change.offset
    end = change.offset + len(change.data)
    while at < end:
        until = min(end, (at // sector + 1) * sector)
        if chance.random() < 0.5:
            yield at, change.data[at - change.offset : until - change.offset]
        at = until


def _apply(content: bytearray, kind: str, offset: int, data: bytes) -> None:
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    if kind == "truncated":
        del content[offset:]
    else:
        content[offset : offset + len(data)] = data
