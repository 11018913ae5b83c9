"""A planted visitor is found nowhere: not in the log, its write-ahead file, free pages, or the gaps in others."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from experiments.events.event import Event, Refusal, VisitorId
from experiments.maintenance.erasure import files_with
from experiments.store.memory import MemoryStore
from experiments.store.sqlite import wipe as erasure
from experiments.store.sqlite.engine import SqliteStore, open_store
from experiments.store.sqlite.wipe import residue, unused, wipe
from experiments.store.store import StillReadable, Store
from tests.experiments.cases.histories import DAY, PHASE, action, exposure, join, minute

PLANTED = VisitorId("Planted-7f3a")
ACCOUNT = VisitorId("konto-ü-91")
GHOST = VisitorId("ghost-55")  # an id of theirs that sent nothing itself
IDS = (PLANTED, ACCOUNT, GHOST)
FILLER = "x" * 700


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "yesladder.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    store = open_store(path, lambda: [PHASE], clock=lambda: minute(100 * DAY))
    yield store
    store.close()


def crowd(number: int, **properties: object) -> list[Event]:
    return [
        event
        for i in range(number)
        for event in (
            exposure(f"other-{i:04}", "single", i),
            action(f"other-{i:04}", "form_viewed", i + 1, properties={"note": FILLER, **properties}),
        )
    ]


def planted() -> list[Event]:
    """Their events, in many pages, under ids that are one person's."""
    return [
        exposure(PLANTED, "multi", 3),
        *(action(PLANTED, "form_viewed", 5 + i, properties={"note": FILLER, "mail": PLANTED}) for i in range(40)),
        join(PLANTED, ACCOUNT, 60),
        join(PLANTED, GHOST, 61),
        action(ACCOUNT, "quote_requested", 70, properties={"amount": 12.5, "konto": ACCOUNT}),
    ]


def refusals() -> list[Refusal]:
    refused = Refusal("invalid", "no name", minute(4))
    made = [
        refused,
        dataclasses.replace(refused, visitor=PLANTED),
        dataclasses.replace(refused, detail=f"visitor '{PLANTED}' is not in it"),
        dataclasses.replace(refused, message_id=f"exposure of {PLANTED}"),
        dataclasses.replace(refused, detail=f"userId is {ACCOUNT!a}, not that"),
        dataclasses.replace(refused, visitor=GHOST),
        dataclasses.replace(refused, detail=f"{PLANTED}2 is somebody else"),
    ]
    return [dataclasses.replace(one, refused_at=minute(4 + i)) for i, one in enumerate(made)]


def found_in(folder: Path) -> list[str]:
    """Files with one of the ids in any spelling, however they got there; somebody else's longer id aside."""
    found = []
    for path in folder.iterdir():
        content = path.read_bytes().replace(f"{PLANTED}2".encode(), b"")
        if any(spelled in content for one in IDS for spelled in (one.encode(), json.dumps(one)[1:-1].encode())):
            found.append(path.name)
    return found


@pytest.mark.parametrize("asked", IDS)
def test_a_forgotten_visitor_is_in_no_byte_of_any_file(store: SqliteStore, path: Path, asked: VisitorId) -> None:
    store.append([*crowd(30), *planted()], refusals())
    assert found_in(path.parent)  # the search finds what is there
    assert store.forget(asked) == len(planted())
    assert not found_in(path.parent)
    assert {event.visitor[:5] for event in store.scan()} == {"other"}
    assert [one.detail for one in store.recent(9999) if isinstance(one, Refusal)] == [
        f"{PLANTED}2 is somebody else",
        "no name",
    ]
    assert sum(store.refused().values()) == 7  # how many there were names nobody
    assert "forgotten" in {one.cause for one in store.tables(PHASE).revisions}
    assert not store.verify()


def test_both_engines_forget_the_same(store: SqliteStore) -> None:
    model = MemoryStore(lambda: [PHASE])
    engines: tuple[Store, ...] = (store, model)
    for one in engines:
        one.append([*crowd(3), *planted()], refusals())
        one.forget(ACCOUNT)
    assert list(store.scan()) == list(model.scan())
    kept, expected = ([one for one in one_of.recent(99) if isinstance(one, Refusal)] for one_of in engines)
    assert kept == expected
    assert len(kept) == 2


def leave_traces(path: Path) -> None:
    """What a version or an SQLite without `secure_delete` leaves: rows deleted, their bytes in unused parts."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("DELETE FROM events WHERE visitor = ? AND name = 'scrolled'", [PLANTED])
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def test_traces_of_rows_that_were_deleted_before_go_too(store: SqliteStore, path: Path) -> None:
    seen = [action(PLANTED, "scrolled", i, properties={"note": FILLER}) for i in range(60)]
    store.append([*crowd(30), *planted(), *seen])
    store.close()
    leave_traces(path)
    assert residue(path, [PLANTED])
    store.forget(PLANTED)
    assert not found_in(path.parent)
    assert not store.verify()


def test_the_file_is_not_rewritten_without_need(store: SqliteStore, path: Path) -> None:
    """Where unused parts hold nothing of them, freed pages stay for new events: VACUUM would leave none."""
    store.append([*crowd(30), *planted()])
    with store.file.writing() as connection:
        connection.execute("PRAGMA secure_delete = ON")
    store.forget(PLANTED)
    with store.file.reading() as connection:
        assert connection.execute("PRAGMA freelist_count").fetchone()[0] > 0
    with path.open("rb") as file:
        assert sum(map(len, unused(file))) > 40 * 700 / 2


IS_LOCKED = """
import fcntl, sys
with open(sys.argv[1], "r+b") as file:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 510, 0x40000002)  # what SQLite locks while it has a file open
    except OSError:
        print("locked")
"""


def test_the_locks_of_the_one_who_forgets_are_kept(store: SqliteStore, path: Path) -> None:
    """Without them another process may take itself for the only one, and delete the write-ahead log in use."""
    store.append([*crowd(3), *planted()])
    for forgotten in (False, True):
        if forgotten:
            store.forget(PLANTED)
        told = subprocess.run(
            [sys.executable, "-c", IS_LOCKED, path], capture_output=True, text=True, check=True, timeout=30
        )
        assert told.stdout == "locked\n", forgotten


ROWS = frozenset(range(3_000))
SOME = frozenset(row for row in ROWS if row % 100 == 7)
DELETED = [
    ("nothing", "SELECT 1", frozenset()),
    ("here and there", "DELETE FROM t WHERE id % 100 = 7", SOME),
    ("every row", "DELETE FROM t", ROWS),
    ("the whole table", "DROP TABLE t", ROWS),
]


@pytest.mark.parametrize("page_size", [512, 4096, 65536])
@pytest.mark.parametrize(("delete", "deleted"), [row[1:] for row in DELETED], ids=[row[0] for row in DELETED])
def test_unused_parts_have_what_was_deleted_and_nothing_else(
    tmp_path: Path, page_size: int, delete: str, deleted: frozenset[int]
) -> None:
    """Rows that were added in order, so that none was moved to another page and left a copy behind."""
    path = tmp_path / "any.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA page_size = {page_size}")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("BEGIN")
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)")
        connection.executemany("INSERT INTO t VALUES (?, ?)", [(row, f"<row {row:05}>") for row in sorted(ROWS)])
        connection.execute("COMMIT")
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute(delete)
    with path.open("rb") as file:
        found = {int(row) for part in unused(file) for row in re.findall(rb"<row (\d{5})>", part)}
    assert found <= deleted
    assert len(found) >= 0.9 * len(deleted)  # a free page that lists others has lost what was in it
    assert residue(path, ["<row 00107>"]) is (107 in deleted)


def test_an_empty_file_has_no_unused_parts(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    path.touch()
    assert not residue(path, ["v"])


def test_a_reader_is_waited_for(store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasure, "WAIT_MS", 1)
    store.append([*crowd(3), *planted()])
    with contextlib.ExitStack() as reading:
        connection = reading.enter_context(store.file.reading())
        connection.execute("SELECT count(*) FROM events").fetchone()
        pauses: list[float] = []

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            store.append([exposure(f"meanwhile-{len(pauses)}", "single", 80)])  # nobody is kept from writing
            if len(pauses) == 3:
                reading.close()

        with store.file.writing() as writer:
            writer.execute("PRAGMA secure_delete = ON")
            writer.execute("DELETE FROM events WHERE visitor IN (?, ?)", [PLANTED, ACCOUNT])
        wipe(store.file, [PLANTED, ACCOUNT], pause)
        assert len(pauses) == 3
    assert not found_in(path.parent)


def test_a_reader_who_does_not_end_is_named_and_forgetting_again_finishes(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "WAIT_MS", 1)
    monkeypatch.setattr(erasure, "PAUSE_SECONDS", 0.001)
    store.append([*crowd(3), *planted()], refusals())
    with store.file.reading() as connection:
        connection.execute("SELECT count(*) FROM events").fetchone()
        with pytest.raises(StillReadable, match=r"another program has been reading yesladder\.db"):
            store.forget(PLANTED)
        assert found_in(path.parent)
        assert not store.visitor(PLANTED)
        assert store.append([exposure("later", "single", 80)]).stored == 1  # the store is not stuck
    assert store.forget(PLANTED) == 0
    assert not found_in(path.parent)


def test_writers_wait_for_a_second_at_most_while_a_reader_is_waited_for(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[int] = []

    def busy(connection: sqlite3.Connection) -> bool:
        waits.append(connection.execute("PRAGMA busy_timeout").fetchone()[0])
        return False

    monkeypatch.setattr(erasure, "fold", busy)
    with pytest.raises(StillReadable):
        wipe(store.file, pause=lambda seconds: waits.append(-int(seconds > 0)))
    assert waits == [1_000, -1] * 30
    with store.file.writing() as connection:
        assert connection.execute("PRAGMA busy_timeout").fetchone() == (5_000,)


def test_events_of_others_that_name_a_visitor(store: SqliteStore) -> None:
    store.append(
        [
            action("friend", "invited", 0, message="by", properties={"by": [PLANTED]}),
            action("friend", "invited", 0, message="longer", properties={"by": f"{PLANTED}2"}),
            action(PLANTED, "invited", 0, message="own", properties={"me": PLANTED}),
        ]
    )
    assert store.traces(PLANTED).quoted_by == ["by"]


def test_files_that_hold_an_id(store: SqliteStore, path: Path) -> None:
    store.append(planted())
    folder = path.parent
    (folder / "part").mkdir()
    texts = {"a.jsonl": f'{{"id": "{PLANTED}"}}', "b.txt": f"{PLANTED}2", "part/c.csv": f",{ACCOUNT},", "empty": ""}
    texts["yesladder.db.replaced-20261122T101530Z-wal"] = f"v1{PLANTED}seen"
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8")
    with contextlib.closing(sqlite3.connect(folder / "copy.db")) as copy, copy:
        copy.execute("CREATE TABLE other AS SELECT 'x', ?, 'y'", [PLANTED])  # no space between values
    found = files_with(folder, [PLANTED, ACCOUNT], path)
    assert [str(one.relative_to(folder)) for one in found] == [
        *("a.jsonl", "copy.db", "part/c.csv", "yesladder.db.replaced-20261122T101530Z-wal")
    ]
