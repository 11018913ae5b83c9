"""insert: every row, in order, whatever their number; few statements."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from experiments.store.sqlite.bulk_insert import AT_ONCE, insert

UPSERT = "ON CONFLICT (key) DO UPDATE SET count = count + excluded.count"


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE cells (key TEXT PRIMARY KEY, count INTEGER)")
        yield connection


@pytest.mark.parametrize(
    ("number", "statements"),
    [(0, 0), (1, 1), (3, 3), (4, 1), (15, 6), (16, 1), (63, 9), (64, 1), (65, 2), (200, 5)],
)
def test_every_row_is_there_by_few_statements(connection: sqlite3.Connection, number: int, statements: int) -> None:
    told: list[str] = []
    connection.set_trace_callback(told.append)
    insert(connection, "INSERT INTO cells", [(f"k{k}", k) for k in range(number)])
    connection.set_trace_callback(None)
    assert sum(one.startswith("INSERT") for one in told) == statements
    assert connection.execute("SELECT key, count FROM cells ORDER BY count").fetchall() == [
        (f"k{k}", k) for k in range(number)
    ]


@pytest.mark.parametrize("number", [2, *(size + 1 for size in AT_ONCE)])
def test_an_upsert_adds_up_the_same_key(connection: sqlite3.Connection, number: int) -> None:
    insert(connection, "INSERT INTO cells (key, count)", [("same", k) for k in range(number)], then=UPSERT)
    assert connection.execute("SELECT * FROM cells").fetchall() == [("same", sum(range(number)))]


def test_later_rows_replace_earlier_ones(connection: sqlite3.Connection) -> None:
    insert(connection, "INSERT OR REPLACE INTO cells", [("same", k) for k in range(70)])
    assert connection.execute("SELECT * FROM cells").fetchall() == [("same", 69)]
