"""Quantities as people and machines write them: "7 days", "50%", "2026-11-22T10:00:00Z". The one reader of each.

A config file is read strictly (`read_...`, which raise what pydantic reports with its place); the command line and
addresses of pages allow a little more (`percentage`, `past_moment`).
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from experiments.definition.problem import unlike

LONGEST = timedelta(days=3650)

_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
_SHORT = {"s": "second", "sec": "second", "min": "minute", "h": "hour", "hr": "hour", "d": "day"}
_SHORT |= {"w": "week", "wk": "week"}
_DURATION = re.compile(r"([1-9][0-9]{0,9}) (second|minute|hour|day|week)s?")
_LOOSE_DURATION = re.compile(r"([0-9]+)\s*([a-z]+?)s?", re.IGNORECASE)
_NUMBER = r"([0-9]{1,3}(?:\.[0-9]{1,4})?)"
_PERCENT = re.compile(f"{_NUMBER}%")
_SPACED_PERCENT = re.compile(rf"{_NUMBER}\s?(%?)")
_LOOSE_PERCENT = re.compile(rf"{_NUMBER}\s*(%|percent)?", re.IGNORECASE)
_DAY_LENGTH = len("2026-11-22")
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


def read_duration(value: object) -> timedelta:
    """The length of time that "30 minutes" or "7 days" says: a whole number and a unit, above zero, up to ten years.

    Raises the error of `problem.unlike`, with the value seen and what was probably meant, for anything else.
    """
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise unlike(value, "not a duration", f"write {_meant_duration(value)}")
    seconds = int(match[1]) * _UNITS[match[2]]
    if seconds > LONGEST.total_seconds():
        raise unlike(value, "longer than ten years", f"write at most {LONGEST.days} days")
    return timedelta(seconds=seconds)


def read_wait(value: object) -> timedelta:
    """Like read_duration, but "0 days" is a length of time too. Raises the same."""
    return timedelta(0) if value == "0 days" else read_duration(value)


def write_duration(value: timedelta) -> str:
    """A text that read_duration (for zero: read_wait) turns into the same length of time; in days where it can be."""
    seconds = int(value.total_seconds())
    for unit in ("day", "hour", "minute", "second"):
        number, rest = divmod(seconds, _UNITS[unit])
        if not rest and number:
            return _length(number, unit)
    return "0 days"


def _length(number: int, unit: str) -> str:
    return f"{number} {unit}{'s' if number != 1 else ''}"


def _meant_duration(value: object) -> str:
    match = _LOOSE_DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match and int(match[1]):
        word = match[2].lower()
        unit = _SHORT.get(word, word)
        if unit in _UNITS:
            return f'"{_length(int(match[1]), unit)}"'
        if unit in ("month", "mon", "year"):
            return f'it in days, such as "{int(match[1]) * (365 if unit == "year" else 30)} days"'
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return f'a number and a unit, such as "{_length(value, "day")}"'
    return 'a whole number and a unit, such as "30 minutes", "1 hour" or "7 days"'


def read_share(value: object) -> float:
    """The share in [0, 1] that "50%" says; at most four decimals, a hundredth of an assignment's bucket.

    Raises the error of `problem.unlike`, with the value seen and what was probably meant, for anything else.
    """
    match = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    if not match or float(match[1]) > 100:
        raise unlike(value, "not a percentage from 0% to 100%", f"write {_meant_share(value)}")
    return float(match[1]) / 100


def percentage(text: str, bare: bool = False) -> float | None:
    """The share that "12.5%" or "12.5 %" says, with `bare` also "12.5"; below 10. None when it is no percentage."""
    match = _SPACED_PERCENT.fullmatch(text)
    return float(match[1]) / 100 if match and (bare or match[2]) else None


def write_share(value: float) -> str:
    """The text that read_share turns into the same share."""
    return f"{value * 100:.10g}%"


def _meant_share(value: object) -> str:
    match = _LOOSE_PERCENT.fullmatch(value.strip()) if isinstance(value, str) else None
    if match and float(match[1]) >= 1:
        return f"{match[1]}%" if float(match[1]) <= 100 else "at most 100%"
    if isinstance(value, int | float) and not isinstance(value, bool):
        if 1 < value <= 100:
            return f"{value:g}% with the percent sign"
        if 0 < value <= 1:
            return f"{value * 100:g}% with the percent sign"
    return "a number with a percent sign, such as 50% or 12.5%"


def read_time(value: object) -> datetime:
    """The instant that an ISO 8601 text with a time zone says, in UTC.

    Raises the error of `problem.unlike` for another text, a day without a time, or a time without a zone.
    """
    remedy = "write date, time and time zone, such as 2026-11-22T10:00:00Z or 2026-11-22T11:00:00+01:00"
    time = value if isinstance(value, datetime) else None
    if isinstance(value, str) and len(value) > _DAY_LENGTH:
        time = _moment(value)
    if time is None:
        raise unlike(value, "not a moment", remedy)
    if time.tzinfo is None:
        mended = time.isoformat()
        raise unlike(value, "without a time zone", f"write {mended}Z for UTC, or {mended}+01:00")
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise unlike(value, "which UTC has no year for", remedy) from None


def past_moment(text: str, now: datetime, days: bool = False) -> datetime:
    """The instant from the year 2000 to `now` that an ISO 8601 text with a time zone says, in UTC.

    `days`: a day alone is its first moment, UTC. Raises ValueError with a message that goes on after the value seen:
    "must be a moment with its time zone, such as ...".
    """
    right = "must be a moment with its time zone, such as 2026-11-22T10:00:00Z"
    right += ", or a day, such as 2026-11-22" if days else ""
    at = _moment(text)
    if at is None:
        raise ValueError(right)
    if at.tzinfo is None and days and len(text) <= _DAY_LENGTH:
        at = at.replace(tzinfo=UTC)
    if at.tzinfo is None:
        raise ValueError(f"which has no time zone; {right}")
    if not _EARLIEST <= at <= now:
        raise ValueError("must be between the year 2000 and now; nobody knows later numbers yet")
    return at.astimezone(UTC)


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def iso(at: datetime) -> str:
    """An aware instant as addresses, documents and other machines read it, such as 2026-11-22T10:00:00Z."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def utc(time: datetime) -> datetime:
    """The same instant with the one UTC object the events carry."""
    return time.astimezone(UTC)


_DURATION_SCHEMA = {"type": "string", "pattern": f"^{_DURATION.pattern}$", "examples": ["30 minutes", "7 days"]}

Duration = Annotated[
    timedelta, BeforeValidator(read_duration), PlainSerializer(write_duration), WithJsonSchema(_DURATION_SCHEMA)
]
Wait = Annotated[
    timedelta,
    BeforeValidator(read_wait),
    PlainSerializer(write_duration),
    WithJsonSchema({"anyOf": [_DURATION_SCHEMA, {"const": "0 days"}]}),
]
Share = Annotated[
    float,
    BeforeValidator(read_share),
    PlainSerializer(write_share),
    WithJsonSchema({"type": "string", "pattern": f"^{_PERCENT.pattern}$", "examples": ["50%", "12.5%"]}),
]
Time = Annotated[
    datetime,
    BeforeValidator(read_time),
    PlainSerializer(iso, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
