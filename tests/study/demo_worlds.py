"""DemoWorld: the shipped demo experiments as worlds: their own visitors, hours, windows and crowds, drawn as tables by
the simulator, and judged by the same `report` that a page shows, in which every sealed cohort is a look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from experiments.definition.experiment import Experiment
from experiments.gallery.exhibit import exhibit
from experiments.reporting.report import Report, report
from experiments.simulation.simulate import simulate_tables, true_rates
from experiments.simulation.truth import Truth, read_truth
from stats.proportions.score import Pair, ScoreTest
from stats.tables.reach import ReachTable
from tests.study.replications import generator

START = datetime(2026, 11, 2, tzinfo=UTC)
DAYS = 21
WRONG = ("better", "worse")


@dataclass(frozen=True, slots=True)
class DemoWorld:
    """What is replicated: an experiment of the gallery, its visitors as in the demo, with or without its effect."""

    name: str
    exhibit: str
    visitors: int
    replications: int
    weights: tuple[int, ...] | None = None
    effect: bool = False

    def experiment(self) -> Experiment:
        """The gallery's definition, running since START; with other variants where `weights` says so."""
        document = exhibit(self.exhibit).experiment().model_dump(mode="json", exclude_none=True)
        document |= {"status": "running", "started_at": START}
        if self.weights is not None:
            keys = [document["variants"][0]["key"], *(f"variant-{k}" for k in range(1, len(self.weights)))]
            document["variants"] = [{"key": k, "weight": w} for k, w in zip(keys, self.weights, strict=True)]
        return Experiment.model_validate(document)

    def truth(self, experiment: Experiment) -> Truth:
        """The gallery's truth; without the effect every variant's visitors do what the control's do."""
        path = exhibit(self.exhibit).truth
        assert path is not None
        truth = read_truth(path)
        return truth if self.effect else truth.without_effect(experiment)


def of_demo(world: DemoWorld, replications: range) -> Counter[str]:
    """How many of these replications had each of the events that are counted?"""
    experiment = world.experiment()
    truth = world.truth(experiment)
    rates = true_rates(experiment, truth)
    counted: Counter[str] = Counter()
    for replication in replications:
        rng = generator(world.name, replication)
        reach, patterns = simulate_tables(experiment, truth, rng, start=START, days=DAYS, visitors=world.visitors)
        as_of = START + timedelta(days=DAYS + 1) + experiment.window
        result = report(experiment, reach, patterns, {}, as_of)
        counted.update(_events(result, reach, rates))
    return counted


def _events(result: Report, reach: ReachTable, rates: Mapping[str, Mapping[str, float]]) -> set[str]:
    events = set()
    for step in result.steps:
        kind = "macro" if step.kind == "macro" else "guardrail" if step.kind == "guardrail" else "diagnostic"
        for one in step.comparisons:
            if one.state in WRONG:
                events |= {kind, one.state if kind == "macro" else kind}
            true_lift = rates[one.variant][step.step] / rates[one.versus][step.step] - 1
            fits = one.effect.relative_interval
            low, high = fits or (np.nan, np.nan)  # None: no effect is left, the true one neither
            held = (low is None or low <= true_lift) and (high is None or true_lift <= high)
            if kind != "guardrail" and not held:
                events.add(f"{kind} missed")
    if result.sample_ratio.alarm:
        events.add("sample ratio")
    if _naive(result, reach):
        events.add("naive")
    return events


def _naive(result: Report, reach: ReachTable) -> bool:
    """Would |z| >= 1.96 at any of the macro-conversion's looks have been believed?"""
    macro = result.macro
    for index, one in enumerate(macro.comparisons, start=1):
        pair = Pair.of(reach.steps[macro.step], index)
        z = ScoreTest(pair).no_effect()[-len(one.looks) :]
        if (np.abs(z) >= 1.959964).any():
            return True
    return False
