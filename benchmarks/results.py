"""Does a result page take longer the more events there are? All that it asks of the store, at two sizes of one log.

    python benchmarks/results.py --few 1000000 --many 10000000 --folder /on/the/disk/to/measure

Two databases whose tables of counts are saturated, and so have the same cells: every step of the multi-step form's
path, each hour and each level of four segment attributes over 60 days, each pattern that occurs on a day. Their counts
differ by the ratio of the sizes. The raw rows are as many, and of the shape, that such visitors send; but they are
written straight into the log and are not the ones that the counts come from: counting ten million journeys takes a
quarter of an hour and would leave the same cells. The page's questions are asked of both in turn; the goal is a ratio
of medians of at most 1.2. Ten million events take about 4 GB and some minutes to write.
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

from rich.console import Console

from experiments.definition.experiment import Experiment
from experiments.events.tally import Tally
from experiments.gallery.exhibit import exhibit
from experiments.store.sqlite import count_rows
from experiments.store.sqlite.engine import SqliteStore, open_store
from experiments.store.sqlite.event_rows import COLUMNS, micros

STARTED_AT = datetime(2026, 9, 1, tzinfo=UTC)
DAYS = 60
LEVELS = {
    "device": ("desktop", "phone", "tablet", "unknown"),
    "source": ("direct", "search", "newsletter", "ads", "unknown"),
    "returning": ("true", "false", "unknown"),
    "language": ("en", "de", "fr", "es", "unknown"),
}
EVENTS_OF_A_VISITOR = 4
ROWS_AT_ONCE = 500_000

console = Console(stderr=True)


def running() -> Experiment:
    """The gallery's multi-step form, running since STARTED_AT."""
    return exhibit("multi-step-form").experiment().model_copy(update={"status": "running", "started_at": STARTED_AT})


def saturated(phase: Experiment, visitors: int) -> Tally:
    """Every cell that DAYS of such a test can have, with about so many visitors in all."""
    hour, day = int(STARTED_AT.timestamp()) // 3_600, int(STARTED_AT.timestamp()) // 86_400
    variants = [variant.key for variant in phase.variants]
    steps = [step.step for step in phase.steps]
    hourly = max(visitors // (DAYS * 24 * len(variants)), len(steps))
    cells: Tally = {}
    for cohort, variant in product(range(hour, hour + DAYS * 24), variants):
        cells["exposed", cohort, variant] = (hourly,)
        for place, step in enumerate(steps):
            cells["reach", step, "", "", cohort, "", variant] = (hourly, hourly // (place + 2))
    segments = [(name, level) for name, levels in LEVELS.items() for level in levels]
    patterns = [
        (1 << depth) - 1 | aside << len(phase.path) for depth in range(len(phase.path) + 1) for aside in range(4)
    ]
    for cohort, variant in product(range(day, day + DAYS), variants):
        for (name, level), (place, step) in product(segments, enumerate(steps)):
            of_level = hourly * 24 // len(LEVELS[name])
            cells["reach", step, name, level, cohort, "", variant] = (of_level, of_level // (place + 2))
        for (name, level), pattern in product([("", ""), *segments], patterns):
            number = max(hourly * 24 // len(patterns) // (len(LEVELS[name]) if name else 1), 1)
            cells["patterns", name, level, cohort, variant, pattern] = (number, number * 31_000, number * 31_000**2)
    for variant in variants:
        cells["ledger", "bot", variant] = (visitors // 200,)
    return cells


def build(path: Path, phase: Experiment, events: int) -> SqliteStore:
    """A log of so many events, and counts to go with it. Written unsynced: it may not outlive a power cut."""
    store = open_store(path, lambda: (phase,))
    with store.file.writing() as connection:
        count_rows.define(connection, phase)
        count_rows.change(connection, phase, saturated(phase, events // EVENTS_OF_A_VISITOR))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        indexes = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'events' AND sql IS NOT NULL"
        ).fetchall()
        for name, _ in indexes:
            connection.execute(f'DROP INDEX "{name}"')
        for first in range(0, events, ROWS_AT_ONCE):
            console.print(f"  {first:,} of {events:,} events", end="\r")
            connection.execute(_INSERT, _values(phase, events, first, min(first + ROWS_AT_ONCE, events)))
        for name, sql in indexes:
            console.print(f"  index {name:40}", end="\r")
            connection.execute(sql)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return store


_INSERT = f"""
    WITH RECURSIVE numbers (n) AS (SELECT :first UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < :last)
    INSERT INTO events ({COLUMNS})
    SELECT printf('message-%011d', n), iif(n % :each, 'action', 'exposure'), printf('visitor-%011d', n / :each),
           :start + n * :pace, :start + n * :pace, iif(n % :each, :name, ''), NULL, iif(n % :each, NULL, :key),
           iif(n % :each, NULL, :variant), '{{}}', '{{"device":"phone","language":"en"}}'
    FROM numbers
"""


def _values(phase: Experiment, events: int, first: int, last: int) -> dict[str, object]:
    return {
        "first": first,
        "last": last,
        "each": EVENTS_OF_A_VISITOR,
        "name": phase.path[0].event,
        "key": phase.key,
        "variant": phase.control.key,
        "start": micros(STARTED_AT),
        "pace": timedelta(days=DAYS) // timedelta(microseconds=1) // events,
    }


def ask(store: SqliteStore, phase: Experiment) -> float:
    """Milliseconds that all questions of one result page take, with one segment opened."""
    begun = time.perf_counter()
    tables = store.tables(phase, ["device"])
    for table in (tables.reach, tables.patterns, tables.ledger, tables.by("device")):
        assert table
    store.decisions([phase])
    return (time.perf_counter() - begun) * 1000


def main() -> None:
    """Build, ask in turn, and print one line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--few", type=int, default=1_000_000, help="events of the smaller log")
    parser.add_argument("--many", type=int, default=10_000_000, help="events of the bigger log")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--folder", type=Path, help="on the disk to measure; a temporary folder otherwise")
    options = parser.parse_args()
    phase = running()
    took: dict[int, list[float]] = {options.few: [], options.many: []}
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        stores = {events: build(Path(folder) / f"{events}.db", phase, events) for events in took}
        cells = {events: len(store.tables(phase, None).cells) for events, store in stores.items()}
        sizes = {events: (Path(folder) / f"{events}.db").stat().st_size / 1e9 for events in took}
        for number in range(options.rounds + 2):
            for events, store in stores.items():
                spent = ask(store, phase)
                if number > 1:  # the first ones warm up
                    took[events].append(spent)
        for store in stores.values():
            store.close()
    for events, times in took.items():
        print(
            f"{events:>12,} events, {cells[events]:,} cells, {sizes[events]:.1f} GB: "
            f"median {statistics.median(times):.1f} ms, worst {max(times):.1f} ms"
        )
    print(f"ratio {statistics.median(took[options.many]) / statistics.median(took[options.few]):.2f}")


if __name__ == "__main__":
    main()
