"""DecisionRecord: what people decided about an experiment, in their config file. No count and no verdict depends on it.

The decision log (decision_log.py) is another thing: verdicts that the data reached.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema

from experiments.definition.problem import Fault, unlike
from experiments.definition.quantity import iso

Made = Literal["ship", "keep-control", "inconclusive"]

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# a day has begun, or is not over, somewhere on earth: the config file does not say in which time zone it is written
_EARLIEST_ZONE = timedelta(hours=14)
_LATEST_ZONE = timedelta(hours=12)


def _day(value: object) -> date:
    """The day that "2026-11-20" says."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    remedy = "write year, month and day, such as 2026-11-20"
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            remedy = "write a day that the calendar has, such as 2026-11-20"
    raise unlike(value, "not a day", remedy)


Day = Annotated[
    date,
    BeforeValidator(_day),
    PlainSerializer(date.isoformat, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date"}),
]


class DecisionRecord(BaseModel):
    """What was decided, on which day, and why (`note`). `variant`: which one is shipped, may be None if it is the only
    treatment."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    made: Made
    variant: str | None = None
    on: Day
    note: str = ""


def too_early(record: DecisionRecord, started_at: datetime) -> Iterator[Fault]:
    """Was it decided before the phase started, wherever on earth?"""
    if record.on < (started_at - _LATEST_ZONE).date():
        what = f"is {record.on}, before the phase started at {iso(started_at)}"
        remedy = "write the day of the decision about this phase; one about an earlier phase stays with that phase"
        yield Fault(("decision", "on"), what, remedy)


def too_late(record: DecisionRecord, now: datetime) -> Iterator[Fault]:
    """Is its day still to come, wherever on earth?"""
    if record.on > (now + _EARLIEST_ZONE).date():
        what = f"is {record.on}, in the future"
        yield Fault(("decision", "on"), what, "write the day on which it was decided, when it was")
