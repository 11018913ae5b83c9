"""The power fails at any moment while the real server takes events: what is found on the disk is whole.

The server's changes are recorded with every sync, and between them what clients were told was taken. Then for many
moments the folder is made anew as it may be found, and opened by the store.
"""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.durability.client import Client
from tests.durability.disk import Disk
from tests.durability.medium import Change, Medium
from tests.durability.server import Server, StoreAt

FULL = os.environ.get("YESLADDER_STUDY") == "full"
CUTS = 1_000 if FULL else 150
CHECKPOINTS = 2  # so many times the write-ahead log must have been folded into the file while it was recorded
MAKING = 40  # changes in which the database is made, with a rollback journal; a quarter of the cuts fall among them
SEED = 5
LOG = "yesladder.db"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200)]


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a server did to the disk, with what its clients were told noted in between, and the folder it did it in."""

    site: Path
    changes: Sequence[Change]


@pytest.fixture
def recorded(
    tmp_path: Path, make_site: Callable[..., Path], medium_library: Path, variant_of: Callable[[str], str]
) -> Callable[[str], Recorded]:
    """The changes of a served site of this durability, from an empty folder over two starts."""

    def record(durability: str) -> Recorded:
        site = make_site(tmp_path / durability, durability)
        aside = tmp_path / f"{durability}-medium"
        aside.mkdir()
        medium = Medium(medium_library, site, aside, recording=True)
        server = Server(site, medium.environment)
        try:
            for start in range(2):
                server.start(until="/livez")
                clients = [
                    Client(f"s{start}c{number}", server.port, variant_of, 0, lambda got: medium.note("\n".join(got)))
                    for number in range(2)
                ]
                for client in clients:
                    client.start()
                _wait_for_checkpoints(medium, CHECKPOINTS * (start + 1))
                for client in clients:
                    client.stop()
                    assert client.wrong == []
                server.stop()
        finally:
            server.kill()
        return Recorded(site, medium.changes())

    return record


def _wait_for_checkpoints(medium: Medium, wanted: int) -> None:
    end = time.monotonic() + 120
    while _checkpoints(medium.changes()) < wanted:
        assert time.monotonic() < end, "the write-ahead log was not folded into the file in time"
        time.sleep(0.1)


def _checkpoints(changes: Sequence[Change]) -> int:
    inodes = {change.inode for change in changes if change.kind == "created" and change.data == LOG.encode()}
    return sum(change.kind == "synced" and change.inode in inodes for change in changes)


@pytest.mark.parametrize("durability", ["full", "normal"])
def test_the_log_is_whole_after_a_power_cut(
    durability: str,
    recorded: Callable[[str], Recorded],
    tmp_path: Path,
    make_site: Callable[..., Path],
    store_at: StoreAt,
    capsys: pytest.CaptureFixture[str],
) -> None:
    history = recorded(durability)
    lost = 0
    for number, (cut, acknowledged, found) in enumerate(_cuts(history.changes)):
        site = make_site(tmp_path / f"cut-{number}", durability)
        (site / "phases.json").write_bytes((history.site / "phases.json").read_bytes())
        for name, content in found.items():
            if name.startswith(LOG) and not name.endswith((".lock", "-shm")):
                (site / name).write_bytes(content)
        with store_at(site) as store:
            there = Counter(str(event.message_id) for event in store.scan())
            assert store.verify() == [], cut
            assert store.health() == (), cut
        assert list(site.glob("*corrupt*")) == [], cut
        with closing(sqlite3.connect(site / LOG)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)], cut
        assert set(there.values()) <= {1}, cut
        lost += not acknowledged <= set(there)
        if durability == "full":
            assert acknowledged - set(there) == set(), cut
    with capsys.disabled():
        print(
            f"\ndurability {durability}: {CUTS} power cuts in {len(history.changes)} changes with "
            f"{_checkpoints(history.changes)} syncs of the file: none corrupt, acknowledged events lost in {lost} cuts"
        )


def _cuts(changes: Sequence[Change]) -> Iterator[tuple[int, set[str], dict[str, bytes]]]:
    """Moments of a power cut: the number of the last change, what was acknowledged before, and what is found."""
    chance = random.Random(SEED)
    at_any_time = chance.choices(range(1, len(changes) + 1), k=CUTS - CUTS // 4)
    while_it_is_made = chance.choices(range(1, min(len(changes), MAKING) + 1), k=CUTS // 4)
    moments = Counter(at_any_time + while_it_is_made)
    disk, acknowledged = Disk(), set[str]()
    for at, change in enumerate(changes, 1):
        disk.play(change)
        if change.kind == "noted":
            acknowledged.update(change.data.decode().splitlines())
        for _ in range(moments[at]):
            yield at, set(acknowledged), dict(disk.after_power_cut(chance))


NEVER_SYNCED = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA journal_mode = WAL")
connection.execute("PRAGMA synchronous = OFF")
connection.execute("PRAGMA wal_autocheckpoint = 20")
connection.execute("CREATE TABLE events (number INTEGER PRIMARY KEY, text TEXT)")
connection.execute("CREATE INDEX by_text ON events (text)")
for number in range(300):
    connection.execute("INSERT INTO events VALUES (?, hex(randomblob(200)))", (number,))
"""


def test_a_log_that_never_syncs_is_found_corrupt(tmp_path: Path, medium_library: Path) -> None:
    """The control: the same cuts find what is wrong where something is."""
    folder, aside = tmp_path / "folder", tmp_path / "medium"
    folder.mkdir()
    aside.mkdir()
    medium = Medium(medium_library, folder, aside, recording=True)
    subprocess.run(
        [sys.executable, "-c", NEVER_SYNCED, folder / LOG], env={**os.environ, **medium.environment}, check=True
    )
    corrupt = 0
    for number, (_, _, found) in enumerate(_cuts(medium.changes())):
        again = tmp_path / f"cut-{number}"
        again.mkdir()
        for name, content in found.items():
            (again / name).write_bytes(content)
        with closing(sqlite3.connect(again / LOG)) as connection:
            try:
                corrupt += connection.execute("PRAGMA integrity_check").fetchall() != [("ok",)]
            except sqlite3.DatabaseError:
                corrupt += 1
    assert corrupt > CUTS / 10
