"""How long does the report of a big experiment take? 3 variants, 6 steps, 60 days of hourly cohorts, all looks.

    python benchmarks/report.py --visitors-per-hour 100 --rounds 20

Prints the median and the worst of the rounds in milliseconds, after one round to warm up; the goal of STATISTICS 6 is
less than 100. Nothing is cached between rounds.
"""

from __future__ import annotations

import argparse
import statistics
import time
from datetime import UTC, datetime, timedelta

import numpy as np

from experiments.definition import Experiment
from experiments.report import report
from stats.patterns import PatternTable
from stats.reach import Exposed, ReachTable, StepReach

VARIANTS = ("control", "first", "second")
RATES = {"seen": 0.6, "started": 0.3, "given": 0.12, "bought": 0.04, "read": 0.2, "shared": 0.01}
STARTED_AT = datetime(2026, 9, 1, tzinfo=UTC)


def big_experiment() -> Experiment:
    """Six steps, three variants of one weight."""
    path = [{"step": step, "event": step} for step in list(RATES)[:4]]
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
    none = np.zeros(0, dtype=np.int64)
    patterns = PatternTable(VARIANTS, tuple(RATES), none, none, none, none, none, none)
    return ReachTable(VARIANTS, ("",), Exposed(cohorts, visitors), steps), patterns


def main() -> None:
    """Measure, and print one line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--visitors-per-hour", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    experiment = big_experiment()
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
