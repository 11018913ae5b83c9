"""The database is deleted, replaced or damaged while the real server runs, or before: it goes on and hides nothing.

What cannot be used is kept under a new name, which readiness and the server's log tell until a person moves it away.
"""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from experiments.store.sqlite.set_aside import names_set_aside
from tests.durability.client import WRITE_KEY
from tests.durability.server import Answer, Server, StoreAt

LOG = "yesladder.db"
GARBAGE = b"this is no database, it is a sentence. " * 400
ASKED = {"context": {"targetingKey": "v"}}


def send(server: Server, *messages: str) -> Answer:
    """Events of one visitor each."""
    what = {"type": "track", "event": "form_started"}
    batch = [what | {"anonymousId": f"v-{message}", "messageId": message} for message in messages]
    return server.ask("POST", "/v1/batch", {"writeKey": WRITE_KEY, "batch": batch})


def taken(server: Server, *messages: str) -> None:
    """Send until the events are acknowledged, which they must be without anybody's help."""
    end = time.monotonic() + 60
    while (answer := send(server, *messages)).status != 200:
        assert answer.status == 503
        assert "retry-after" in answer.headers
        assert time.monotonic() < end, answer
        assert server.ask("POST", "/ofrep/v1/evaluate/flags/contact-form", ASKED).status == 200
        time.sleep(0.05)


@pytest.fixture
def server(site: Path) -> Iterator[Server]:
    """Not started yet; stopped at the end."""
    made = Server(site)
    try:
        yield made
    finally:
        made.stop()


@dataclass(frozen=True, slots=True)
class Found:
    """What a log has after all."""

    events: set[str]

    @classmethod
    def at(cls, site: Path, store_at: StoreAt) -> Found:
        with store_at(site) as store:
            assert store.verify() == []
            events = [str(event.message_id) for event in store.scan()]
        assert len(events) == len(set(events))
        with closing(sqlite3.connect(site / LOG)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return cls({event for event in events if not event.startswith("auto-")})


def test_a_deleted_database_is_begun_anew_and_the_end_of_the_old_one_is_kept(
    site: Path, server: Server, store_at: StoreAt
) -> None:
    server.start()
    for number in range(8):
        taken(server, f"before-{number}")
    (site / LOG).unlink()
    for number in range(8):
        taken(server, f"after-{number}")
    (kept,) = server.readiness().json["set_aside"]
    assert kept.startswith(f"{LOG}.replaced-")
    assert (site / kept).stat().st_size > 0
    assert kept in server.log.read_text()
    server.stop()
    assert Found.at(site, store_at).events == {f"after-{number}" for number in range(8)}


@pytest.mark.parametrize("running", [True, False], ids=["while it runs", "after a kill"])
def test_an_older_backup_in_its_place_gets_none_of_the_newer_pages(
    site: Path, server: Server, store_at: StoreAt, tmp_path: Path, running: bool
) -> None:
    server.start()
    taken(server, *(f"old-{number}" for number in range(20)))
    server.stop()
    shutil.copy(site / LOG, tmp_path / "backup.db")
    server.start()
    taken(server, *(f"folded-{number}" for number in range(400)))
    server.stop()  # so that the backup lacks pages that the log to come takes for granted
    server.start()
    for number in range(8):
        taken(server, *(f"new-{number}-{index}" for index in range(20)))
    if not running:
        server.kill()
    (tmp_path / "backup.db").replace(site / LOG)
    if not running:
        server.start()
    for number in range(8):
        taken(server, f"after-{number}")
    assert all(server.readiness().json["set_aside"] for _ in range(8))
    server.stop()
    expected = {f"old-{number}" for number in range(20)} | {f"after-{number}" for number in range(8)}
    assert Found.at(site, store_at).events == expected


def overwritten_header(log: Path) -> None:
    with log.open("r+b") as file:
        file.write(GARBAGE[:100])


def overwritten_middle(log: Path) -> None:
    with log.open("r+b") as file:
        file.seek(4096)
        file.write(GARBAGE)


def garbage(log: Path) -> None:
    log.write_bytes(GARBAGE)


def cut_short(log: Path) -> None:
    with log.open("r+b") as file:
        file.truncate(log.stat().st_size // 2)


DAMAGE: dict[str, Callable[[Path], None]] = {
    "overwritten header": overwritten_header,
    "overwritten middle": overwritten_middle,
    "garbage": garbage,
    "cut short": cut_short,
}


def test_a_header_that_the_write_ahead_log_has_is_mended_by_it(site: Path, server: Server, store_at: StoreAt) -> None:
    server.start()
    taken(server, *(f"before-{number}" for number in range(50)))
    overwritten_header(site / LOG)
    for number in range(8):
        taken(server, f"after-{number}")
    server.stop()
    assert len(Found.at(site, store_at).events) == 58
    assert names_set_aside(site / LOG) == []


CASES = [
    (name, running) for name in DAMAGE for running in (False, True) if (name, running) != ("overwritten header", True)
]


@pytest.mark.parametrize(("name", "running"), CASES)
def test_a_damaged_database_is_set_aside_and_named(
    site: Path, server: Server, store_at: StoreAt, name: str, running: bool
) -> None:
    server.start()
    taken(server, *(f"before-{number}" for number in range(50)))
    server.stop()
    if running:
        server.start()
    DAMAGE[name](site / LOG)
    damaged = (site / LOG).read_bytes()
    if not running:
        server.start(until="/livez")
    for number in range(8):
        assert server.ask("POST", "/ofrep/v1/evaluate/flags/contact-form", ASKED).status == 200
        taken(server, f"after-{number}")
    (kept,) = server.readiness().json["set_aside"]
    assert kept.startswith(f"{LOG}.corrupt-")
    assert (site / kept).read_bytes() == damaged
    assert f"set aside as {kept}, and a fresh log begins" in server.log.read_text()
    for file in site.glob(f"{kept}*"):
        file.rename(site.parent / file.name)
    assert server.readiness().json["set_aside"] == []
    server.stop()
    there, beside = (
        Found.at(site, store_at).events,
        b"".join(file.read_bytes() for file in site.parent.glob(f"{kept}*")),
    )
    for number in range(8):  # what a worker took before the damage was found is in what was set aside
        assert f"after-{number}" in there or f"after-{number}".encode() in beside
    assert "after-7" in there


def test_damage_that_is_in_the_file_while_events_come_is_found(site: Path, server: Server, store_at: StoreAt) -> None:
    """What is taken until then is in the file that is set aside, with its write-ahead log, or in the fresh one."""
    server.start()
    for number in range(4):
        taken(server, *(f"before-{number}-{index}" for index in range(100)))
    server.stop()
    server.start()
    for number in range(4):
        taken(server, f"between-{number}")
    garbage(site / LOG)
    end = time.monotonic() + 60
    while not (kept := server.readiness().json["set_aside"]):
        with suppress(AssertionError):
            send(server, f"probe-{time.monotonic()}")
        assert time.monotonic() < end, "the damage was not found"
    assert kept[0].startswith(f"{LOG}.corrupt-")
    for number in range(8):
        taken(server, f"after-{number}")
    server.stop()
    assert Found.at(site, store_at).events >= {f"after-{number}" for number in range(8)}


def test_without_a_database_assignments_are_served_from_the_record_and_the_config_files(
    site: Path, server: Server, variant_of: Callable[[str], str]
) -> None:
    (site / LOG).mkdir()  # what nobody can open, not even root
    server.start(until="/livez")
    for number in range(8):
        asked = {"context": {"targetingKey": f"v{number}"}}
        answer = server.ask("POST", "/ofrep/v1/evaluate/flags/contact-form", asked)
        assert (answer.status, answer.json["variant"]) == (200, variant_of(f"v{number}"))
        assert send(server, "m").status == 503
    ready = server.readiness()
    assert ready.status == 503
    assert "it must be a file, in a folder that may be written" in ready.json["reasons"][0]
    (site / LOG).rmdir()
    taken(server, "m")
    end = time.monotonic() + 60
    while server.readiness().status != 200:
        assert time.monotonic() < end, server.readiness()
