"""Ladder: how many visitors made a commitment of at least this grade? Description, no test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from experiments.definition.experiment import Experiment
from stats.arrays import Flags
from stats.tables.patterns import PatternTable


@dataclass(frozen=True, slots=True)
class Rung:
    """Of each variant's visitors of sealed days, how many got at least this high?

    `grade`: 1 weak, 2 medium, 3 strong; None is the top, the macro-conversion, which implies every grade. `visitors`,
    `reached`, `share` (in [0, 1], None without visitors): by variant key.
    """

    grade: int | None
    visitors: Mapping[str, int]
    reached: Mapping[str, int]

    @property
    def share(self) -> Mapping[str, float | None]:
        """reached / visitors."""
        return {key: self.reached[key] / visitors if visitors else None for key, visitors in self.visitors.items()}

    def to_json(self) -> dict[str, object]:
        """One of `ladder` in the JSON document."""
        share = self.share
        return {
            "rung": "macro" if self.grade is None else f"grade-{self.grade}",
            "variants": {
                key: {"visitors": visitors, "reached": self.reached[key], "share": share[key]}
                for key, visitors in self.visitors.items()
            },
        }


def ladder(experiment: Experiment, sealed: PatternTable) -> list[Rung]:
    """How far up did each variant's visitors of `sealed` days get? From the lowest rung to the top.

    A visitor stands on a rung with any milestone or secondary action of that grade or higher. Grades that no step of
    the experiment has are left out; guardrails are no commitments. The grade of the macro-conversion itself adds no
    rung below the top.
    """
    graded = [step for step in (*experiment.path[:-1], *experiment.secondary) if step.grade is not None]
    top = sealed.reached(experiment.macro.step)
    visitors = _by_variant(sealed, np.ones_like(top))
    rungs = []
    for grade in sorted({step.grade for step in graded if step.grade is not None}):
        high_enough = [sealed.reached(step.step) for step in graded if (step.grade or 0) >= grade]
        rungs.append(Rung(grade, visitors, _by_variant(sealed, np.any([top, *high_enough], axis=0))))
    return [*rungs, Rung(None, visitors, _by_variant(sealed, top))]


def _by_variant(patterns: PatternTable, rows: Flags) -> Mapping[str, int]:
    counts = np.zeros(len(patterns.variants), dtype=np.int64)
    np.add.at(counts, patterns.variant[rows], patterns.visitors[rows])
    return dict(zip(patterns.variants, counts.tolist(), strict=True))
