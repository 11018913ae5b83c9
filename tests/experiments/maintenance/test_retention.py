"""What is too old goes, and no count changes: not now, and not by anything that arrives later."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.definition.experiment import Experiment
from experiments.events.event import Event, Refusal
from experiments.events.person import people
from experiments.events.tally import tally
from experiments.maintenance.retention import Retention, expire, over_at, rule
from experiments.store.memory import MemoryStore
from experiments.store.sqlite import event_rows
from experiments.store.sqlite.engine import SqliteStore, open_store
from tests.experiments.cases.histories import DAY, PHASE, START, action, all_cells, exposure, join, minute, withdrawal

RUNNING = {"ended_at": None, "status": "running"}
SECOND = PHASE.model_copy(update={**RUNNING, "phase": 2, "started_at": START + timedelta(days=20)})
OTHER = PHASE.model_copy(update={**RUNNING, "key": "popup"})
OVER = minute(22 * DAY + 60)  # the day after the last day, its window, an hour of grace
MONTH = timedelta(days=30)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "yesladder.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    store = opened(path, [PHASE])
    yield store
    store.close()


def opened(path: Path, phases: Sequence[Experiment]) -> SqliteStore:
    store = open_store(path, lambda: phases, clock=lambda: minute(100 * DAY))
    for phase in phases:
        store.tables(phase)
    return store


def days(number: float) -> datetime:
    return START + timedelta(days=number)


def test_when_a_phase_is_over() -> None:
    assert over_at(PHASE) == OVER
    assert over_at(OTHER) is None


RULES: list[tuple[str, Sequence[Experiment], dict[tuple[str, int], datetime], datetime, Retention]] = [
    ("over, and begun before", [PHASE], {}, days(53), Retention(days(23), (), (PHASE,))),
    ("begun at that very moment", [PHASE], {}, days(30), Retention(days(0), (PHASE,), ())),
    ("sealing this moment", [PHASE], {}, OVER, Retention(OVER - MONTH, (PHASE,), ())),
    ("running", [OTHER], {}, days(900), Retention(days(870), (OTHER,), ())),
    ("gone before", [PHASE], {("form", 1): days(3)}, days(30), Retention(days(0), (), (PHASE,))),
    (
        "windows that run are longer than retention",
        [PHASE, OTHER.model_copy(update={"window": timedelta(days=60)})],
        {},
        days(100),
        Retention(days(39) - timedelta(hours=1), (OTHER.model_copy(update={"window": timedelta(days=60)}),), (PHASE,)),
    ),
]


@pytest.mark.parametrize(
    ("phases", "known", "now", "expected"), [row[1:] for row in RULES], ids=[row[0] for row in RULES]
)
def test_what_may_go(
    phases: Sequence[Experiment], known: dict[tuple[str, int], datetime], now: datetime, expected: Retention
) -> None:
    assert rule(phases, known, MONTH, now) == expected


def test_the_moment_of_the_last_seal_still_counts() -> None:
    """What is received at the very instant of a seal counts; a microsecond later nothing does."""
    kept, after = timedelta(days=1), OVER + timedelta(microseconds=1)
    assert rule([PHASE], {}, kept, OVER) == Retention(OVER - timedelta(days=2, hours=1), (PHASE,), ())
    assert rule([PHASE], {}, kept, after) == Retention(after - kept, (), (PHASE,))


OLD = exposure("v", "single", 0)
SEEN = action("v", "form_viewed", 5)
GOES = [
    ("who was in nothing that counts", (OTHER, SECOND), [OLD, SEEN], [OLD, SEEN]),
    ("what is not that old", (OTHER,), [OLD, action("v", "form_viewed", 40 * DAY)], [OLD]),
    ("what happened before and came after", (OTHER,), [action("v", "form_viewed", 5, 40 * DAY)], []),
    ("who is in it", (PHASE,), [OLD, SEEN], []),
    (
        "who is in another test: what their old one alone counted",
        (OTHER,),
        [OLD, exposure("v", "single", 3, experiment="popup"), SEEN],
        [OLD],
    ),
    (
        "in a later phase: what happened before it",
        (SECOND,),
        [OLD, SEEN, exposure("v", "single", 21 * DAY), action("v", "form_viewed", 20 * DAY)],
        [OLD, SEEN],
    ),
    (
        "exposed before the first phase began, which the ledger says",
        (OTHER,),
        [exposure("v", "single", -5, experiment="popup")],
        [],
    ),
    ("a join of who is in it", (PHASE,), [OLD, join("v", "w", 9), action("w", "form_viewed", 3)], []),
    ("a join of who is in nothing", (SECOND,), [OLD, join("v", "w", 9)], [OLD, join("v", "w", 9)]),
    ("not that they withdrew, nor who they are", (), [OLD, join("v", "w", 9), withdrawal("w", 10), SEEN], [OLD, SEEN]),
]


@pytest.mark.parametrize(("needing", "events", "expected"), [row[1:] for row in GOES], ids=[row[0] for row in GOES])
def test_which_events_go(needing: Sequence[Experiment], events: Sequence[Event], expected: Sequence[Event]) -> None:
    by = Retention(days(30), tuple(needing), ())
    assert by.expendable(events) == expected
    left = [event for event in events if event not in expected]
    for phase in needing:
        assert tally(phase, left) == tally(phase, events)


HISTORY = [
    event
    for i in range(7)
    for event in (
        exposure(f"v{i}", "single", i),
        action(f"v{i}", "form_viewed", i + 5),
        action(f"v{i}", "quote_requested", i + 9, properties={"amount": 10 + i}),
    )
] + [join("v5", "a5", 60), join("v6", "v0", 61), exposure("late", "multi", 19 * DAY), action("nobody", "scrolled", 3)]
REFUSED = [Refusal("invalid", "old", days(1), visitor="v1"), Refusal("invalid", "new", days(45), visitor="v2")]


@pytest.mark.parametrize("at_once", [1, 2, 1000])
def test_raw_events_go_and_counts_stay(store: SqliteStore, monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(event_rows, "VISITORS_AT_ONCE", at_once)
    store.append(HISTORY, REFUSED)
    before = all_cells(store, PHASE)
    told = expire(store, MONTH, days(45), delete=False)
    assert list(store.scan()) == sorted(HISTORY, key=lambda event: (event.received_at, event.message_id))
    done = expire(store, MONTH, days(45), delete=True)
    assert done == told
    assert done.events == {"exposure": 7, "form_viewed": 7, "quote_requested": 7, "join": 2, "scrolled": 1}
    assert (done.people, done.refusals) == (7, 1)  # v0 and v6 are one person
    assert [event.visitor for event in store.scan()] == ["late"]
    assert [one.detail for one in store.recent(9) if isinstance(one, Refusal)] == ["new"]
    assert all_cells(store, PHASE) == before
    assert store.final_phases() == {("form", 1): days(15)}
    assert not expire(store, MONTH, days(45), delete=True).events
    assert expire(store, MONTH, days(60), delete=True).events == {"exposure": 1}
    assert store.final_phases() == {("form", 1): days(30)}


def test_what_went_is_in_no_byte_of_any_file(store: SqliteStore, path: Path) -> None:
    store.append([exposure("planted-77", "single", i, properties={"note": "x" * 500}) for i in range(50)])
    assert b"planted-77" in b"".join(file.read_bytes() for file in path.parent.iterdir())
    expire(store, MONTH, days(60), delete=True)
    assert b"planted-77" not in b"".join(file.read_bytes() for file in path.parent.iterdir())


def test_nothing_is_noted_when_nothing_goes(store: SqliteStore) -> None:
    store.append([exposure("late", "multi", 19 * DAY)])
    assert not expire(store, MONTH, days(45), delete=True).events
    assert not store.final_phases()


def test_what_was_interrupted_is_finished_by_doing_it_again(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_rows, "VISITORS_AT_ONCE", 2)
    store.append(HISTORY)
    before = all_cells(store, PHASE)

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        expire(store, MONTH, days(45), True, lambda _: nullcontext(interrupt))
    assert store.final_phases()  # noted with the first events that went
    assert 1 < len(list(store.scan())) < len(HISTORY)
    assert all_cells(store, PHASE) == before
    expire(store, MONTH, days(45), delete=True)
    assert [event.visitor for event in store.scan()] == ["late"]
    assert all_cells(store, PHASE) == before


VISITORS = st.sampled_from(["a", "b", "c", "d"])
NAMES = st.sampled_from(["form_viewed", "email_given", "quote_requested", "scrolled"])
NOW = 45.0  # days


def events(earliest: float, latest: float) -> st.SearchStrategy[Event]:
    """Events received within these days, some of them long after they happened."""
    numbers = itertools.count()
    received = st.floats(earliest * DAY, latest * DAY).map(lambda at: round(at, 3))
    delay = st.sampled_from([0.0, 0.0, 30.0, 1.5 * DAY, 20.0 * DAY])

    # no later event has the id of an earlier one: it would be known already where that was not deleted
    def made(kind: str, visitor: str, other: str, received: float, delay: float, name: str, key: str) -> Event:
        more: dict[str, Any] = {
            "received": received,
            "message": f"{earliest}:{next(numbers)}",
        }
        at = round(received - delay, 3)
        match kind:
            case "exposure":
                return exposure(visitor, "single" if name < "f" else "multi", at, experiment=key, **more)
            case "join":
                return join(visitor, other, at, received)
            case "withdrawal":
                return withdrawal(visitor, received)
        return action(visitor, name, at, **more)

    kinds = st.sampled_from(["exposure"] * 4 + ["action"] * 6 + ["join", "withdrawal"])
    return st.builds(made, kinds, VISITORS, VISITORS, received, delay, NAMES, st.sampled_from(["form", "popup"]))


def expected_to_be_forgotten(event: Event, history: Sequence[Event]) -> bool:
    """A join of people in no test that counts: they are two when they come again, and that is meant."""
    person = next(one for one in people(history) if event in one)
    return event.joined is not None and not any(
        one.kind == "withdrawal" or (one.experiment == "popup") or (one.experiment == "form" and one.at >= days(20))
        for one in person
    )


@settings(max_examples=60)
@given(st.lists(events(0, NOW), max_size=25), st.lists(events(NOW, 90), max_size=12), st.sampled_from([3, 10, 30]))
def test_no_count_that_may_still_change_needed_what_went(
    history: list[Event], later: list[Event], retention_days: int
) -> None:
    """The running phases count the same, whatever arrives later, as if everything had been kept."""
    history = list({event.message_id: event for event in history}.values())
    history = [event for event in history if not expected_to_be_forgotten(event, history)]
    phases = [PHASE, SECOND, OTHER]
    model = MemoryStore(lambda: phases)
    with tempfile.TemporaryDirectory() as folder:
        store = opened(Path(folder) / "yesladder.db", phases)
        for one in (store, model):
            one.append(history)
        expire(store, timedelta(days=retention_days), days(NOW), delete=True)
        for phase in phases:
            assert all_cells(store, phase) == all_cells(model, phase)
        for one in (store, model):
            one.append(later)
        for phase in (SECOND, OTHER):
            assert all_cells(store, phase) == all_cells(model, phase)
            assert tally(phase, store.scan()) == all_cells(model, phase)  # `verify` can recount them
        store.close()
