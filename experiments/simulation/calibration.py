"""Calibration: how would an experiment's page fare, if one knew the truth? Simulated A/A and A/B tests on its own path.

Each replication draws the tables of one whole experiment and judges them with the `report` that a page shows, in which
every sealed cohort is a look. Beside it, at the same looks, stands naive peeking: a z-test that knows of no other look.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, computed_field

from experiments.definition.definition import Guardrail, Step
from experiments.definition.document import Document
from experiments.definition.experiment import Experiment
from experiments.events.cohort import DAY, HOUR, Clock
from experiments.reporting.comparison import Comparison, design_of
from experiments.reporting.report import report
from experiments.simulation.assumed_truth import START
from experiments.simulation.simulate import simulate_tables, true_rates
from experiments.simulation.truth import Truth
from stats.proportions.design import NotEnoughData
from stats.proportions.score import Pair, ScoreTest
from stats.tables.reach import StepReach

NAIVE = 1.959964  # |z| that a fixed look at the level 0.05 believes

Promise = Literal["macro", "diagnostic", "guardrail"]
Direction = Literal["better", "worse"]
_DIRECTIONS: Mapping[str, Direction] = {"better": "better", "worse": "worse", "harmed": "worse"}


@dataclass(frozen=True, slots=True)
class Setting:
    """What is replicated: `visitors` who take part in the experiment over `days`, and behave as the truth says.

    Raises ValueError when the truth does not fit the experiment.
    """

    experiment: Experiment
    truth: Truth
    days: int
    visitors: int

    def __post_init__(self) -> None:
        self.truth.require(self.experiment)

    @property
    def length(self) -> timedelta:
        """From the first visitor to the last seal."""
        return self.days * DAY + self.experiment.window + 2 * HOUR


@dataclass(frozen=True, slots=True)
class Found:
    """What one comparison said at first, and after how many days: `verdict` by our test, `naive` by naive peeking.

    None: nothing until the end. A guardrail's `worse` is harm.
    """

    verdict: Direction | None
    days: float | None
    naive: Direction | None
    naive_days: float | None


Replication = Mapping[tuple[str, str], Found]
"""(step, variant) -> what was found there."""


@dataclass(frozen=True, slots=True)
class Frequency(Document):
    """`happened` in so many of `replications`, at least one; `of` in the document of `yesladder calibrate --json`."""

    happened: int
    replications: Annotated[int, Field(serialization_alias="of")]

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorated property
    @property
    def share(self) -> float:
        """In [0, 1]."""
        return self.happened / self.replications

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorated property
    @property
    def interval(self) -> tuple[float, float]:
        """The exact interval of the true share, at .95: Clopper & Pearson (1934), Biometrika 26, by beta quantiles."""
        import scipy.stats  # noqa: PLC0415 - half a second to import

        tail, k, n = (1 - 0.95) / 2, self.happened, self.replications
        low = float(scipy.stats.beta.ppf(tail, k, n - k + 1)) if k else 0.0
        high = float(scipy.stats.beta.ppf(1 - tail, k + 1, n - k)) if k < n else 1.0
        return low, high


@dataclass(frozen=True, slots=True)
class Outlook(Document):
    """One comparison where there is an effect: how often it is found, in its direction, and after how many days.

    `true_lift`: relative; 0 where the effect does not reach. Days are means, tests that find nothing counted with the
    whole length. `naive_*`: by naive peeking, whose verdicts cannot be trusted.
    """

    step: str
    variant: str
    kind: Promise
    true_lift: float
    found: Frequency
    wrong: Frequency
    mean_days: float
    naive_found: Frequency
    naive_mean_days: float


@dataclass(frozen=True, slots=True)
class Wrong(Document):
    """One promise: how often is any verdict of this kind wrong where no variant differs, by ours and by naive peeking?

    `promised`: at most this share.
    """

    kind: Promise
    promised: float
    wrong: Frequency
    naive_wrong: Frequency


def replicate(setting: Setting, rng: np.random.Generator) -> Replication:
    """What would the page of one such experiment have said, and naive peeking at the same looks?"""
    experiment = setting.experiment
    reach, patterns = simulate_tables(
        experiment, setting.truth, rng, start=START, days=setting.days, visitors=setting.visitors
    )
    result = report(experiment, reach, patterns, {}, START + setting.length)
    return {
        (step.step, comparison.variant): _found(experiment, step, comparison, index, reach.steps[step.step])
        for step, reported in zip(experiment.steps, result.steps, strict=True)
        for index, comparison in enumerate(reported.comparisons, start=1)
    }


def replications(setting: Setting, seed: Sequence[int], numbers: range) -> list[Replication]:
    """These replications of the setting. Each has a stream of its own, so it is the same whoever draws it when."""
    return [replicate(setting, np.random.default_rng([*seed, number])) for number in numbers]


def wrong_verdicts(experiment: Experiment, without_effect: Sequence[Replication]) -> list[Wrong]:
    """How often was any verdict of each kind wrong in replications where no variant differs?"""
    kinds = {step.step: _kind(experiment, step) for step in experiment.steps}
    promised = {"macro": 1, "diagnostic": 1, "guardrail": len(experiment.guardrails) * (len(experiment.variants) - 1)}
    answer = []
    for kind in ("macro", "diagnostic", "guardrail"):
        if kind not in kinds.values():
            continue
        of_kind = [[one for (step, _), one in run.items() if kinds[step] == kind] for run in without_effect]
        believed: set[Direction | None] = {"worse"} if kind == "guardrail" else {"better", "worse"}
        answer.append(
            Wrong(
                kind=kind,
                promised=min(1.0, promised[kind] * experiment.analysis.alpha),
                wrong=_often([any(one.verdict in believed for one in run) for run in of_kind]),
                naive_wrong=_often([any(one.naive in believed for one in run) for run in of_kind]),
            )
        )
    return answer


def outlooks(setting: Setting, with_effect: Sequence[Replication]) -> list[Outlook]:
    """How often, and how soon, was the effect of this setting found at each step, by each variant?"""
    experiment, whole = setting.experiment, setting.length / DAY
    rates = true_rates(experiment, setting.truth)
    answer = []

    def mean(days: Iterable[float | None]) -> float:
        return float(np.mean([whole if one is None else one for one in days]))

    for step in experiment.path + experiment.secondary:
        for variant in experiment.variants[1:]:
            before, after = rates[experiment.control.key][step.step], rates[variant.key][step.step]
            lift = after / before - 1 if before and abs(after / before - 1) > 1e-9 else 0.0
            runs = [run[step.step, variant.key] for run in with_effect]
            right = "better" if lift > 0 else "worse" if lift < 0 else None
            answer.append(
                Outlook(
                    step=step.step,
                    variant=variant.key,
                    kind=_kind(experiment, step),
                    true_lift=lift,
                    found=_often([right is not None and one.verdict == right for one in runs]),
                    wrong=_often([one.verdict not in (None, right) for one in runs]),
                    mean_days=mean(one.days for one in runs),
                    naive_found=_often([right is not None and one.naive == right for one in runs]),
                    naive_mean_days=mean(one.naive_days for one in runs),
                )
            )
    return answer


def _found(experiment: Experiment, step: Step, comparison: Comparison, index: int, reach: StepReach) -> Found:
    verdict, at = _DIRECTIONS.get(comparison.state), comparison.decided_at
    days = (at - START) / DAY if verdict and at else None
    return Found(verdict, days, *_naive(experiment, step, index, reach))


def _naive(experiment: Experiment, step: Step, index: int, reach: StepReach) -> tuple[Direction | None, float | None]:
    """What a z-test believes at the first look with enough data at which it believes anything, after how many days."""
    pair = Pair.of(reach, index)
    first = design_of(experiment, index).first_gated_look(pair)
    if isinstance(first, NotEnoughData):
        return None, None
    z = ScoreTest(pair).no_effect()[first:]
    believed = np.flatnonzero(np.abs(z) >= NAIVE)
    if not len(believed):
        return None, None
    look = int(believed[0])
    more_is_better = not (isinstance(step, Guardrail) and step.harm == "more")
    at = Clock(HOUR, experiment.window_of(step)).seal(int(reach.cohorts[first + look]))
    return "better" if (z[look] > 0) == more_is_better else "worse", (at - START) / DAY


def _kind(experiment: Experiment, step: Step) -> Promise:
    kind = experiment.kind_of(step)
    return "macro" if kind == "macro" else "guardrail" if kind == "guardrail" else "diagnostic"


def _often(events: Sequence[bool]) -> Frequency:
    return Frequency(sum(events), len(events))
