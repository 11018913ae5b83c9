"""Decisions follow from the data alone: whoever looks when finds the same ones, with the numbers of their own look."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.audit.decisions import deciding_cohort, decisions, fingerprint
from experiments.events.cohort import HOUR, Clock
from experiments.events.decision import Decision, DecisionKey
from experiments.store.memory import MemoryStore
from experiments.store.sqlite.engine import open_store
from stats.tables.reach import ReachTable
from tests.experiments.cases.decision_cases import (
    AT_THE_END,
    BEGUN,
    CASES,
    DRIFTING,
    HOURS,
    a_decision,
    reported,
    tables,
)
from tests.experiments.cases.histories import PHASE, START, action, exposure

SEEDS = tuple(CASES)
MOMENTS = [BEGUN + timedelta(hours=12 * number) for number in range(2 * 17)]


@cache
def by_moment(seed: int) -> dict[datetime, list[Decision]]:
    """What a look at each moment finds."""
    reach = tables(seed)
    return {as_of: decisions(reported(reach, as_of, CASES[seed]), reach) for as_of in (*MOMENTS, AT_THE_END)}


@cache
def at_the_end(seed: int) -> dict[DecisionKey, Decision]:
    return {one.key: one for one in by_moment(seed)[AT_THE_END]}


def test_the_cases_have_verdicts_of_every_kind_and_some_that_give_way_to_another() -> None:
    states: dict[tuple[object, ...], list[str]] = defaultdict(list)
    for seed in SEEDS:
        for one in by_moment(seed)[AT_THE_END]:
            states[seed, one.method, one.step, one.variant].append(one.state)
    courses = {(method, tuple(course)) for (_, method, _, _), course in states.items()}
    assert courses >= {
        ("always-valid", ("equivalent", "better")),
        ("always-valid", ("equivalent", "worse")),
        ("always-valid", ("harmed",)),
        ("always-valid", ("safe",)),
        ("planned", ("equivalent", "better")),
        ("planned", ("worse",)),
        ("fixed", ("better",)),
    }
    for harm in ("error", "stayed"):  # more of it is harm, less of it is
        assert ["harmed", "safe"] in [course for (_, _, step, _), course in states.items() if step == harm]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_late_look_finds_exactly_what_all_earlier_looks_found(seed: int) -> None:
    """Every verdict that any report ever showed is there, as it was, and none that no report showed."""
    found: dict[DecisionKey, Decision] = {}
    for one in (one for moment in MOMENTS for one in by_moment(seed)[moment]):
        assert found.setdefault(one.key, one) == one
    assert found == at_the_end(seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_the_reports_showed_was_decided(seed: int) -> None:
    reach = tables(seed)
    for as_of in MOMENTS[4::4]:
        shown = {
            (step.step, one.variant, one.state, one.decided_at)
            for step in reported(reach, as_of, CASES[seed]).steps
            for one in step.comparisons
            if one.decided_at is not None
        }
        assert shown <= {(one.step, one.variant, one.state, one.decided_at) for one in by_moment(seed)[as_of]}


@given(seed=st.sampled_from(SEEDS), order=st.permutations(MOMENTS), first=st.integers(1, 12))
def test_the_log_does_not_depend_on_who_looked_when(seed: int, order: list[datetime], first: int) -> None:
    """Records in any order, from any moments: each entry is that of a single late look, save `recorded_at`."""
    store = MemoryStore(lambda: [DRIFTING])
    for number, as_of in enumerate([*order[:first], AT_THE_END, *order[first : 2 * first]]):
        before = list(store.decisions([DRIFTING]))
        recorded_at = AT_THE_END + number * HOUR
        store.record([replace(one, recorded_at=recorded_at) for one in by_moment(seed)[as_of]])
        assert [one for one in store.decisions([DRIFTING]) if one in before] == before
    kept = {one.key: replace(one, recorded_at=None) for one in store.decisions([DRIFTING])}
    assert kept == at_the_end(seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_numbers_are_those_of_the_look_that_decided(seed: int) -> None:
    reach = tables(seed)
    for one in at_the_end(seed).values():
        just_after = reported(reach, one.decided_at + timedelta(seconds=1), CASES[seed])
        step = next(step for step in just_after.steps if step.step == one.step)
        then = next(comparison for comparison in step.comparisons if comparison.variant == one.variant)
        assert (then.state, then.decided_at) == (one.state, one.decided_at)
        assert (one.p_value, one.p_value_adjusted) == (then.effect.p_value, then.effect.p_value_adjusted)
        assert one.relative_interval == then.effect.relative_interval
        assert one.visitors == then.looks[-1].visitors
        assert one.visitors == step.variants[one.variant].visitors + step.variants[one.versus].visitors
        until = deciding_cohort(DRIFTING, one.step, one.decided_at)
        assert one.tables == fingerprint(just_seen(reach, until), one.step, 10**9)
        earlier = reported(reach, one.decided_at, CASES[seed])  # a fact received at the very seal still counts
        state = next(
            c.state for s in earlier.steps if s.step == one.step for c in s.comparisons if c.variant == one.variant
        )
        assert state != one.state


def test_what_is_said_of_the_phase() -> None:
    for one in (one for seed in SEEDS for one in at_the_end(seed).values()):
        assert (one.experiment, one.phase, one.versus, one.alpha) == ("drifting", 1, "a", 0.05)
        families = {"sold": "primary", "error": "guardrail", "stayed": "guardrail"}
        assert one.family == families.get(one.step, "diagnostic")
        assert one.recorded_at is None


def test_they_come_in_the_order_in_which_they_fell() -> None:
    found = by_moment(4)[AT_THE_END]
    assert [one.decided_at for one in found] == sorted(one.decided_at for one in found)
    assert not by_moment(4)[BEGUN]


@given(st.integers(1, 40), st.integers(0, 10**6))
def test_the_deciding_cohort_is_found_from_its_seal(window: int, cohort: int) -> None:
    phase = DRIFTING.model_copy(update={"window": timedelta(hours=window)})
    assert deciding_cohort(phase, "sold", Clock(HOUR, timedelta(hours=window)).seal(cohort)) == cohort


class TestFingerprint:
    FIRST = int(BEGUN.timestamp()) // 3600

    @pytest.mark.parametrize("hour", [0, 17, HOURS - 1])
    def test_it_sees_every_count_up_to_its_cohort_and_nothing_later(self, hour: int) -> None:
        reach, cohort = tables(0), self.FIRST + 17
        same = fingerprint(revised_at(reach, hour), "sold", cohort) == fingerprint(reach, "sold", cohort)
        assert same == (hour > 17)
        assert fingerprint(revised_at(reach, hour), "seen", cohort) == fingerprint(reach, "seen", cohort)

    def test_names_matter_and_empty_cells_do_not(self) -> None:
        reach, cohort = tables(0), self.FIRST + 5
        wider = replace(reach, strata=("device=desktop", "device=phone", "device=tablet"), steps={
            key: replace(step, visitors=padded(step.visitors), reached=padded(step.reached))
            for key, step in reach.steps.items()
        })  # fmt: skip
        assert fingerprint(wider, "sold", cohort) == fingerprint(reach, "sold", cohort)
        for names in ({"variants": ("a", "b", "d")}, {"strata": ("device=desktop", "device=tv")}):
            assert fingerprint(replace(reach, **names), "sold", cohort) != fingerprint(reach, "sold", cohort)  # type: ignore[arg-type]  # rows of names

    def test_swapped_columns_are_another_table_unless_their_names_go_with_them(self) -> None:
        reach, cohort = tables(0), self.FIRST + 5
        turned = replace(reach, variants=("c", "b", "a"), steps={
            key: replace(step, visitors=step.visitors[..., ::-1], reached=step.reached[..., ::-1])
            for key, step in reach.steps.items()
        })  # fmt: skip
        assert fingerprint(turned, "sold", cohort) == fingerprint(reach, "sold", cohort)
        assert fingerprint(replace(turned, variants=reach.variants), "sold", cohort) != fingerprint(
            reach, "sold", cohort
        )

    def test_anybody_can_compute_it_from_the_database(self, tmp_path: Any) -> None:
        store = open_store(tmp_path / "yesladder.db", lambda: [PHASE], clock=lambda: START)
        for number in range(9):
            attributes = {"device": ["phone", "desktop"][number % 2]}
            store.append(
                [exposure(f"v{number}", ["single", "multi"][number % 3 % 2], 50 * number, attributes=attributes)]
            )
            store.append([action(f"v{number}", "form_viewed", 50 * number + number)])
        cohort = int(START.timestamp()) // 3600 + 4
        with sqlite3.connect(tmp_path / "yesladder.db") as connection:
            (text,) = connection.execute(
                "SELECT json_group_array(json_array(cohort, stratum, variant, visitors, reached)) FROM ("
                "SELECT * FROM reach WHERE experiment = 'form' AND phase = 1 AND step = 'seen' AND attribute = ''"
                " AND cohort <= ? ORDER BY cohort, stratum, variant)",
                (cohort,),
            ).fetchone()
        connection.close()
        assert len(json.loads(text)) > 4
        assert fingerprint(store.tables(PHASE).reach, "seen", cohort) == hashlib.sha256(text.encode()).hexdigest()
        store.close()


def just_seen(reach: ReachTable, cohort: int) -> ReachTable:
    """The tables without anything after this cohort."""
    return replace(reach, steps={key: step.until(cohort + 1) for key, step in reach.steps.items()})


def revised_at(reach: ReachTable, hour: int) -> ReachTable:
    """One visitor less in one hour at the goal."""
    step = reach.steps["sold"]
    visitors, reached = step.visitors.copy(), step.reached.copy()
    visitors[hour, 0, 1] += 1
    return replace(reach, steps={**reach.steps, "sold": replace(step, visitors=visitors, reached=reached)})


def padded(counts: Any) -> Any:
    return np.concatenate([counts, np.zeros_like(counts[:, :1])], axis=1)


WRONG = [
    ({"state": "withdrawn"}, "state is 'withdrawn', must be one of better, worse, equivalent, safe, harmed"),
    ({"method": "bayes"}, "method is 'bayes', must be one of planned, always-valid, fixed"),
    ({"family": "other"}, "family is 'other', must be one of primary, diagnostic, guardrail"),
    ({"decided_at": datetime(2026, 11, 9)}, "decided_at is 2026-11-09 00:00:00, must have a time zone"),
    ({"recorded_at": datetime(2026, 11, 9)}, "recorded_at is 2026-11-09 00:00:00, must have a time zone"),
    ({"p_value": 1.5}, r"p_value is 1.5, must be in \[0, 1\]"),
    ({"p_value_adjusted": float("nan")}, r"p_value_adjusted is nan, must be in \[0, 1\]"),
    ({"alpha": 0.0}, r"alpha is 0.0, must be in \(0, 1\)"),
    ({"visitors": -1}, "visitors is -1, must not be negative"),
    ({"tables": "0F" * 32}, "must be a sha256 in 64 hexadecimal digits"),
]


@pytest.mark.parametrize(("changes", "message"), WRONG, ids=[next(iter(row[0])) for row in WRONG])
def test_what_cannot_be_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        a_decision(**changes)


def test_a_decision_without_its_look_is_an_error_not_a_guess() -> None:
    found = reported(tables(0))
    at = datetime(2026, 11, 5, 0, 0, 1, tzinfo=UTC)
    steps = [
        replace(step, comparisons=[replace(one, state="better", decided_at=at) for one in step.comparisons])
        for step in found.steps
    ]
    with pytest.raises(ValueError, match="was decided at 2026-11-05T00:00:01Z, when there was no look"):
        decisions(replace(found, steps=steps), tables(0))
