"""Decisions, and tables that lead to them: drifting effects of every size, so that every kind of verdict falls."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np

from experiments.definition.experiment import Experiment
from experiments.events.decision import Decision
from experiments.reporting.report import Report, report
from stats.tables.patterns import PatternTable
from stats.tables.reach import Exposed, ReachTable, StepReach

BEGUN = datetime(2026, 11, 2, tzinfo=UTC)
HOURS = 14 * 24
AT_THE_END = BEGUN + timedelta(days=30)

DRIFTING = Experiment.model_validate(
    {
        "key": "drifting",
        "name": "Drifting",
        "status": "running",
        "started_at": BEGUN,
        "variants": [{"key": "a", "weight": 1}, {"key": "b", "weight": 1}, {"key": "c", "weight": 1}],
        "path": [
            {"step": "seen", "event": "seen", "window": "1 hour"},
            {"step": "sold", "event": "sold"},
        ],
        "secondary": [{"step": "read", "event": "read", "window": "1 hour"}],
        "guardrails": [
            {"step": "error", "event": "error", "harm": "more", "margin": "20%", "window": "2 hours"},
            {"step": "stayed", "event": "stayed", "harm": "less", "margin": "20%", "window": "2 hours"},
        ],
        "window": "1 day",
        "analysis": {"detect": "20%", "adjust_for": ["device"]},
    }
)


def judged(**analysis: Any) -> Experiment:
    """The same phase with this analysis."""
    return DRIFTING.model_copy(update={"analysis": DRIFTING.analysis.model_copy(update=analysis)})


CASES = {  # seed of the tables -> by which method they are judged; these seeds have verdicts of every kind
    4: DRIFTING,
    9: judged(planned_visitors=20_000),
    33: judged(planned_visitors=12_000),
    34: DRIFTING,
    35: judged(planned_visitors=9_000, method="fixed"),
}

A_DECISION = Decision(
    experiment="form",
    phase=1,
    step="quote",
    variant="multi",
    versus="single",
    state="better",
    decided_at=datetime(2026, 11, 9, 3, tzinfo=UTC),
    visitors=1234,
    p_value=0.012,
    p_value_adjusted=0.024,
    relative_interval=(0.01, None),
    method="planned",
    alpha=0.05,
    family="primary",
    tables="0f" * 32,
    recorded_at=datetime(2026, 11, 9, 9, 30, 1, 5, tzinfo=UTC),
)


def a_decision(**changes: Any) -> Decision:
    """A decision of the phase of histories.py, ready to be written."""
    return replace(A_DECISION, **changes)


@cache
def tables(seed: int, hourly: int = 60) -> ReachTable:
    """Two weeks of hourly cohorts in two strata; each variant's effect wanders from day to day."""
    rng = np.random.default_rng(seed)
    n_variants = len(DRIFTING.variants)
    first = int(BEGUN.timestamp()) // 3600
    cohorts = np.arange(first, first + HOURS, dtype=np.int64)
    visitors = rng.poisson(hourly / n_variants / 2, (HOURS, 2, n_variants)).astype(np.int64)
    day = np.arange(HOURS) // 24
    steps = {}
    for step in DRIFTING.steps:
        wander = 0.03 if step in DRIFTING.guardrails else 0.12
        drift = rng.normal(0, wander, (14, n_variants - 1)).cumsum(axis=0)
        lift = 1 + np.concatenate([np.zeros((14, 1)), drift], axis=1)
        rate = np.clip(rng.choice([0.2, 0.3, 0.5]) * lift[day][:, np.newaxis, :], 0, 0.9)
        steps[step.step] = StepReach(cohorts, visitors, rng.binomial(visitors, rate).astype(np.int64))
    keys = tuple(variant.key for variant in DRIFTING.variants)
    return ReachTable(keys, ("device=desktop", "device=phone"), Exposed(cohorts, visitors.sum(axis=1)), steps)


def reported(reach: ReachTable, as_of: datetime = AT_THE_END, phase: Experiment = DRIFTING) -> Report:
    """The report on these tables as of then."""
    none = np.zeros(0, dtype=np.int64)
    names = tuple(step.step for step in phase.steps)
    return report(phase, reach, PatternTable(reach.variants, names, none, none, none, none, none, none), {}, as_of)


def revised(reach: ReachTable, step: str, hour: int, share: float = 1.0) -> ReachTable:
    """The same without this share of those who reached the step in the phase's hour number `hour`, and before it."""
    old = reach.steps[step]
    reached = old.reached.copy()
    reached[: hour + 1, :, 1:] = (reached[: hour + 1, :, 1:] * (1 - share)).astype(np.int64)
    return replace(reach, steps={**reach.steps, step: replace(old, reached=reached)})
