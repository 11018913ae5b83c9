"""Catalog: what is in force, taken up hot, frozen by the record, and never disturbed by somebody's broken file.

Over 300 lines because every rule of succession is tried through the catalog, on the same files of one site.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from experiments.definition.experiment import Experiment
from experiments.definition.unknown import UnknownExperiment, UnknownPhase, UnknownStep
from experiments.site.catalog import Catalog, check
from experiments.site.phase_record import read_phases

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def passes(self, **span: float) -> datetime:
        self.now += timedelta(**span)
        return self.now


DEFINITION: dict[str, Any] = {
    "key": "pricing",
    "name": "Prices",
    "status": "draft",
    "variants": [{"key": "monthly", "weight": 50}, {"key": "yearly", "weight": 50}],
    "path": [{"step": "signed-up", "event": "signed_up"}],
    "window": "7 days",
}


class Folder:
    """A site whose files a test edits."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path, self.clock = path, clock
        (path / "experiments").mkdir()
        (path / "yesladder.yaml").write_text("write_key: 0123456789abcdef\n")

    def says(self, file_name: str = "pricing", /, **changes: Any) -> None:
        document = {key: value for key, value in {**DEFINITION, **changes}.items() if value is not None}
        with (self.path / "experiments" / f"{file_name}.yaml").open("w", encoding="utf-8") as file:
            YAML(typ="safe", pure=True).dump(document, file)

    def catalog(self) -> Catalog:
        return Catalog(self.path, self.clock)

    def recorded(self) -> list[tuple[str, int, str]]:
        return [(phase.key, phase.phase, phase.status) for phase in read_phases(self.path / "phases.json")]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder(tmp_path: Path, clock: Clock) -> Folder:
    return Folder(tmp_path, clock)


def texts(catalog: Catalog) -> list[str]:
    return [str(problem) for problem in catalog.problems()]


def took_up(catalog: Catalog, clock: Clock) -> Experiment:
    """What is in force for `pricing` once the catalog has looked again."""
    clock.passes(seconds=2)
    catalog.refresh()
    found = catalog.get("pricing")
    assert found is not None
    return found


def test_a_life_from_draft_to_stopped(folder: Folder, clock: Clock) -> None:
    folder.says()
    catalog = folder.catalog()
    assert catalog.experiments()["pricing"].status == "draft"
    assert catalog.phases() == ()
    assert not (folder.path / "phases.json").exists(), "a draft is no phase"

    folder.says(status="running", name="Prices, yearly first")
    running = took_up(catalog, clock)
    started = clock.now
    assert (running.status, running.started_at, running.ended_at) == ("running", started, None)
    assert catalog.phases() == (running,)

    clock.passes(days=14)
    folder.says(status="stopped", serve="yearly")
    stopped = took_up(catalog, clock)
    assert (stopped.started_at, stopped.ended_at, stopped.serve) == (started, clock.now, "yearly")
    assert folder.recorded() == [("pricing", 1, "stopped")]
    assert texts(catalog) == []

    ended = clock.now
    folder.says(status="running", phase=2, variants=[{"key": "a", "weight": 1}, {"key": "b", "weight": 2}])
    second = took_up(catalog, clock)
    assert (second.phase, second.started_at) == (2, clock.now)
    assert [phase.ended_at for phase in catalog.phases()] == [ended, None]
    assert catalog.phases_of("pricing") == [stopped, second]


def test_a_new_phase_ends_the_one_that_runs(folder: Folder, clock: Clock) -> None:
    folder.says(status="running")
    catalog = folder.catalog()
    folder.says(status="draft", phase=2, window="1 day")
    assert took_up(catalog, clock).status == "draft"
    assert folder.recorded() == [("pricing", 1, "stopped")]
    assert catalog.phases()[0].ended_at == clock.now
    assert catalog.phases()[0].window == timedelta(days=7), "its own definition stays"


def test_a_new_phase_begins_when_the_one_before_it_has_ended(folder: Folder, clock: Clock) -> None:
    folder.says(status="running")
    catalog = folder.catalog()
    clock.passes(days=7)
    folder.says(status="running", phase=2, started_at="2026-03-05T00:00:00Z")
    assert took_up(catalog, clock).phase == 1
    assert "started_at is 2026-03-05T00:00:00Z, but phase 1 ends only now" in texts(catalog)[0]
    folder.says(status="stopped")
    ended = took_up(catalog, clock).ended_at
    clock.passes(days=2)
    folder.says(status="running", phase=2, started_at="2026-03-05T00:00:00Z")
    assert took_up(catalog, clock).phase == 1
    assert "but phase 1 ended at 2026-03-09T09:30:04Z" in texts(catalog)[0]
    folder.says(status="running", phase=2, started_at="2026-03-10T00:00:00Z")
    assert took_up(catalog, clock).started_at == datetime(2026, 3, 10, tzinfo=UTC)
    assert catalog.phases()[0].ended_at == ended


def test_the_draft_of_a_next_phase_stays_when_its_file_breaks(folder: Folder, clock: Clock) -> None:
    folder.says(status="stopped")
    catalog = folder.catalog()
    folder.says(phase=2)
    assert took_up(catalog, clock).status == "draft"
    folder.says(phase=2, window="7d")
    assert took_up(catalog, clock).phase == 2


def test_what_is_first_seen_stopped_has_no_negative_length(folder: Folder) -> None:
    folder.says(status="stopped", ended_at="2025-11-20T00:00:00Z")
    [phase] = folder.catalog().phases()
    assert phase.started_at == phase.ended_at == datetime(2025, 11, 20, tzinfo=UTC)


def test_times_in_the_file_are_the_phases(folder: Folder) -> None:
    folder.says(status="stopped", started_at="2025-11-01T00:00:00Z", ended_at="2025-11-20T00:00:00Z")
    [phase] = folder.catalog().phases()
    assert (phase.started_at, phase.ended_at) == (datetime(2025, 11, 1, tzinfo=UTC), datetime(2025, 11, 20, tzinfo=UTC))


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Other name"},
        {"hypothesis": "Another reason."},
        {"labels": {"owner": "ann"}},
        {"traffic": "60%"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_may_change_while_running(folder: Folder, clock: Clock, change: dict[str, Any]) -> None:
    folder.says(status="running", traffic="50%")
    catalog = folder.catalog()
    folder.says(status="running", **{"traffic": "50%", **change})
    after = took_up(catalog, clock).model_dump(mode="json")
    assert texts(catalog) == []
    assert after.items() >= change.items()
    assert after["started_at"] == "2026-03-02T09:30:00Z"
    assert folder.catalog().get("pricing") == catalog.get("pricing"), "also after a restart"


FROZEN: dict[str, Any] = {
    "variants": [{"key": "monthly", "weight": 60}, {"key": "yearly", "weight": 40}],
    "path": [{"step": "signed-up", "event": "signup"}],
    "window": "8 days",
    "trigger": {"visible": "#prices"},
    "audience": {"device": ["phone"]},
    "exclusive": {"layer": "a", "slice": ["0%", "50%"]},
    "secondary": [{"step": "faq", "event": "faq"}],
    "guardrails": [{"step": "error", "event": "error", "harm": "more", "margin": "5%"}],
    "value_cap": 20,
    "analysis": {"alpha": 0.1},
    "exposure": "explicit",
    "segments": ["device"],
    "assignment": "reported",
    "started_at": "2026-03-01T00:00:00Z",
    "traffic": "40%",
    "status": "draft",
    "phase": 3,
}


def test_every_key_is_either_free_or_frozen() -> None:
    free = {"key", "name", "hypothesis", "labels", "serve", "decision", "ended_at"}
    assert FROZEN.keys() | free == set(Experiment.model_fields)


@pytest.mark.parametrize("key", FROZEN)
@pytest.mark.parametrize("restart", [False, True], ids=["hot", "after a restart"])
def test_what_must_not_change_while_running(folder: Folder, clock: Clock, key: str, restart: bool) -> None:
    folder.says(status="running", traffic="50%")
    catalog = folder.catalog()
    before = catalog.get("pricing")
    record = (folder.path / "phases.json").read_bytes()
    folder.says(**{"status": "running", "traffic": "50%", key: FROZEN[key]})
    if restart:
        catalog = folder.catalog()
    after = took_up(catalog, clock)
    assert after == before
    assert (folder.path / "phases.json").read_bytes() == record
    [problem] = catalog.problems()
    assert problem.severity == "error"
    assert key in problem.what
    assert list(check(folder.path, clock)) == [problem]

    folder.says(status="running", traffic="50%")
    took_up(catalog, clock)
    assert texts(catalog) == [], "taking the edit back mends it"


def test_stopped_is_final(folder: Folder, clock: Clock) -> None:
    folder.says(status="stopped")
    catalog = folder.catalog()
    folder.says(status="running")
    assert took_up(catalog, clock).status == "stopped"
    assert "phase 1 was stopped, which is final" in texts(catalog)[0]
    folder.says(status="running", phase=2)
    assert took_up(catalog, clock).status == "running"


@pytest.mark.parametrize(("assignment", "refused"), [("hash", True), ("reported", False)], ids=["hash", "reported"])
def test_an_end_in_the_past_takes_back_nothing_counted(
    folder: Folder, clock: Clock, assignment: str, refused: bool
) -> None:
    folder.says(status="running", assignment=assignment, started_at="2026-01-01T00:00:00Z")
    catalog = folder.catalog()
    folder.says(status="stopped", assignment=assignment, ended_at="2026-02-01T00:00:00Z")
    assert took_up(catalog, clock).status == ("running" if refused else "stopped")
    assert any("would take back what has been counted" in text for text in texts(catalog)) == refused


def test_one_broken_file_disturbs_no_other(folder: Folder, clock: Clock) -> None:
    folder.says()
    folder.says("contact", key="contact", status="running")
    catalog = folder.catalog()
    draft = catalog.get("pricing")
    (folder.path / "experiments/pricing.yaml").write_text("key: [\n")
    folder.says("contact", key="contact", status="running", traffic="100%", name="Contact form")
    assert took_up(catalog, clock) == draft, "the last good definition stays in force"
    assert catalog.experiments()["contact"].name == "Contact form"
    assert [problem.file for problem in catalog.problems()] == ["experiments/pricing.yaml"]

    assert folder.catalog().get("pricing") is None, "a draft is not in the record"
    folder.says(name="Mended")
    assert took_up(catalog, clock).name == "Mended"
    assert texts(catalog) == []


@pytest.mark.parametrize("restart", [False, True], ids=["hot", "after a restart"])
@pytest.mark.parametrize("how", ["removed", "broken"])
def test_what_runs_is_served_on_without_its_file(folder: Folder, clock: Clock, how: str, restart: bool) -> None:
    folder.says(status="running")
    catalog = folder.catalog()
    before = catalog.get("pricing")
    path = folder.path / "experiments/pricing.yaml"
    path.unlink() if how == "removed" else path.write_text("key: [\n")
    if restart:
        catalog = folder.catalog()
    assert took_up(catalog, clock) == before
    severities = {problem.severity for problem in catalog.problems()}
    assert severities == {"warning"} if how == "removed" else "error" in severities


def test_what_stopped_is_gone_with_its_file_but_stays_in_the_record(folder: Folder, clock: Clock) -> None:
    folder.says(status="stopped", serve="yearly")
    catalog = folder.catalog()
    (folder.path / "experiments/pricing.yaml").unlink()
    clock.passes(seconds=2)
    catalog.refresh()
    assert catalog.get("pricing") is None
    assert [phase.key for phase in catalog.phases_of("pricing")] == ["pricing"]
    assert texts(catalog) == []


def test_a_slice_is_free_again_when_its_experiment_stopped(folder: Folder, clock: Clock) -> None:
    folder.says(status="running", exclusive={"layer": "a", "slice": ["0%", "60%"]})
    folder.says("contact", key="contact", status="running", exclusive={"layer": "a", "slice": ["50%", "90%"]})
    catalog = folder.catalog()
    assert catalog.experiments().keys() == {"contact"}, "what is new takes turns in the order of the files"
    assert "write a slice within [0%, 50%] or [90%, 100%]" in texts(catalog)[0]
    folder.says("contact", key="contact", status="stopped", exclusive={"layer": "a", "slice": ["50%", "90%"]})
    assert took_up(catalog, clock).status == "running"
    assert texts(catalog) == []


@pytest.mark.parametrize("file", ["there", "removed"])
def test_what_runs_keeps_its_slice_against_a_newcomer(folder: Folder, clock: Clock, file: str) -> None:
    folder.says(status="running", exclusive={"layer": "a", "slice": ["0%", "60%"]})
    catalog = folder.catalog()
    folder.says("a-newcomer", key="newcomer", status="running", exclusive={"layer": "a", "slice": ["0%", "10%"]})
    if file == "removed":
        (folder.path / "experiments/pricing.yaml").unlink()
    assert took_up(catalog, clock).status == "running"
    assert catalog.get("newcomer") is None
    assert folder.recorded() == [("pricing", 1, "running")]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"format": 1}', '{"format": 1, "phases": [{"key": "pricing"}]}', '{"format": 1, "phases": [NaN]}'],
)
def test_a_broken_record_changes_nothing_and_is_never_overwritten(folder: Folder, clock: Clock, text: str) -> None:
    folder.says(status="running")
    catalog = folder.catalog()
    before = catalog.get("pricing")
    record = folder.path / "phases.json"
    good = record.read_text()
    record.write_text(text)
    folder.says(status="stopped")
    assert took_up(catalog, clock) == before
    assert {problem.file for problem in catalog.problems()} == {"phases.json"}
    assert {problem.file for problem in check(folder.path, clock)} == {"phases.json"}
    assert folder.catalog().experiments() == {}, "a process that starts now knows no phase and serves nothing"
    assert record.read_text() == text
    record.write_text(good)
    assert took_up(catalog, clock).status == "stopped"


def test_a_disk_that_refuses_the_record_starts_nothing_and_stops_nothing(
    folder: Folder, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.says(status="running")
    catalog = folder.catalog()
    before = catalog.get("pricing")
    folder.says(status="stopped")

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full_disk:
        full_disk.setattr(os, "fsync", refuse)
        assert took_up(catalog, clock) == before
        assert "phases.json:1:1: this record cannot be written: No space left on device; make room" in texts(catalog)[0]
    assert took_up(catalog, clock).status == "stopped", "the next look tries again"
    assert texts(catalog) == []


def test_hidden_files_are_not_read(folder: Folder) -> None:
    folder.says()
    folder.says(".pricing")
    assert texts(folder.catalog()) == []


def test_files_are_looked_at_once_a_second(folder: Folder, clock: Clock) -> None:
    folder.says()
    catalog = folder.catalog()
    folder.says(name="Other")
    clock.passes(seconds=0.5)
    catalog.refresh()
    assert catalog.experiments()["pricing"].name == "Prices"
    assert took_up(catalog, clock).name == "Other"
    folder.says(name="Back in time")
    assert clock.passes(hours=-1)
    catalog.refresh()
    assert catalog.experiments()["pricing"].name == "Back in time", "a clock set back does not stop the looking"


def test_what_did_not_change_is_not_read_again(folder: Folder, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.says()
    folder.says("contact", key="contact")
    catalog = folder.catalog()
    read: list[str] = []

    def reading(path: Path, name: str) -> object:
        read.append(name)
        return original(path, name)

    original: Callable[[Path, str], object] = catalog_module().read_config
    monkeypatch.setattr(catalog_module(), "read_config", reading)
    folder.says(name="Other")
    took_up(catalog, clock)
    took_up(catalog, clock)
    assert read == ["experiments/pricing.yaml"]


def catalog_module() -> Any:
    import experiments.site.catalog  # noqa: PLC0415  # the module, to watch what it reads

    return experiments.site.catalog


def test_imported_history_begins_with_its_earliest_receipt(folder: Folder, clock: Clock) -> None:
    folder.says(status="running", assignment="reported")
    catalog = folder.catalog()
    earliest = START - timedelta(days=30)
    catalog.backdate("pricing", earliest)
    assert catalog.phases()[0].started_at == earliest
    catalog.backdate("pricing", START - timedelta(days=3))
    assert catalog.phases()[0].started_at == earliest, "never later"
    assert took_up(catalog, clock).started_at == earliest
    assert texts(folder.catalog()) == []
    with pytest.raises(KeyError):
        catalog.backdate("unknown", earliest)


def test_a_start_that_the_file_gives_stays(folder: Folder) -> None:
    folder.says(status="running", started_at="2026-03-01T00:00:00Z")
    catalog = folder.catalog()
    catalog.backdate("pricing", START - timedelta(days=30))
    assert catalog.phases()[0].started_at == datetime(2026, 3, 1, tzinfo=UTC)


def test_the_record_is_complete_and_readable(folder: Folder) -> None:
    folder.says(status="running", name="Größe 🙂")
    folder.catalog()
    text = (folder.path / "phases.json").read_text("utf-8")
    [phase] = json.loads(text)["phases"]
    assert phase.keys() == set(Experiment.model_fields)
    assert (phase["name"], phase["started_at"]) == ("Größe 🙂", "2026-03-02T09:30:00Z")
    assert "Größe 🙂" in text


def test_check_and_catalog_say_the_same(folder: Folder, clock: Clock) -> None:
    folder.says(window="7d")
    folder.says("other", key="other", traffic=5)
    (folder.path / "experiments/third.yml").write_text("key: third\n")
    assert list(check(folder.path, clock)) == list(folder.catalog().problems())
    assert len(check(folder.path, clock)) == 3


def test_what_is_asked_for_by_a_wrong_name_is_told_with_what_there_is(folder: Folder, clock: Clock) -> None:
    folder.says(status="running")
    catalog = folder.catalog()
    assert catalog.require("pricing") == catalog.latest("pricing") == catalog.phase("pricing", 1)
    with pytest.raises(UnknownExperiment, match=r"There is no experiment 'prices'. Known experiments: pricing."):
        catalog.require("prices")
    with pytest.raises(UnknownExperiment):
        catalog.phase("prices", 1)
    with pytest.raises(UnknownPhase, match=r"pricing has no phase 2. Recorded phases: 1."):
        catalog.phase("pricing", 2)
    with pytest.raises(UnknownStep, match="pricing has no step 'sold'; its steps are "):
        catalog.require("pricing").step("sold")


def test_the_last_phase_of_what_no_file_describes_any_more(folder: Folder, clock: Clock) -> None:
    folder.says(status="running")
    catalog = folder.catalog()
    folder.says(status="stopped")
    stopped = took_up(catalog, clock)
    (folder.path / "experiments/pricing.yaml").unlink()
    gone = folder.catalog()
    with pytest.raises(UnknownExperiment, match="none yet"):
        gone.require("pricing")
    assert gone.latest("pricing") == gone.phase("pricing", 1) == stopped
