"""PlanInputs: what an experiment is planned with: what somebody says, else what was measured, else its config file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from experiments.definition.experiment import Experiment
from experiments.planning.baseline import Measurement, is_own
from experiments.planning.forecast import SoFar

Needed = Literal["detect", "rate", "traffic"]
"""The smallest change worth finding; how many visitors reach the macro-conversion; how many take part a day."""


@dataclass(frozen=True, slots=True)
class PlanInputs:
    """`known`: what was measured by `as_of` (aware UTC), None when nothing was. `said_...`: what somebody says instead:
    a relative lift above 0, step key -> share in [0, 1], visitors a day above 0; None and empty where nothing is said.

    `digits`: to so many digits rates and traffic are rounded, so that not every visitor makes another question.
    `looks_back`: a phase that is over is planned from its own start, with those who came; else anew, from `as_of`.
    """

    experiment: Experiment
    known: Measurement | None
    as_of: datetime
    said_detect: float | None = None
    said_rates: Mapping[str, float] = field(default_factory=dict)
    said_visitors_per_day: float | None = None
    digits: int | None = None
    looks_back: bool = False

    @property
    def detect(self) -> float | None:
        """The smallest relative change worth finding."""
        return self.said_detect or self.experiment.analysis.detect

    @property
    def rates(self) -> dict[str, float]:
        """Step key -> share of visitors who reach it, of the steps where it is known."""
        measured = {step: one.rate for step, one in self.known.rates.items()} if self.known else {}
        return {step: self._rounded(share) for step, share in (measured | dict(self.said_rates)).items()}

    @property
    def visitors_per_day(self) -> float | None:
        """How many visitors a day take part, all variants together; None when nobody knows."""
        found = self.said_visitors_per_day or (self.known.visitors_per_day if self.known else None)
        return self._rounded(found) if found else None

    @property
    def goes_on(self) -> bool:
        """Had the phase started by then, and is the plan that of its visitors, not of others who come later?"""
        started = self.experiment.started_at
        return started is not None and started <= self.as_of and (self.looks_back or self.experiment.ended_at is None)

    @property
    def start(self) -> datetime:
        """When visitors begin to come: a draft, or what is over, would begin anew."""
        return self.experiment.started_at or self.as_of if self.goes_on else self.as_of

    @property
    def so_far(self) -> SoFar | None:
        """Who has come already, to a phase that the plan goes on with, if something was measured of it."""
        own = self.known is not None and is_own(self.known, self.experiment)
        return SoFar(self.known.visitors, self.as_of) if self.known and own and self.goes_on else None

    def missing(self) -> Sequence[Needed]:
        """What of it is not known, in this order. Without traffic there are numbers of visitors, but no days."""
        known: dict[Needed, object] = {
            "detect": self.detect,
            "rate": self.rates.get(self.experiment.macro.step),
            "traffic": self.visitors_per_day,
        }
        return [needed for needed, value in known.items() if not value]

    def _rounded(self, number: float) -> float:
        return number if self.digits is None else float(f"{number:.{self.digits}g}")


def planned_steps(experiment: Experiment) -> list[str]:
    """The keys of the steps that can be planned with: the path in order, then secondary actions."""
    return [step.step for step in (*experiment.path, *experiment.secondary)]
