"""Ladder: how many visitors made a commitment of at least this grade? Description, no test."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from experiments.definition.document import Document, Written
from experiments.definition.experiment import Experiment
from stats.arrays import Flags
from stats.tables.patterns import PatternTable

_NAMED = Written(lambda grade: f"grade-{grade}" if grade else "macro", str)


@dataclass(frozen=True, slots=True)
class VariantRung(Document):
    """How many of a variant's visitors of sealed days got at least this high? `share`: None without visitors."""

    visitors: int
    reached: int
    share: float | None


@dataclass(frozen=True, slots=True)
class Rung(Document):
    """Who made a commitment of at least this grade, by variant key.

    `grade`: 1 weak, 2 medium, 3 strong; None is the top, the macro-conversion, which implies every grade.
    """

    grade: Annotated[int | None, _NAMED, Field(serialization_alias="rung")]
    variants: Mapping[str, VariantRung]


def ladder(experiment: Experiment, sealed: PatternTable) -> list[Rung]:
    """How far up did each variant's visitors of `sealed` days get? From the lowest rung to the top.

    A visitor stands on a rung with any milestone or secondary action of that grade or higher. Grades that no step of
    the experiment has are left out; guardrails are no commitments. The grade of the macro-conversion itself adds no
    rung below the top.
    """
    graded = [step for step in (*experiment.path[:-1], *experiment.secondary) if step.grade is not None]
    top = sealed.reached(experiment.macro.step)
    visitors = _by_variant(sealed, np.ones_like(top))

    def rung(grade: int | None, *high_enough: Flags) -> Rung:
        reached = _by_variant(sealed, np.any(high_enough, axis=0))
        shares = {key: reached[key] / came if came else None for key, came in visitors.items()}
        return Rung(grade, {key: VariantRung(visitors[key], reached[key], shares[key]) for key in visitors})

    rungs = []
    for grade in sorted({step.grade for step in graded if step.grade is not None}):
        high_enough = [sealed.reached(step.step) for step in graded if (step.grade or 0) >= grade]
        rungs.append(rung(grade, top, *high_enough))
    return [*rungs, rung(None, top)]


def _by_variant(patterns: PatternTable, rows: Flags) -> Mapping[str, int]:
    counts = np.zeros(len(patterns.variants), dtype=np.int64)
    np.add.at(counts, patterns.variant[rows], patterns.visitors[rows])
    return dict(zip(patterns.variants, counts.tolist(), strict=True))
