"""Verdict: what do the data say about one variant at one step? From the tests' numbers to a state with its reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from experiments.definition.definition import Family
from experiments.events.cohort import Clock
from experiments.reporting.comparison import (
    NON_STATIONARY,
    NOTHING_KNOWN,
    Comparison,
    ComparisonState,
    Look,
    Looks,
    effect_of,
)
from stats.arrays import Flags
from stats.proportions.design import ENOUGH, Design, NotEnoughData
from stats.proportions.fixed import Waiting, fixed_look
from stats.proportions.inversion import Intervals
from stats.proportions.non_inferiority import Guarded, GuardEvidence, Margin, guarded
from stats.proportions.sequential import Asked, Evidence, sequential
from stats.tables.reach import StepReach

UNDECIDED = "no effect at all is still possible"
OPEN = "harm beyond the margin is still possible, and so is no harm at all"
HARMED = "it is worse; that it is by less than the margin is not ruled out"
HARMED_BEYOND = "it is worse by more than the margin"
SAFE = "harm beyond the margin is ruled out"
SAFE_BUT_WORSE = "it is worse, but by less than the margin"
CONTRADICTED = "harm beyond the margin was ruled out, yet other days show it: the effect is not stable"
TODAY_WOULD_NOT = "today's data alone would not decide; the effect is not stable"

_FINDINGS = {  # by what has been shown: safety, harm, harm beyond the margin
    (True, False, False): SAFE,
    (True, True, False): SAFE_BUT_WORSE,
    (True, True, True): CONTRADICTED,
    (False, True, False): HARMED,
    (False, True, True): HARMED_BEYOND,
}


@dataclass(frozen=True, slots=True)
class StepVerdict:
    """What the evidence comes to. `decided_at`: the seal of the look that decided `state`, None when none did.

    `decides_today`: would the last look alone say the same? `reason` is for a person: what was found, when, and whether
    it is stable; or `non-stationary` when no effect is in the bounds of all looks (a state already decided stays).
    `finding`: of a guardrail, one of the sentences above.
    """

    state: ComparisonState
    reason: str
    decided_at: datetime | None = None
    decides_today: bool = False
    finding: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: does this variant (its index in the config) differ from the control, by this design?

    `sealed`: the cohorts of one step that may decide; `clock` knows when they sealed.
    `within`: the relative lift within which the variants are equivalent, None where nothing is. `margin`: of a
    guardrail, None for all other steps. `one_look` is at so many visitors of all variants, None when every
    look counts; then `planned_weight` is that of Asked.
    """

    variant: str
    versus: str
    index: int
    sealed: StepReach
    clock: Clock
    design: Design
    family: Family
    within: float | None = None
    margin: Margin | None = None
    one_look: int | None = None
    planned_weight: float | None = None


def compare(questions: Sequence[Question]) -> list[Comparison]:
    """The answer to each question. All at once, because they share the passes over the arrays."""
    guards = iter(guarded([Guarded(one.sealed, one.index, one.design, one.margin) for one in questions if one.margin]))
    evidence = iter(
        sequential(
            [
                Asked(one.sealed, one.index, one.design, one.planned_weight)
                for one in questions
                if one.margin is None and one.one_look is None
            ]
        )
    )
    return [
        _one_look(one, one.one_look)
        if one.one_look is not None
        else _at_any_time(one, next(guards if one.margin else evidence))
        for one in questions
    ]


def _at_any_time(question: Question, evidence: Evidence | GuardEvidence | NotEnoughData) -> Comparison:
    if isinstance(evidence, NotEnoughData):
        return _comparison(question, StepVerdict("collecting", _shortage(evidence)))
    looks = Looks(evidence, question.clock, question.design)
    if isinstance(evidence, GuardEvidence):
        return _comparison(question, guardrail_verdict(evidence, question.clock), looks)
    state: ComparisonState = "undecided"
    decided_look: int | None = None
    decides_today = False
    equivalent = _within(question, evidence.running)
    if evidence.rejects[-1]:
        decided_look = int(np.argmax(evidence.rejects))
        upwards = evidence.z[decided_look] > 0
        state = "better" if upwards else "worse"
        decides_today = bool(evidence.rejects_alone[-1] and (evidence.z[-1] > 0) == upwards)
    elif equivalent.any():
        decided_look = int(np.argmax(equivalent))
        state = "equivalent"
        decides_today = bool(_within(question, evidence.last)[-1])
    decided_at = None if decided_look is None else question.clock.seal(int(evidence.cohorts[decided_look]))
    reason = NON_STATIONARY if evidence.running.empty[-1] else _reason(decided_at, decides_today)
    return _comparison(question, StepVerdict(state, reason, decided_at, decides_today), looks)


def _one_look(question: Question, planned_visitors: int) -> Comparison:
    result = fixed_look(question.sealed, question.index, question.design, planned_visitors)
    if isinstance(result, Waiting):
        reason = f"one look is planned at {result.planned_visitors} visitors; {result.n_visitors} are there so far"
        return _comparison(question, StepVerdict("collecting", reason))
    if isinstance(result, NotEnoughData):
        return _comparison(question, StepVerdict("undecided", f"the planned look has come, and {_shortage(result)}"))
    state: ComparisonState = "undecided"
    if result.rejects:
        state = "better" if result.z > 0 else "worse"
    elif _within(question, result.intervals)[0]:
        state = "equivalent"
    look = Look(
        at=question.clock.seal(result.cohort),
        visitors=result.visitors,
        effect=effect_of(result.relative_lift, result.difference, result.p_value, result.intervals, 0, question.design),
    )
    decided_at = None if state == "undecided" else look.at
    reason = _reason(decided_at, True) if decided_at else f"{UNDECIDED} at the one planned look on {look.at:%Y-%m-%d}"
    return _comparison(question, StepVerdict(state, reason, decided_at, decided_at is not None), (look,))


def _within(question: Question, intervals: Intervals) -> Flags:
    if question.within is None:
        return np.zeros(intervals.relative_lower.shape, dtype=np.bool_)
    return (intervals.relative_lower >= -question.within) & (intervals.relative_upper <= question.within)


def _reason(decided_at: datetime | None, decides_today: bool) -> str:
    if decided_at is None:
        return UNDECIDED
    decided = f"decided on {decided_at:%Y-%m-%d}"
    return decided if decides_today else f"{decided}; {TODAY_WOULD_NOT}"


def _shortage(shortage: NotEnoughData) -> str:
    if not shortage.n_visitors:
        return "no visitor has had time for this step yet"
    return (
        f"there is not enough data: the smaller variant can expect {shortage.expected_reached:.0f} conversions and "
        f"{shortage.expected_without:.0f} visitors without one, must be {ENOUGH} of each"
    )


def _comparison(question: Question, verdict: StepVerdict, looks: Sequence[Look] = ()) -> Comparison:
    return Comparison(
        variant=question.variant,
        versus=question.versus,
        effect=looks[-1].effect if looks else NOTHING_KNOWN,
        decided_at=verdict.decided_at,
        state=verdict.state,
        reason=verdict.reason,
        decides_today=verdict.decides_today,
        family=question.family,
        family_size=question.design.family_size,
        looks=looks,
    )


def guardrail_verdict(evidence: GuardEvidence, clock: Clock) -> StepVerdict:
    """Is the variant safe, or harmed, as of the last look? `clock` knows when the cohorts sealed.

    It enters no family: each of its two answers is wrong with at most alpha. Safe comes before harmed: a harm that has
    been shown to be less than the margin is what the margin allows. So harmed may become safe later; safe stays.
    """
    safe, harmed = bool(evidence.safe[-1]), bool(evidence.harmed[-1])
    if not (safe or harmed):
        return StepVerdict("undecided", NON_STATIONARY if evidence.running.empty[-1] else OPEN, finding=OPEN)
    finding = _FINDINGS[safe, harmed, bool(evidence.beyond[-1])]
    decided_at = clock.seal(int(evidence.cohorts[np.argmax(evidence.safe if safe else evidence.harmed)]))
    decides_today = bool((evidence.safe_look if safe else evidence.harmed_look)[-1])
    reason = f"decided on {decided_at:%Y-%m-%d}: {finding}"
    if evidence.running.empty[-1] and finding != CONTRADICTED:
        reason = NON_STATIONARY
    elif not decides_today:
        reason = f"{reason}; {TODAY_WOULD_NOT}"
    return StepVerdict("safe" if safe else "harmed", reason, decided_at, decides_today, finding)
