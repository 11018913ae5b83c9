"""How long does a result page take, and how big is it? 60 days, 3 variants, 6 steps, at two numbers of visitors.

    python benchmarks/page.py --few 20000 --many 2000000 --rounds 20

Two sites with one experiment, whose tables of counts have a cell for every hour, step and variant, for each pattern on
each day, and for each level of four segment attributes. The counts are drawn without any effect and written straight
into the tables: the page is made from these alone, whatever number of events they count. The real app is asked for the
page, without a network in between, in turn of both sites:

    first           the first request of a process: imports and the report
    a new minute    the report is computed again, as for who comes back later
    same minute     the report is kept too, as for who reloads the page
    not changed     same minute, asked with the ETag: nothing is sent

The goal is a median of less than 400 ms, also in a new minute, and less than 400 KB.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import tempfile
import time
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path

import numpy as np
from flask.testing import FlaskClient
from report import RATES, STARTED_AT, VARIANTS, big_experiment, drawn_tables

from experiments.events.tally import Tally
from experiments.site.catalog import Catalog
from experiments.store.sqlite import count_rows
from experiments.store.sqlite.engine import open_store
from stats.tables.patterns import PatternTable
from stats.tables.reach import ReachTable
from webapp.server.app import create_app

DAYS = 60
LEVELS = {
    "device": {"desktop": 0.4, "phone": 0.5, "tablet": 0.1},
    "source": {"ads": 0.2, "direct": 0.3, "newsletter": 0.1, "search": 0.4},
    "returning": {"false": 0.7, "true": 0.3},
    "language": {"de": 0.1, "en": 0.7, "es": 0.1, "fr": 0.1},
}
KINDS = ("first", "a new minute", "same minute", "not changed")


class Hands:
    """A clock that stands still until it is moved."""

    now: datetime = STARTED_AT + timedelta(days=DAYS + 2)

    def __call__(self) -> datetime:
        """What it reads."""
        return self.now


def cells(reach: ReachTable, patterns: PatternTable) -> Tally:
    """These tables as the store has them, and each day's visitors divided among the levels of every attribute."""
    made: Tally = {}
    for (row, cohort), (place, variant) in product(enumerate(reach.exposed.cohorts), enumerate(VARIANTS)):
        visitors = int(reach.exposed.visitors[row, place])
        if not visitors:
            continue
        made["exposed", int(cohort), variant] = (visitors,)
        for step in RATES:
            reached = int(reach.steps[step].reached[row, 0, place])
            made["reach", step, "", "", int(cohort), "", variant] = (visitors, reached)
    days = reach.exposed.cohorts // 24
    for (place, variant), day in product(enumerate(VARIANTS), np.unique(days)):
        of_day = days == day
        visitors = int(reach.exposed.visitors[of_day, place].sum())
        for step, (name, levels) in product(RATES, LEVELS.items()):
            reached = int(reach.steps[step].reached[of_day, 0, place].sum())
            for level, share in levels.items():
                of_level = round(visitors * share)
                made["reach", step, name, level, int(day), "", variant] = (of_level, round(reached * share))
    columns = (patterns.days, patterns.variant, patterns.pattern)
    counts = (patterns.visitors, patterns.value_sum, patterns.value_sq)
    for day, place, pattern, *numbers in zip(*columns, *counts, strict=True):
        made["patterns", "", "", int(day), VARIANTS[place], int(pattern)] = tuple(int(one) for one in numbers)
    return made


def site(path: Path, visitors: int, hands: Hands) -> FlaskClient:
    """A client of the app over a site with so many visitors counted, and none in its log."""
    (path / "experiments").mkdir(parents=True)
    (path / "yesladder.yaml").write_text("write_key: wk_benchmark\n", "utf-8")
    config = big_experiment(planned=visitors).model_dump(mode="json", exclude_none=True)
    (path / "experiments" / "big.yaml").write_text(json.dumps(config), "utf-8")
    catalog = Catalog(path, hands)
    phase = catalog.get("big")
    assert phase is not None, catalog.problems()
    store = open_store(path / "yesladder.db", catalog.phases, clock=hands)
    drawn = drawn_tables(DAYS, visitors // (DAYS * 24), np.random.default_rng(1))
    with store.file.writing() as connection:
        count_rows.define(connection, phase)
        count_rows.change(connection, phase, cells(*drawn))
    store.close()
    return create_app(path, clock=hands, open_results=True).test_client()


def ask(client: FlaskClient, etag: str = "") -> tuple[float, bytes, str]:
    """Milliseconds that the page took, the page, and its ETag."""
    begun = time.perf_counter()
    answer = client.get("/results/big", base_url="http://localhost", headers={"If-None-Match": etag} if etag else {})
    spent = (time.perf_counter() - begun) * 1000
    assert answer.status_code == (304 if etag else 200), answer.text
    return spent, answer.data, answer.headers["ETag"]


def main() -> None:
    """Build, ask in turn, and print a line for each site and kind of request."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--few", type=int, default=20_000, help="visitors counted in the smaller site")
    parser.add_argument("--many", type=int, default=2_000_000, help="visitors counted in the bigger site")
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    hands = Hands()
    took: dict[int, dict[str, list[float]]] = {}
    pages: dict[int, bytes] = {}
    with tempfile.TemporaryDirectory() as folder:
        clients = {number: site(Path(folder) / str(number), number, hands) for number in (options.few, options.many)}
        for number, client in clients.items():
            took[number] = {kind: [] for kind in KINDS}
            took[number]["first"].append(ask(client)[0])
        for _ in range(options.rounds):
            for number, client in clients.items():
                hands.now += timedelta(minutes=1)
                took[number]["a new minute"].append(ask(client)[0])
                spent, pages[number], etag = ask(client)
                took[number]["same minute"].append(spent)
                took[number]["not changed"].append(ask(client, etag)[0])
        for client in clients.values():
            client.application.extensions["yesladder"].close()
    for number, times in took.items():
        size, sent = len(pages[number]) / 1000, len(gzip.compress(pages[number])) / 1000
        charts = pages[number].count(b'class="chart ')
        print(f"{number:>9,} visitors: {size:.0f} KB ({sent:.0f} KB compressed), {charts} charts")
        for kind, spans in times.items():
            print(f"  {kind:12} median {statistics.median(spans):5.0f} ms, worst {max(spans):5.0f} ms")
    new = {number: statistics.median(times["a new minute"]) for number, times in took.items()}
    print(f"ratio of medians in a new minute: {new[options.many] / new[options.few]:.2f}")


if __name__ == "__main__":
    main()
