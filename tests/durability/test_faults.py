"""The disk fails while the real server runs: assignments go on, events are refused and say why, and all comes back.

One server for all faults: it is never started again. Tests may run as root, whom no permission binds, so a read-only
disk is one that refuses to open files for writing, as the system says it (EROFS), to root as to anybody.
"""

from __future__ import annotations

import fcntl
import itertools
import resource
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.durability.client import WRITE_KEY
from tests.durability.medium import Medium
from tests.durability.server import Answer, Server, StoreAt

WORKERS = 2
TRIES = 16  # requests of one kind, so that every worker gets some
LOG = "yesladder.db"


class Shop:
    """A served site with visitors, who know their variants, and what of their events was acknowledged."""

    def __init__(self, server: Server, medium: Medium) -> None:
        self.server = server
        self.medium = medium
        self.acknowledged: list[str] = []
        self._numbers = itertools.count()
        self._variants = self.variants()

    @property
    def log(self) -> Path:
        return self.server.site / LOG

    def send(self) -> Answer:
        """One event of a new visitor."""
        message = f"m{next(self._numbers)}"
        event = {"type": "track", "event": "form_started", "anonymousId": f"v-{message}", "messageId": message}
        answer = self.server.ask("POST", "/v1/batch", {"writeKey": WRITE_KEY, "batch": [event]})
        if answer.status == 200:
            self.acknowledged.append(message)
        return answer

    def variants(self) -> dict[str, Any]:
        """Who gets what. Asking may expose nobody, so that it leaves no trace."""
        answers = {}
        for number in range(TRIES):
            answer = self.server.ask("POST", "/ofrep/v1/evaluate/flags", {"context": {"targetingKey": f"v{number}"}})
            assert answer.status == 200
            answers[f"v{number}"] = [flag["variant"] for flag in answer.json["flags"]]
        return answers

    def assert_refuses(self, *says: str) -> None:
        """Events are refused by every worker, the reason is told, and assignments go on as before."""
        with ThreadPoolExecutor(TRIES) as at_once:
            answers = [at_once.submit(self.send) for _ in range(TRIES)]
            assert self.variants() == self._variants
            for answer in (one.result() for one in answers):
                assert (answer.status, answer.json["code"]) == (503, "unavailable")
                assert int(answer.headers["retry-after"]) > 0
            for ready in at_once.map(lambda _: self.server.readiness(), range(TRIES)):
                assert (ready.status, ready.json["status"]) == (503, "not ready")
                assert int(ready.headers["retry-after"]) > 0
                assert any(word in reason for word in says for reason in ready.json["reasons"]), ready.json
        assert self.variants() == self._variants

    def assert_takes(self) -> None:
        """All is well, or is so in a moment, in every worker, without anybody's help."""
        end = time.monotonic() + 60
        for _ in range(TRIES):
            while self.send().status != 200 or self.server.readiness().status != 200:
                assert time.monotonic() < end, self.server.readiness().json
                time.sleep(0.1)
        assert self.variants() == self._variants


@pytest.fixture(scope="module")
def shop(
    tmp_path_factory: pytest.TempPathFactory, make_site: Callable[..., Path], medium_library: Path
) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("faults")
    site = make_site(folder / "site")
    medium = Medium(medium_library, site, folder)
    server = Server(site, medium.environment, WORKERS)
    server.start()
    try:
        yield Shop(server, medium)
    finally:
        server.stop()


@pytest.fixture
def whole(shop: Shop, store_at: StoreAt) -> Iterator[Shop]:
    """The shop, all well before the test; after it, the log has each acknowledged event once, and its tables agree."""
    shop.assert_takes()
    yield shop
    with store_at(shop.server.site) as store:
        there = [str(event.message_id) for event in store.scan() if not str(event.message_id).startswith("auto-")]
        assert len(there) == len(set(there))
        assert set(shop.acknowledged) - set(there) == set()
        assert store.verify() == []


@contextmanager
def file_size_limit(shop: Shop) -> Iterator[None]:
    """Nobody may write a byte more to any file."""
    pids = shop.server.pids()
    before = resource.prlimit(pids[0], resource.RLIMIT_FSIZE)
    for pid in pids:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        for pid in pids:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@contextmanager
def held_lock(shop: Shop) -> Iterator[None]:
    """Another process of ours writes, and does not end."""
    with Path(f"{shop.log}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def foreign_writer(shop: Shop) -> Iterator[None]:
    """Another program has begun to write to the file, and does not end."""
    with closing(sqlite3.connect(shop.log, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


Fault = Callable[[Shop], AbstractContextManager[None]]

FAULTS: dict[str, tuple[Fault, tuple[str, ...]]] = {
    # what happens: (how it is provoked, what readiness says)
    "disk full": (lambda shop: shop.medium.failing(write="ENOSPC"), ("the disk is full",)),
    "file size limit": (file_size_limit, ("the disk reports an error", "lets no file grow")),
    "I/O error in writing": (lambda shop: shop.medium.failing(write="EIO"), ("the disk reports an error",)),
    "I/O error in a sync": (lambda shop: shop.medium.failing(sync="EIO"), ("the disk reports an error",)),
    "read-only disk": (lambda shop: shop.medium.failing(open="EROFS", write="EROFS"), ("Read-only file system",)),
    "no permission": (lambda shop: shop.medium.failing(open="EACCES"), ("Permission denied",)),
    "held by one of us": (held_lock, ("did not answer", "another program may hold it")),
    "locked by another program": (foreign_writer, ("did not answer", "another program keeps it locked")),
}


@pytest.mark.parametrize("name", FAULTS)
def test_events_are_refused_while_it_lasts_and_taken_after(whole: Shop, name: str) -> None:
    fault, says = FAULTS[name]
    with fault(whole):
        whole.assert_refuses(*says)
    whole.assert_takes()


@pytest.mark.parametrize("hours", [50, -50], ids=["ahead", "behind"])
def test_a_clock_that_jumps_disturbs_nobody(whole: Shop, hours: int, store_at: StoreAt) -> None:
    with whole.medium.clock_off(hours * 3600):
        whole.assert_takes()
        jumped = set(whole.acknowledged[-TRIES:])
    whole.assert_takes()
    with store_at(whole.server.site) as store:
        off = [event.received_at - datetime.now(UTC) for event in store.scan() if event.message_id in jumped]
    assert len(off) == TRIES
    assert all(abs(one - timedelta(hours=hours)) < timedelta(hours=1) for one in off)
