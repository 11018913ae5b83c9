"""SIGKILL to the whole server and to single workers, under load: nothing acknowledged is lost or counted twice.

The clients send each request again until it is acknowledged, so in the end the log must hold exactly what was sent.
Each round begins with a start and ends with the death of the whole server, so none but a round's first kill of a worker
meets one that has only just been started: granian gives up when that happens.
"""

from __future__ import annotations

import os
import statistics
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from experiments.site.catalog import Catalog
from tests.durability.client import Client
from tests.durability.server import Server, StoreAt
from webapp.server.app import now_utc

ROUNDS = 300 if os.environ.get("YESLADDER_STUDY") == "full" else 15
CLIENTS = 3
CLEAN_STARTS = 3


def assert_exactly(acknowledged: list[str], store_at: StoreAt, site: Path) -> None:
    """What is in the log, each once, is what was acknowledged; and the tables count just that."""
    experiment = Catalog(site, now_utc).experiments()["contact-form"]
    with store_at(site) as store:
        there = Counter(str(event.message_id) for event in store.scan())
        assert set(acknowledged) - set(there) == set(), "acknowledged and lost"
        assert set(there) - set(acknowledged) == set(), "never sent"
        assert [message for message, times in there.items() if times != 1] == []
        assert store.verify() == []
        exposed = sum(sum(counts) for counts in store.tables(experiment).reach.exposed.visitors.tolist())
        assert exposed == len({event.visitor for event in store.scan() if event.kind == "exposure"})


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_what_was_acknowledged_survives_sigkill(
    site: Path, variant_of: Callable[[str], str], store_at: StoreAt, capsys: pytest.CaptureFixture[str]
) -> None:
    server = Server(site)
    clean: list[float] = []
    after_kill: list[float] = []
    clients = [Client(f"c{number}", server.port, variant_of) for number in range(CLIENTS)]
    try:
        for _ in range(CLEAN_STARTS):
            clean.append(server.start())
            server.stop()
        server.start()
        for client in clients:
            client.start()
        for number in range(ROUNDS):
            _wait_for_more(clients)
            time.sleep(0.013 * (number % 16))  # so that rounds end at different moments of a commit
            server.kill_worker(number % 2)
            _wait_for_more(clients)
            server.kill()
            after_kill.append(server.start())
        for client in clients:
            client.stop()
    finally:
        server.stop()
    assert [wrong for client in clients for wrong in client.wrong] == []
    assert sum(client.sent_again for client in clients) > ROUNDS  # the kills were felt
    assert_exactly([message for client in clients for message in client.acknowledged], store_at, site)
    ratio = statistics.median(after_kill) / statistics.median(clean)
    with capsys.disabled():
        sent = sum(len(client.acknowledged) for client in clients)
        print(
            f"\n{ROUNDS} kills of the server and {ROUNDS} of a worker: {sent} events acknowledged, none lost, none "
            f"counted twice; time to ready after a kill {ratio:.2f} x that of a clean start"
        )


def _wait_for_more(clients: list[Client]) -> None:
    """Until every client was answered again."""
    before = [len(client.acknowledged) for client in clients]
    end = time.monotonic() + 60
    while any(len(client.acknowledged) == old for client, old in zip(clients, before, strict=True)):
        assert time.monotonic() < end, "a client was not answered for 60 s"
        time.sleep(0.02)
