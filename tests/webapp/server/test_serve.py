"""The real server: it starts quietly, keeps its workers, and ends whole. What SIGKILL does: tests/durability."""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from experiments.site.catalog import Catalog
from experiments.site.site import Site
from experiments.store.sqlite.engine import SqliteStore, open_store
from webapp.server.app import now_utc
from webapp.server.serve import ServeRefused, serve

Serve = Callable[..., AbstractContextManager[Any]]


@contextmanager
def store_of(site_path: Path) -> Iterator[SqliteStore]:
    """The site's store, opened beside the server."""
    store = open_store(Site.open(site_path).database, Catalog(site_path, now_utc).phases)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def held(site_path: Path) -> Iterator[None]:
    """Nobody can write to the store while this block runs."""
    with Path(f"{Site.open(site_path).database}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def track(visitor: str, message: str, **more: Any) -> dict[str, Any]:
    return {"type": "track", "event": "form_started", "anonymousId": visitor, "messageId": message} | more


def batch(*items: dict[str, Any]) -> str:
    return json.dumps({"writeKey": "wk_test", "batch": items})


def eventually(condition: Callable[[], bool], seconds: float = 20) -> bool:
    """Does it become so?"""
    end = time.monotonic() + seconds
    while not (so := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return so


def alive(pid: int) -> bool:
    """Does this process run? One that ended and waits to be collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def complaints(served: Any) -> list[str]:
    """What the server wrote to its log, but for one line: on a busy machine granian may find that another of its
    threads has taken note of a worker's end before it could, and say that this worker did not end."""
    return [line for line in served.log.read_text().splitlines() if "refused to gracefully stop" not in line]


def ready(served: Any) -> bool:
    """Does it say so? A worker that is only starting refuses the connection."""
    with suppress(OSError, http.client.HTTPException):
        return bool(served.request("GET", "/readyz")[0] == 200)
    return False


def test_it_starts_quietly_serves_and_ends_whole(site_path: Path, serve_site: Serve) -> None:
    with serve_site(workers=2) as served:
        workers = served.workers()
        assert len(workers) == 2
        status, _ = served.request("POST", "/v1/batch", batch(track("v-1", "m-1")))
        assert status == 200
        status, body = served.request(
            "POST", "/ofrep/v1/evaluate/flags/contact-form", '{"context": {"targetingKey": "v-2"}}'
        )
        assert (status, json.loads(body)["reason"]) == (200, "SPLIT")
        served.process.terminate()
        assert served.process.wait(20) == 0
        assert not any(alive(pid) for pid in workers)
        assert complaints(served) == []
    with store_of(site_path) as store:  # the exposure of v-2 was written behind the answer, at the latest at the end
        assert sorted((event.visitor, event.kind) for event in store.scan()) == [("v-1", "action"), ("v-2", "exposure")]


def test_ctrl_c_ends_it_without_a_word(serve_site: Serve) -> None:
    with serve_site(workers=2) as served:
        os.killpg(served.process.pid, signal.SIGINT)  # a terminal tells the whole group
        assert served.process.wait(20) == 0
        assert complaints(served) == []


def test_a_port_that_is_taken_is_refused(site_path: Path, serve_site: Serve) -> None:
    with (
        serve_site(workers=1) as served,
        pytest.raises(ServeRefused, match=f"port {served.port}: Address already in use"),
    ):
        serve(site_path, port=served.port)


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_large_bodies_are_refused_by_the_real_server(serve_site: Serve, chunked: bool) -> None:
    body = batch(track("v", "m", properties={"text": "x" * 600_000})).encode()
    with serve_site(workers=1) as served:
        connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=20)
        data: Any = (body[i : i + 10_000] for i in range(0, len(body), 10_000)) if chunked else body
        connection.request("POST", "/v1/batch", data, {"Content-Type": "text/plain"}, encode_chunked=chunked)
        response = connection.getresponse()
        assert response.status == 413
        assert json.loads(response.read())["success"] is False
        connection.close()
        assert served.request("POST", "/v1/batch", batch(track("v", "m")))[0] == 200


CUT = {
    "before the body": b"POST /v1/batch HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\n",
    "in the body": b"POST /v1/batch HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\n{",
    "in a chunk": b"POST /v1/batch HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n50\r\n{",
    "in an assignment": b"POST /ofrep/v1/evaluate/flags HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\n{",
    "before the answer": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
}


def test_clients_that_hang_up_disturb_nobody(serve_site: Serve) -> None:
    with serve_site(workers=1) as served:
        for sent in CUT.values():
            with socket.create_connection(("127.0.0.1", served.port), timeout=20) as connection:
                connection.sendall(sent)
                time.sleep(0.1)
        assert served.request("POST", "/v1/batch", batch(track("v", "m")))[0] == 200
        served.process.terminate()
        assert served.process.wait(20) == 0
        assert complaints(served) == []


def test_a_killed_worker_is_replaced(serve_site: Serve) -> None:
    with serve_site(workers=2) as served:
        before = served.workers()
        os.kill(before[0], signal.SIGKILL)
        assert eventually(lambda: len(set(served.workers()) - {before[0]}) == 2)
        assert eventually(lambda: ready(served))


def test_workers_follow_their_master(serve_site: Serve) -> None:
    with serve_site(workers=2) as served:
        workers = served.workers()
        served.process.kill()
        served.process.wait(10)
        assert eventually(lambda: not any(alive(pid) for pid in workers))


def test_assignments_are_answered_while_the_disk_is_held(site_path: Path, serve_site: Serve) -> None:
    with serve_site(workers=1) as served:
        senders = [
            threading.Thread(target=served.request, args=("POST", "/v1/batch", batch(track("v", f"m-{i}"))))
            for i in range(40)
        ]
        with held(site_path):
            for sender in senders:
                sender.start()
            time.sleep(0.5)
            asked = '{"context": {"targetingKey": "v"}}'
            assert served.request("POST", "/ofrep/v1/evaluate/flags/contact-form", asked)[0] == 200
            status, body = served.request("GET", "/readyz")
            assert status == 503
            assert "did not answer" in json.loads(body)["reasons"][0]
        for sender in senders:
            sender.join(20)
        assert eventually(lambda: ready(served))
