"""decisions: which verdicts does a report reach? Each with the look that reached it and a fingerprint of its counts."""

import hashlib
import json
import math
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache

import numpy as np

from experiments.definition.definition import Guardrail, Step
from experiments.definition.experiment import Experiment
from experiments.definition.quantity import iso
from experiments.events.cohort import HOUR, Clock
from experiments.events.decision import Decision, Verdict, in_order
from experiments.reporting.comparison import Comparison, Look
from experiments.reporting.report import Report
from stats.tables.reach import ReachTable

# what a comparison may have been before, and nothing else
_BEFORE: Mapping[str, Verdict] = {"better": "equivalent", "worse": "equivalent", "safe": "harmed"}


def decisions(report: Report, reach: ReachTable) -> list[Decision]:
    """Which verdicts have the data reached by the moment of this report? In the order in which they fell.

    Looks are the sealed cohorts in order, so a decision is the same in every report on the same tables from its look
    on, whoever looked when. `recorded_at` is None. `reach`: the tables that the report was made from.
    """
    experiment = report.experiment
    steps = {step.step: step for step in experiment.steps}
    counted = cache(lambda step, cohort: fingerprint(reach, step, cohort))
    found = []
    for step in report.steps:
        for comparison in step.comparisons:
            for state, at in _verdicts(comparison, steps[step.step], experiment):
                look = comparison.looks[_index(comparison, at)]
                found.append(
                    Decision(
                        experiment=experiment.key,
                        phase=experiment.phase,
                        step=step.step,
                        variant=comparison.variant,
                        versus=comparison.versus,
                        state=state,
                        decided_at=at,
                        visitors=look.visitors,
                        p_value=look.effect.p_value,
                        p_value_adjusted=look.effect.p_value_adjusted,
                        relative_interval=look.effect.relative_interval,
                        method="always-valid" if comparison.family == "guardrail" else report.method,
                        alpha=report.alpha,
                        family=comparison.family,
                        tables=counted(step.step, deciding_cohort(experiment, step.step, at)),
                    )
                )
    return sorted(found, key=in_order)


def fingerprint(reach: ReachTable, step: str, cohort: int) -> str:
    """Which counts did a look at this step see? The sha256 of them, up to and including this cohort.

    Of their canonical form: JSON without white space, an array of [cohort, stratum, variant, visitors, reached] for
    every cell that has visitors, in ascending order. So neither empty cells nor what came later matter.
    """
    seen = reach.steps[step].until(cohort + 1)
    t, stratum, variant = np.nonzero(seen.visitors)
    rows = zip(
        seen.cohorts[t].tolist(),
        (reach.strata[i] for i in stratum.tolist()),
        (reach.variants[i] for i in variant.tolist()),
        seen.visitors[t, stratum, variant].tolist(),
        seen.reached[t, stratum, variant].tolist(),
        strict=True,
    )
    return hashlib.sha256(json.dumps(sorted(rows), separators=(",", ":")).encode()).hexdigest()


def deciding_cohort(experiment: Experiment, step: str, decided_at: datetime) -> int:
    """The last cohort that a look at this step saw, by its seal: the first that was not sealed a moment earlier."""
    return clock_of(experiment, step).first_unsealed(decided_at)


def clock_of(experiment: Experiment, step: str) -> Clock:
    """When do the cohorts of this step seal?"""
    return Clock(HOUR, next(experiment.window_of(one) for one in experiment.steps if one.step == step))


def _verdicts(comparison: Comparison, step: Step, experiment: Experiment) -> Iterator[tuple[Verdict, datetime]]:
    """Every verdict of a comparison, in order: equivalent may turn out better or worse, and harmed safe, later."""
    state = comparison.state
    match state:
        case "collecting" | "undecided":
            return
    if comparison.decided_at is None:
        return
    effects = _effects(_BEFORE.get(state), step, experiment)
    if effects is not None:
        # the running intervals only shrink; without any effect left (None) they say no more than they did
        looks, end = comparison.looks, _index(comparison, comparison.decided_at)
        first = bisect_left(
            range(end), True, key=lambda i: looks[i].effect.relative_interval is None or _inside(looks[i], effects)
        )
        if first < end and _inside(looks[first], effects):
            yield _BEFORE[state], looks[first].at
    yield state, comparison.decided_at


def _effects(verdict: Verdict | None, step: Step, experiment: Experiment) -> tuple[float, float] | None:
    """The relative lifts of which this verdict says that only they are possible; None where it is never given."""
    detect = experiment.analysis.detect
    if verdict == "equivalent" and detect is not None:
        return -detect, detect
    if verdict == "harmed" and isinstance(step, Guardrail):
        above = math.nextafter(0.0, 1.0)
        return (above, math.inf) if step.harm == "more" else (-math.inf, -above)
    return None


def _inside(look: Look, effects: tuple[float, float]) -> bool:
    if look.effect.relative_interval is None:
        return False
    low, high = look.effect.relative_interval
    return (-math.inf if low is None else low) >= effects[0] and (math.inf if high is None else high) <= effects[1]


def _index(comparison: Comparison, at: datetime) -> int:
    """Which look was at this moment?"""
    index = bisect_left(comparison.looks, at, key=lambda look: look.at)
    if index == len(comparison.looks) or comparison.looks[index].at != at:
        raise ValueError(f"{comparison.variant} was decided at {iso(at)}, when there was no look")
    return index
