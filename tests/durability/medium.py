"""Medium: the disk under a test's processes. It writes down every change in order, and fails when told to.

The processes must be started with its `environment`; what it watches is one folder, without its subfolders.
"""

from __future__ import annotations

import errno
import shutil
import struct
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("medium.c")
_HEADER = struct.Struct("<4Q")
_FAULTS = ("open", "write", "sync", "read", "clock")


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a file, or of the folder's list of names, that a process made and the system accepted.

    `kind`: created, unlinked, renamed (`data` has the name or, with a zero byte between, both), written (`data` at
    `offset`), truncated (to `offset`), synced, listed (the folder's names were synced), or noted by the test itself.
    """

    kind: str
    inode: int
    offset: int
    data: bytes


_KINDS = {
    "c": "created",
    "u": "unlinked",
    "r": "renamed",
    "w": "written",
    "t": "truncated",
    "s": "synced",
    "d": "listed",
    "n": "noted",
}


def compiled(folder: Path) -> Path:
    """medium.c as a library in this folder. Skips the test where there is no C compiler for Linux."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no C compiler (cc) for the medium that fails on demand; on Debian: apt-get install gcc")
    library = folder / "medium.so"
    flags = ("-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O2", "-shared", "-fPIC")
    built = subprocess.run([compiler, *flags, "-o", library, SOURCE], capture_output=True, text=True, check=False)
    if built.returncode != 0 and "fatal error" in built.stderr:
        pytest.skip(f"the C library's headers are missing; on Debian: apt-get install libc6-dev\n{built.stderr}")
    assert built.returncode == 0, built.stderr
    return library


class Medium:
    """The medium of one folder. `aside` is a folder for its record, which must be another one."""

    def __init__(self, library: Path, watched: Path, aside: Path, recording: bool = False) -> None:
        self._record = aside / "medium.record"
        self._faults = aside / "medium.faults"
        self._faults.write_bytes(bytes(8 * len(_FAULTS)))
        self.environment = {
            "LD_PRELOAD": str(library),
            "MEDIUM_FOLDER": str(watched),
            "MEDIUM_FAULTS": str(self._faults),
        }
        if recording:
            self._record.touch()
            self.environment["MEDIUM_RECORD"] = str(self._record)

    @contextmanager
    def failing(self, **errors: str) -> Iterator[None]:
        """`failing(write="ENOSPC")`: until the block ends these calls fail so, at once and in every process."""
        self._set({name: getattr(errno, error) for name, error in errors.items()})
        try:
            yield
        finally:
            self._set({})

    @contextmanager
    def clock_off(self, by_seconds: int) -> Iterator[None]:
        """Until the block ends the clock of the day is wrong by so much."""
        self._set({"clock": by_seconds})
        try:
            yield
        finally:
            self._set({})

    def note(self, text: str) -> None:
        """Write down, between the changes, something that the test knows at this moment."""
        data = text.encode()
        with self._record.open("ab", buffering=0) as record:
            record.write(_HEADER.pack(ord("n"), 0, 0, len(data)) + data)

    def changes(self) -> list[Change]:
        """What was done so far, in order."""
        record = self._record.read_bytes()
        found, at = [], 0
        while at < len(record):
            kind, inode, offset, length = _HEADER.unpack_from(record, at)
            at += _HEADER.size
            found.append(Change(_KINDS[chr(kind)], inode, offset, record[at : at + length]))
            at += length
        return found

    def _set(self, numbers: Mapping[str, int]) -> None:
        with self._faults.open("r+b", buffering=0) as file:
            file.write(struct.pack("<5q", *(numbers.get(name, 0) for name in _FAULTS)))
