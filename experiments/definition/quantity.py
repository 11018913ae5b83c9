"""Quantities as people write them in a config file: "7 days", "50%", "2026-11-22T10:00:00Z"."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from experiments.definition.problem import Fault, refused, seen

LONGEST = timedelta(days=3650)

_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
_SHORT = {
    "s": "second",
    "sec": "second",
    "min": "minute",
    "h": "hour",
    "hr": "hour",
    "d": "day",
    "w": "week",
    "wk": "week",
}
_DURATION = re.compile(r"([1-9][0-9]{0,9}) (second|minute|hour|day|week)s?")
_LOOSE_DURATION = re.compile(r"([0-9]+)\s*([a-z]+?)s?", re.IGNORECASE)
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,4})?)%")
_LOOSE_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,4})?)\s*(%|percent)?", re.IGNORECASE)


def read_duration(value: object) -> timedelta:
    """The length of time that "30 minutes" or "7 days" says: a whole number and a unit, above zero."""
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise refused(Fault((), f"is {seen(value)}, not a duration", f"write {_meant_duration(value)}"))
    seconds = int(match[1]) * _UNITS[match[2]]
    if seconds > LONGEST.total_seconds():
        raise refused(Fault((), f"is {seen(value)}, longer than ten years", f"write at most {LONGEST.days} days"))
    return timedelta(seconds=seconds)


def read_wait(value: object) -> timedelta:
    """Like a duration, but "0 days" is one too."""
    return timedelta(0) if value == "0 days" else read_duration(value)


def write_duration(value: timedelta) -> str:
    """A text that read_duration (for zero: read_wait) turns into the same length of time; in days where it can be."""
    seconds = int(value.total_seconds())
    for unit in ("day", "hour", "minute", "second"):
        number, rest = divmod(seconds, _UNITS[unit])
        if not rest and number:
            return f"{number} {unit}{'s' if number != 1 else ''}"
    return "0 days"


def _meant_duration(value: object) -> str:
    match = _LOOSE_DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match and int(match[1]):
        word = match[2].lower()
        unit = _SHORT.get(word, word)
        if unit in _UNITS:
            return f'"{int(match[1])} {unit}{"s" if int(match[1]) != 1 else ""}"'
        if unit in ("month", "mon", "year"):
            return f'it in days, such as "{int(match[1]) * (365 if unit == "year" else 30)} days"'
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return f'a number and a unit, such as "{value} day{"s" if value != 1 else ""}"'
    return 'a whole number and a unit, such as "30 minutes", "1 hour" or "7 days"'


def read_share(value: object) -> float:
    """The share in [0, 1] that "50%" says; at most four decimals, a hundredth of an assignment's bucket."""
    match = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    if not match or float(match[1]) > 100:
        what = f"is {seen(value)}, not a percentage from 0% to 100%"
        raise refused(Fault((), what, f"write {_meant_share(value)}"))
    return float(match[1]) / 100


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
    """The instant that an ISO 8601 text with a time zone says, in UTC."""
    remedy = "write date, time and time zone, such as 2026-11-22T10:00:00Z or 2026-11-22T11:00:00+01:00"
    time = value if isinstance(value, datetime) else _iso(value)
    if time is None:
        raise refused(Fault((), f"is {seen(value)}, not a moment", remedy))
    if time.tzinfo is None:
        mended = time.isoformat()
        raise refused(
            Fault((), f"is {seen(value)}, without a time zone", f"write {mended}Z for UTC, or {mended}+01:00")
        )
    return time.astimezone(UTC)


def _iso(value: object) -> datetime | None:
    if not isinstance(value, str) or len(value) <= len("2026-11-22"):
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def write_time(value: datetime) -> str:
    """The instant in ISO 8601 with Z."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def iso(value: datetime | None) -> str | None:
    """The instant as documents write it, such as 2026-11-22T10:00:00Z; None for none."""
    return None if value is None else write_time(value)


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
    PlainSerializer(write_time, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
