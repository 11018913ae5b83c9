"""VisitorPhase: what is told of one visitor in one phase: values only; visitor_phase.py makes them from the events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Annotated, Literal

from pydantic import Field

from experiments.assignment.assignment import Assignment
from experiments.definition.definition import Step
from experiments.definition.document import HIDDEN, Document, Flat, Hundredths, NamedPhase, Written
from experiments.events.event import Event, MessageId

Fate = Literal[
    "first-exposure",  # decides the variant for good
    "exposed-again",
    "second-variant",  # an exposure to another variant than the first
    "before-start",
    "after-end",
    "unknown-variant",
    "reached",  # the event that reached these steps
    "sale",  # the macro-conversion whose value counts
    "repeated",  # the steps are reached without it
    "before-exposure",
    "after-window",
    "too-late",  # received after the seal; `limit` is until when it would have counted
    "other-visitor",  # of an id that is joined, but not in time for these steps
    "not-exposed",  # a step of a phase in which the visitor never counted
    "joined",
    "join-too-late",  # it would have changed a published number
    "withdrawal",
]
Where = Literal["verdict", "segments", "days", "division"]


@dataclass(frozen=True, slots=True)
class Note(Document):
    """What became of one event in one phase. `steps`: keys it is about. `limit`: the moment that it missed."""

    fate: Fate
    steps: tuple[str, ...] = ()
    limit: datetime | None = None
    where: Where = "verdict"


@dataclass(frozen=True, slots=True)
class Missed(Document):
    """An event that would have reached a step, and why it did not."""

    event: Annotated[Event, Written(attrgetter("message_id"), str), Field(serialization_alias="message_id")]
    note: Annotated[Note, Flat()]


@dataclass(frozen=True, slots=True)
class Reached:
    """Was a step reached, when, and by which event?"""

    reached: bool
    reached_at: datetime | None
    by: str | None


def _reached(by: Event | None) -> Reached:
    return Reached(False, None, None) if by is None else Reached(True, by.at, by.message_id)


@dataclass(frozen=True, slots=True)
class Passage(Document):
    """One step as the verdict counts it for one visitor.

    `exposure`: where the visitor's time begins. `counted` False: the visitor is excluded. `reached`: the event that
    reached the step in time. `until`: the end of the window; `sealed_at`: until when a fact may be received. `missed`:
    events that would have reached it, and why they did not. `in_days`: reached in the daily tables of value and funnel,
    where every step has the experiment's window.
    """

    step: Annotated[Step, Written(attrgetter("step"), str)]
    exposure: Annotated[Event, Written(attrgetter("visitor"), str), Field(serialization_alias="visitor")]
    counted: bool
    reached: Annotated[Event | None, Written(_reached), Flat()]
    until: datetime
    sealed_at: datetime
    missed: Sequence[Missed]
    in_days: Annotated[bool, HIDDEN]


@dataclass(frozen=True, slots=True)
class Exposed:
    """Who was exposed first to which variant, and when."""

    visitor: str
    variant: str | None
    exposed_at: datetime


def _exposed(first: Event) -> Exposed:
    return Exposed(first.visitor, first.variant, first.at)


@dataclass(frozen=True, slots=True)
class Counted(Document):
    """One visitor as the daily tables count them: first exposure, exclusion, steps reached, value in hundredths.

    `attributes`: segment attributes at first exposure. `sale`: the macro-conversion whose value counts; `capped`: it
    was worth more than `value_cap`.
    """

    exposure: Annotated[Event, Written(_exposed), Flat()]
    excluded: str | None
    reached: Annotated[Mapping[str, datetime], HIDDEN]
    attributes: Mapping[str, str]
    stratum: str
    sale: Annotated[Event | None, HIDDEN]
    value: Hundredths
    bad_value: bool
    capped: bool


@dataclass(frozen=True, slots=True)
class VisitorPhase(Document):
    """One visitor's part in one phase.

    `variant`: what the first exposure decided for good; None when nothing counts. `assigned`: where the hash puts the
    id of the first exposure, None where another tool assigns. `visitors`: as whom they count, the earliest exposure
    first; none when no exposure was in time, more than one where a join came too late. `ledger`: reason -> variant ->
    how many. `division`: the exposures that the sample-ratio check counts. `notes`: what became of each event.
    """

    experiment: NamedPhase
    variant: str | None
    assigned: Assignment | None
    visitors: Sequence[Counted]
    passages: Annotated[Sequence[Passage], Field(serialization_alias="steps")]
    ledger: Mapping[str, Mapping[str, int]]
    division: Annotated[Sequence[Event], HIDDEN]
    notes: Annotated[Mapping[MessageId, Sequence[Note]], HIDDEN]
