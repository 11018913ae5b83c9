"""What every store promises: any order, any batching, duplicates, restarts in between: the identical tables."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from histories import DAY, PHASE, START, action, exposure, join, minute, withdrawal
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from experiments.definition import Experiment
from experiments.events import Event, MessageId, Refusal, VisitorId
from experiments.memory_store import MemoryStore
from experiments.sqlite_store import SqliteStore, open_store
from experiments.store import Receipt, Store

SECOND = PHASE.model_copy(
    update={"phase": 2, "started_at": START + timedelta(days=20), "ended_at": None, "status": "running"}
)
OTHER = PHASE.model_copy(update={"key": "popup", "ended_at": None, "status": "running"})
PHASES = (PHASE, SECOND, OTHER)
LONG_AFTER = minute(100 * DAY)

Opener = Callable[[], Store]


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    openers: dict[str, Opener] = {
        "memory": lambda: MemoryStore(lambda: PHASES),
        "sqlite": lambda: open_store(tmp_path / "yesladder.db", lambda: PHASES, clock=lambda: LONG_AFTER),
    }
    store = openers[request.param]()
    yield store
    store.close()


HISTORY = (
    exposure("v", "single", 0, attributes={"device": "phone"}),
    action("v", "form_viewed", 5),
    action("v", "quote_requested", 9, properties={"amount": 12.5}),
    exposure("w", "multi", 30),
    exposure("b", "multi", 40, attributes={"bot": "true"}),
    exposure("v", "multi", 50),
)


def test_tables(store: Store) -> None:
    assert store.append(HISTORY) == Receipt(stored=6, duplicates=0)
    reach = store.reach(PHASE)
    assert reach.variants == ("single", "multi")
    assert reach.exposed.visitors.tolist() == [[1, 2]]
    assert reach.strata == ("device=phone", "device=unknown")
    assert reach.steps["seen"].visitors.tolist() == [[[1, 0], [0, 1]]]
    assert reach.steps["quote"].reached.tolist() == [[[1, 0], [0, 0]]]
    assert set(reach.steps) == {"seen", "email", "quote", "praise", "error"}
    patterns = store.patterns(PHASE)
    assert patterns.pattern.tolist() == [7, 0]
    assert patterns.value_by_variant().tolist() == [1250, 0]
    assert store.ledger(PHASE) == {"bot": {"multi": 1}, "second-variant": {"multi": 1}}
    assert store.segment_reach(PHASE, "device")["phone"].steps["seen"].reached.tolist() == [[[1, 0]]]
    assert list(store.segment_reach(PHASE, "device")) == ["phone", "unknown"]
    assert not store.verify()
    assert not store.health()


def test_nothing_yet(store: Store) -> None:
    reach = store.reach(PHASE)
    assert reach.exposed.visitors.shape == (0, 2)
    assert reach.steps["seen"].visitors.shape == (0, 1, 2)
    assert store.patterns(PHASE).value_by_variant().tolist() == [0, 0]
    assert not store.ledger(PHASE)
    assert not store.visitor(VisitorId("v"))
    assert not store.recent(10)
    assert not list(store.scan())


def test_twice_is_once(store: Store) -> None:
    store.append(HISTORY)
    before = store.reach(PHASE)
    assert store.append((*HISTORY, *HISTORY)) == Receipt(stored=0, duplicates=12)
    assert store.append([action("x", "form_viewed", 1), action("x", "form_viewed", 1)]) == Receipt(1, 1)
    after = store.reach(PHASE)
    assert all(np.array_equal(after.steps[key].reached, step.reached) for key, step in before.steps.items())
    assert len(list(store.scan())) == 7


def test_phases_are_apart(store: Store) -> None:
    store.append([exposure("v", "single", 0), exposure("v", "multi", 21 * DAY)])
    store.append([exposure("v", "single", 3, experiment="popup")])
    assert store.reach(PHASE).exposed.visitors.tolist() == [[1, 0]]
    assert store.reach(SECOND).exposed.visitors.tolist() == [[0, 1]]
    assert store.reach(OTHER).exposed.visitors.tolist() == [[1, 0]]


def test_everything_about_one_visitor(store: Store) -> None:
    store.append([*HISTORY, join("v", "account", 60), action("account", "form_error", 61)])
    told = store.visitor(VisitorId("account"))
    assert [event.at for event in told] == [minute(at) for at in (0, 5, 9, 50, 60, 61)]
    assert store.visitor(VisitorId("v")) == told
    assert len(store.visitor(VisitorId("w"))) == 1


def test_forget(store: Store) -> None:
    store.append([*HISTORY, join("v", "account", 60)])
    assert store.forget(VisitorId("account")) == 5
    assert store.reach(PHASE).steps["quote"].visitors.sum(axis=(0, 1)).tolist() == [0, 1]
    assert store.patterns(PHASE).value_by_variant().tolist() == [0, 0]
    assert {event.visitor for event in store.scan()} == {"w", "b"}
    assert not store.verify()
    assert store.forget(VisitorId("account")) == 0


def test_what_arrives_is_shown_newest_first(store: Store) -> None:
    store.append(HISTORY)
    refusal = Refusal("variant-mismatch", "properties.variation_id is 'x', must be 'single'", minute(55), name="x")
    store.append([], [refusal, dataclasses.replace(refusal, refused_at=minute(56))])
    newest = store.recent(3)
    assert [getattr(one, "refused_at", None) for one in newest] == [minute(56), minute(55), None]
    assert newest[2] == HISTORY[-1]
    assert store.refused() == {"variant-mismatch": 2}


def test_a_visitor_who_came_by_two_ids_is_taken_apart_when_the_join_moves(store: Store) -> None:
    """Of duplicates the one received first counts, even when it says something else about somebody else."""
    store.append([exposure("v", "single", 0), exposure("w", "multi", 2), join("v", "w", 5, 9, "m")])
    assert store.reach(PHASE).exposed.visitors.tolist() == [[1, 0]]
    store.append([action("x", "form_viewed", 5, 7, "m")])
    assert store.reach(PHASE).exposed.visitors.tolist() == [[1, 1]]
    assert not store.verify()


class Histories(RuleBasedStateMachine):
    """SQLite beside the memory engine, through anything that may happen to a log."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.model = MemoryStore(lambda: PHASES)
        self.store = self._open()
        self.sent: list[Event] = []
        self.number = 0

    def _open(self) -> SqliteStore:
        return open_store(self.folder / "yesladder.db", lambda: PHASES, clock=lambda: LONG_AFTER)

    def teardown(self) -> None:
        assert not self.store.verify()
        assert list(self.store.scan()) == list(self.model.scan())
        self.store.close()
        shutil.rmtree(self.folder)

    def _append(self, *events: Event) -> None:
        assert self.store.append(events) == self.model.append(events)
        self.sent.extend(events)

    def _message(self) -> str:
        self.number += 1
        return f"m{self.number}"

    visitors = st.sampled_from("tuvwx")
    variants = st.sampled_from(["single", "multi"])
    times = st.one_of(st.integers(0, 200), st.integers(0, 2 * DAY), st.integers(-60, 22 * DAY))
    delays = st.sampled_from([0, 0, 1, 59, 121, 181, 301, 1561, 2941, 5 * DAY])
    keys = st.sampled_from(["form", "form", "form", "popup"])
    names = st.sampled_from(
        ["form_viewed", "email_given", "quote_requested", "testimonials_viewed", "form_error", "other"]
    )

    @rule(
        visitor=visitors, variant=variants, at=times, delay=delays, key=keys, flag=st.sampled_from(["", "", "", "bot"])
    )
    def exposed(self, visitor: str, variant: str, at: int, delay: int, key: str, flag: str) -> None:
        attributes = {flag: "true"} if flag else {"device": "phone"}
        self._append(exposure(visitor, variant, at, at + delay, self._message(), experiment=key, attributes=attributes))

    @rule(visitor=visitors, name=names, at=times, delay=delays, amount=st.sampled_from([None, 5, "7.50", 5000, "free"]))
    def acted(self, visitor: str, name: str, at: int, delay: int, amount: object) -> None:
        self._append(action(visitor, name, at, at + delay, self._message(), properties={"amount": amount}))

    @rule(visitor=visitors, joined=visitors, at=times, delay=delays)
    def joined(self, visitor: str, joined: str, at: int, delay: int) -> None:
        self._append(join(visitor, joined, at, at + delay, self._message()))

    @rule(visitor=visitors, at=times)
    def withdrew(self, visitor: str, at: int) -> None:
        self._append(dataclasses.replace(withdrawal(visitor, at), message_id=MessageId(self._message())))

    @rule(data=st.data(), earlier=st.integers(-30, 300), someone=visitors)
    def duplicate_with_another_receipt(self, data: st.DataObject, earlier: int, someone: str) -> None:
        """Perhaps received earlier, perhaps of another visitor."""
        if self.sent:
            event = data.draw(st.sampled_from(self.sent))
            received = max(event.received_at - timedelta(minutes=earlier), event.at)
            visitor = VisitorId(someone) if earlier % 3 == 0 else event.visitor
            self._append(dataclasses.replace(event, received_at=received, visitor=visitor))

    @rule(data=st.data(), back=st.integers(1, 90), variant=variants)
    def earlier_exposure_arrives_last(self, data: st.DataObject, back: int, variant: str) -> None:
        exposures = [event for event in self.sent if event.kind == "exposure" and event.at - START > timedelta(hours=2)]
        if exposures:
            event = data.draw(st.sampled_from(exposures))
            at = event.at - timedelta(minutes=back)
            self._append(dataclasses.replace(event, at=at, variant=variant, message_id=MessageId(self._message())))

    @rule(visitor=visitors, joined=visitors)
    def join_after_every_seal(self, visitor: str, joined: str) -> None:
        self._append(join(visitor, joined, 40 * DAY, 40 * DAY, self._message()))

    @rule(visitor=visitors, at=st.integers(0, 60), name=names)
    def between_two_seals(self, visitor: str, at: int, name: str) -> None:
        """In time for the step with the longer window, too late for the shorter one."""
        self._append(action(visitor, name, at + 60, 240, self._message()))

    @rule(data=st.data())
    def a_batch_again_in_another_order(self, data: st.DataObject) -> None:
        batch = data.draw(st.permutations(self.sent[-8:]))
        self._append(*batch)

    @rule(visitor=visitors)
    def forgotten(self, visitor: str) -> None:
        assert self.store.forget(VisitorId(visitor)) == self.model.forget(VisitorId(visitor))

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.store = self._open()

    @invariant()
    def tables_are_identical(self) -> None:
        for phase in PHASES:
            assert self.store.tally(phase) == self.model.tally(phase)


TestHistories = pytest.mark.slow(Histories.TestCase)
TestHistories.settings = settings(max_examples=60, stateful_step_count=14)


@pytest.mark.parametrize("size", [1, 3, 50])
def test_batching_does_not_matter(tmp_path: Path, size: int) -> None:
    events = [
        made
        for number in range(40)
        for made in (
            exposure(f"v{number}", "single" if number % 2 else "multi", 7 * number),
            action(f"v{number}", "form_viewed", 7 * number + 3, 7 * number + 3 + 40 * (number % 5)),
            join(f"v{number}", f"v{number // 3}", 7 * number + 9),
        )
    ]
    model, store = MemoryStore(lambda: PHASES), open_store(tmp_path / "y.db", lambda: PHASES, clock=lambda: LONG_AFTER)
    model.append(events)
    for start in range(0, len(events), size):
        store.append(events[::-1][start : start + size])
    assert store.tally(PHASE) == model.tally(PHASE)
    store.close()


def test_a_phase_that_ends_is_recounted(tmp_path: Path) -> None:
    running: Experiment = OTHER
    phases = [running]
    store = open_store(tmp_path / "y.db", lambda: phases, clock=lambda: LONG_AFTER)
    store.append([exposure("v", "single", 0, experiment="popup"), exposure("w", "multi", 500, experiment="popup")])
    phases[0] = OTHER.model_copy(update={"ended_at": minute(400), "status": "stopped"})
    assert store.reach(OTHER).exposed.visitors.tolist() == [[1, 0]]
    assert store.ledger(OTHER) == {"after-end": {"multi": 1}}
    # a process that has not heard of the end yet does not take it back
    late = open_store(tmp_path / "y.db", lambda: [running], clock=lambda: LONG_AFTER)
    late.append([exposure("x", "multi", 600, experiment="popup")])
    assert late.reach(OTHER).exposed.visitors.tolist() == [[1, 0]]
    assert not store.verify()
    store.close()
    late.close()


def test_a_phase_first_heard_of_after_its_events_is_counted(tmp_path: Path) -> None:
    phases: list[Experiment] = []
    store = open_store(tmp_path / "y.db", lambda: phases, clock=lambda: LONG_AFTER)
    store.append(HISTORY)
    phases.append(PHASE)
    assert store.reach(PHASE).exposed.visitors.tolist() == [[1, 2]]
    assert not store.verify()
    store.close()
