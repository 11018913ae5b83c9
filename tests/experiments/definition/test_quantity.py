"""Durations, shares and moments: what is read, what is refused, and with which remedy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from experiments.definition.quantity import (
    LONGEST,
    iso,
    past_moment,
    percentage,
    read_duration,
    read_share,
    read_time,
    read_wait,
    write_duration,
    write_share,
)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("1 second", timedelta(seconds=1)),
        ("90 minutes", timedelta(minutes=90)),
        ("1 hour", timedelta(hours=1)),
        ("7 days", timedelta(days=7)),
        ("2 weeks", timedelta(days=14)),
    ],
)
def test_durations(text: str, length: timedelta) -> None:
    assert read_duration(text) == length


@pytest.mark.parametrize(
    ("value", "remedy"),
    [
        ("7d", '"7 days"'),
        ("1 h", '"1 hour"'),
        ("30min", '"30 minutes"'),
        ("24 Hours", '"24 hours"'),
        ("3 months", '"90 days"'),
        ("1 year", '"365 days"'),
        (7, '"7 days"'),
        (1, '"1 day"'),
        ("a week", '"7 days"'),
        ("1.5 hours", "a whole number"),
        ("0 days", "a whole number"),
        ("-1 day", "a whole number"),
        (True, "a whole number"),
        (None, "a whole number"),
        ("9999999999 weeks", "at most 3650 days"),
    ],
)
def test_what_is_no_duration(value: object, remedy: str) -> None:
    with pytest.raises(PydanticCustomError) as error:
        read_duration(value)
    assert remedy in str(error.value).split("; ", 1)[1]


@given(st.integers(1, int(LONGEST.total_seconds())))
def test_durations_survive_writing(seconds: int) -> None:
    assert read_duration(write_duration(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


def test_no_wait_is_written_and_read() -> None:
    assert read_wait(write_duration(timedelta(0))) == timedelta(0)


@pytest.mark.parametrize(("text", "share"), [("0%", 0.0), ("50%", 0.5), ("12.5%", 0.125), ("100%", 1.0)])
def test_shares(text: str, share: float) -> None:
    assert read_share(text) == share


@pytest.mark.parametrize(
    ("value", "remedy"),
    [
        (50, "write 50% with"),
        (0.5, "write 50% with"),
        ("50", "write 50%"),
        ("50 %", "write 50%"),
        ("50 percent", "write 50%"),
        ("150%", "at most 100%"),
        ("-5%", "such as 50%"),
        ("33.33333%", "such as 50%"),
        (True, "such as 50%"),
        (None, "such as 50%"),
    ],
)
def test_what_is_no_share(value: object, remedy: str) -> None:
    with pytest.raises(PydanticCustomError) as error:
        read_share(value)
    assert remedy in str(error.value).split("; ", 1)[1]


@given(st.integers(0, 1_000_000))
def test_shares_survive_writing(ten_thousandths_of_percent: int) -> None:
    share = read_share(f"{ten_thousandths_of_percent / 10_000:.4f}%")
    assert read_share(write_share(share)) == share


def test_moments_are_instants() -> None:
    assert read_time("2026-11-22T11:00:00+01:00") == datetime(2026, 11, 22, 10, tzinfo=UTC)
    assert read_time("2026-11-22T11:00:00+01:00").tzinfo is UTC


@pytest.mark.parametrize("value", ["2026-11-22", "2026-11-22T10:00:00", "tomorrow, at ten", 20261122, None])
def test_what_is_no_moment(value: object) -> None:
    with pytest.raises(PydanticCustomError, match=r"\+01:00"):
        read_time(value)


@given(st.datetimes(timezones=st.just(UTC)))
def test_moments_survive_writing(time: datetime) -> None:
    assert read_time(iso(time)) == time


@pytest.mark.parametrize("value", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:00:00-05:00"])
def test_a_moment_that_utc_has_no_year_for_is_refused_in_words(value: str) -> None:
    with pytest.raises(PydanticCustomError, match="which UTC has no year for"):
        read_time(value)


@pytest.mark.parametrize(
    ("text", "bare", "share"),
    [
        ("12.5%", False, 0.125),
        ("12.5 %", False, 0.125),
        ("150%", False, 1.5),
        ("12.5", True, 0.125),
        ("12.5", False, None),
        ("1000%", True, None),
        ("-3%", True, None),
        ("ten", True, None),
        ("", True, None),
    ],
)
def test_a_percentage_that_somebody_typed(text: str, bare: bool, share: float | None) -> None:
    assert percentage(text, bare) == share


NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "days", "moment"),
    [
        ("2026-11-22T11:00:00+01:00", False, NOW),
        ("2026-11-22", True, datetime(2026, 11, 22, tzinfo=UTC)),
        ("2000-01-01T00:00:00Z", False, datetime(2000, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_moment_of_the_past(text: str, days: bool, moment: datetime) -> None:
    assert past_moment(text, NOW, days) == moment


@pytest.mark.parametrize(
    ("text", "days", "says"),
    [
        ("yesterday", False, "must be a moment with its time zone, such as 2026-11-22T10:00:00Z"),
        ("yesterday", True, "or a day, such as 2026-11-22"),
        ("2026-11-22", False, "which has no time zone"),
        ("2026-11-22T10:00", True, "which has no time zone"),
        ("2026-11-22T10:00:01Z", False, "between the year 2000 and now"),
        ("0001-01-01T00:00:00+14:00", False, "between the year 2000 and now"),
        ("1999-12-31", True, "between the year 2000 and now"),
    ],
)
def test_what_is_no_moment_of_the_past(text: str, days: bool, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        past_moment(text, NOW, days)
