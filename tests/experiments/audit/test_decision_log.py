"""The decision log against the data: what is confirmed, what differs and in which words, what a revision explains."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from experiments.audit.decision_log import Entry, entries, explained, movements
from experiments.audit.decisions import decisions
from experiments.events.cohort import DAY, HOUR
from experiments.events.decision import Decision, in_order
from experiments.events.tables import Revision
from tests.experiments.cases.decision_cases import AT_THE_END, BEGUN, DRIFTING, reported, revised, tables

WRITTEN = AT_THE_END + HOUR


def log_of(seed: int, as_of: datetime = AT_THE_END) -> list[Decision]:
    """What a look at this moment wrote."""
    reach = tables(seed)
    return [replace(one, recorded_at=WRITTEN) for one in decisions(reported(reach, as_of), reach)]


def chosen(seed: int, **what: Any) -> Decision:
    return next(one for one in log_of(seed) if all(getattr(one, name) == value for name, value in what.items()))


def entry_of(log: list[Decision], one: Decision, reach: Any, as_of: datetime = AT_THE_END) -> Entry:
    found = entries(log, reported(reach, as_of), reach)
    return next(entry for entry in found if entry.decision.key == one.key)


def disagreements(log: list[Decision], reach: Any, as_of: datetime = AT_THE_END) -> list[Entry]:
    return [entry for entry in entries(log, reported(reach, as_of), reach) if entry.differs]


@pytest.mark.parametrize("seed", range(4))
def test_untouched_data_confirm_every_decision_at_any_later_moment(seed: int) -> None:
    log = log_of(seed)
    assert len(log) > 3
    for as_of in (AT_THE_END, BEGUN + 9 * DAY, BEGUN + 3 * DAY):
        found = entries(log, reported(tables(seed), as_of), tables(seed))
        assert [entry.decision for entry in found] == [one for one in log if one.decided_at < as_of]
        assert not any(entry.differs or entry.revised for entry in found)
        assert not disagreements(log, tables(seed), as_of)


def test_what_is_not_written_yet_is_shown_without_a_date_of_writing() -> None:
    log = log_of(0, BEGUN + 5 * DAY)
    found = entries(log, reported(tables(0)), tables(0))
    assert [replace(entry.decision, recorded_at=WRITTEN) for entry in found] == log_of(0)
    assert 0 < len(log) == sum(entry.decision.recorded_at is not None for entry in found) < len(found)
    assert [entry.decision for entry in found] == sorted((entry.decision for entry in found), key=in_order)
    assert not disagreements(log, tables(0))


class TestWhatDiffers:
    SEED = 3  # both variants are better at "seen" and worse at "sold"

    def test_revised_counts_that_still_say_so(self) -> None:
        one = chosen(self.SEED, step="seen", variant="b", state="better")
        (reach,) = [revised_later_arm(tables(self.SEED))]
        entry = entry_of(log_of(self.SEED), one, reach)
        assert entry.revised
        assert entry.differs == ("its counts were revised later; they give the same verdict all the same")

    def test_revised_counts_that_say_so_at_another_time(self) -> None:
        one = chosen(self.SEED, step="sold", variant="b", state="worse")
        reach = revised(tables(self.SEED), "sold", 30, 0.4)
        again = next(new for new in decisions(reported(reach), reach) if new.key == one.key)
        assert again.decided_at != one.decided_at
        entry = entry_of(log_of(self.SEED), one, reach)
        assert entry.decision == one  # the first writing stays
        assert entry.differs == (
            f"its counts were revised later; they give it on {again.decided_at:%Y-%m-%d %H:%M} UTC"
        )

    def test_revised_counts_that_say_something_else(self) -> None:
        one = chosen(self.SEED, step="seen", variant="b", state="better")
        reach = revised(tables(self.SEED), "seen", 400)
        entry = entry_of(log_of(self.SEED), one, reach)
        assert entry.differs.startswith("its counts were revised later; they say worse: decided on 2026-11-")
        assert [new for new in disagreements(log_of(self.SEED), reach) if new.decision == one] == [entry]

    def test_another_computation_from_the_same_counts(self) -> None:
        one = chosen(self.SEED, step="seen", variant="b", state="better")
        for change, words in (
            ({"p_value": 0.049}, f"this version gives it with other numbers: p = {one.p_value:.4g}, not 0.049"),
            ({"p_value": None}, f"this version gives it with other numbers: p = {one.p_value:.4g}, not none"),
            ({"relative_interval": (0.5, 0.6)}, "this version gives it with other numbers"),
            ({"relative_interval": None}, "this version gives it with other numbers"),
            ({"visitors": one.visitors + 1}, "this version gives it with other numbers"),
        ):
            logged = replace(one, **change)
            entry = entry_of([logged], logged, tables(self.SEED))
            assert entry.differs.startswith(f"from the same counts, {words}")
            assert not entry.revised
        assert one.p_value is not None
        rounded = replace(one, p_value=one.p_value * (1 + 1e-9))
        assert not entry_of([rounded], rounded, tables(self.SEED)).differs

    def test_another_verdict_from_the_same_counts(self) -> None:
        one = chosen(self.SEED, step="seen", variant="b", state="better")
        logged = replace(one, state="harmed")
        entry = entry_of([logged], logged, tables(self.SEED))
        assert entry.differs.startswith("from the same counts, this version says better: decided on 2026-11-")
        assert not entry.revised

    def test_a_verdict_at_another_look_of_unchanged_counts(self) -> None:
        one = chosen(self.SEED, step="seen", variant="b", state="better")
        later = one.decided_at + HOUR
        from experiments.audit.decisions import deciding_cohort, fingerprint  # noqa: PLC0415 - for this forgery only

        counts = fingerprint(tables(self.SEED), "seen", deciding_cohort(DRIFTING, "seen", later))
        logged = replace(one, decided_at=later, tables=counts)
        entry = entry_of([logged], logged, tables(self.SEED))
        assert entry.differs == (f"from the same counts, this version gives it on {one.decided_at:%Y-%m-%d %H:%M} UTC")

    def test_a_step_that_is_no_more(self) -> None:
        logged = replace(chosen(self.SEED, step="seen"), step="gone")
        entry = entry_of([logged], logged, tables(self.SEED))
        assert entry.differs == "the experiment has no such step or variant any more"
        assert not explained(entry, DRIFTING, [revision(WRITTEN)])


def revised_later_arm(reach: Any) -> Any:
    """One visitor more reached "seen" in the first hour: too little to change when a verdict falls."""
    step = reach.steps["seen"]
    visitors, reached = step.visitors.copy(), step.reached.copy()
    visitors[0, 0, 1] += 1
    return replace(reach, steps={**reach.steps, "seen": replace(step, visitors=visitors, reached=reached)})


def revision(at: datetime, first: datetime = BEGUN) -> Revision:
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return Revision(day, "forgotten", DRIFTING.key, 1, first, first + HOUR)


EXPLANATIONS = [
    ("on the day of writing", WRITTEN, BEGUN, True),
    ("later", WRITTEN + 9 * DAY, BEGUN, True),
    ("before it was written", WRITTEN - DAY, BEGUN, False),
    ("of visitors who came after the look", WRITTEN, BEGUN + timedelta(days=14), False),
]


@pytest.mark.parametrize(
    ("at", "first", "does"), [row[1:] for row in EXPLANATIONS], ids=[row[0] for row in EXPLANATIONS]
)
def test_a_revision_explains_what_differs(at: datetime, first: datetime, does: bool) -> None:
    log, reach = log_of(3), revised_later_arm(tables(3))
    (entry, *_) = disagreements(log, reach)
    assert explained(entry, DRIFTING, [revision(at, first)]) == does
    assert not explained(entry, DRIFTING, [])
    assert not explained(replace(entry, revised=False), DRIFTING, [revision(at, first)])


def test_the_document_of_an_entry() -> None:
    one = chosen(0, step="sold", variant="b")
    document = Entry(one).to_json()
    assert json.loads(json.dumps(document)) == document
    assert one.relative_interval is not None
    assert document == {
        "step": "sold",
        "variant": "b",
        "versus": "a",
        "state": one.state,
        "decided_at": f"{one.decided_at:%Y-%m-%dT%H:%M:%SZ}",
        "visitors": one.visitors,
        "p_value": one.p_value,
        "p_value_adjusted": one.p_value_adjusted,
        "relative_interval": list(one.relative_interval),
        "method": "always-valid",
        "alpha": 0.05,
        "family": "primary",
        "tables": one.tables,
        "recorded_at": "2026-12-02T01:00:00Z",
        "confirmed": True,
        "differs": None,
    }
    differing = Entry(replace(one, relative_interval=None, recorded_at=None), "why", revised=True).to_json()
    assert [differing[name] for name in ("relative_interval", "recorded_at", "confirmed", "differs")] == [
        None, None, False, "why",
    ]  # fmt: skip


def said(step: str, variant: str, state: str, family: str = "diagnostic") -> Any:
    return SimpleNamespace(experiment="one", phase=1, step=step, variant=variant, state=state, family=family)


@pytest.mark.parametrize(
    ("decisions", "moved"),
    [
        ([said("form", "b", "better"), said("sold", "b", "better", "primary")], {"form": (1, 1), "sold": (1, 1)}),
        ([said("form", "b", "worse"), said("sold", "b", "better", "primary")], {"form": (-1, 1), "sold": (1, 1)}),
        ([said("form", "b", "better")], {"form": (1, 0)}),
        ([said("form", "b", "equivalent"), said("form", "b", "better")], {"form": (1, 0)}),
        (
            [said("form", "b", "better"), said("form", "c", "worse"), said("sold", "c", "worse", "primary")],
            {"form": (-1, -1), "sold": (-1, -1)},
        ),
        ([], {}),
    ],
    ids=["together", "apart", "step alone", "later wins", "the variant that moved both", "nothing"],
)
def test_what_moved_in_a_finished_experiment(decisions: list[Any], moved: dict[str, tuple[int, int]]) -> None:
    others = [SimpleNamespace(**{**vars(one), "experiment": "another"}) for one in decisions]
    found = movements(decisions)
    assert {step: [(one.step, one.macro) for one in told] for step, told in found.items()} == {
        step: [signs] for step, signs in moved.items()
    }
    assert all(len(told) == 2 for told in movements([*decisions, *others]).values())
