"""A phase whose raw events began to go: its counts are final, whatever arrives, is forgotten, or is defined anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from experiments.definition.experiment import Experiment
from experiments.events.event import Event, VisitorId
from experiments.maintenance.retention import expire
from experiments.store.sqlite.engine import SqliteStore, open_store
from tests.experiments.cases.histories import DAY, PHASE, START, action, all_cells, exposure, minute

OTHER = PHASE.model_copy(update={"key": "popup", "ended_at": None, "status": "running"})
MONTH = timedelta(days=30)
NOW = START + timedelta(days=45)

HISTORY = [
    exposure("v", "single", 0),
    action("v", "form_viewed", 5),
    exposure("w", "multi", 19 * DAY),
    exposure("w", "multi", 19 * DAY, experiment="popup", message="popup"),
]


@pytest.fixture
def phases() -> list[Experiment]:
    return [PHASE, OTHER]


@pytest.fixture
def store(tmp_path: Path, phases: list[Experiment]) -> Iterator[SqliteStore]:
    store = open_store(tmp_path / "yesladder.db", lambda: phases, clock=lambda: minute(100 * DAY))
    store.append(HISTORY)
    expire(store, MONTH, NOW, delete=True)
    assert [event.visitor for event in store.scan()] == ["w", "w"]
    yield store
    store.close()


WHAT: dict[str, Callable[[SqliteStore, list[Experiment]], object]] = {
    "the same events are imported again": lambda store, _: store.append(HISTORY),
    "more of that time is imported": lambda store, _: store.append([exposure("x", "single", 60)]),
    "somebody comes after the end": lambda store, _: store.append([exposure("x", "single", 25 * DAY)]),
    "who is left is forgotten": lambda store, _: store.forget(VisitorId("w")),
    "its end moves": lambda store, phases: phases.__setitem__(
        0, PHASE.model_copy(update={"ended_at": START + timedelta(days=10)})
    ),
    "its beginning moves": lambda store, phases: phases.__setitem__(
        0, PHASE.model_copy(update={"started_at": START - timedelta(days=3)})
    ),
}


@pytest.mark.parametrize("what", WHAT)
def test_final_counts_do_not_change(store: SqliteStore, phases: list[Experiment], what: str) -> None:
    before = all_cells(store, PHASE)
    WHAT[what](store, phases)
    assert all_cells(store, PHASE) == before
    assert before


def test_verify_recounts_the_others(store: SqliteStore) -> None:
    assert not store.verify()
    with store.file.writing() as connection:
        connection.execute("UPDATE exposed SET visitors = 7")
    assert [one.experiment for one in store.verify()] == ["popup"]


def test_other_phases_count_on(store: SqliteStore) -> None:
    def counted() -> int:
        return int(store.tables(OTHER).reach.exposed.visitors.sum())

    more: list[Event] = [exposure("x", "single", 46 * DAY, experiment="popup")]
    assert counted() == 1
    store.append(more)
    assert counted() == 2
    store.forget(VisitorId("w"))
    assert counted() == 1
