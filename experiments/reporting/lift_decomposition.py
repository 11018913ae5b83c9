"""Decomposition: at which steps of the path the lift of the macro-conversion arises. Description, no verdict."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from experiments.definition.document import Document, Flat
from experiments.definition.experiment import Experiment
from experiments.reporting.comparison import NON_STATIONARY, Effect, design_of
from stats.path_decomposition import ENOUGH_AT_STEP, Component, PathCounts, Shortage, decompose
from stats.tables.patterns import PatternTable

ACCOUNTING_IDENTITY = (
    "This splits one causal effect, the lift of the macro-conversion, into parts that add up to it; the parts are an "
    "accounting identity, not causal effects of their own, because the visitors who reach a step differ between the "
    "variants."
)
"""To be shown wherever a decomposition is."""

_REASONS: Mapping[Shortage, str] = {
    "nobody": "in one of the variants nobody has got this far",
    "too-few": f"in each variant {ENOUGH_AT_STEP} visitors must have gone on, and {ENOUGH_AT_STEP} not",
    "non-stationary": NON_STATIONARY,
}


@dataclass(frozen=True, slots=True)
class Part(Document):
    """The part of the lift that arises at one step: among those who reached the step before, who went on?

    `log_lift`: the parts add up to the total's. `effect` has a relative lift, exp(log_lift) - 1, and its interval: the
    factors 1 + relative_lift multiply to the total's; anytime, at alpha over all steps of the variant together.
    `share`: of the total's log lift, None unless that is clearly not zero. Where something is None, `reason` says why.
    """

    step: str
    log_lift: float | None
    effect: Annotated[Effect, Flat(("relative_lift", "relative_interval"))]
    share: float | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class VariantDecomposition(Document):
    """Where the lift of one variant over the control arises: `total` is that of the macro-conversion by itself.

    All from the same visitors, of sealed days; the total's interval is at alpha and of another kind than that of
    the verdict, which it does not replace.
    """

    variant: str
    versus: str
    total: Annotated[Part, Flat(("log_lift", "relative_lift", "relative_interval", "reason"))]
    steps: Sequence[Part]


def decomposition(experiment: Experiment, sealed: PatternTable) -> list[VariantDecomposition]:
    """For every variant but the control: where does its lift arise? From the days that are `sealed`."""
    counts = PathCounts.of(sealed, [step.step for step in experiment.path])
    answer = []
    for index, variant in enumerate(experiment.variants[1:], 1):
        parts = decompose(counts, index, design_of(experiment, index))
        steps = [
            _part(step.step, one, parts.share(k))
            for k, (step, one) in enumerate(zip(experiment.path, parts.steps, strict=True))
        ]
        total = _part(experiment.macro.step, parts.total, None)
        answer.append(VariantDecomposition(variant.key, experiment.control.key, total, steps))
    return answer


def _part(step: str, component: Component, share: float | None) -> Part:
    lift, interval = component.log_lift, component.interval
    return Part(
        step=step,
        log_lift=lift,
        effect=Effect(
            relative_lift=None if lift is None else math.expm1(lift),
            relative_interval=None if interval is None else (math.expm1(interval[0]), math.expm1(interval[1])),
        ),
        share=share,
        reason=None if component.shortage is None else _REASONS[component.shortage],
    )
