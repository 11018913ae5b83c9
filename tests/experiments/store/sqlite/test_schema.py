"""Steps of change: all or none, never to the only copy; and views that say what the store says."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from sqlite_utils import Database

from experiments.events.event import Refusal, VisitorId
from experiments.store.sqlite import event_rows
from experiments.store.sqlite import schema as sqlite_schema
from experiments.store.sqlite.engine import SqliteStore, open_store
from experiments.store.sqlite.schema import SCHEMA, Schema
from experiments.store.store import StoreUnavailable
from tests.experiments.cases.decision_cases import a_decision
from tests.experiments.cases.histories import DAY, PHASE, action, all_cells, exposure, join, minute

HISTORY = [
    exposure("v", "single", 0, attributes={"device": "phone"}),
    action("v", "form_viewed", 5, properties={"note": "ü"}),
    action("v", "quote_requested", 9, properties={"amount": 12.5}),
    exposure("w", "multi", 2 * DAY),
    exposure("x", "multi", 3 * DAY - 30),
    exposure("v", "multi", 50),
    exposure("robot", "multi", 40, attributes={"bot": "true"}),
    join("w", "account", 3 * DAY),
]


def _views() -> dict[str, str]:
    """The views of a new database, and the query of each."""
    database = Database(memory=True)
    SCHEMA.apply(database)
    return {view.name: view.schema.removeprefix(f'CREATE VIEW "{view.name}" AS ') for view in database.views}


VIEWS = _views()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "yesladder.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    store = opened(path)
    yield store
    store.close()


def opened(path: Path) -> SqliteStore:
    return open_store(path, lambda: [PHASE], clock=lambda: minute(100 * DAY))


def write_first_version(path: Path) -> None:
    """A database as the first version wrote it: only the first step, and rows in it."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        database = Database(connection)
        SCHEMA.apply(database, stop_before="the_decision_log")
        event_rows.write(connection, HISTORY)


def names_in(path: Path) -> set[str]:
    with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        return {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}


def events_in(path: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        return [row[0] for row in connection.execute("SELECT message_id FROM events ORDER BY received_at, message_id")]


def test_an_older_database_is_brought_up_to_date_and_a_copy_is_kept(path: Path) -> None:
    write_first_version(path)
    before = events_in(path)
    store = opened(path)
    store.record([a_decision()])
    assert all_cells(store, PHASE)
    assert not store.verify()
    store.close()
    assert names_in(path) >= {"decisions", "expired", *VIEWS}
    kept = path.with_name("yesladder.db.before-the_decision_log")
    assert list(path.parent.glob("*.before*")) == [kept]
    assert not list(path.parent.glob("*.part"))
    assert events_in(kept) == events_in(path) == before
    assert not names_in(kept) & {"decisions", "expired", *VIEWS}
    back = opened(kept)  # there to go back to
    assert not back.verify()
    back.close()


def test_a_new_database_has_nothing_to_keep(store: SqliteStore, path: Path) -> None:
    store.append(HISTORY)
    assert not list(path.parent.glob("*before*"))


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The next version has two more steps, of which the second fails."""
    later = Schema("yesladder")
    later._migrations.extend(SCHEMA._migrations)

    @later()
    def one_that_works(db: Database) -> None:
        db.execute("CREATE TABLE extra (id INTEGER)")
        db.execute("DELETE FROM events")

    @later()
    def one_that_fails(db: Database) -> None:
        db.execute("CREATE TABLE more (id INTEGER)")
        db.execute("INSERT INTO nowhere VALUES (1)")

    monkeypatch.setattr(sqlite_schema, "SCHEMA", later)
    return monkeypatch


@pytest.mark.parametrize("version", ["first", "this"])
def test_when_a_step_fails_the_database_is_as_before(path: Path, failing: pytest.MonkeyPatch, version: str) -> None:
    if version == "first":
        write_first_version(path)
    else:
        with failing.context() as this:
            this.setattr(sqlite_schema, "SCHEMA", SCHEMA)
            store = opened(path)
            store.append(HISTORY)
            store.close()
    names, events = names_in(path), events_in(path)
    store = opened(path)
    with pytest.raises(StoreUnavailable, match="no such table: nowhere"):
        store.append([exposure("y", "single", 0)])
    store.close()
    assert names_in(path) == names
    assert events_in(path) == events
    failing.undo()
    store = opened(path)
    assert store.append([exposure("y", "single", 0)]).stored == 1
    assert not store.verify()
    store.close()


def test_without_room_for_the_copy_nothing_is_changed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_first_version(path)
    names = names_in(path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("experiments.store.sqlite.copy.sync", full)
        with pytest.raises(StoreUnavailable, match="No space left"):
            opened(path).append([exposure("y", "single", 0)])
    assert names_in(path) == names
    assert [file.name for file in path.parent.iterdir() if "before" in file.name] == []


def test_a_changed_view_needs_a_step_of_its_own() -> None:
    """Databases out there have the views of the step `views_in_plain_words`: what replaces them is a new step."""
    text = json.dumps(sorted(VIEWS.items()))
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == "ab3d02531d3f5f15"


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    """As sqlite3 and Datasette read: another program, on a read-only connection."""
    with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture
def filled(store: SqliteStore) -> SqliteStore:
    refusal = Refusal("invalid", "the line is no JSON", minute(55), visitor="z")
    store.append(HISTORY, [refusal, refusal])
    store.record([a_decision()])
    store.append([exposure("gone", "single", 3)])
    store.forget(VisitorId("gone"))
    return store


def test_every_view_answers_on_a_read_only_connection_while_the_store_is_open(filled: SqliteStore, path: Path) -> None:
    for name in VIEWS:
        assert rows(path, f"SELECT * FROM {name}"), name


def test_every_table_and_view_says_what_it_holds() -> None:
    for file in Path(sqlite_schema.__file__).parent.glob("steps/*.sql"):
        lines = file.read_text("utf-8").splitlines()
        for before, line in itertools.pairwise(["", *lines]):
            assert not line.startswith(("CREATE TABLE", "CREATE VIEW")) or before.startswith("-- "), line


def test_results_by_step_are_those_of_the_store(filled: SqliteStore, path: Path) -> None:
    reach = filled.tables(PHASE).reach
    expected = [
        (step.step, variant, int(n), int(s), s / n)
        for step in PHASE.steps
        for variant, n, s in sorted(
            zip(
                reach.variants,
                reach.steps[step.step].visitors.sum(axis=(0, 1)),
                reach.steps[step.step].reached.sum(axis=(0, 1)),
                strict=True,
            )
        )
    ]
    found = rows(path, "SELECT step, variant, visitors, reached, rate FROM results_by_step WHERE experiment = 'form'")
    assert found == expected
    assert len(found) == 2 * len(PHASE.steps)


def test_results_by_segment_are_those_of_the_store(filled: SqliteStore, path: Path) -> None:
    found = rows(
        path,
        "SELECT level, variant, visitors, reached FROM results_by_segment WHERE attribute = 'device' AND step = 'seen'",
    )
    expected = []
    for level, reach in filled.tables(PHASE, ["device"]).by("device").items():
        of = reach.steps["seen"]
        counts = zip(reach.variants, of.visitors.sum(axis=(0, 1)), of.reached.sum(axis=(0, 1)), strict=True)
        expected += [(level, variant, int(n), int(s)) for variant, n, s in sorted(counts) if n]
    assert found == expected


def test_visitors_by_time_are_those_of_the_store(filled: SqliteStore, path: Path) -> None:
    exposed = filled.tables(PHASE).reach.exposed
    by_hour = rows(path, "SELECT hour, variant, visitors FROM visitors_by_hour")
    assert sum(int(str(row[2])) for row in by_hour) == exposed.visitors.sum()
    assert by_hour[-1] == ("2026-11-04T23:00:00Z", "multi", 1)
    assert rows(path, "SELECT day, variant, visitors FROM visitors_by_day") == [
        ("2026-11-02", "multi", 1),
        ("2026-11-02", "single", 1),
        ("2026-11-04", "multi", 2),
    ]


def test_value_and_patterns_are_those_of_the_store(filled: SqliteStore, path: Path) -> None:
    patterns = filled.tables(PHASE).patterns
    by_variant = dict(zip(patterns.variants, patterns.value_by_variant().tolist(), strict=True))
    assert by_variant == {"single": 1250, "multi": 0}
    assert rows(path, "SELECT variant, visitors, value, value_per_visitor FROM value_by_variant") == [
        ("multi", 2, 0.0, 0.0),
        ("single", 1, 12.5, 12.5),
    ]
    assert rows(path, "SELECT variant, steps_reached, visitors, value FROM what_visitors_did") == [
        ("multi", "", 2, 0.0),
        ("single", "seen, email, quote", 1, 12.5),
    ]


def test_why_not_counted_is_the_ledger_and_what_was_refused(filled: SqliteStore, path: Path) -> None:
    found = rows(path, "SELECT experiment, phase, variant, reason, count FROM why_not_counted")
    expected = [("", None, "", reason, count) for reason, count in filled.refused().items()]
    for reason, variants in filled.tables(PHASE).ledger.items():
        expected += [("form", 1, variant, reason, count) for variant, count in variants.items()]  # type: ignore[misc]
    assert found == expected
    assert len(found) == 3
    assert all(" " in str(row[0]) for row in rows(path, "SELECT meaning FROM why_not_counted"))


def test_events_are_readable(filled: SqliteStore, path: Path) -> None:
    found = rows(path, "SELECT received_at, happened_at, visitor, same_person_as, message_id FROM events_readable")
    expected = [
        (f"{e.received_at:%Y-%m-%dT%H:%M:%S.%fZ}", f"{e.at:%Y-%m-%dT%H:%M:%S.%fZ}", e.visitor, e.joined, e.message_id)
        for e in filled.scan()
    ]
    assert found == expected


@pytest.mark.parametrize("at", [0.0, 1.0000001, -60 * 24 * 365 * 90.5 - 1e-5, 1e-7])
def test_times_are_exact(store: SqliteStore, path: Path, at: float) -> None:
    store.append([action("v", "x", at, 10.0)])
    ((told,),) = rows(path, "SELECT happened_at FROM events_readable")
    assert datetime.fromisoformat(str(told)) == minute(at)


def test_revisions_and_verdicts_are_readable(filled: SqliteStore, path: Path) -> None:
    found = rows(path, "SELECT revised_on, cause, experiment, phase FROM changes_of_published_numbers")
    assert found == [
        (f"{one.revised_at:%Y-%m-%d}", one.cause, one.experiment, one.phase) for one in filled.tables(PHASE).revisions
    ]
    (verdict,) = rows(path, "SELECT step, variant, state, decided_at, p_value FROM verdicts")
    (one,) = filled.decisions([PHASE])
    assert verdict == (one.step, one.variant, one.state, f"{one.decided_at:%Y-%m-%dT%H:%M:%S.%fZ}", one.p_value)


def test_steps_are_those_of_the_definition(filled: SqliteStore, path: Path) -> None:
    found = rows(path, "SELECT number, step, kind FROM steps")
    assert found == [(number, step.step, PHASE.kind_of(step)) for number, step in enumerate(PHASE.steps, 1)]
