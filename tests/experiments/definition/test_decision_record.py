"""The decision record: what people decided is checked like the rest of a config file, and nothing counts by it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from experiments.definition.decision_record import DecisionRecord
from experiments.definition.experiment import Experiment
from experiments.events.event import Event, MessageId, VisitorId
from experiments.site.catalog import Catalog, check
from experiments.site.phase_record import read_phases
from experiments.store.sqlite.engine import open_store
from tests.experiments.cases.histories import all_cells

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
STARTED = "2026-11-01T09:00:00Z"
DEFINITION: dict[str, Any] = {
    "key": "pricing",
    "name": "Prices",
    "status": "running",
    "started_at": STARTED,
    "variants": [{"key": key, "weight": 1} for key in ("monthly", "yearly")],
    "path": [{"step": "signed-up", "event": "signed_up"}],
    "window": "7 days",
}
THREE = [{"key": key, "weight": 1} for key in ("monthly", "yearly", "weekly")]


def says(site: Path, decision: object, **changes: Any) -> None:
    """Write the config file, with this decision (None: without one)."""
    (site / "experiments").mkdir(exist_ok=True)
    (site / "yesladder.yaml").write_text("write_key: 0123456789abcdef\n")
    document = {**DEFINITION, "decision": decision, **changes}
    with (site / "experiments" / "pricing.yaml").open("w") as file:
        YAML(typ="safe", pure=True).dump({key: value for key, value in document.items() if value is not None}, file)


def refusals(site: Path) -> list[str]:
    """What check says, without file and line."""
    return [f"{one.what}; {one.remedy}" for one in check(site, lambda: NOW)]


@pytest.mark.parametrize(
    ("decision", "changes"),
    [
        pytest.param({"made": "ship", "on": "2026-11-20"}, {}, id="the only treatment"),
        pytest.param({"made": "ship", "variant": "yearly", "on": "2026-11-20", "note": "cheaper"}, {}, id="named"),
        pytest.param({"made": "ship", "variant": "weekly", "on": "2026-11-20"}, {"variants": THREE}, id="of three"),
        pytest.param({"made": "keep-control", "on": "2026-11-22"}, {}, id="today"),
        pytest.param({"made": "inconclusive", "on": "2026-11-23"}, {}, id="tomorrow in UTC is today in Auckland"),
        pytest.param({"made": "inconclusive", "on": "2026-11-01"}, {}, id="on the first day"),
        pytest.param({"made": "keep-control", "on": "2026-11-22"}, {"started_at": None}, id="on the day it starts"),
        pytest.param(
            {"made": "ship", "on": "2026-11-20"},
            {"status": "stopped", "ended_at": "2026-11-19T00:00:00Z"},
            id="after the end",
        ),
    ],
)
def test_a_decision_that_fits_is_taken(tmp_path: Path, decision: dict[str, str], changes: dict[str, Any]) -> None:
    says(tmp_path, decision, **changes)
    assert refusals(tmp_path) == []
    found = Catalog(tmp_path, lambda: NOW).get("pricing")
    assert found is not None
    assert found.decision is not None
    assert found.model_dump(mode="json", exclude_none=True)["decision"] == {"note": "", **decision}


@pytest.mark.parametrize(
    ("decision", "changes", "says_what"),
    [
        ("ship", {}, 'decision is "ship", not a mapping; write lines'),
        (
            {"made": "shipped", "on": "2026-11-20"},
            {},
            'made is "shipped", not ship, keep-control or inconclusive; did you',
        ),
        ({"made": "ship"}, {}, "decision.on is missing; add the key on"),
        (
            {"made": "ship", "on": "20 Nov"},
            {},
            'decision.on is "20 Nov", not a day; write year, month and day, such as',
        ),
        ({"made": "ship", "on": "2026-02-30"}, {}, "not a day; write a day that the calendar has"),
        (
            {"made": "ship", "on": "2026-11-20", "why": "x"},
            {},
            "decision.why is not a known key; remove it; known here: made",
        ),
        ({"made": "ship", "on": "2026-11-24"}, {}, "decision.on is 2026-11-24, in the future; write the day on which"),
        ({"made": "ship", "on": "2026-10-30"}, {}, f"on is 2026-10-30, before the phase started at {STARTED}; write"),
        (
            {"made": "ship", "on": "2026-11-20"},
            {"started_at": None},
            "on is 2026-11-20, before the phase started at 2026",
        ),
        ({"made": "ship", "on": "2026-11-20", "variant": "x"}, {}, 'variant is "x", which is no variant; write yearly'),
        (
            {"made": "ship", "on": "2026-11-20", "variant": "monthly"},
            {},
            "the control; write yearly, or made: keep-control",
        ),
        (
            {"made": "ship", "on": "2026-11-20"},
            {"variants": THREE},
            "does not say which of 2 variants is shipped; add variant",
        ),
        (
            {"made": "keep-control", "on": "2026-11-20", "variant": "yearly"},
            {},
            'decision.variant is "yearly", but keep-control ships no variant; remove it, or write made: ship',
        ),
        (
            {"made": "ship", "on": "2026-11-20"},
            {"status": "draft", "started_at": None},
            "decision is given, but a draft has",
        ),
    ],
)
def test_a_decision_that_does_not_fit_says_what_would(
    tmp_path: Path, decision: object, changes: dict[str, Any], says_what: str
) -> None:
    says(tmp_path, decision, **changes)
    [said] = refusals(tmp_path)
    assert says_what in said


def test_it_is_written_changed_and_taken_back_within_a_phase(tmp_path: Path) -> None:
    says(tmp_path, None, started_at=None)
    now = [NOW - timedelta(days=10)]
    catalog = Catalog(tmp_path, lambda: now[0])
    started = catalog.phases()[0].started_at
    kept = {"made": "keep-control", "on": "2026-11-13"}
    shipped = {"made": "ship", "on": "2026-11-14", "note": "the team likes it"}
    for status, decision in (
        ("running", kept),
        ("running", shipped),
        ("stopped", shipped),
        ("stopped", kept),
        ("stopped", None),
    ):
        now[0] += timedelta(days=2)
        says(tmp_path, decision, started_at=None, status=status)
        catalog.refresh()
        assert catalog.problems() == ()
        [phase] = read_phases(tmp_path / "phases.json")
        assert (phase.phase, phase.started_at, phase.status) == (1, started, status)
        assert phase.decision == (DecisionRecord.model_validate(decision) if decision else None)


def test_the_decision_of_one_phase_is_not_that_of_the_next(tmp_path: Path) -> None:
    kept = {"made": "keep-control", "on": "2026-11-22"}
    says(tmp_path, kept)
    Catalog(tmp_path, lambda: NOW)
    says(tmp_path, kept, phase=2, started_at=None)
    [said] = refusals(tmp_path)
    assert said == "decision is that of phase 1, with which it stays; remove it, and write one when phase 2 is decided"
    says(tmp_path, None, phase=2, started_at=None)
    catalog = Catalog(tmp_path, lambda: NOW)
    assert [phase.decision is None for phase in catalog.phases()] == [False, True]


def test_no_count_depends_on_it(tmp_path: Path) -> None:
    """Counts of final phases included: nothing is counted anew when a decision is written down."""
    phase = Experiment.model_validate(DEFINITION)
    phases = [phase]
    store = open_store(tmp_path / "yesladder.db", lambda: phases, clock=lambda: NOW)
    at = NOW - timedelta(days=3)
    exposure = Event(
        MessageId("m1"),
        "exposure",
        VisitorId("v1"),
        at,
        at,
        "Experiment Viewed",
        experiment="pricing",
        variant="yearly",
    )
    store.append([exposure])
    before = all_cells(store, phase)
    counted: list[object] = []
    store._recount = lambda *what: counted.append(what)  # type: ignore[method-assign]  # what must not happen
    phases[0] = Experiment.model_validate({**DEFINITION, "decision": {"made": "ship", "on": "2026-11-20"}})
    store.append([Event(MessageId("m2"), "action", VisitorId("v1"), at, at, "other")])
    assert all_cells(store, phases[0]) == before
    assert counted == []
    assert store.tables(phases[0]).revisions == []
    store.close()
