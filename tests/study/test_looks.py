"""What is studied is what is shipped: the fast form against `sequential`, and against the report of an experiment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from experiments.definition.experiment import Experiment
from experiments.reporting.report import Report, report
from stats.proportions.sequential import Asked, Evidence, sequential
from stats.tables.patterns import PatternTable
from stats.tables.reach import Exposed, ReachTable, StepReach
from tests.study.looks import METHODS, Looks, Method
from tests.study.worlds import LOOKS, MACRO, STEPS, Counts, Ladder, World

WORLDS = [
    World((0.002, 0.002), share=0.1, planned_visitors=200_000),
    World((0.005, 0.005)),
    World((0.02, 0.024)),
    World((0.02, 0.02), alpha=0.4),
    World((0.1, 0.12), share=0.1, detect=None),
    World((0.5, 0.52)),
    World((0.01, 0.01), drift=(0.5, 4.0)),
]


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
@pytest.mark.parametrize("method", METHODS)
def test_the_fast_form_says_what_sequential_says(world: World, method: Method) -> None:
    """At every look of a few replications: z, the verdict so far, and whether the true effect is in every interval."""
    counts = world.drawn(range(8))
    looks = Looks(counts, world.design(), world.planned_weight)
    critical = looks.critical(method)
    rejects = np.logical_or.accumulate(np.abs(looks.z) >= critical, axis=1)
    difference = world.rates[1] - world.rates[0]
    missed = [
        np.logical_or.accumulate(np.abs(z) > critical, axis=1)
        for z in (looks.z_lift(world.true_lift), looks.z_difference(difference))
    ]
    planned_weight = world.planned_weight if method == "planned" else None
    for i in range(len(looks.z)):
        (evidence,) = sequential([Asked(counts.step(i), 1, world.design(), planned_weight)])
        assert isinstance(evidence, Evidence)
        since = int(looks.open[i].argmax())
        assert evidence.cohorts.tolist() == list(range(since, LOOKS))
        assert evidence.z == pytest.approx(looks.z[i, since:], rel=1e-9, abs=1e-12)
        assert evidence.rejects.tolist() == rejects[i, since:].tolist()
        running = evidence.running
        for lower, upper, truth, missing in (
            (running.relative_lower, running.relative_upper, world.true_lift, missed[0]),
            (running.difference_lower, running.difference_upper, difference, missed[1]),
        ):
            outside = (truth < lower) | (truth > upper)
            assert outside.tolist() == missing[i, since:].tolist()


STARTED_AT = datetime(2026, 11, 2, tzinfo=UTC)
FIRST_HOUR = int(STARTED_AT.timestamp()) // 3600


def an_experiment(world: Ladder, method: Method) -> Experiment:
    """The world's variants and steps as a config would have them."""
    keys = ["control", *(f"variant-{k}" for k in range(1, len(world.weights)))]
    return Experiment.model_validate(
        {
            "key": "ladder",
            "name": "Ladder",
            "status": "running",
            "started_at": STARTED_AT,
            "variants": [{"key": key, "weight": weight} for key, weight in zip(keys, world.weights, strict=True)],
            "path": [{"step": step, "event": step} for step in STEPS[:3]],
            "secondary": [{"step": step, "event": step} for step in STEPS[3:]],
            "window": "1 hour",
            "analysis": {
                "alpha": world.alpha,
                "detect": f"{world.detect:.0%}",
                "method": method,
                "planned_visitors": world.planned_visitors,
            },
        }
    )


def reported(world: Ladder, method: Method, visitors: np.ndarray, reached: dict[str, np.ndarray]) -> Report:
    """The report of one replication, in which every look is an hour."""
    experiment = an_experiment(world, method)
    keys = tuple(variant.key for variant in experiment.variants)
    hours = FIRST_HOUR + np.arange(len(visitors))
    steps = {step: StepReach(hours, visitors[:, np.newaxis], reached[step][:, np.newaxis]) for step in STEPS}
    none = np.zeros(0, dtype=np.int64)
    patterns = PatternTable(keys, STEPS, none, none, none, none, none, none)
    as_of = STARTED_AT + timedelta(hours=len(visitors) + 3)
    return report(experiment, ReachTable(keys, ("",), Exposed(hours, visitors), steps), patterns, {}, as_of)


LADDERS = [Ladder((1, 1, 1), alpha=0.4), Ladder((8, 1, 1), alpha=0.4)]


@pytest.mark.parametrize("world", LADDERS, ids=lambda world: world.name)
@pytest.mark.parametrize("method", METHODS)
def test_the_fast_form_says_what_a_report_says(world: Ladder, method: Method) -> None:
    """The look that decided, if any did; at a high level, so that many do."""
    visitors, reached = world.drawn(range(20))
    decided = 0
    for i in range(len(visitors)):
        result = reported(world, method, visitors[i], {step: counts[i] for step, counts in reached.items()})
        assert result.method == method
        for step in result.steps:
            for variant, one in enumerate(step.comparisons, start=1):
                ours = [arm for k in (0, variant) for arm in (visitors[..., k], reached[step.step][..., k])]
                looks = Looks(Counts.of(*ours), world.design(step.step, variant), world.planned_weight(variant))
                rejects = np.abs(looks.z[i]) >= looks.critical(method)[i]
                assert (one.state in ("better", "worse")) == bool(rejects.any())
                if rejects.any():
                    decided += 1
                    since = timedelta(hours=int(rejects.argmax()) + 3)  # the hour itself, the window, the grace
                    assert one.decided_at == STARTED_AT + since
    assert decided >= 5
    assert {step.step for step in result.steps if step.kind == "macro"} == {MACRO}
