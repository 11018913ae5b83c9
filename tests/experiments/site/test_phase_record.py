"""The record of phases: whole after a crash, one winner among processes, and named when it cannot be trusted."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest

from experiments.definition.experiment import Experiment
from experiments.definition.problem import SiteError
from experiments.site.catalog import Catalog
from experiments.site.phase_record import read_phases, write_phases
from tests.experiments.cases.experiments import small, variants

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def phase(**changes: Any) -> Experiment:
    made = {"key": "pricing", "name": "Prices", "started_at": START, "variants": variants("monthly", "yearly")}
    return small(**made | {"path": [{"step": "signed-up", "event": "signed_up"}]} | changes)


STOPPED = phase(status="stopped", ended_at="2026-03-09T09:30:00Z")
SECOND = phase(phase=2, started_at="2026-03-09T09:30:00Z")
OTHER = phase(key="other", started_at="2026-01-01T00:00:00Z")


def test_the_record_gives_back_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "phases.json"
    assert read_phases(path) == ()
    write_phases(path, [STOPPED, OTHER, SECOND])
    assert read_phases(path) == (STOPPED, OTHER, SECOND)
    assert os.listdir(tmp_path) == ["phases.json"]  # noqa: PTH208  # the names are what is asked for


def edited(change: Callable[[list[dict[str, Any]]], object]) -> str:
    document = {"format": 1, "phases": [one.model_dump(mode="json") for one in (STOPPED, SECOND)]}
    change(document["phases"])  # type: ignore[arg-type]  # the list of the two
    return json.dumps(document, indent=1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "phases.json:1:1: this record is not JSON"),
        ('{"format": 1,\n "phases": [}', "phases.json:2:13: this record is not JSON"),
        ('{"format": 1, "phases": [NaN]}', "NaN is not a JSON value"),
        ("[]", "this record's format is an empty list, not 1"),
        ('{"format": 2, "phases": []}', "this record's format is 2, not 1"),
        ('{"format": 1, "phases": {}}', "this record's phases are a mapping, not a list"),
        (edited(lambda phases: phases[0].update(window="7d")), 'phases[0].window is "7d", not a duration'),
        (edited(lambda phases: phases[0].update(wnidow="7 days")), "phases[0].wnidow is not a known key"),
        (edited(lambda phases: phases[0].pop("path")), "phases[0].path is missing"),
        (edited(lambda phases: phases[0].update(ended_at=None)), "phases[0] is stopped without the times"),
        (edited(lambda phases: phases[1].update(started_at=None)), "phases[1] is running without the times"),
        (edited(lambda phases: phases[1].update(phase=1)), "phases[1].phase is 1, after phase 1 of pricing"),
        (
            edited(lambda phases: phases[1].update(started_at="2026-03-08T00:00:00Z")),
            "phases[1].started_at is before phase 1 of pricing ended",
        ),
        (edited(lambda phases: phases.insert(1, "x")), 'phases[1] is "x", not a mapping'),  # type: ignore[arg-type]  # wrong on purpose
    ],
)
def test_a_record_that_cannot_be_trusted_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "phases.json"
    path.write_text(text)
    with pytest.raises(SiteError) as error:
        read_phases(path)
    assert said in str(error.value)
    assert "restore it from a backup" in str(error.value)


def test_a_record_that_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "phases.json").mkdir()
    with pytest.raises(SiteError, match="cannot be read"):
        read_phases(tmp_path / "phases.json")


@pytest.mark.parametrize("fails", ["fsync", "replace"])
def test_a_disk_that_refuses_leaves_the_old_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str) -> None:
    path = tmp_path / "phases.json"
    write_phases(path, [STOPPED])

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*((os, "fsync") if fails == "fsync" else (Path, "replace")), refuse)
    with pytest.raises(OSError, match="No space"):
        write_phases(path, [STOPPED, SECOND])
    assert read_phases(path) == (STOPPED,)
    assert [one.name for one in tmp_path.iterdir()] == ["phases.json"]


def worker(site: Path, index: int, barrier: Barrier, told: Any) -> None:
    """One of several processes that see `status: running` at the same time, each with a clock of its own."""
    barrier.wait(timeout=30)
    catalog = Catalog(site, lambda: START + timedelta(seconds=index))
    told.put([(one.key, one.started_at) for one in catalog.phases()])


def test_of_several_processes_the_first_records_and_the_others_adopt(tmp_path: Path) -> None:
    (tmp_path / "experiments").mkdir()
    for key in ("a", "b", "c"):
        (tmp_path / f"experiments/{key}.yaml").write_text(
            f"key: {key}\nname: X\nstatus: running\nvariants: [{{key: a, weight: 1}}, {{key: b, weight: 1}}]\n"
            "path: [{step: s, event: e}]\nwindow: 7 days\n"
        )
    context = multiprocessing.get_context("spawn")
    barrier, told = context.Barrier(4), context.Queue()
    workers = [context.Process(target=worker, args=(tmp_path, index, barrier, told)) for index in range(4)]
    for one in workers:
        one.start()
    try:
        answers = [told.get(timeout=60) for _ in workers]
    finally:
        for one in workers:
            one.join(timeout=10)
            one.kill()
    assert all(answer == answers[0] for answer in answers)
    assert [key for key, _ in answers[0]] == ["a", "b", "c"]
    assert [(one.key, one.started_at) for one in read_phases(tmp_path / "phases.json")] == answers[0]
