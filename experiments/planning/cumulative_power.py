"""Chances: with what chance is the macro-conversion decided by a day, if the true change is so and so big?"""

from collections.abc import Sequence
from dataclasses import dataclass

from experiments.definition.experiment import Experiment
from experiments.events.cohort import DAY
from experiments.planning.forecast import contrast, judging, last_ones, planned_method
from stats.arrays import Floats
from stats.power import chances

BEYOND = 1.5  # of the visitors needed, when no plan says where to end
DAYS_AHEAD = 3660  # what takes longer than ten years is not drawn


@dataclass(frozen=True, slots=True)
class Course:
    """The chance over time at one true relative `lift`: after `days`, each since the first visitor, ascending."""

    lift: float
    days: Sequence[float]
    found: Floats

    def by(self, days: float) -> float:
        """The chance of having decided by so many days after the first visitor."""
        passed = sum(day <= days for day in self.days)
        return float(self.found[passed - 1]) if passed else 0.0


def courses(
    experiment: Experiment, rate: float, detect: float, visitors: int, visitors_per_day: float
) -> Sequence[Course]:
    """The courses without a change, with half of `detect`, with it and with twice as much, as far as these exist.

    `rate`: in (0, 1). `visitors`: of the Target; a test without a plan is followed beyond them. Empty when they take
    too long to come.
    """
    method = planned_method(experiment)
    horizon = visitors * (BEYOND if method == "always-valid" else 1.0)
    waits = last_ones(experiment, experiment.macro) / DAY
    if horizon / visitors_per_day + waits > DAYS_AHEAD:
        return ()
    judged = judging(experiment, method, experiment.macro, detect)
    answer = []
    for lift in (0.0, detect / 2, detect, 2 * detect):
        if rate * (1 + lift) < 1:
            found = chances(contrast(experiment, rate, lift), judged, horizon)
            days = [horizon * (k + 1) / len(found) / visitors_per_day + waits for k in range(len(found))]
            answer.append(Course(lift, days, found))
    return answer
