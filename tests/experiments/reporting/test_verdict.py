"""The verdict of a guardrail: which state, which sentence, decided when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from experiments.events.cohort import HOUR, Clock
from experiments.reporting.comparison import NON_STATIONARY
from experiments.reporting.verdict import (
    CONTRADICTED,
    HARMED,
    HARMED_BEYOND,
    OPEN,
    SAFE,
    SAFE_BUT_WORSE,
    TODAY_WOULD_NOT,
    StepVerdict,
    guardrail_verdict,
)
from stats.proportions.design import Design
from stats.proportions.non_inferiority import Guarded, GuardEvidence, Margin, guarded
from stats.tables.reach import StepReach

START = datetime(2026, 11, 2, tzinfo=UTC)
CLOCK = Clock(HOUR, timedelta(hours=2))
FIRST = CLOCK.cohort(START)
Rows = list[list[int]]


def judged(visitors: int, reached: Rows, margin: Margin) -> tuple[StepVerdict, GuardEvidence]:
    """Each row is an hour of so many visitors in either arm."""
    counts = np.array(reached)[:, np.newaxis]
    step = StepReach(FIRST + np.arange(len(reached)), np.full(counts.shape, visitors), counts)
    (evidence,) = guarded([Guarded(step, 1, Design(0.5, 0.05), margin)])
    assert isinstance(evidence, GuardEvidence)
    return guardrail_verdict(evidence, CLOCK), evidence


def seal(hour: int) -> datetime:
    return START + timedelta(hours=hour + 1 + 2 + 1)


MORE = Margin("more", 0.1)


@pytest.mark.parametrize(
    ("reached", "margin", "state", "finding"),
    [
        ([[1000, 1000]], MORE, "undecided", OPEN),
        ([[1000, 1200]], MORE, "harmed", HARMED),
        ([[1000, 1500]], MORE, "harmed", HARMED_BEYOND),
        ([[1000, 900]], MORE, "safe", SAFE),
        ([[3000, 3000]], Margin("less", 0.1), "safe", SAFE),
        ([[3000, 2700]], Margin("less", 0.2), "safe", SAFE_BUT_WORSE),
        ([[3000, 2000]], Margin("less", 0.2), "harmed", HARMED_BEYOND),
        ([[3000, 3600]], Margin("less", 0.2), "safe", SAFE),
    ],
    ids=["open", "worse", "much worse", "better", "same", "a little worse", "much less", "more is no harm here"],
)
def test_states(reached: Rows, margin: Margin, state: str, finding: str) -> None:
    verdict, _ = judged(10_000, reached, margin)
    assert (verdict.state, verdict.finding) == (state, finding)
    if state == "undecided":
        assert verdict == StepVerdict("undecided", OPEN, finding=OPEN)
    else:
        assert verdict.decided_at == seal(0) == datetime(2026, 11, 2, 4, tzinfo=UTC)
        assert verdict.reason == f"decided on 2026-11-02: {finding}"
        assert verdict.decides_today


def test_harm_that_turns_out_to_be_small_becomes_safe_and_is_said_to_be_harm() -> None:
    """Worse is shown in the first hour; that it is by less than the margin, in the last. Decided is decided anew."""
    rows = [[1000, 1150]] + [[1000, 1040]] * 24
    early, _ = judged(10_000, rows[:2], MORE)
    late, _ = judged(10_000, rows, MORE)
    assert (early.state, early.finding, early.decided_at) == ("harmed", HARMED, seal(0))
    assert (late.state, late.finding) == ("safe", SAFE_BUT_WORSE)
    assert late.decided_at is not None
    assert late.decided_at > seal(2)


def test_what_today_would_not_show_is_said() -> None:
    verdict, evidence = judged(1000, [[200, 260]] + [[200, 196]] * 4, MORE)
    assert evidence.harmed[-1]
    assert not evidence.harmed_look[-1]
    assert (verdict.state, verdict.decides_today) == ("harmed", False)
    assert verdict.reason == f"decided on 2026-11-02: {HARMED}; {TODAY_WOULD_NOT}"


def test_safe_stays_but_harm_beyond_the_margin_that_other_days_show_is_said() -> None:
    verdict, evidence = judged(4000, [[1200, 800]] * 5 + [[1200, 2000]] * 35, MORE)
    assert evidence.beyond[-1]
    assert (verdict.state, verdict.finding, verdict.decides_today) == ("safe", CONTRADICTED, False)
    assert verdict.reason == f"decided on 2026-11-02: {CONTRADICTED}; {TODAY_WOULD_NOT}"


def test_bounds_that_have_crossed_are_no_effect_that_fits_all_days() -> None:
    verdict, evidence = judged(10_000, [[1000, 1180]] + [[1000, 800]] * 30, MORE)
    assert evidence.running.empty[-1]
    assert not evidence.beyond[-1]
    assert (verdict.state, verdict.finding, verdict.reason) == ("safe", SAFE_BUT_WORSE, NON_STATIONARY)
