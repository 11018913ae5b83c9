"""Rows of the decision log, written to and read from an SQLite connection. A row once written is never changed."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import fields

from experiments.definition.experiment import Experiment
from experiments.events.decision import Decision
from experiments.store.sqlite.event_rows import micros, moment

COLUMNS = tuple(field.name for field in fields(Decision))
_NAMES = ", ".join(COLUMNS)


def write(connection: sqlite3.Connection, decisions: Iterable[Decision]) -> None:
    """Add those whose key the log does not have. Raises ValueError where `recorded_at` is missing."""
    marks = ", ".join("?" * len(COLUMNS))
    connection.executemany(f"INSERT OR IGNORE INTO decisions ({_NAMES}) VALUES ({marks})", map(_row, decisions))


def read(connection: sqlite3.Connection, phases: Iterable[Experiment]) -> Iterator[Decision]:
    """The logs of these phases; empty in a file that a version before this one wrote and no writer has opened since."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'decisions'").fetchone():
        return
    query = f"SELECT {_NAMES} FROM decisions WHERE experiment = ? AND phase = ?"
    for row in (row for one in phases for row in connection.execute(query, (one.key, one.phase))):
        values = dict(zip(COLUMNS, row, strict=True))
        values |= {name: moment(values[name]) for name in ("decided_at", "recorded_at")}
        interval = json.loads(values.pop("relative_interval"))
        yield Decision(**values, relative_interval=None if interval is None else (interval[0], interval[1]))


def _row(one: Decision) -> tuple[object, ...]:
    if one.recorded_at is None:
        raise ValueError(f"{one.key}: recorded_at is missing, must say when it is written")
    special = {
        "decided_at": micros(one.decided_at),
        "recorded_at": micros(one.recorded_at),
        "relative_interval": json.dumps(one.relative_interval),
    }
    return tuple(special[column] if column in special else getattr(one, column) for column in COLUMNS)
