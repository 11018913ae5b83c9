"""Sample ratio: do the variants get visitors in the planned ratio, and if not, where and since when do they not?"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Literal

import numpy as np

from experiments.definition.document import HIDDEN, Document, Written
from experiments.definition.experiment import Experiment
from experiments.events.cohort import DAY, HOUR, Clock
from stats.arrays import Counts
from stats.multinomial import ALARM_BELOW, always_valid_p_values, log_e_values, spans, strongest_span
from stats.multiplicity import benjamini_yekutieli
from stats.tables.reach import Exposed, ReachTable

DAYS = "day"  # the attribute whose levels are days
LARGE = 0.1  # share of the visitors from which on a level is asked whether it has the mismatch too
CLEAR = math.log(20)  # one explanation is said when the visitors are 20 times likelier by it than by the other

FindingKind = Literal["level", "alike", "unclear", "excluded", "began", "ended", "between", "one-day", "every-day"]
FINDINGS: Mapping[FindingKind, str] = {
    "level": "the mismatch is in {attribute} {level}: {variant} has {seen:,} of {total:,} instead of {expected:,}",
    "alike": "every {attribute} has the mismatch alike: look at what is the same for all, the assignment or a redirect",
    "unclear": "whether every {attribute} has the mismatch alike, the visitors so far cannot tell",
    "excluded": "visitors who count are divided as planned, those left out are not: look at what leaves them out, "
    "such as a bot filter",
    "began": "it began on {first}: look at what changed then",
    "ended": "it ended on {last}: visitors since then are divided as planned",
    "between": "it lasted from {first} to {last}",
    "one-day": "it is on {first} alone",
    "every-day": "it has been there on every day alike, since the first",
}


@dataclass(frozen=True, slots=True)
class SampleRatio(Document):
    """Do the variants get visitors in the planned ratio? From closed hours, before exclusions.

    `p_value` is always valid, None before the first closed hour. `expected`: variant key -> planned share.
    `since`: when the alarm was raised, None without one. `findings`: where the mismatch is, from `diagnosis`, where
    somebody looked for it.
    """

    p_value: float | None
    alarm: bool
    expected: Annotated[Mapping[str, float], HIDDEN]
    since: Annotated[datetime | None, HIDDEN]
    findings: Annotated[Sequence[Finding], Written(lambda findings: [one.text for one in findings], list[str])] = ()


def sample_ratio(experiment: Experiment, exposed: Exposed, as_of: datetime) -> SampleRatio:
    """Do the variants get visitors in the planned ratio, as of this moment (aware UTC)?

    An hour counts when it and the hour of grace after it are over. The alarm stays once it is raised.
    """
    expected = _expected(experiment)
    clock = Clock(HOUR, timedelta(0))
    closed = exposed.until(clock.first_unsealed(as_of))
    if not len(closed.cohorts):
        return SampleRatio(None, False, expected, None)
    p_values = always_valid_p_values(closed, list(expected.values()))
    alarms = np.flatnonzero(p_values < ALARM_BELOW)
    since = clock.seal(int(closed.cohorts[alarms[0]])) if len(alarms) else None
    return SampleRatio(float(p_values[-1]), since is not None, expected, since)


@dataclass(frozen=True, slots=True)
class LevelRatio:
    """One day, or one level of an attribute: its visitors per variant key, and their shares (None without visitors).

    `p_value`: always valid, of the level's own course by day. `p_value_adjusted`: Benjamini-Yekutieli, over all
    levels of the attribute.
    """

    level: str
    visitors: Mapping[str, int]
    shares: Mapping[str, float | None]
    p_value: float
    p_value_adjusted: float


@dataclass(frozen=True, slots=True)
class Finding:
    """Where the mismatch is, or since when. `text` says it in plain words; the rest is what it says, where it applies.

    `variant` lacks most visitors at the level: it has `seen` of `total`, and would have `expected` by plan.
    """

    kind: FindingKind
    attribute: str = ""
    level: str = ""
    variant: str = ""
    seen: int = 0
    total: int = 0
    expected: int = 0
    first: date | None = None
    last: date | None = None

    @property
    def text(self) -> str:
        """The finding as a sentence."""
        return FINDINGS[self.kind].format(
            **{name: getattr(self, name) for name in self.__dataclass_fields__ if name != "kind"}
        )


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Where visitors are not divided as planned. `levels`: attribute -> its levels, the clearest mismatch first."""

    expected: Mapping[str, float]
    levels: Mapping[str, Sequence[LevelRatio]]
    findings: Sequence[Finding]


def diagnosis(
    experiment: Experiment, exposed: Exposed, segments: Mapping[str, Mapping[str, ReachTable]], as_of: datetime
) -> Diagnosis:
    """An alarm was raised: in which days, devices or sources is the mismatch? To find the fault; never a verdict.

    `segments`: attribute -> level -> the reach table of that level, with daily cohorts. Days are counted before
    exclusions, as the alarm is. Levels are counted after exclusions, as only those who count have levels; by the step
    with the shortest window. So that a fault can be found on the first day, the day under way is in: these numbers
    may still change. Without a mismatch there are no findings.

    Explanations are compared by their e-values against the same planned division, which makes the ratio of two of them
    a Bayes factor (Kass & Raftery 1995, J. Am. Stat. Assoc. 90: above 20 is strong evidence).
    """
    expected = _expected(experiment)
    begun = exposed.until(Clock(HOUR, timedelta(0)).cohort(as_of) + 1)
    days, by_day = _by_day(begun)
    step = min(experiment.steps, key=experiment.window_of).step
    tomorrow = Clock(DAY, timedelta(0)).cohort(as_of) + 1
    courses = {DAYS: {day.isoformat(): by_day[i : i + 1] for i, day in enumerate(days)}}
    for attribute, tables in segments.items():
        counted = {level: table.steps[step].until(tomorrow).visitors.sum(axis=1) for level, table in tables.items()}
        courses[attribute] = {level: visitors for level, visitors in counted.items() if visitors.any()}
    levels = {attribute: _levels(one, expected) for attribute, one in courses.items() if one}
    alarm = bool(len(days)) and always_valid_p_values(begun, list(expected.values()))[-1] < ALARM_BELOW
    return Diagnosis(expected, levels, [*_where(levels, alarm, expected), *_when(levels, alarm, expected)])


def _expected(experiment: Experiment) -> dict[str, float]:
    total = sum(variant.weight for variant in experiment.variants)
    return {variant.key: variant.weight / total for variant in experiment.variants}


def _by_day(exposed: Exposed) -> tuple[list[date], Counts]:
    clock = Clock(HOUR, timedelta(0))
    numbers, line = np.unique(exposed.cohorts // 24, return_inverse=True)
    visitors = np.zeros((len(numbers), exposed.visitors.shape[1]), dtype=np.int64)
    np.add.at(visitors, line, exposed.visitors)
    return [clock.start(int(number) * 24).date() for number in numbers], visitors


def _levels(courses: Mapping[str, Counts], expected: Mapping[str, float]) -> list[LevelRatio]:
    """Each level by its visitors per day, shape (days, variants); the clearest mismatch first."""
    p_values = np.array(
        [
            always_valid_p_values(Exposed(np.arange(len(one)), one), list(expected.values()))[-1]
            for one in courses.values()
        ]
    )
    levels = []
    for (level, course), p, adjusted in zip(courses.items(), p_values, benjamini_yekutieli(p_values), strict=True):
        visitors = dict(zip(expected, course.sum(axis=0).tolist(), strict=True))
        everybody = sum(visitors.values())
        shares = {key: count / everybody if everybody else None for key, count in visitors.items()}
        levels.append(LevelRatio(level, visitors, shares, float(p), float(adjusted)))
    return sorted(levels, key=lambda one: (one.p_value_adjusted, -_log_e(one.visitors, expected), one.level))


def _where(levels: Mapping[str, Sequence[LevelRatio]], alarm: bool, expected: Mapping[str, float]) -> Iterator[Finding]:
    """Which levels have it: some, much likelier than all alike; or all alike, much likelier than all but one large."""
    named = [attribute for attribute in levels if attribute != DAYS]
    if not named:
        return
    counted = _together(levels[named[0]])
    left_out = {key: max(0, count - counted[key]) for key, count in _together(levels.get(DAYS, ())).items()}
    if alarm and _log_e(counted, expected) < CLEAR and _log_e(left_out, expected) > -math.log(ALARM_BELOW):
        yield Finding("excluded")
        return
    for attribute in named:
        clear = [one for one in levels[attribute] if one.p_value_adjusted < ALARM_BELOW]
        if len(levels[attribute]) < 2 or not (alarm or clear):
            continue
        together = _log_e(counted, expected)
        apart = {one.level: _log_e(one.visitors, expected) for one in levels[attribute]}
        if clear and sum(apart[one.level] for one in clear) > together + CLEAR:
            yield from (_in_level(attribute, one, expected) for one in clear)
            continue
        any_of_them = sum(max(0.0, one) for one in apart.values())
        large = [one for one in levels[attribute] if sum(one.visitors.values()) >= LARGE * sum(counted.values())]
        needed = all(together > any_of_them - max(0.0, apart[one.level]) + CLEAR for one in large)
        yield Finding("alike" if needed and len(large) > 1 else "unclear", attribute)


def _in_level(attribute: str, one: LevelRatio, expected: Mapping[str, float]) -> Finding:
    total = sum(one.visitors.values())
    variant = min(expected, key=lambda key: one.visitors[key] / expected[key])
    planned = round(total * expected[variant])
    return Finding("level", attribute, one.level, variant, one.visitors[variant], total, planned)


def _when(levels: Mapping[str, Sequence[LevelRatio]], alarm: bool, expected: Mapping[str, float]) -> Iterator[Finding]:
    """Which run of days has it, if one is much likelier than all days alike; the choice among many runs is paid for."""
    days = sorted(levels.get(DAYS, ()), key=lambda one: one.level)
    if len(days) < 2 or not (alarm or any(one.p_value_adjusted < ALARM_BELOW for one in days)):
        return
    counts = np.array([list(one.visitors.values()) for one in days], dtype=np.float64)
    first, last, log_e = strongest_span(counts, list(expected.values()))
    log_e -= math.log(spans(len(days)))
    together = _log_e(_together(days), expected)
    if log_e <= together + CLEAR:
        yield Finding("every-day" if together > log_e + CLEAR else "unclear", DAYS)
        return
    from_the_start, until_now = first == 0, last == len(days) - 1
    kind: FindingKind = (
        "began" if until_now else "one-day" if first == last else "ended" if from_the_start else "between"
    )
    yield Finding(kind, DAYS, first=date.fromisoformat(days[first].level), last=date.fromisoformat(days[last].level))


def _together(levels: Sequence[LevelRatio]) -> dict[str, int]:
    """Visitors of all levels per variant."""
    total: Counter[str] = Counter()
    for one in levels:
        total.update(one.visitors)
    return dict(total)


def _log_e(visitors: Mapping[str, int], expected: Mapping[str, float]) -> float:
    counts = np.array([[visitors.get(key, 0) for key in expected]], dtype=np.float64)
    return float(log_e_values(counts, list(expected.values()))[0])
