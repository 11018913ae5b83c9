"""What does one bad item cost a batch of 500 events? As a ratio to a batch in which all are good.

    python benchmarks/refused_item.py --rounds 40

Whole requests in one process, from the bytes of the body to the answer, their events on disk and counted: the CPU
seconds of all its threads, with no server and no client beside them. Good and bad batches take turns on one log, each
with events of its own. Prints the median of each and the median ratio of neighbours; this ends with an error where it
is above 1.1, the goal.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from ingest import WRITE_KEY, messages, write_site
from werkzeug.datastructures import Headers

from webapp.server.app import create_app
from webapp.server.rsgi import Front

ITEMS = 500
GOAL = 1.1


class Exchange:
    """One request as the server hands it over, and its answer."""

    method, path, scheme = "POST", "/v1/batch", "http"

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.headers = Headers({"host": "127.0.0.1", "content-length": str(len(body))})
        self.answer: dict[str, Any] = {}

    async def __call__(self) -> bytes:
        return self.body

    def response_bytes(self, _status: int, _headers: list[tuple[str, str]], body: bytes) -> None:
        self.answer = json.loads(body)


def batches(number: int, seed: int) -> Iterator[tuple[bytes, bool]]:
    """The bodies of so many batches; of every second one an item in the middle has no event."""
    told = messages(number * ITEMS, seed)
    for place in range(number):
        items = list(islice(told, ITEMS))
        if place % 2:
            items[ITEMS // 2] = '{"type":"track","anonymousId":"v"}'
        yield f'{{"writeKey":"{WRITE_KEY}","batch":[{",".join(items)}]}}'.encode(), bool(place % 2)


def seconds_for(front: Front, body: bytes, bad: bool) -> float:
    """CPU seconds of this process for one request. SystemExit where the answer is not the one that is expected."""
    one: Any = Exchange(body)
    begun = time.process_time()
    asyncio.run(front.__rsgi__(one, one))
    took = time.process_time() - begun
    if (one.answer.get("accepted"), one.answer.get("refused")) != (ITEMS - bad, bad):
        raise SystemExit(f"answered {one.answer}, must be {ITEMS - bad} accepted and {int(bad)} refused")
    return took


def main() -> None:
    """Measure, and print two lines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40, help="of one good and one bad batch")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        site = Path(name) / "site"
        write_site(site)
        app = create_app(site)
        front = Front(app)
        took = [seconds_for(front, *one) for one in batches(2 * options.rounds + 4, options.seed)][4:]  # all is loaded
        app.extensions["yesladder"].close()
        front.threads.shutdown()
    good, bad = took[::2], took[1::2]
    ratio = statistics.median(one / other for one, other in zip(bad, good, strict=True))
    print(f"{ITEMS} good events: {1000 * statistics.median(good):.1f} ms of CPU, one of them bad: ", end="")
    print(f"{1000 * statistics.median(bad):.1f} ms; median ratio {ratio:.2f}, goal {GOAL}")
    if ratio > GOAL:
        raise SystemExit("a bad item costs more than the goal")


if __name__ == "__main__":
    main()
