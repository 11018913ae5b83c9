"""How long does the report of a big experiment take? 3 variants, 6 steps, 60 days of hourly cohorts, all looks.

    python benchmarks/report.py --visitors-per-hour 100 --rounds 20

Every cell is filled: each pattern of steps occurs on every day. Prints the median and the worst of the rounds in
milliseconds, after one round to warm up; the goal is less than 100. Nothing but the boundary of the plan, which depends
on no data, is kept between rounds.
"""

from __future__ import annotations

import argparse
import statistics
import time
from datetime import UTC, datetime, timedelta

import numpy as np

from experiments.definition.experiment import Experiment
from experiments.reporting.report import report
from stats.tables.patterns import PatternTable
from stats.tables.reach import Exposed, ReachTable, StepReach

VARIANTS = ("control", "first", "second")
RATES = {"seen": 0.6, "started": 0.3, "given": 0.12, "bought": 0.04, "read": 0.2, "shared": 0.01}
STARTED_AT = datetime(2026, 9, 1, tzinfo=UTC)


def big_experiment(planned: int | None) -> Experiment:
    """Six steps, three variants of one weight."""
    path: list[dict[str, object]] = [{"step": step, "event": step} for step in list(RATES)[:4]]
    path[-1]["value"] = "total"
    secondary = [{"step": step, "event": step} for step in list(RATES)[4:]]
    return Experiment.model_validate(
        {
            "key": "big",
            "name": "Big",
            "status": "running",
            "started_at": STARTED_AT,
            "variants": [{"key": key, "weight": 1} for key in VARIANTS],
            "path": path,
            "secondary": secondary,
            "window": "1 day",
            "analysis": {"planned_visitors": planned} if planned else {},
        }
    )


def drawn_tables(days: int, visitors_per_hour: int, rng: np.random.Generator) -> tuple[ReachTable, PatternTable]:
    """Counts without any effect, in every hour of these days."""
    hours = days * 24
    cohorts = int(STARTED_AT.timestamp()) // 3600 + np.arange(hours)
    visitors = rng.poisson(visitors_per_hour / len(VARIANTS), size=(hours, len(VARIANTS)))
    steps = {
        step: StepReach(cohorts, visitors[:, np.newaxis], rng.binomial(visitors, rate)[:, np.newaxis])
        for step, rate in RATES.items()
    }
    patterns = drawn_patterns(days, visitors_per_hour * 24, rng)
    return ReachTable(VARIANTS, ("",), Exposed(cohorts, visitors), steps), patterns


def drawn_patterns(days: int, visitors_per_day: int, rng: np.random.Generator) -> PatternTable:
    """Who reached how much of the path, whatever else they did, and values of 100 units; all variants alike."""
    reach = np.array([1.0, *list(RATES.values())[:4], 0.0])
    path = -np.diff(reach)  # went so far, and not further
    chances = np.concatenate([path * p * q for p in (0.8, 0.2) for q in (0.99, 0.01)])
    patterns = np.array(
        [(1 << depth) - 1 | read << 4 | shared << 5 for read in (0, 1) for shared in (0, 1) for depth in range(5)]
    )
    drawn = rng.multinomial(visitors_per_day // len(VARIANTS), chances, size=(days, len(VARIANTS)))
    drawn = np.maximum(drawn, 1)
    order = np.argsort(patterns)
    day, variant, pattern = (axis.ravel() for axis in np.indices(drawn.shape))
    visitors = drawn[:, :, order].ravel()
    orders = np.where(patterns[order][pattern] >> 3 & 1, visitors, 0)
    first = int(STARTED_AT.timestamp()) // 86_400
    return PatternTable(
        VARIANTS,
        tuple(RATES),
        first + day,
        variant,
        patterns[order][pattern],
        visitors,
        orders * 10_000,
        orders * 10_000**2,
    )


def main() -> None:
    """Measure, and print one line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--visitors-per-hour", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--planned", type=int, default=150_000, help="planned visitors, 0 for always-valid")
    options = parser.parse_args()
    experiment = big_experiment(options.planned)
    tables = drawn_tables(options.days, options.visitors_per_hour, np.random.default_rng(options.seed))
    as_of = STARTED_AT + timedelta(days=options.days + 3)
    took = []
    for _ in range(options.rounds + 1):
        begun = time.perf_counter()
        result = report(experiment, *tables, {}, as_of)
        took.append((time.perf_counter() - begun) * 1000)
    looks = sum(len(one.looks) for step in result.steps for one in step.comparisons)
    print(f"report of {looks} looks: median {statistics.median(took[1:]):.0f} ms, worst {max(took[1:]):.0f} ms")


if __name__ == "__main__":
    main()
