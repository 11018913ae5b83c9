"""Report: everything a result page shows, unformatted. Pure in (experiment, tables, as_of)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal

from experiments.definition.definition import Method
from experiments.definition.document import Document, NamedPhase, Written
from experiments.definition.experiment import Experiment
from experiments.definition.quantity import utc
from experiments.events.cohort import HOUR, Clock, sealed_days
from experiments.reporting.commitment_ladder import Rung, ladder
from experiments.reporting.comparison import Comparison, ComparisonState
from experiments.reporting.learned_values import LearnedStep, Movement, learned_values
from experiments.reporting.lift_decomposition import VariantDecomposition, decomposition
from experiments.reporting.sample_ratio import SampleRatio, sample_ratio
from experiments.reporting.step_report import StepReport, step_reports
from experiments.reporting.value_per_visitor import ValueReport, value_report
from stats.tables.patterns import PatternTable
from stats.tables.reach import ReachTable

State = Literal[ComparisonState, "withdrawn"]
_SUMS = Written(lambda ledger: {reason: sum(by.values()) for reason, by in ledger.items()}, dict[str, int])


@dataclass(frozen=True, slots=True)
class Report(Document):
    """What the data say about one phase as of one moment. `decided_at`: the seal of the look that decided `state`.

    `exposed`: variant key -> visitors before exclusions, of every hour begun. `ledger`: reason -> variant key ->
    how many.
    """

    experiment: NamedPhase
    as_of: datetime
    method: Method
    method_reason: str
    alpha: float
    state: State
    reason: str
    decided_at: datetime | None
    exposed: Mapping[str, int]
    sample_ratio: SampleRatio
    steps: Sequence[StepReport]
    decomposition: Sequence[VariantDecomposition]
    value: ValueReport
    learned_values: Sequence[LearnedStep]
    ladder: Sequence[Rung]
    ledger: Annotated[Mapping[str, Mapping[str, int]], _SUMS]

    @property
    def macro(self) -> StepReport:
        """The step that decides: the last of the path."""
        return self.steps[len(self.experiment.path) - 1]


def report(
    experiment: Experiment,
    reach: ReachTable,
    patterns: PatternTable,
    ledger: Mapping[str, Mapping[str, int]],
    as_of: datetime,
    movements: Mapping[str, Sequence[Movement]] | None = None,
) -> Report:
    """What do the data say about this phase as of this moment?

    `as_of` is aware. Only cohorts sealed by then decide, so a published number does not change; the counts of the
    immature ones, and of the exposed in the hour under way, are those of the tables as given. `movements`: step key ->
    what finished experiments decided about this step (learned_values.py).
    Raises ValueError when the tables are of other variants or steps.

    >>> import numpy as np
    >>> from datetime import UTC
    >>> from stats.tables.reach import Exposed, StepReach
    >>> phase = Experiment.model_validate({
    ...     "key": "form", "name": "One page or three", "status": "running",
    ...     "started_at": datetime(2026, 11, 2, tzinfo=UTC),
    ...     "variants": [{"key": "one-page", "weight": 50}, {"key": "three-pages", "weight": 50}],
    ...     "path": [{"step": "sent", "event": "form_sent"}],
    ...     "window": "1 day",
    ... })
    >>> hours = Clock(HOUR, phase.window).cohort(phase.started_at) + np.arange(48)  # two days of cohorts
    >>> came = np.full((48, 2), 50)  # 50 visitors of either variant in each hour; of them 5, or 10, sent the form
    >>> sent = StepReach(hours, came[:, None], np.tile([5, 10], (48, 1, 1)))
    >>> reach = ReachTable(("one-page", "three-pages"), ("",), Exposed(hours, came), {"sent": sent})
    >>> none = np.zeros(0, dtype=np.int64)
    >>> patterns = PatternTable(reach.variants, ("sent",), none, none, none, none, none, none)
    >>> found = report(phase, reach, patterns, {}, datetime(2026, 11, 6, tzinfo=UTC))
    >>> found.state, found.reason
    ('better', 'decided on 2026-11-03')
    >>> low, high = found.macro.comparisons[0].effect.relative_interval
    >>> found.macro.comparisons[0].effect.relative_lift, round(low, 2), round(high, 2)
    (1.0, 0.58, 1.54)
    """
    _require_same(experiment, reach)
    as_of = utc(as_of)
    sealed = sealed_days(experiment, patterns, as_of)
    steps = step_reports(experiment, reach, sealed, as_of)
    ratio = sample_ratio(experiment, reach.exposed, as_of)
    state, reason, decided_at = _overall(steps[len(experiment.path) - 1], ratio)
    begun = reach.exposed.until(Clock(HOUR, timedelta(0)).cohort(as_of) + 1)
    return Report(
        experiment=experiment,
        as_of=as_of,
        method=experiment.analysis.method_in_force,
        method_reason=_method_reason(experiment),
        alpha=experiment.analysis.alpha,
        state=state,
        reason=reason,
        decided_at=decided_at,
        exposed=dict(zip(reach.variants, begun.visitors.sum(axis=0).tolist(), strict=True)),
        sample_ratio=ratio,
        steps=steps,
        decomposition=decomposition(experiment, sealed),
        value=value_report(experiment, sealed),
        learned_values=learned_values(experiment, sealed, movements),
        ladder=ladder(experiment, sealed),
        ledger=ledger,
    )


def _require_same(experiment: Experiment, reach: ReachTable) -> None:
    variants = tuple(variant.key for variant in experiment.variants)
    if reach.variants != variants:
        raise ValueError(f"the tables have variants {reach.variants}, must have those of the experiment: {variants}")
    if missing := [step.step for step in experiment.steps if step.step not in reach.steps]:
        raise ValueError(f"the tables lack steps {missing}, must have every step of the experiment")


def _method_reason(experiment: Experiment) -> str:
    analysis = experiment.analysis
    if analysis.method is None:
        return f"the default {'without' if analysis.planned_visitors is None else 'with'} planned_visitors"
    if analysis.method == "fixed":
        return f"chosen in the config: one look, at {analysis.planned_visitors} visitors"
    return "chosen in the config"


def _overall(macro: StepReport, ratio: SampleRatio) -> tuple[State, str, datetime | None]:
    """Better if any variant is, worse or equivalent if all are; a sample-ratio alarm withdraws any verdict."""
    if ratio.since is not None:
        reason = f"since {ratio.since:%Y-%m-%d} the variants get visitors in a ratio that chance does not explain"
        return "withdrawn", reason, None
    better = [one for one in macro.comparisons if one.state == "better"]
    if better:
        return "better", _reasons(better), min(_decisions(better))
    states = {one.state for one in macro.comparisons}
    only = states.pop() if len(states) == 1 else "undecided"
    decided_at = max(_decisions(macro.comparisons)) if only in ("worse", "equivalent") else None
    return only, _reasons(macro.comparisons), decided_at


def _decisions(comparisons: Sequence[Comparison]) -> list[datetime]:
    return [one.decided_at for one in comparisons if one.decided_at is not None]


def _reasons(comparisons: Sequence[Comparison]) -> str:
    if len({one.reason for one in comparisons}) == 1:
        return comparisons[0].reason
    return "; ".join(f"{one.variant}: {one.reason}" for one in comparisons)
