"""PhaseTransition: may an edited config file take over from the phases recorded so far, and what is the record then?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from experiments.definition.decision_record import too_early, too_late
from experiments.definition.definition import GRACE
from experiments.definition.experiment import Experiment
from experiments.definition.problem import Fault, Place, seen
from experiments.definition.quantity import iso, write_share

_FREE = {"name", "hypothesis", "labels", "traffic", "status", "serve", "decision", "started_at", "ended_at"}


@dataclass(frozen=True, slots=True)
class PhaseTransition:
    """`in_force`: what holds from now on. `phases`: all phases of this experiment, oldest first; none for a draft
    that never ran. When there are faults, both are what they were before the edit."""

    in_force: Experiment | None
    phases: tuple[Experiment, ...]
    faults: tuple[Fault, ...] = ()


def transition(edited: Experiment, phases: Sequence[Experiment], now: datetime) -> PhaseTransition:
    """May this definition take over from the recorded phases of its key, and what is the record then?

    The first status other than draft starts a phase; `stopped` ends it; a higher phase ends the one before it.
    """
    before = tuple(phases)
    latest = before[-1] if before else None
    faults = tuple(_refusals(edited, latest, now))
    if faults:
        return PhaseTransition(latest, before, faults)
    if latest is not None and latest.phase == edited.phase:
        ended = latest.ended_at or ((edited.ended_at or now) if edited.status == "stopped" else None)
        phase = edited.model_copy(update={"started_at": latest.started_at, "ended_at": ended})
        return PhaseTransition(phase, (*before[:-1], phase))
    if latest is not None and latest.ended_at is None:
        before = (*before[:-1], latest.model_copy(update={"status": "stopped", "ended_at": now}))
    if edited.status == "draft":
        return PhaseTransition(edited, before)
    started = edited.started_at or min(now, edited.ended_at or now)
    ended = (edited.ended_at or now) if edited.status == "stopped" else None
    phase = edited.model_copy(update={"started_at": started, "ended_at": ended})
    return PhaseTransition(phase, (*before, phase))


def _refusals(edited: Experiment, latest: Experiment | None, now: datetime) -> Iterator[Fault]:
    for name, time in (("started_at", edited.started_at), ("ended_at", edited.ended_at)):
        if time is not None and time > now:
            what = f"is {iso(time)}, in the future"
            yield Fault((name,), what, "remove it, and change the status when the time has come")
    yield from _decision_refusals(edited, latest, now)
    if latest is None:
        return
    if edited.phase == latest.phase:
        yield from _status_refusals(edited, latest)
        yield from _time_refusals(edited, latest, now)
        yield from _freeze(edited, latest)
    elif edited.phase != latest.phase + 1:
        what = f"is {edited.phase}, but phase {latest.phase} is the latest"
        remedy = f"write phase: {latest.phase}, or phase: {latest.phase + 1} to start the data afresh"
        yield Fault(("phase",), what, remedy)
    elif edited.started_at is not None and edited.started_at < (latest.ended_at or now):
        ended = f"ended at {iso(latest.ended_at)}" if latest.ended_at else "ends only now"
        what = f"is {iso(edited.started_at)}, but phase {latest.phase} {ended}"
        yield Fault(("started_at",), what, "remove it: the phase then starts when it is first seen")


def _decision_refusals(edited: Experiment, latest: Experiment | None, now: datetime) -> Iterator[Fault]:
    record = edited.decision
    if record is None:
        return
    yield from too_late(record, now)
    if latest is not None and latest.phase != edited.phase and record == latest.decision:
        what = f"is that of phase {latest.phase}, with which it stays"
        yield Fault(("decision",), what, f"remove it, and write one when phase {edited.phase} is decided")
    elif edited.started_at is None and edited.status != "draft":  # else its own file says whether it is too early
        same = latest is not None and latest.phase == edited.phase
        started_at = latest.started_at if latest is not None and same else None
        yield from too_early(record, started_at or min(now, edited.ended_at or now))


def _status_refusals(edited: Experiment, latest: Experiment) -> Iterator[Fault]:
    if edited.status == "draft":
        remedy = f"write status: {latest.status}, or phase: {latest.phase + 1} for a new draft"
        yield Fault(("status",), f"is draft, but phase {latest.phase} has started", remedy)
    elif latest.status == "stopped" and edited.status == "running":
        what = f"is running, but phase {latest.phase} was stopped, which is final for a phase"
        remedy = f"write status: stopped, or phase: {latest.phase + 1} to start the data afresh"
        yield Fault(("status",), what, remedy)


def _time_refusals(edited: Experiment, latest: Experiment, now: datetime) -> Iterator[Fault]:
    for name, given, recorded in (
        ("started_at", edited.started_at, latest.started_at),
        ("ended_at", edited.ended_at, latest.ended_at),
    ):
        if given is not None and recorded is not None and given != recorded:
            what = f"is {iso(given)}, but phase {latest.phase} is recorded with {iso(recorded)}"
            yield Fault((name,), what, "remove it, or write the recorded moment")
    if latest.ended_at is None and edited.ended_at is not None and edited.ended_at < now - GRACE:
        if edited.assignment == "reported":  # history: another tool stopped it when it did
            return
        what = f"is {iso(edited.ended_at)}, which would take back what has been counted since"
        yield Fault(("ended_at",), what, "remove it: the phase then ends when status: stopped is first seen")


def _freeze(edited: Experiment, latest: Experiment) -> Iterator[Fault]:
    """What must not change within a phase; the record's definition against the edited one."""
    way_out = f"set phase: {latest.phase + 1} to start the data afresh"
    if edited.traffic < latest.traffic:
        now, then = write_share(edited.traffic), write_share(latest.traffic)
        what = f"is {now}, but was {then}, and within a phase it only rises: those dropped would spoil the comparison"
        yield Fault(("traffic",), what, f"write {then} or more, or {way_out}")
    old, new = latest.model_dump(mode="json"), edited.model_dump(mode="json")
    for name in Experiment.model_fields:
        if name in _FREE or old[name] == new[name]:
            continue
        place, was, is_ = _difference((name,), old[name], new[name])
        what = f"is {_shown(is_)}, but was {_shown(was)} when phase {latest.phase} started, and is fixed for the phase"
        yield Fault(place, what, f"take the edit back, or {way_out}")


def _shown(value: Any) -> str:
    """A value in a message; one key and its value are short enough to be written out."""
    if isinstance(value, Mapping) and len(value) == 1:
        [(key, inner)] = value.items()
        return f"{{{key}: {seen(inner)}}}"
    return "missing" if value is None else seen(value)


def _difference(place: Place, old: Any, new: Any) -> tuple[Place, Any, Any]:
    """The innermost place that holds all that differs between two JSON values, and both values there."""
    pairs: list[tuple[str | int, Any, Any]] = []
    if isinstance(old, Mapping) and isinstance(new, Mapping) and old.keys() == new.keys():
        pairs = [(key, old[key], new[key]) for key in new]
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = [(index, old[index], new[index]) for index in range(len(new))]
    differing = [(part, was, is_) for part, was, is_ in pairs if was != is_]
    if len(differing) == 1:
        part, was, is_ = differing[0]
        return _difference((*place, part), was, is_)
    return place, old, new
