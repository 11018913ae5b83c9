"""forget, expire: on a real site, also while it is served."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from experiments.assignment.assignment import assign
from experiments.events.event import Event, MessageId, Refusal, VisitorId
from experiments.site.catalog import Catalog
from experiments.store.sqlite import wipe as erasure
from experiments.store.sqlite.engine import open_store
from tests.webapp.commands.conftest import run, store_of
from webapp.server.app import now_utc

Serve = Callable[..., AbstractContextManager[Any]]


@pytest.fixture
def site(site: Path) -> Path:
    """One test that stopped two years ago, one that runs."""
    path = site
    text = (path / "experiments" / "multi-step-form.yaml").read_text()
    old = text.replace("key: contact-form", "key: old-form").replace("status: running", "status: stopped")
    old = f"started_at: 2024-03-01T00:00:00Z\nended_at: 2024-04-01T00:00:00Z\n{old}"
    (path / "experiments" / "old-form.yaml").write_text(old)
    assert run("check", path).exit_code == 0, run("check", path).output
    return path


def exposure(site: Path, visitor: str, key: str, at: datetime) -> Event:
    experiment = Catalog(site, now_utc).phases_of(key)[0]
    variant = assign(experiment.model_copy(update={"status": "running", "ended_at": None}), visitor, {}).variant
    return Event(
        MessageId(f"exposure of {visitor} to {key}"),
        "exposure",
        VisitorId(visitor),
        at,
        at,
        experiment=key,
        variant=str(variant),
    )


OLD = datetime(2024, 3, 5, tzinfo=UTC)


def fill(site: Path) -> None:
    """Three visitors of the old test, one of the running one."""
    now = now_utc()
    events = [exposure(site, f"old-{i}", "old-form", OLD + timedelta(hours=i)) for i in range(3)]
    events.append(exposure(site, "new", "contact-form", now))
    events.append(
        Event(MessageId("who"), "join", VisitorId("old-1"), OLD, OLD + timedelta(days=1), joined=VisitorId("konto 7"))
    )
    with store_of(site) as store:
        store.append(events, [Refusal("invalid", "visitor 'old-1' is unknown", now)])


def found_in(folder: Path, text: str) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


def test_dry_run_says_what_would_go_and_deletes_nothing(site: Path) -> None:
    fill(site)
    result = run("forget", site, "konto 7", "--dry-run")
    assert result.exit_code == 0, result.output
    assert result.stdout == (
        "Would delete 2 events and 1 refused event of konto 7, also known as old-1; they were in old-form.\n"
    )
    assert found_in(site, "old-1")


def test_forget_leaves_nothing_and_dates_the_change(site: Path) -> None:
    fill(site)
    result = run("forget", site, "konto 7")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("Deleted 2 events and 1 refused event of konto 7")
    assert found_in(site, "old-1") == found_in(site, "konto 7") == []
    phase = Catalog(site, now_utc).phases_of("old-form")[0]
    with store_of(site) as store:
        assert "forgotten" in [one.cause for one in store.tables(phase).revisions]
        assert not store.verify()
    result = run("forget", site, "konto 7")
    assert (result.exit_code, result.stdout) == (0, "Deleted 0 events and 0 refused events of konto 7.\n")


@pytest.mark.parametrize("dry", [(), ("--dry-run",)], ids=["forget", "dry run"])
def test_what_is_left_is_named_and_a_failure(site: Path, dry: tuple[str, ...]) -> None:
    fill(site)
    assert run("export", site, "--out", site / "mine.jsonl").exit_code == 0
    friend = Event(
        MessageId("friend"), "action", VisitorId("new"), OLD, OLD, name="invited", properties={"by": "konto 7"}
    )
    with store_of(site) as store:
        store.append([friend])
    result = run("forget", site, "konto 7", *dry)
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: this is for you to delete or to change:\n"
        "  1 event of other visitors, with messageId friend\n"
        f"  {site / 'mine.jsonl'}\n"
    )
    assert len(found_in(site, "old-1")) == (2 if dry else 1)


def test_a_program_that_reads_on_is_told_of(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasure, "WAIT_MS", 1)
    monkeypatch.setattr(erasure, "PAUSE_SECONDS", 0.001)
    fill(site)
    with store_of(site) as store, store.file.reading() as connection:
        connection.execute("SELECT 1 FROM events").fetchone()
        result = run("forget", site, "konto 7")
        assert result.exit_code == 1
        assert "another program has been reading yesladder.db for 30 seconds" in result.stderr
        assert "Run it for old-1 too" in result.stderr
    assert run("forget", site, "konto 7").exit_code == 0
    assert found_in(site, "konto 7") == []


@pytest.mark.parametrize("command", [("forget", "v"), ("expire",)], ids=["forget", "expire"])
def test_without_events_nothing_is_made(site: Path, command: tuple[str, ...]) -> None:
    (site / "yesladder.yaml").write_text((site / "yesladder.yaml").read_text() + "retention: 400 days\n")
    result = run(command[0], site, *command[1:])
    assert (result.exit_code, result.stdout) == (0, "There are no events yet.\n")
    assert not (site / "yesladder.db").exists()


def test_expire_needs_a_retention(site: Path) -> None:
    fill(site)
    result = run("expire", site)
    assert result.exit_code == 1
    assert "yesladder.yaml has no `retention`, such as retention: 400 days" in result.stderr


def test_expire_tells_first_and_deletes_when_told(site: Path) -> None:
    fill(site)
    (site / "yesladder.yaml").write_text((site / "yesladder.yaml").read_text() + "retention: 400 days\n")
    shown = json.loads(run("results", site, "old-form", "--json", "--as-of", "2026-01-01").output)
    result = run("expire", site)
    assert result.exit_code == 0, result.output
    told = result.stdout.splitlines()
    assert told[0].startswith("Would delete 4 events of 3 visitors and 0 refused events, all received before 20")
    assert told[1:] == [
        "  exposure: 3",
        "  join: 1",
        "Final, not to be recounted any more: old-form phase 1.",
        "Nothing was deleted. To do it: --yes",
    ]
    assert found_in(site, "old-1")
    result = run("expire", site, "--yes")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("Deleted 4 events of 3 visitors")
    with store_of(site) as store:
        assert [event.visitor for event in store.scan()] == ["new"]
    assert json.loads(run("results", site, "old-form", "--json", "--as-of", "2026-01-01").output) == shown
    assert run("expire", site, "--yes").stdout.startswith("Nothing to delete: no event received before 20")


def test_a_test_that_stopped_since_the_last_event_is_over_too(site: Path) -> None:
    """The counts in the file know of no end yet: they are brought up to date before anything goes."""
    record = list(Catalog(site, now_utc).phases())
    running = [phase.model_copy(update={"ended_at": None, "status": "running"}) for phase in record]
    events = [exposure(site, f"old-{i}", "old-form", OLD + timedelta(hours=i)) for i in range(3)]
    before = open_store(site / "yesladder.db", lambda: running)
    before.append(events)
    before.close()
    (site / "yesladder.yaml").write_text((site / "yesladder.yaml").read_text() + "retention: 400 days\n")
    result = run("expire", site, "--yes")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("Deleted 3 events of 3 visitors")
    assert run("verify", site).exit_code == 0


@pytest.mark.slow
def test_both_work_while_the_site_is_served(site_path: Path, serve_site: Serve) -> None:
    """Every event acknowledged meanwhile is there, and of the forgotten one nothing."""

    def track(visitor: str, number: int) -> dict[str, object]:
        return {"type": "track", "event": "form_started", "anonymousId": visitor, "messageId": f"{visitor} {number}"}

    (site_path / "yesladder.yaml").write_text((site_path / "yesladder.yaml").read_text() + "retention: 1 day\n")
    with serve_site(workers=2) as served:
        for number in range(20):
            items = [track("planted-99", number), track(f"other-{number}", number)]
            status, _ = served.request("POST", "/v1/batch", json.dumps({"writeKey": "wk_test", "batch": items}))
            assert status == 200
            if number in {5, 12}:
                assert run("forget", site_path, "planted-99").exit_code == 0
                assert run("expire", site_path, "--yes").exit_code == 0
        result = run("forget", site_path, "planted-99")
        assert result.exit_code == 0, result.output
        assert result.stdout.startswith("Deleted 7 events")
        assert found_in(site_path, "planted-99") == []
    with store_of(site_path) as store:
        assert {event.message_id for event in store.scan()} == {f"other-{i} {i}" for i in range(20)}
        assert not store.verify()
