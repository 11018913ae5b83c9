"""How many events per second are on disk and counted over HTTP? As a ratio to raw batched SQLite inserts.

    python benchmarks/ingest.py --seconds 4 --rounds 3

A real server on loopback takes the events of simulated visitors of the garage-door repair service and answers when they
are durable; one process sends on 400 connections. The floor: the very rows that the server stored, inserted into the
same table of another file on the same disk, 20, 100 or 1,000 in a transaction, each synced as the server's are,
prepared before the clock starts: no HTTP, no JSON, nothing checked, nothing counted. Rounds of server and floor
alternate; each ratio is the median of the rounds'. At the end of a round every answer must have been 200 or a 503 that
was sent again, none of which names a busy database, every acknowledged event must be in the log, and a recount of the
log must find the tables as they are: else this ends with an error.

The goals: .25 of the floor with one event per request and .6 with twenty; 5 times a transaction per event, which waits
for a sync each. `--sync-ms` makes every sync of server and floor take so much longer: a simulation of another disk, no
measurement of the one at hand. How long a sync takes is printed. Sender and server share the machine: on one that is
busy, or has two processors, they get less than the floor. `serve` has one worker for each processor unless told.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import numpy as np
from load import Load, answer_on

from experiments.gallery.exhibit import exhibit
from experiments.simulation.simulate import simulate
from experiments.simulation.truth import read_truth
from experiments.site.catalog import Catalog
from experiments.store.sqlite.engine import open_store
from experiments.store.sqlite.file import LOG_PAGES
from webapp.server.app import now_utc
from webapp.wire.segment_writer import segment_line

EXHIBIT = "multi-step-form"
WRITE_KEY = "wk_benchmark"
STARTED_AT = datetime(2026, 11, 2, tzinfo=UTC)
MOST_EVENTS = 15_000  # made for each second of load; it ends early where a machine is faster
CONNECTIONS = 400  # so that 20 events on each of them fit into the queue
MOST_RAW = 10_000  # rows of a round that the floor inserts
PER_TRANSACTION = (20, 100, 1_000)  # rows in a transaction of the floor
SERVE = """\
import sys
from functools import partial
from pathlib import Path
import webapp.server.app
from experiments.store.event_log import EventLog
from webapp.server.serve import serve
site, port, workers, at_once = sys.argv[1], *map(int, sys.argv[2:])
if at_once:  # events in one transaction; as it is served otherwise
    webapp.server.app.EventLog = partial(EventLog, at_once=at_once)
serve(Path(site), port=port, workers=workers)
"""


@dataclass(frozen=True, slots=True)
class Setting:
    """What is served, and how it is asked."""

    name: str
    workers: int
    per_request: int
    at_once: int = 0  # events in one transaction; 0: what EventLog takes


@dataclass(frozen=True, slots=True)
class Round:
    """What one round gave. `unavailable`: answers with 503, whose requests were sent again."""

    per_second: float
    unavailable: int


SETTINGS = (
    Setting("1 worker, 1 event per request", 1, 1),
    Setting("1 worker, 20 events per request", 1, 20),
    Setting("2 workers, 1 event per request", 2, 1),
    Setting("2 workers, 20 events per request", 2, 20),
    Setting("1 worker, a transaction per event", 1, 1, at_once=1),
)


def messages(number: int, seed: int) -> Iterator[str]:
    """Events of simulated visitors as Segment messages, in the order in which they happen: so many or a few more."""
    found = exhibit(EXHIBIT)
    assert found.truth is not None
    truth, rng = read_truth(found.truth), np.random.default_rng(seed)
    running = found.experiment().model_copy(update={"status": "running", "started_at": STARTED_AT})
    for event in simulate(running, truth, rng, start=STARTED_AT, days=1, visitors=number // 2 + 100):
        message = json.loads(segment_line(event))
        del message["timestamp"], message["receivedAt"]  # it happens when it is received
        yield json.dumps(message, separators=(",", ":"))


def requests(bodies: Iterator[str], per_request: int) -> Iterator[bytes]:
    """The messages as HTTP requests."""
    while batch := list(islice(bodies, per_request)):
        body = f'{{"writeKey":"{WRITE_KEY}","batch":[{",".join(batch)}]}}'.encode()
        yield b"POST /v1/batch HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n" + (
            b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        )


def write_site(folder: Path) -> None:
    """A site whose only experiment runs since STARTED_AT."""
    (folder / "experiments").mkdir(parents=True)
    (folder / "yesladder.yaml").write_text(f"write_key: {WRITE_KEY}\n", "utf-8")
    text = exhibit(EXHIBIT).definition.read_text("utf-8")
    text = text.replace("status: draft", f"status: running\nstarted_at: {STARTED_AT:%Y-%m-%dT%H:%M:%SZ}", 1)
    (folder / "experiments" / f"{EXHIBIT}.yaml").write_text(text, "utf-8")


@contextmanager
def serving(folder: Path, setting: Setting) -> Iterator[int]:
    """The port on which the site is served."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    arguments = [str(folder), str(port), str(setting.workers), str(setting.at_once)]
    with (folder / "serve.log").open("wb") as log:
        server = subprocess.Popen([sys.executable, "-c", SERVE, *arguments], stdout=log, stderr=subprocess.STDOUT)
    try:
        for _ in range(600):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as probe:
                probe.sendall(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                if b" 200 " in answer_on(probe).partition(b"\r\n")[0]:
                    break
            time.sleep(0.1)
        else:
            raise SystemExit(f"the server does not answer; its log:\n{(folder / 'serve.log').read_text()}")
        yield port
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(60)


def over_http(folder: Path, setting: Setting, seconds: float, seed: int) -> Round:
    """One round: a site of its own, served, loaded and recounted. SystemExit where a promise was broken."""
    write_site(folder)
    prepared = requests(messages(int(seconds * MOST_EVENTS), seed), setting.per_request)
    with serving(folder, setting) as port:
        Load(port, iter(list(islice(prepared, 200))), CONNECTIONS).run(60)  # every import is done
        load = Load(port, iter(list(prepared)), CONNECTIONS)
        took = load.run(seconds)
    told = Counter(load.statuses)
    if told.keys() - {200, 503} or any("locked" in body or "busy" in body for body in load.refusals):
        raise SystemExit(f"{setting.name}: {dict(told)}: {load.refusals.most_common(3)}")
    acknowledged = {
        event["messageId"] for one in load.done for event in json.loads(one.partition(b"\r\n\r\n")[2])["batch"]
    }
    store = open_store(folder / "yesladder.db", Catalog(folder, now_utc).phases)
    try:
        stored = {event.message_id for event in store.scan()}
        if lost := acknowledged - stored:
            raise SystemExit(
                f"{setting.name}: {len(lost)} of {len(acknowledged)} acknowledged events are not in the log"
            )
        if differences := store.verify():
            raise SystemExit(f"{setting.name}: {len(differences)} counts differ from the log: {differences[:3]}")
    finally:
        store.close()
    return Round(len(acknowledged) / took, told[503])


def raw(folder: Path, rows: Path, per_transaction: int) -> float:
    """Rows per second: those of this log, inserted into the same table of another file, so many in a transaction."""
    target = folder / f"raw-{per_transaction}.db"
    open_store(target, lambda: ()).append(())  # makes the table and its indexes
    with closing(sqlite3.connect(rows)) as source:
        found = source.execute("SELECT * FROM events ORDER BY rowid LIMIT ?", (MOST_RAW,)).fetchall()
    with closing(sqlite3.connect(target, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
        insert = f"INSERT INTO events VALUES ({', '.join('?' * len(found[0]))})"
        begun = time.perf_counter()
        for first in range(0, len(found), per_transaction):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(insert, found[first : first + per_transaction])
            connection.execute("COMMIT")
        return len(found) / (time.perf_counter() - begun)


def sync_takes(folder: str) -> float:
    """Milliseconds that a sync of two new pages takes on the disk of this folder, the median of 100."""
    took = []
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        for _ in range(100):
            file.write(os.urandom(8192))
            begun = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - begun)
    return 1000 * statistics.median(took)


def on_a_slower_disk(milliseconds: float) -> int:
    """Run this again, in a process all of whose syncs take so much longer; answers its exit code."""
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "slow_sync.so"
        source = Path(__file__).with_name("slow_sync.c")
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
        slower = {"LD_PRELOAD": str(library), "SLOW_SYNC_US": str(round(1000 * milliseconds))}
        return subprocess.run([sys.executable, *sys.argv], env=os.environ | slower, check=False).returncode


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4, help="of load in a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="on the disk to measure; a temporary folder otherwise")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sync-ms", type=float, default=0, help="how much longer each sync takes; needs a C compiler")
    options = parser.parse_args()
    if options.sync_ms and "SLOW_SYNC_US" not in os.environ:
        raise SystemExit(on_a_slower_disk(options.sync_ms))
    rounds: dict[Setting, list[Round]] = {setting: [] for setting in SETTINGS}
    floors: dict[Setting, list[list[float]]] = {setting: [] for setting in SETTINGS}
    for number in range(options.rounds):
        for setting in SETTINGS:
            with tempfile.TemporaryDirectory(dir=options.folder) as name:
                folder = Path(name)
                rounds[setting].append(over_http(folder / "site", setting, options.seconds, options.seed + number))
                rows = folder / "site" / "yesladder.db"
                floors[setting].append([raw(folder, rows, size) for size in PER_TRANSACTION])
    one_each = statistics.median(one.per_second for one in rounds[SETTINGS[-1]])
    told = "".join(f"{f'/ raw by {size}':>14}" for size in PER_TRANSACTION)
    print(f"{'medians of ' + str(options.rounds) + ' rounds':36}{'events/s':>10}{told}{'x one each':>12}{'503':>6}")
    for setting, found in rounds.items():
        speeds = [one.per_second for one in found]
        ratios = (
            statistics.median(speed / floor[place] for speed, floor in zip(speeds, floors[setting], strict=True))
            for place in range(len(PER_TRANSACTION))
        )
        told = "".join(f"{ratio:14.2f}" for ratio in ratios)
        speed, busy = statistics.median(speeds), sum(one.unavailable for one in found)
        print(f"{setting.name:36}{speed:10,.0f}{told}{speed / one_each:12.1f}{busy:6}")
    print(f"a sync takes {sync_takes(options.folder or tempfile.gettempdir()):.2f} ms")
    raws = [statistics.median(floor[place] for found in floors.values() for floor in found) for place in range(3)]
    print(", ".join(f"raw by {size}: {speed:,.0f} rows/s" for size, speed in zip(PER_TRANSACTION, raws, strict=True)))


if __name__ == "__main__":
    main()
