"""export: what is imported again counts the same."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from experiments.events.event import Event
from experiments.maintenance.export import COUNT_COLUMNS, EVENT_COLUMNS
from experiments.site.catalog import Catalog
from experiments.store.sqlite.engine import SqliteStore
from experiments.store.store import StoreUnavailable
from tests.experiments.cases.histories import all_cells
from tests.webapp.commands.conftest import run, simulated_site, store_of
from webapp.server.app import now_utc


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return simulated_site(tmp_path / "site", 60)


def anew(site: Path, path: Path) -> Path:
    """The same config files and record, and no events."""
    shutil.copytree(site, path, ignore=shutil.ignore_patterns("yesladder.db*"))
    return path


def same_counts(one: Path, two: Path) -> bool:
    phases = Catalog(one, now_utc).phases()
    assert phases == Catalog(two, now_utc).phases()
    with store_of(one) as first, store_of(two) as second:
        counts = [all_cells(first, phase) for phase in phases]
        assert any(counts)
        return counts == [all_cells(second, phase) for phase in phases]


@pytest.mark.parametrize("experiment", [(), ("contact-form",)], ids=["all", "one experiment"])
def test_what_is_exported_and_imported_counts_the_same(site: Path, tmp_path: Path, experiment: tuple[str, ...]) -> None:
    result = run("export", site, *experiment, "--out", tmp_path / "events.jsonl")
    assert result.exit_code == 0, result.output
    again = anew(site, tmp_path / "again")
    assert run("import", again, tmp_path / "events.jsonl").exit_code == 0
    assert same_counts(site, again)
    if not experiment:
        with store_of(site) as one, store_of(again) as two:
            assert [event.message_id for event in one.scan()] == [event.message_id for event in two.scan()]


def test_attributes_are_those_of_the_first_receipt(client: FlaskClient, site_path: Path, tmp_path: Path) -> None:
    """What an assignment client said of its visitor is in no words of the Segment API."""
    context = {"device": "tv", "language": "en-GB", "plan": "gold", "returning": "now and then"}
    for number in range(8):
        asked = {"context": {"targetingKey": f"v{number}", **context}}
        assert client.post("/ofrep/v1/evaluate/flags/contact-form", json=asked).status_code == 200
    client.application.extensions["yesladder"].close()
    assert run("export", site_path, "--out", tmp_path / "events.jsonl").exit_code == 0
    again = anew(site_path, tmp_path / "again")
    assert run("import", again, tmp_path / "events.jsonl").exit_code == 0
    with store_of(site_path) as one, store_of(again) as two:
        events = list(one.scan())
        assert len(events) == 8
        assert events[0].attributes["device"] == "tv"
        assert [event.attributes for event in two.scan()] == [event.attributes for event in events]
    assert same_counts(site_path, again)


def test_the_same_log_is_the_same_export(site: Path) -> None:
    first = run("export", site).stdout
    with store_of(site) as store:
        events = list(store.scan())
    (site / "yesladder.db").unlink()
    with store_of(site) as store:
        store.append(events[::-1])
    assert run("export", site).stdout == first
    assert [json.loads(line)["messageId"] for line in first.splitlines()] == [event.message_id for event in events]


def test_events_as_csv(site: Path) -> None:
    result = run("export", site, "--format", "csv", "--events")
    header, *rows = csv.reader(io.StringIO(result.stdout))
    assert tuple(header) == EVENT_COLUMNS
    with store_of(site) as store:
        assert [row[-1] for row in rows] == [event.message_id for event in store.scan()]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_counts(site: Path, form: str) -> None:
    result = run("export", site, "contact-form", "--tables", "--format", form)
    assert result.exit_code == 0, result.output
    if form == "csv":
        header, *rows = csv.reader(io.StringIO(result.stdout))
        assert tuple(header) == COUNT_COLUMNS
        read = [{key: value for key, value in zip(header, row, strict=True) if value} for row in rows]
    else:
        read = [
            {key: str(value) for key, value in json.loads(line).items() if value != ""}
            for line in result.stdout.splitlines()
        ]
    (phase,) = Catalog(site, now_utc).phases_of("contact-form")
    with store_of(site) as store:
        assert len(read) == len(all_cells(store, phase))
        exposed = store.tables(phase).reach.exposed.visitors.sum()
    assert sum(int(row["visitors"]) for row in read if row["table"] == "exposed") == exposed


def test_a_file_is_new_and_complete(site: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    result = run("export", site, "--tables", "--format", "csv", "--out", out)
    assert result.stdout == f"Wrote {len(out.read_text().splitlines()) - 1:,} counts to {out}.\n"
    result = run("export", site, "--out", out)
    assert result.exit_code == 2
    assert "exists already. Nothing was changed." in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "site"]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_events_are_written_as_they_are_read_and_a_file_only_whole(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """No log is ever in memory at once: what was read before the disk failed is written already."""
    scan = SqliteStore.scan

    def failing(self: SqliteStore) -> Iterator[Event]:
        yield from islice(scan(self), 2)
        raise StoreUnavailable("yesladder.db: disk I/O error")

    monkeypatch.setattr(SqliteStore, "scan", failing)
    result = run("export", site, "--format", form)
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == 2 + (form == "csv")
    assert run("export", site, "--format", form, "--out", tmp_path / "out").exit_code == 1
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_without_events_nothing_is_made(tmp_path: Path) -> None:
    assert run("init", tmp_path / "new").exit_code == 0
    result = run("export", tmp_path / "new")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "There are no events yet.\n")
    assert not (tmp_path / "new" / "yesladder.db").exists()


def test_an_unknown_experiment_is_a_usage_error_with_the_known_ones(site: Path) -> None:
    result = run("export", site, "pricing")
    assert result.exit_code == 2
    assert "There is no experiment 'pricing'. Known experiments: contact-form" in result.stderr
