"""Formatting: the only place where shares become percents and instants become dates in words.

Everything else passes unit shares in [0, 1], hundredths of a currency unit and aware UTC datetimes around.
A value that is None has no number: every function here then says so instead of inventing one.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from experiments.definition.definition import Interval
from experiments.definition.quantity import iso
from experiments.site.site import Settings

MINUS = "\u2212"
NOTHING = "not enough data yet"
_DAY = timedelta(days=1)
_MOMENT = re.compile(r"\b(\d{4}-\d\d-\d\d \d\d:\d\d) UTC\b")
_DAY_OF_UTC = re.compile(r"\b\d{4}-\d\d-\d\d\b")


@dataclass(frozen=True, slots=True)
class Formatting:
    """How this site writes numbers and times: in its own time zone (`zone`, called `zone_name`) and currency."""

    zone: tzinfo
    zone_name: str
    currency: str

    @classmethod
    def of(cls, settings: Settings) -> Formatting:
        """As the settings of a site say."""
        # a machine without the time zone database knows UTC all the same
        zone = UTC if settings.time_zone == "UTC" else ZoneInfo(settings.time_zone)
        return cls(zone, settings.time_zone, settings.currency)

    def day(self, at: datetime) -> str:
        """The day of an instant, such as '22 Nov 2026'."""
        return f"{at.astimezone(self.zone):%-d %b %Y}"

    def moment(self, at: datetime) -> str:
        """Day and minute of an instant in the site's zone, such as '22 Nov 2026, 10:00'."""
        return f"{at.astimezone(self.zone):%-d %b %Y, %H:%M}"

    def clock(self, at: datetime) -> str:
        """Day and second in the site's zone, for lists of things that just happened."""
        return f"{at.astimezone(self.zone):%-d %b, %H:%M:%S}"

    def time(self, at: datetime, style: str = "moment") -> Markup:
        """A <time> element: written in the site's zone (`style`: day, moment or clock), machine-readable in UTC."""
        words = {"day": self.day, "moment": self.moment, "clock": self.clock}[style](at)
        return Markup('<time datetime="{}">{}</time>').format(iso(at), words)

    def told(self, text: str, *moments: datetime) -> str:
        """A text with moments in UTC as people here read them: '2026-11-22 10:00 UTC' and, of these moments, the day.

        Other days, such as '2026-11-22', stay the days of UTC that they are.
        """
        for at in moments:
            text = text.replace(f"{at.astimezone(UTC):%Y-%m-%d}", self.day(at))
        text = _MOMENT.sub(lambda found: self.moment(datetime.fromisoformat(f"{found[1]}+00:00")), text)
        return _DAY_OF_UTC.sub(lambda found: f"{calendar_day(date.fromisoformat(found[0]))} (UTC)", text)

    def money(self, hundredths: int) -> str:
        """An amount given in hundredths of the currency unit, such as '1,234.50 EUR'."""
        return f"{_signed_number(hundredths / 100, 2)} {self.currency}"


def calendar_day(day: date) -> str:
    """A day that belongs to no time zone, such as '22 Nov 2026'."""
    return f"{day:%-d %b %Y}"


def count(number: int) -> str:
    """A count with thousands set apart, such as '12,345'."""
    return f"{number:,}"


def about(number: int) -> str:
    """A planned number of visitors, rounded up to three digits: the rest would be false precision."""
    return count(rounded(number))


def rounded(number: int) -> int:
    """A whole number rounded up to three digits: 12,345 becomes 12,400."""
    unit: int = 10 ** max(0, len(str(number)) - 3)
    return math.ceil(number / unit) * unit


def things(number: int, singular: str, plural: str | None = None) -> str:
    """A count and its noun, such as '1 visitor' or '2,000 visitors'."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def rate(share: float | None) -> str:
    """A share in [0, 1] in percent, with enough decimals for rare conversions; an en dash when there is none."""
    if share is None:
        return "\u2013"
    percent = share * 100
    decimals = 1 if percent >= 10 or percent == 0 else 2 if percent >= 0.1 else 3
    return f"{percent:.{decimals}f}%"


def percent(share: float) -> str:
    """A round share as a config file has it, such as '50%' or '33.3%'."""
    return f"{round(share * 100, 1):g}%"


def lift(share: float | None) -> str:
    """A relative effect with its sign, such as '+12.4%'; says so when there is no number."""
    if share is None:
        return NOTHING
    return f"{_signed_number(share * 100, 0 if abs(share) >= 10 else 1, plus=True)}%"


def points(share: float | None) -> str:
    """An absolute difference of two rates with its sign, such as '+1.20 points' (percentage points)."""
    if share is None:
        return NOTHING
    return f"{_signed_number(share * 100, 2, plus=True)} points"


def interval(bounds: Interval | None) -> str:
    """A relative interval in words; an end that is None is unbounded and gets no number."""
    low, high = bounds or (None, None)
    if low is None and high is None:
        return NOTHING
    if low is None:
        return f"below {lift(high)}"
    if high is None:
        return f"above {lift(low)}"
    return f"{lift(low)} to\u00a0{lift(high)}"


def probability(p_value: float | None) -> str:
    """A p-value: three decimals, never a bare zero."""
    if p_value is None:
        return NOTHING
    return "< 0.001" if p_value < 0.001 else f"{p_value:.3f}"


def duration(length: timedelta) -> str:
    """A length of time in words: '3 weeks and 2 days', '5 hours', 'less than an hour'."""
    days, rest = divmod(max(length, timedelta()), _DAY)
    weeks, spare = divmod(days, 7)
    hours = rest // timedelta(hours=1)
    if weeks:
        return things(weeks, "week") + (f" and {things(spare, 'day')}" if spare else "")
    if days:
        return things(days, "day")
    return things(hours, "hour") if hours else "less than an hour"


def span(length: timedelta) -> str:
    """A short length of time in its two largest units: '45 s', '3 min 20 s', '2 h', '3 days 4 h'; none is 'at once'."""
    seconds = round(length.total_seconds())
    for size, name, smaller, small in ((86400, "day", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= size:
            whole, rest = divmod(seconds, size)
            said = things(whole, name) if name == "day" else f"{whole}\u00a0{name}"
            return said + (f" {rest // smaller}\u00a0{small}" if rest >= smaller else "")
    return f"{seconds}\u00a0s" if seconds else "at once"


def lapse(length: timedelta) -> str:
    """A short length of time in one unit: '12 seconds', '3 minutes', '5 hours', '2 days', 'less than a second'."""
    seconds = round(length.total_seconds())
    if seconds < 1:
        return "less than a second"
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= 2 * size or (seconds >= size and unit != "day"):
            return things(seconds // size, unit)
    return things(seconds, "second")


def listing(names: Sequence[str], word: str = "and") -> str:
    """Names as a sentence has them: 'a', 'a and b', 'a, b and c'."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {word} {names[-1]}"


def document(value: object) -> str:
    """Any JSON value, indented for reading."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def extent(share: float) -> str:
    """A share of a drawing's width or height as SVG attributes have it, such as '42.5%'."""
    return f"{share * 100:.2f}%"


def breakable(key: str) -> Markup:
    """A long key that may wrap after its hyphens, underscores and dots."""
    text = str(escape(key))
    for mark in "-_.":
        text = text.replace(mark, f"{mark}<wbr>")
    return Markup(text)  # escaped above, only <wbr> is added


def _signed_number(number: float, decimals: int, plus: bool = False) -> str:
    rounded = round(number, decimals)
    sign = MINUS if rounded < 0 else "+" if rounded > 0 and plus else ""
    return f"{sign}{abs(rounded):,.{decimals}f}"
