"""Rows of the count tables: cells of a phase, read, changed and compared with a recount, on an SQLite connection."""

import sqlite3
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime

from experiments.definition.experiment import Experiment
from experiments.events.cohort import DAY, HOUR, Clock
from experiments.events.tables import Revision
from experiments.events.tally import Tally
from experiments.store.sqlite.bulk_insert import insert
from experiments.store.sqlite.event_rows import micros, moment

PHASE = ("experiment", "phase")
SEGMENT = ("attribute", "level")

TABLES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    # table: (key columns: the phase, then a journey's cell as tally.py has it; count columns)
    "exposed": ((*PHASE, "cohort", "variant"), ("visitors",)),
    "reach": ((*PHASE, "step", *SEGMENT, "cohort", "stratum", "variant"), ("visitors", "reached")),
    "patterns": ((*PHASE, *SEGMENT, "cohort", "variant", "pattern"), ("visitors", "value_sum", "value_sq")),
    "ledger": ((*PHASE, "reason", "variant"), ("count",)),
}


def _added(table: str) -> str:
    key, counts = TABLES[table]
    sums = ", ".join(f"{count} = {count} + excluded.{count}" for count in counts)
    return f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {sums}"


def _nothing_deleted(table: str) -> str:
    key, counts = TABLES[table]
    where = " AND ".join([f"{column} = ?" for column in key] + [f"{count} = 0" for count in counts])
    return f"DELETE FROM {table} WHERE {where}"


_ADD = {table: _added(table) for table in TABLES}
_DELETE_NOTHING = {table: _nothing_deleted(table) for table in TABLES}
PHASE_OF = "experiment = ? AND phase = ?"


def read(connection: sqlite3.Connection, phase: Experiment, segments: Collection[str] | None = None) -> Tally:
    """The cells of one phase: of the main tables and of the reach table of these attributes, all when None."""
    cells: Tally = {}
    for table, (key, counts) in TABLES.items():
        columns = [column for column in key if column not in PHASE]
        where, values = PHASE_OF, [phase.key, phase.phase]
        if segments is not None and "attribute" in key:
            kept = ["", *(segments if table == "reach" else ())]
            where += f" AND attribute IN ({', '.join('?' * len(kept))})"
            values += kept
        chosen, width = ", ".join((f"'{table}'", *columns, *counts)), 1 + len(columns)
        rows = connection.execute(f"SELECT {chosen} FROM {table} WHERE {where}", values)
        cells.update((row[:width], row[width:]) for row in rows)
    return cells


def change(connection: sqlite3.Connection, phase: Experiment, difference: Tally) -> None:
    """Add a difference to the tables; rows that come to nothing are removed."""
    of_phase = (phase.key, phase.phase)
    changed: dict[str, list[tuple[str | int, ...]]] = {}
    emptied: dict[str, list[tuple[str | int, ...]]] = {}
    for (table, *place), counts in difference.items():
        key = (*of_phase, *place)
        changed.setdefault(str(table), []).append(key + counts)
        if counts[0] < 0:  # nothing is left only where nobody is
            emptied.setdefault(str(table), []).append(key)
    for table, rows in changed.items():
        insert(connection, f"INSERT INTO {table}", rows, then=_ADD[table])
    for table, keys in emptied.items():
        connection.executemany(_DELETE_NOTHING[table], keys)


def revise(connection: sqlite3.Connection, phase: Experiment, difference: Tally, cause: str, now: datetime) -> None:
    """Keep a dated note when the difference changes cohorts that were sealed, and so published, already."""
    starts = [clock.start(cohort) for clock, cohort in _cohorts(phase, difference) if now > clock.seal(cohort)]
    if starts:
        connection.execute(
            "INSERT INTO revisions VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (revised_on, cause, experiment, phase) "
            "DO UPDATE SET cohort_from = min(cohort_from, excluded.cohort_from), "
            "cohort_to = max(cohort_to, excluded.cohort_to)",
            (now.date().isoformat(), cause, phase.key, phase.phase, micros(min(starts)), micros(max(starts))),
        )


def revisions(connection: sqlite3.Connection, phase: Experiment) -> Iterator[Revision]:
    """The dated notes of one phase, oldest first."""
    for revised_on, cause, cohort_from, cohort_to in connection.execute(
        f"SELECT revised_on, cause, cohort_from, cohort_to FROM revisions WHERE {PHASE_OF} ORDER BY revised_on, cause",
        (phase.key, phase.phase),
    ):
        on = datetime.fromisoformat(revised_on).replace(tzinfo=UTC)
        yield Revision(on, cause, phase.key, phase.phase, moment(cohort_from), moment(cohort_to))


def definitions(connection: sqlite3.Connection) -> Mapping[tuple[str, int], str]:
    """The definitions by which the tables were counted, as JSON."""
    rows = connection.execute("SELECT experiment, phase, definition FROM phases")
    return {(experiment, phase): definition for experiment, phase, definition in rows}


def final(connection: sqlite3.Connection) -> Mapping[tuple[str, int], datetime]:
    """Phases whose raw events are not complete: nothing received before that moment is sure to be there."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'expired'").fetchone():
        return {}  # a file of a version before this one that no writer has opened since
    rows = connection.execute("SELECT experiment, phase, before FROM expired ORDER BY experiment, phase")
    return {(experiment, phase): moment(before) for experiment, phase, before in rows}


def define(connection: sqlite3.Connection, phase: Experiment) -> None:
    """Note by which definition this phase is counted from now on."""
    row = (phase.key, phase.phase, phase.model_dump_json())
    connection.execute("INSERT OR REPLACE INTO phases VALUES (?, ?, ?)", row)


def _cohorts(phase: Experiment, cells: Tally) -> Iterator[tuple[Clock, int]]:
    """The clocks and the cohorts of all published cells."""
    windows = {step.step: phase.window_of(step) for step in phase.steps}
    reach = {(cell[1], bool(cell[2]), cell[4]) for cell in cells if cell[0] == "reach"}
    for step, daily, cohort in reach:
        yield Clock(DAY if daily else HOUR, windows[str(step)]), int(cohort)
    for cohort in {cell[3] for cell in cells if cell[0] == "patterns"}:
        yield Clock(DAY, phase.window), int(cohort)
