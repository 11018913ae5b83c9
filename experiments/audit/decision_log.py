"""DecisionLog: what was decided, and whether today's data give it again.

A decision follows from the data alone, and the data of a sealed cohort do not change. The log is there for what may
change all the same: the counts, by a dated revision, or the computation, by another version. A decision once written
stays, and is shown with what differs.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Annotated

from experiments.audit.decisions import clock_of, deciding_cohort, decisions, fingerprint
from experiments.definition.document import HIDDEN, Document, Flat, Written
from experiments.definition.experiment import Experiment
from experiments.events.decision import Decision, in_order
from experiments.events.tables import Revision
from experiments.reporting.comparison import Comparison
from experiments.reporting.learned_values import Movement, Sign
from experiments.reporting.report import Report
from stats.tables.reach import ReachTable

REVISED = "its counts were revised later"
RECOMPUTED = "from the same counts, this version"
_SIGNS: Mapping[str, Sign] = {"better": 1, "worse": -1}
_CLOSE = 1e-6  # relative; libraries of another version, on another machine, differ in the last digits only


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Do today's data confirm a decision? `differs`: what they say otherwise, None when they do."""

    confirmed: bool
    differs: str | None


def _confirmation(differs: str) -> Confirmation:
    return Confirmation(not differs, differs or None)


_TOLD = tuple(field.name for field in fields(Decision) if field.name not in ("experiment", "phase"))


@dataclass(frozen=True, slots=True)
class Entry(Document):
    """A line of the decision log as it is read today.

    `differs`: what today's data say otherwise, in words; "" when they give the same verdict from the same counts.
    `revised`: the counts that the decision was reached on have changed since.
    """

    decision: Annotated[Decision, Flat(_TOLD)]
    differs: Annotated[str, Written(_confirmation), Flat()] = ""
    revised: Annotated[bool, HIDDEN] = False


def entries(log: Sequence[Decision], report: Report, reach: ReachTable) -> list[Entry]:
    """The decision log as of this report: what it holds, checked against the data, and what it will hold soon.

    Decisions of looks after the report's moment are left out; those not written yet have no `recorded_at`.
    """
    today = decisions(report, reach)
    written = {one.key for one in log}
    known = [one for one in log if one.decided_at < report.as_of]
    fresh = [Entry(one) for one in today if one.key not in written]
    return sorted([*_checked(known, today, report, reach), *fresh], key=lambda entry: in_order(entry.decision))


def explained(entry: Entry, experiment: Experiment, revisions: Sequence[Revision]) -> bool:
    """Does a dated revision since the decision was written explain what differs?"""
    one = entry.decision
    if not entry.revised or one.recorded_at is None or one.step not in {step.step for step in experiment.steps}:
        return False
    last = clock_of(experiment, one.step).start(deciding_cohort(experiment, one.step, one.decided_at))
    written_on = one.recorded_at.date()
    return any(change.revised_at.date() >= written_on and change.cohort_from <= last for change in revisions)


def _checked(log: Sequence[Decision], today: Sequence[Decision], report: Report, reach: ReachTable) -> Iterator[Entry]:
    same = {one.key: one for one in today}
    comparisons = {(step.step, one.variant): one for step in report.steps for one in step.comparisons}
    for one in log:
        comparison = comparisons.get((one.step, one.variant))
        if comparison is None:
            yield Entry(one, "the experiment has no such step or variant any more", revised=True)
            continue
        again = same.get(one.key)
        if again is not None and again.decided_at == one.decided_at:
            tables = again.tables
        else:
            tables = fingerprint(reach, one.step, deciding_cohort(report.experiment, one.step, one.decided_at))
        revised = tables != one.tables
        yield Entry(one, _difference(one, again, comparison, revised), revised)


def _difference(one: Decision, again: Decision | None, comparison: Comparison, revised: bool) -> str:
    source = f"{REVISED}; they" if revised else RECOMPUTED
    verb = ("say", "give") if revised else ("says", "gives")
    if again is None:
        return f"{source} {verb[0]} {comparison.state}: {comparison.reason}"
    if again.decided_at != one.decided_at:
        return f"{source} {verb[1]} it on {again.decided_at:%Y-%m-%d %H:%M} UTC"
    if revised:
        return f"{source} {verb[1]} the same verdict all the same"
    pairs = zip(_numbers(one), _numbers(again), strict=True)
    if one.visitors == again.visitors and all(_close(logged, now) for logged, now in pairs):
        return ""
    return f"{source} {verb[1]} it with other numbers: p = {_written(again.p_value)}, not {_written(one.p_value)}"


def _numbers(one: Decision) -> tuple[float | None, ...]:
    return one.p_value, one.p_value_adjusted, *(one.relative_interval or (None, None))


def _written(p_value: float | None) -> str:
    return "none" if p_value is None else f"{p_value:.4g}"


def _close(logged: float | None, now: float | None) -> bool:
    if logged is None or now is None:
        return logged is now
    return math.isclose(logged, now, rel_tol=_CLOSE, abs_tol=_CLOSE**2)


def movements(finished: Iterable[Decision]) -> dict[str, list[Movement]]:
    """step key -> how it and the macro-conversion moved in each finished experiment, by the decisions of each.

    Decisions are those of the logs, in the order in which they fell; the later one of a comparison counts. Of several
    variants that one speaks which moved both, else the first of those that moved anything.
    """
    logs: dict[tuple[str, int], list[Decision]] = {}
    for one in finished:
        logs.setdefault((one.experiment, one.phase), []).append(one)
    found: dict[str, list[Movement]] = {}
    for fell in logs.values():
        signs: dict[str, dict[str, Sign]] = {}
        macro: dict[str, Sign] = {}
        for one in fell:
            sign = _SIGNS.get(one.state, 0)
            signs.setdefault(one.step, {})[one.variant] = sign
            if one.family == "primary":
                macro[one.variant] = sign
        for step, moved in signs.items():
            told = [Movement(sign, macro.get(variant, 0)) for variant, sign in moved.items()]
            found.setdefault(step, []).append(max(told, key=lambda one: abs(one.step) + abs(one.macro)))
    return found
