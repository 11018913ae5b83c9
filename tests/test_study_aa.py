"""A/A study: how often does a page that is looked at every hour give a verdict where there is nothing to find?

The shipped demo experiments with the effect taken out: their own visitors, hours, windows and crowds, drawn as tables
by the simulator, and judged by the same `report` that a page shows, in which every sealed cohort is a look. Beside
it, at the same looks, a z-test that knows nothing of looking: the negative control, which must fail.

A cell fails when its exact one-sided bound (Clopper-Pearson, 99 % shared by the cells) shows a rate above what is
promised (STATISTICS 6). 2,000 replications catch a true rate of 1.5 alpha nine times in ten; YESLADDER_STUDY=full
(10,000 in every world) one of 1.3 alpha. Seeds derive from the world's name; `-s` shows the table.
"""

from __future__ import annotations

import os
import zlib
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

from experiments.definition import Experiment
from experiments.gallery import exhibit
from experiments.report import Report, report
from experiments.simulate import simulate_tables, true_rates
from experiments.truth import Truth, read_truth
from stats.reach import ReachTable
from stats.score import Pair, ScoreTest

ROOT = Path(__file__).parents[1]
FULL = os.environ.get("YESLADDER_STUDY") == "full"
START = datetime(2026, 11, 2, tzinfo=UTC)
DAYS = 21
ALPHA = 0.05
WRONG = ("better", "worse")


@dataclass(frozen=True, slots=True)
class World:
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


# The two experiments of `yesladder demo`, with its numbers of visitors; the first again with three uneven variants,
# where families are larger and arms thin; and with its effect, to see that verdicts are given and intervals are true.
DEMO = World("multi-step form", "multi-step-form", 30_000, 2_000)
WORLDS = (
    DEMO,
    World("pop-up form", "popup-contact-form", 20_000, 500),
    World("three uneven variants", "multi-step-form", 30_000, 500, weights=(8, 1, 1)),
    World("multi-step form as it is", "multi-step-form", 30_000, 500, effect=True),
)


@dataclass(frozen=True, slots=True)
class Cell:
    """One promise in one world: `event` happens in at most the share `promised` of replications."""

    world: World
    event: str
    promised: float

    def row(self, happened: int, replications: int, cells: int) -> tuple[str, bool]:
        """A line of the table, and whether the promise is shown to be broken."""
        bound = scipy.stats.beta.ppf(0.01 / cells, happened, replications - happened + 1) if happened else 0.0
        broken = bool(bound > self.promised)
        return (
            f"{self.world.name:26} {self.event:18} {happened:6} / {replications:6} = {happened / replications:.4f}"
            f"   at least {bound:.4f}, promised {self.promised:.3f}   {'BROKEN' if broken else 'holds'}"
        ), broken


def cells() -> list[Cell]:
    """All promises: verdicts where nothing is to be found, intervals where there is, the split everywhere."""
    promises = [Cell(world, event, ALPHA) for world in WORLDS if not world.effect for event in ("macro", "diagnostic")]
    promises += [
        Cell(world, f"{kind} missed", ALPHA) for world in WORLDS if world.effect for kind in ("macro", "diagnostic")
    ]
    return promises + [Cell(world, "sample ratio", 0.001) for world in WORLDS]


def replicate(world: World, replications: range) -> Counter[str]:
    """How many of these replications had each of the events that are counted?"""
    experiment = world.experiment()
    truth = world.truth(experiment)
    rates = true_rates(experiment, truth)
    counted: Counter[str] = Counter()
    for replication in replications:
        rng = np.random.default_rng([zlib.crc32(world.name.encode()), replication])
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
            low, high = one.relative_interval or (np.nan, np.nan)  # None: no effect is left, the true one neither
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
    macro = next(step for step in result.steps if step.kind == "macro")
    for index, one in enumerate(macro.comparisons, start=1):
        pair = Pair.of(reach.steps[macro.step], index)
        z = ScoreTest(pair).no_effect()[-len(one.looks) :]
        if (np.abs(z) >= 1.959964).any():
            return True
    return False


@pytest.fixture(scope="module")
def counted() -> dict[str, tuple[Counter[str], int]]:
    """world -> how often each event happened, in how many replications. In other processes, one per core."""
    chunk = 50
    work, names = [], []
    for world in WORLDS:
        replications = 10_000 if FULL else world.replications
        for first in range(0, replications, chunk):
            work.append((world, range(first, first + chunk)))
            names.append(world.name)
    sums: dict[str, tuple[Counter[str], int]] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT)  # where the other processes find this module
        with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
            for name, some in zip(names, pool.map(replicate, *zip(*work, strict=True)), strict=True):
                so_far, n = sums.get(name, (Counter(), 0))
                sums[name] = so_far + some, n + chunk
    return sums


pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200 if FULL else 1800)]


def test_every_promise_holds(counted: dict[str, tuple[Counter[str], int]]) -> None:
    asked = cells()
    rows = []
    for cell in asked:
        happened, replications = counted[cell.world.name]
        rows.append(cell.row(happened[cell.event], replications, len(asked)))
    print("\n" + "\n".join(row for row, _ in rows))
    assert not [row for row, broken in rows if broken]
    assert counted[DEMO.name][1] >= 2_000


def test_the_same_looks_without_the_method_are_wrong_far_too_often(
    counted: dict[str, tuple[Counter[str], int]],
) -> None:
    """The negative control: it shows that the study would see a method that does not hold."""
    for world in WORLDS:
        happened, replications = counted[world.name]
        if not world.effect:
            print(f"{world.name:26} naive z-test       {happened['naive'] / replications:.4f}")
            assert happened["naive"] / replications > 0.2


def test_a_real_effect_is_found_and_never_turned_round(counted: dict[str, tuple[Counter[str], int]]) -> None:
    (world,) = (world for world in WORLDS if world.effect)
    happened, replications = counted[world.name]
    print(f"{world.name:26} found better       {happened['better'] / replications:.4f}")
    assert happened["better"] > 0.8 * replications
    assert happened["worse"] == 0
