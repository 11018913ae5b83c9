"""insert: many rows by few statements.

`executemany` lets go of the interpreter's lock and takes it again for each row. Under load all threads that wait for
it are woken each time, in vain: that cost more than the rows themselves.
"""

import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain

AT_ONCE = (64, 16, 4, 1)  # rows in one statement: few sizes, so that SQLite keeps the statements


def insert(
    connection: sqlite3.Connection, into: str, rows: Sequence[Sequence[str | int | None]], then: str = ""
) -> None:
    """Insert these rows, in order. `into`: the statement up to VALUES; `then`: what follows the values, an upsert."""
    done = 0
    for size in AT_ONCE:
        while len(rows) - done >= size:
            connection.execute(_statement(into, len(rows[0]), size, then), [*chain(*rows[done : done + size])])
            done += size


@lru_cache(maxsize=256)
def _statement(into: str, columns: int, size: int, then: str) -> str:
    row = f"({', '.join('?' * columns)})"
    return f"{into} VALUES {', '.join([row] * size)} {then}"
