"""Reports: the same tables are read once, changed ones again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from experiments.audit import readout as made
from experiments.audit.readout import DIAGNOSED, read
from experiments.definition.experiment import Experiment
from experiments.events.decision import Decision
from experiments.events.event import Event, MessageId, VisitorId
from experiments.events.tables import Revision, Tables
from experiments.reporting.report import Report, report
from experiments.store.memory import MemoryStore
from webapp.pages.report_cache import Reports


@dataclass
class Counted:
    """The real `report`, and how often it was called."""

    calls: list[Any] = field(default_factory=list)

    def __call__(self, *arguments: Any) -> Report:
        self.calls.append(arguments)
        return report(*arguments)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """Counts the reports that are really made."""
    counted = Counted()
    monkeypatch.setattr(made, "report", counted)
    return counted


def exposure(phase: Experiment, number: int, **changes: Any) -> Event:
    """The exposure of visitor `number` in the phase's first hour."""
    at = phase.started_at
    assert at is not None
    values: dict[str, Any] = {"experiment": phase.key, "variant": "single"}
    return Event(
        MessageId(f"m{number}"), "exposure", VisitorId(f"v{number}"), at, at, "Experiment Viewed", **values | changes
    )


def decision(phase: Experiment) -> Decision:
    """A decision that somebody else wrote."""
    return Decision(
        experiment=phase.key,
        phase=phase.phase,
        step="form-seen",
        variant="multi-step",
        versus="single",
        state="better",
        decided_at=datetime(2026, 11, 8, 3, tzinfo=UTC),
        visitors=900,
        p_value=0.001,
        p_value_adjusted=0.004,
        relative_interval=(0.02, 0.3),
        method="always-valid",
        alpha=0.05,
        family="diagnostic",
        tables="0f" * 32,
        recorded_at=datetime(2026, 11, 8, 9, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    "change",
    [
        "an exposure",
        "another variant",
        "a bot",
        "only the exposed",
        "a revision",
        "a decision",
        "a decision in another experiment",
        "no segments",
        "a minute",
        "a definition",
    ],
)
def test_whatever_changes_makes_a_new_report(counted: Counted, build: SimpleNamespace, change: str) -> None:
    phase = build.experiment()
    store = MemoryStore(lambda: [phase])
    store.append([exposure(phase, 1)])
    kept, tables, as_of = Reports(), read_anew(store, phase), build.NOW
    first = kept.of(tables, as_of)
    assert kept.of(read_anew(store, phase), as_of) is first
    assert len(counted.calls) == 1
    finished: list[Decision] = []
    if change == "an exposure":
        store.append([exposure(phase, 2)])
    elif change == "another variant":
        store = MemoryStore(lambda: [phase])
        store.append([exposure(phase, 1, variant="multi-step")])
    elif change == "a bot":
        store.append([exposure(phase, 3, attributes={"bot": "true"})])
    elif change == "a decision":
        store.record([decision(phase)])
    elif change == "a decision in another experiment":
        finished = [decision(phase)]
    elif change == "a minute":
        as_of += timedelta(minutes=1)
    elif change == "a definition":
        phase = build.experiment(name="Renamed")
    tables = read_anew(store, phase)
    if change == "only the exposed":
        cells = {cell: (counts[0] + (cell[0] == "exposed"), *counts[1:]) for cell, counts in tables.cells.items()}
        tables = replace(tables, cells=cells)
    elif change == "a revision":
        tables = replace(tables, revisions=[Revision(build.NOW, "forgotten", phase.key, 1, build.NOW, build.NOW)])
    elif change == "no segments":
        tables = store.tables(phase)
    assert kept.of(tables, as_of, finished) is not first
    assert len(counted.calls) == 2


def read_anew(store: MemoryStore, phase: Experiment) -> Tables:
    return store.tables(phase, DIAGNOSED)


def test_an_alarm_is_followed_by_where_the_mismatch_is(build: SimpleNamespace) -> None:
    """Nearly all phones are missing from one variant, as after a change that breaks the page on phones."""
    phase = build.experiment()
    store = MemoryStore(lambda: [phase])
    phones = {"device": "phone"}
    store.append([exposure(phase, n, attributes=phones) for n in range(400)])
    desktops = [("single", "multi-step")[n % 2] for n in range(600)]
    store.append(
        [exposure(phase, 1000 + n, variant=key, attributes={"device": "desktop"}) for n, key in enumerate(desktops)]
    )
    ratio = read(store, phase, [phase], build.NOW).report.sample_ratio
    assert ratio.alarm
    said = [one.text for one in ratio.findings]
    assert "the mismatch is in device phone: multi-step has 0 of 400 instead of 200" in said
    assert ratio.to_json()["findings"] == said


def test_what_ended_experiments_decided_backs_the_learned_values(build: SimpleNamespace) -> None:
    phase = build.experiment()
    past = [
        build.experiment(key=f"past-{n}", status="stopped", ended_at=build.NOW - timedelta(days=1)) for n in range(3)
    ]
    store = MemoryStore(lambda: [phase, *past])
    store.append([exposure(phase, 1)])
    for one in past:
        seen = replace(decision(one), recorded_at=build.NOW)
        store.record([seen, replace(seen, step=one.macro.step, family="primary")])
    (found,) = [one for one in figures_of(phase, store, build, past) if one.step == "form-seen"]
    assert (found.backing.badge, found.backing.together) == ("moved together", 3)
    (alone,) = [one for one in figures_of(phase, store, build, past[:2]) if one.step == "form-seen"]
    assert alone.backing.badge != "moved together"


def figures_of(phase: Experiment, store: MemoryStore, build: SimpleNamespace, past: list[Experiment]) -> Any:
    return read(store, phase, [phase, *past], build.NOW).report.learned_values
