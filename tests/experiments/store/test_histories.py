"""Whatever happens to a log, the tables of counts are those of a recount: `make study` tries 2,000 histories.

Duplicates, batches dropped and sent again, late and early arrivals, second variants, joined ids, consent withdrawn,
people forgotten, restarts, two workers on one file; after every step SQLite's tables are compared with what the former
judge counts of the memory engine's log, and in the end with a recount of SQLite's own log.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import sqlite3
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from experiments.events.decision import in_order
from experiments.events.event import Event, MessageId, VisitorId
from experiments.store.memory import MemoryStore
from experiments.store.sqlite import count_rows, decision_rows
from experiments.store.sqlite.engine import SqliteStore, open_store
from experiments.store.store import StoreUnavailable
from tests.experiments.cases import former_judge
from tests.experiments.cases.decision_cases import a_decision
from tests.experiments.cases.histories import DAY, PHASE, START, action, exposure, join, minute, withdrawal

FULL = os.environ.get("YESLADDER_STUDY") == "full"
SECOND = PHASE.model_copy(
    update={"phase": 2, "started_at": START + timedelta(days=20), "ended_at": None, "status": "running"}
)
OTHER = PHASE.model_copy(update={"key": "popup", "ended_at": None, "status": "running"})
PHASES = (PHASE, SECOND, OTHER)
LONG_AFTER = minute(100 * DAY)


def _fails(*_: object) -> None:
    raise sqlite3.OperationalError("disk I/O error")


class Histories(RuleBasedStateMachine):
    """SQLite, written by two workers in turn, beside the memory engine, through anything that may happen to a log."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.model = MemoryStore(lambda: PHASES)
        self.store, self.other = self._open(), self._open()
        self.sent: list[Event] = []
        self.held: list[Event] = []
        self.hold = 0  # events that wait to be sent together
        self.failing = False
        self.number = 0

    def _open(self) -> SqliteStore:
        return open_store(self.folder / "yesladder.db", lambda: PHASES, "normal", clock=lambda: LONG_AFTER)

    def teardown(self) -> None:
        self._flush()
        assert not self.store.verify()
        assert list(self.store.scan()) == list(self.model.scan())
        for store in (self.store, self.other):
            store.close()
        shutil.rmtree(self.folder)

    def _append(self, *events: Event) -> None:
        self.held.extend(events)
        if len(self.held) > self.hold:
            self._flush()

    def _flush(self) -> None:
        events, self.held, self.hold = self.held, [], 0
        self.store, self.other = self.other, self.store
        if self.failing:
            self.failing = False
            with pytest.MonkeyPatch.context() as patch:
                # the tables have been changed by then
                patch.setattr("experiments.store.sqlite.event_rows.write", _fails)
                with pytest.raises(StoreUnavailable):
                    self.store.append(events)
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

    @rule(step=st.sampled_from(["seen", "quote"]), state=st.sampled_from(["better", "equivalent"]), at=times)
    def decided(self, step: str, state: str, at: int) -> None:
        one = a_decision(step=step, state=state, decided_at=minute(at), visitors=abs(at))
        for store in (self.store, self.model):
            store.record([one])

    @rule(number=st.integers(1, 8))
    def the_next_come_in_one_batch(self, number: int) -> None:
        self.hold = number

    @rule()
    def the_next_batch_is_dropped_and_sent_again(self) -> None:
        self.failing = True

    @rule()
    def restart(self) -> None:
        for store in (self.store, self.other):
            store.close()
        self.store, self.other = self._open(), self._open()

    @invariant()
    def tables_are_identical(self) -> None:
        with self.store.file.reading() as connection:
            for phase in PHASES:
                table = count_rows.read(connection, phase)
                assert table == former_judge.tally(phase, self.model.scan())
                known = sorted(decision_rows.read(connection, [phase]), key=in_order)
                assert known == self.model.decisions([phase])


TestHistories = pytest.mark.slow(pytest.mark.timeout(0 if FULL else 600)(Histories.TestCase))
TestHistories.settings = settings(max_examples=2_000 if FULL else 150, stateful_step_count=14)
