"""What every store promises, method by method: whoever writes another engine adds it to ENGINES, and has to pass.

Over 300 lines, so that all that is promised stands in one place.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from experiments.definition.experiment import Experiment
from experiments.events.event import Event, Refusal, VisitorId
from experiments.events.tally import of_attributes, tally
from experiments.maintenance.retention import expire
from experiments.store.memory import MemoryStore
from experiments.store.sqlite.engine import open_store
from experiments.store.store import Receipt, Store, StoreError
from tests.experiments.cases.decision_cases import a_decision
from tests.experiments.cases.histories import DAY, PHASE, START, action, all_cells, exposure, join, minute, withdrawal

SECOND = PHASE.model_copy(
    update={"phase": 2, "started_at": START + timedelta(days=20), "ended_at": None, "status": "running"}
)
OTHER = PHASE.model_copy(update={"key": "popup", "ended_at": None, "status": "running"})
PHASES = (PHASE, SECOND, OTHER)
LONG_AFTER = minute(100 * DAY)

Opener = Callable[[Path, Callable[[], Sequence[Experiment]], datetime], Store]
"""Opens the log in this folder, which may have none yet, with these phases and with a clock that stands still."""

ENGINES: dict[str, Opener] = {
    "memory": lambda folder, phases, now: MemoryStore(phases),
    "sqlite": lambda folder, phases, now: open_store(folder / "yesladder.db", phases, clock=lambda: now),
}
IN_FILES = ("sqlite",)  # logs that are kept: they can be copied, opened again and twice at once, and note revisions


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def store(engine: str, tmp_path: Path) -> Iterator[Store]:
    store = ENGINES[engine](tmp_path, lambda: PHASES, LONG_AFTER)
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
    reach = store.tables(PHASE).reach
    assert reach.variants == ("single", "multi")
    assert reach.exposed.visitors.tolist() == [[1, 2]]
    assert reach.strata == ("device=phone", "device=unknown")
    assert reach.steps["seen"].visitors.tolist() == [[[1, 0], [0, 1]]]
    assert reach.steps["quote"].reached.tolist() == [[[1, 0], [0, 0]]]
    assert set(reach.steps) == {"seen", "email", "quote", "praise", "error"}
    patterns = store.tables(PHASE).patterns
    assert patterns.pattern.tolist() == [7, 0]
    assert patterns.value_by_variant().tolist() == [1250, 0]
    assert store.tables(PHASE).ledger == {"bot": {"multi": 1}, "second-variant": {"multi": 1}}
    assert store.tables(PHASE, ["device"]).by("device")["phone"].steps["seen"].reached.tolist() == [[[1, 0]]]
    assert list(store.tables(PHASE, ["device"]).by("device")) == ["phone", "unknown"]
    assert not store.verify()
    assert not store.health()


def test_all_cells_are_those_of_the_tally(store: Store) -> None:
    store.append(HISTORY)
    everything = tally(PHASE, HISTORY)
    assert store.tables(PHASE, None).cells == everything
    assert store.tables(PHASE, ["source"]).cells == of_attributes(everything, ["source"])
    main = store.tables(PHASE)
    assert main.cells == of_attributes(everything, ())
    assert main.phase == PHASE
    with pytest.raises(ValueError, match="'device' is not among the segments of these tables, must be of: none"):
        main.by("device")


def test_nothing_yet(store: Store) -> None:
    reach = store.tables(PHASE).reach
    assert reach.exposed.visitors.shape == (0, 2)
    assert reach.steps["seen"].visitors.shape == (0, 1, 2)
    assert store.tables(PHASE).patterns.value_by_variant().tolist() == [0, 0]
    assert not store.tables(PHASE).ledger
    assert not store.decisions([PHASE])
    assert not store.visitor(VisitorId("v"))
    assert not store.recent(10)
    assert not list(store.scan())


def test_twice_is_once(store: Store) -> None:
    store.append(HISTORY)
    before = store.tables(PHASE).reach
    assert store.append((*HISTORY, *HISTORY)) == Receipt(stored=0, duplicates=12)
    assert store.append([action("x", "form_viewed", 1), action("x", "form_viewed", 1)]) == Receipt(1, 1)
    after = store.tables(PHASE).reach
    assert all(np.array_equal(after.steps[key].reached, step.reached) for key, step in before.steps.items())
    assert len(list(store.scan())) == 7


def test_phases_are_apart(store: Store) -> None:
    store.append([exposure("v", "single", 0), exposure("v", "multi", 21 * DAY)])
    store.append([exposure("v", "single", 3, experiment="popup")])
    assert store.tables(PHASE).reach.exposed.visitors.tolist() == [[1, 0]]
    assert store.tables(SECOND).reach.exposed.visitors.tolist() == [[0, 1]]
    assert store.tables(OTHER).reach.exposed.visitors.tolist() == [[1, 0]]


def test_everything_about_one_visitor(store: Store) -> None:
    store.append([*HISTORY, join("v", "account", 60), action("account", "form_error", 61)])
    told = store.visitor(VisitorId("account"))
    assert [event.at for event in told] == [minute(at) for at in (0, 5, 9, 50, 60, 61)]
    assert store.visitor(VisitorId("v")) == told
    assert len(store.visitor(VisitorId("w"))) == 1


def test_forget(store: Store) -> None:
    store.append([*HISTORY, join("v", "account", 60)])
    store.record([a_decision()])
    assert store.forget(VisitorId("account")) == 5
    assert store.decisions([PHASE]) == [a_decision()]  # it names nobody
    assert store.tables(PHASE).reach.steps["quote"].visitors.sum(axis=(0, 1)).tolist() == [0, 1]
    assert store.tables(PHASE).patterns.value_by_variant().tolist() == [0, 0]
    assert {event.visitor for event in store.scan()} == {"w", "b"}
    assert not store.verify()
    assert store.forget(VisitorId("account")) == 0


def test_a_forgotten_visitor_leaves_no_trace_and_what_others_say_of_them_is_told(store: Store) -> None:
    refusal = Refusal("invalid", "v has no name", minute(55), visitor=VisitorId("account"))
    store.append([*HISTORY, join("v", "account", 60), action("w", "invited", 61, properties={"by": ["v"]})], [refusal])
    found = store.traces(VisitorId("account"))
    assert found.ids == {"v", "account"}
    assert found.events == store.visitor(VisitorId("v"))
    assert found.refused == 1
    (quoting,) = found.quoted_by
    assert [event.message_id for event in store.visitor(VisitorId("w")) if event.name == "invited"] == [quoting]
    assert store.forget(VisitorId("account")) == len(found.events)
    left = store.traces(VisitorId("account"))
    assert (len(left.events), left.ids, left.refused, len(left.quoted_by)) == (0, {"account"}, 0, 0)
    assert not [one for one in store.recent(9) if isinstance(one, Refusal)]
    assert store.refused() == {"invalid": 1}  # how many there were names nobody


def test_people_of_a_phase(store: Store) -> None:
    """All events of who was exposed in it, and of nobody else."""
    before = exposure("early", "single", -5)
    events = [*HISTORY, before, join("v", "account", 60), action("account", "scrolled", -9)]
    store.append(
        [
            *events,
            action("x", "email_given", 1),
            exposure("late", "multi", 19 * DAY),
            exposure("later", "multi", 21 * DAY),
        ]
    )

    def ids(people: Iterator[Sequence[Event]]) -> list[set[str]]:
        return sorted(({event.visitor for event in person} for person in people), key=sorted)

    assert ids(store.people(PHASE, LONG_AFTER)) == [{"account", "v"}, {"b"}, {"late"}, {"w"}]
    assert ids(store.people(PHASE, minute(40))) == [{"account", "v"}, {"w"}]
    assert ids(store.people(SECOND, LONG_AFTER)) == [{"later"}]
    (person,) = [one for one in store.people(PHASE, LONG_AFTER) if len(one) > 1]
    assert person == store.visitor(VisitorId("v"))


def test_what_expires_is_gone_and_the_counts_are_final(store: Store) -> None:
    refused = [Refusal("invalid", "old", minute(DAY)), Refusal("invalid", "new", minute(50 * DAY))]
    store.append([*HISTORY, exposure("later", "multi", 21 * DAY)], refused)
    before, now = store.tables(PHASE, ["device"]), minute(60 * DAY)
    month = timedelta(days=30)
    assert not store.final_phases()
    told = expire(store, month, now, delete=False)
    assert (told.people, told.refusals, told.events["exposure"]) == (3, 1, 4)
    assert len(list(store.scan())) == 7
    assert expire(store, month, now, delete=True) == told
    assert store.final_phases() == {("form", 1): now - month}
    assert [event.visitor for event in store.scan()] == ["later"]
    assert [one.detail for one in store.recent(9) if isinstance(one, Refusal)] == ["new"]
    store.append([exposure("again", "multi", 3)])  # too late to be counted: nobody could recount it
    after = store.tables(PHASE, ["device"])
    assert after.cells == before.cells
    assert store.tables(SECOND).reach.exposed.visitors.tolist() == [[0, 1]]
    assert not store.verify()
    assert not expire(store, month, now, delete=True).refusals
    store.forget(VisitorId("later"))
    assert expire(store, month, now + month, delete=True).people == 0
    assert store.final_phases() == {("form", 1): now - month}  # nothing of it went since
    assert store.tables(PHASE, ["device"]).cells == before.cells


def test_a_copy_is_a_log_of_its_own(store: Store, engine: str, tmp_path: Path) -> None:
    store.append(HISTORY)
    folder = tmp_path / "copy"
    folder.mkdir()
    if engine not in IN_FILES:
        with pytest.raises(StoreError):
            store.copy(folder)
        assert not list(folder.iterdir())
        return
    seen: list[int] = []
    assert store.copy(folder, lambda total: nullcontext(seen.append)) == len(HISTORY)
    assert sum(seen) > 0
    store.append([exposure("x", "single", 70)])
    copied = ENGINES[engine](folder, lambda: PHASES, LONG_AFTER)
    assert {event.visitor for event in copied.scan()} == {"v", "w", "b"}
    assert not copied.verify()
    copied.close()


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
    assert store.tables(PHASE).reach.exposed.visitors.tolist() == [[1, 0]]
    store.append([action("x", "form_viewed", 5, 7, "m")])
    assert store.tables(PHASE).reach.exposed.visitors.tolist() == [[1, 1]]
    assert not store.verify()


def test_a_decision_once_written_stays(store: Store) -> None:
    first = a_decision()
    store.record([first])
    store.record([a_decision(recorded_at=LONG_AFTER, visitors=5, p_value=0.04), a_decision(state="equivalent")])
    store.record([])
    assert store.decisions([PHASE]) == [a_decision(state=state) for state in ("better", "equivalent")]
    assert store.decisions([PHASE])[0] == first
    assert not store.verify()


def test_a_decision_comes_back_as_it_was_written_in_the_order_in_which_they_fell(store: Store) -> None:
    later = [
        a_decision(step=step, decided_at=a_decision().decided_at + timedelta(hours=hours), **numbers)
        for step, hours, numbers in (
            ("seen", 3, {"relative_interval": None, "p_value": 1e-300, "p_value_adjusted": 0.1 + 0.2}),
            ("email", 2, {"relative_interval": (None, None), "p_value": None, "p_value_adjusted": None}),
            ("praise", 1, {"relative_interval": (-1 / 3, 2 / 3), "recorded_at": LONG_AFTER}),
        )
    ]
    store.record([*later, a_decision()])
    assert store.decisions([PHASE]) == [a_decision(), *reversed(later)]


def test_phases_have_decisions_of_their_own(store: Store) -> None:
    store.record([a_decision(), a_decision(phase=2), a_decision(experiment="popup", state="worse")])
    assert store.decisions([SECOND]) == [a_decision(phase=2)]
    assert store.decisions([OTHER]) == [a_decision(experiment="popup", state="worse")]
    assert len(store.decisions([SECOND, OTHER])) == 2
    assert not store.decisions([])
    assert store.tables(SECOND).decisions == [a_decision(phase=2)]


@pytest.mark.parametrize("size", [1, 3, 50])
def test_batching_does_not_matter(store: Store, size: int) -> None:
    events = [
        made
        for number in range(40)
        for made in (
            exposure(f"v{number}", "single" if number % 2 else "multi", 7 * number),
            action(f"v{number}", "form_viewed", 7 * number + 3, 7 * number + 3 + 40 * (number % 5)),
            join(f"v{number}", f"v{number // 3}", 7 * number + 9),
        )
    ]
    model = MemoryStore(lambda: PHASES)
    model.append(events)
    for start in range(0, len(events), size):
        store.append(events[::-1][start : start + size])
    assert all_cells(store, PHASE) == all_cells(model, PHASE)


def test_a_phase_that_ends_is_recounted(engine: str, tmp_path: Path) -> None:
    running: Experiment = OTHER
    phases = [running]
    store = ENGINES[engine](tmp_path, lambda: phases, LONG_AFTER)
    store.append([exposure("v", "single", 0, experiment="popup"), exposure("w", "multi", 500, experiment="popup")])
    assert store.tables(OTHER).reach.exposed.visitors.sum(axis=0).tolist() == [1, 1]
    phases[0] = OTHER.model_copy(update={"ended_at": minute(400), "status": "stopped"})
    for asked in (phases[0], running):  # who asks may not have heard of the end yet
        assert store.tables(asked).reach.exposed.visitors.tolist() == [[1, 0]]
        assert store.tables(asked).ledger == {"after-end": {"multi": 1}}
    assert not store.verify()
    store.close()


@pytest.mark.parametrize("engine", IN_FILES)
def test_an_end_once_known_is_never_taken_back(engine: str, tmp_path: Path) -> None:
    """A process that has not heard of the end counts by it all the same."""
    ended = OTHER.model_copy(update={"ended_at": minute(400), "status": "stopped"})
    store, late = (ENGINES[engine](tmp_path, lambda phase=phase: [phase], LONG_AFTER) for phase in (ended, OTHER))  # type: ignore[misc]  # each its own
    store.append([exposure("v", "single", 0, experiment="popup")])
    late.append([exposure("x", "multi", 600, experiment="popup")])
    for one in (store, late):
        assert one.tables(OTHER).reach.exposed.visitors.tolist() == [[1, 0]]
        assert not one.verify()
        one.close()


@pytest.mark.parametrize("engine", IN_FILES)
def test_what_one_writes_is_in_the_answers_of_the_other(engine: str, tmp_path: Path) -> None:
    one, other = (ENGINES[engine](tmp_path, lambda: PHASES, LONG_AFTER) for _ in range(2))
    one.append(HISTORY[:1])
    assert other.append(HISTORY) == Receipt(stored=5, duplicates=1)
    other.record([a_decision()])
    assert one.tables(PHASE, None).cells == tally(PHASE, HISTORY)
    assert one.decisions([PHASE]) == [a_decision()]
    other.forget(VisitorId("v"))
    assert {event.visitor for event in one.scan()} == {"w", "b"}
    for store in (one, other):
        store.close()


def test_a_store_that_let_go_takes_the_log_up_again(store: Store) -> None:
    store.append(HISTORY)
    store.close()
    assert len(list(store.scan())) == len(HISTORY)
    store.close()
    assert store.append([exposure("x", "single", 70)]).stored == 1


def test_a_phase_first_heard_of_after_its_events_is_counted(engine: str, tmp_path: Path) -> None:
    phases: list[Experiment] = []
    store = ENGINES[engine](tmp_path, lambda: phases, LONG_AFTER)
    store.append(HISTORY)
    phases.append(PHASE)
    assert store.tables(PHASE).reach.exposed.visitors.tolist() == [[1, 2]]
    assert not store.verify()
    store.close()


REVISIONS = [
    ("in time: nothing was published yet", 10, [action("v", "form_viewed", 5)], []),
    ("history brought in after the seal", 10 * DAY, [action("v", "form_viewed", 5)], ["trusted-import"]),
    ("consent withdrawn", 10 * DAY, [withdrawal("v", 9 * DAY)], ["consent-withdrawn"]),
    ("late: it changes nothing", 10 * DAY, [action("v", "form_viewed", 5, 9 * DAY)], []),
]


@pytest.mark.parametrize("engine", IN_FILES)
@pytest.mark.parametrize(("now", "events", "causes"), [row[1:] for row in REVISIONS], ids=[row[0] for row in REVISIONS])
def test_published_numbers_change_only_by_a_dated_revision(
    engine: str, tmp_path: Path, now: float, events: Sequence[Event], causes: Sequence[str]
) -> None:
    early = ENGINES[engine](tmp_path, lambda: PHASES, minute(1))
    early.append([exposure("v", "single", 0)])
    early.close()
    store = ENGINES[engine](tmp_path, lambda: PHASES, minute(now))
    store.append(events)
    revisions = store.tables(PHASE).revisions
    assert [revision.cause for revision in revisions] == causes
    assert all(one.cohort_from == minute(0) == one.cohort_to for one in revisions)
    assert all(one.revised_at == minute(now).replace(hour=0, minute=0) for one in revisions)
    assert not store.tables(OTHER).revisions
    store.close()


@pytest.mark.parametrize("engine", IN_FILES)
def test_a_day_has_one_revision_of_a_phase_by_a_cause(engine: str, tmp_path: Path) -> None:
    store = ENGINES[engine](tmp_path, lambda: PHASES, LONG_AFTER)
    store.append([exposure("v", "single", 3 * DAY)])
    store.append([exposure("w", "single", DAY)])
    store.forget(VisitorId("v"))
    found = {one.cause: (one.cohort_from, one.cohort_to) for one in store.tables(PHASE).revisions}
    assert found == {
        "trusted-import": (minute(DAY), minute(3 * DAY)),
        "forgotten": (minute(3 * DAY), minute(3 * DAY)),
    }
    assert len(store.tables(PHASE).revisions) == len(found)
    store.close()


@pytest.mark.parametrize("engine", IN_FILES)
def test_an_end_that_changes_what_was_published_is_a_revision(engine: str, tmp_path: Path) -> None:
    phases = [OTHER]
    store = ENGINES[engine](tmp_path, lambda: phases, minute(1))
    store.append([exposure("v", "single", 500, experiment="popup")])
    store.close()
    store = ENGINES[engine](tmp_path, lambda: phases, LONG_AFTER)
    phases[0] = OTHER.model_copy(update={"ended_at": minute(400), "status": "stopped"})
    assert [one.cause for one in store.tables(phases[0]).revisions] == ["definition-changed"]
    store.close()
