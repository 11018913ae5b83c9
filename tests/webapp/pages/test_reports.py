"""Reports: the same tables are read once, changed ones again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from experiments.definition import Experiment
from experiments.events import Event, MessageId, VisitorId
from experiments.memory_store import MemoryStore
from experiments.store import Revision
from stats.reach import Exposed
from webapp import reports
from webapp.reports import Reports


@dataclass
class Counted:
    """`report`, and how often it was called."""

    calls: list[Any] = field(default_factory=list)

    def __call__(self, *arguments: Any) -> Any:
        self.calls.append(arguments)
        return len(self.calls)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """Counts the reports that are really made."""
    counted = Counted()
    monkeypatch.setattr(reports, "report", counted)
    return counted


def exposure(phase: Experiment, number: int, **changes: Any) -> Event:
    """The exposure of visitor `number` in the phase's first hour."""
    at = phase.started_at
    assert at is not None
    values: dict[str, Any] = {"experiment": phase.key, "variant": "single"}
    return Event(
        MessageId(f"m{number}"), "exposure", VisitorId(f"v{number}"), at, at, "Experiment Viewed", **values | changes
    )


@pytest.mark.parametrize(
    "change",
    ["an exposure", "another variant", "a bot", "only the exposed", "a revision", "a minute", "a definition"],
)
def test_whatever_changes_makes_a_new_report(
    counted: Counted, build: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    phase = build.experiment()
    store = MemoryStore(lambda: [phase])
    store.append([exposure(phase, 1)])
    kept = Reports()
    first = kept.figures(phase, store, build.NOW)
    assert kept.figures(phase, store, build.NOW) is first
    assert len(counted.calls) == 1
    as_of = build.NOW
    if change == "an exposure":
        store.append([exposure(phase, 2)])
    elif change == "another variant":
        store = MemoryStore(lambda: [phase])
        store.append([exposure(phase, 1, variant="multi-step")])
    elif change == "a bot":
        store.append([exposure(phase, 3, attributes={"bot": "true"})])
    elif change == "only the exposed":
        reach = store.reach(phase)
        more = replace(reach, exposed=Exposed(reach.exposed.cohorts, reach.exposed.visitors + 1))
        monkeypatch.setattr(store, "reach", lambda _: more)
    elif change == "a revision":
        revision = Revision(build.NOW, "forgotten", phase.key, 1, build.NOW, build.NOW)
        monkeypatch.setattr(store, "revisions", lambda _: [revision])
    elif change == "a minute":
        as_of += timedelta(minutes=1)
    else:
        phase = build.experiment(name="Renamed")
    assert kept.figures(phase, store, as_of) is not first
    assert len(counted.calls) == 2
