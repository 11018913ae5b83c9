"""Formatting: numbers, times and lengths in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from experiments.site.site import Settings
from webapp.words import formatting
from webapp.words.formatting import Formatting
from webapp.words.sentences import SENTENCES, name, names, say

BERLIN = Formatting(ZoneInfo("Europe/Berlin"), "Europe/Berlin", "EUR")
LATE = datetime(2026, 11, 22, 23, 30, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("function", "value", "words"),
    [
        ("rate", None, "–"),
        ("rate", 0.0, "0.0%"),
        ("rate", 0.4217, "42.2%"),
        ("rate", 0.04217, "4.22%"),
        ("rate", 0.000421, "0.042%"),
        ("rate", 1.0, "100.0%"),
        ("lift", None, "not enough data yet"),
        ("lift", 0.0004, "0.0%"),
        ("lift", -0.0004, "0.0%"),
        ("lift", 0.1234, "+12.3%"),
        ("lift", -0.1234, "−12.3%"),
        ("lift", 12.3, "+1,230%"),
        ("interval", None, "not enough data yet"),
        ("interval", (None, None), "not enough data yet"),
        ("interval", (-0.02, 0.093), "−2.0% to\u00a0+9.3%"),
        ("interval", (None, 0.1), "below +10.0%"),
        ("interval", (0.1, None), "above +10.0%"),
        ("probability", None, "not enough data yet"),
        ("probability", 0.0, "< 0.001"),
        ("probability", 0.0341, "0.034"),
        ("probability", 1.0, "1.000"),
        ("percent", 0.05, "5%"),
        ("percent", 1 / 3, "33.3%"),
        ("extent", 0.5, "50.00%"),
        ("count", 1234567, "1,234,567"),
        ("duration", timedelta(minutes=59), "less than an hour"),
        ("duration", timedelta(hours=1), "1 hour"),
        ("duration", timedelta(days=6, hours=23), "6 days"),
        ("duration", timedelta(days=14), "2 weeks"),
        ("duration", timedelta(days=22), "3 weeks and 1 day"),
        ("duration", timedelta(seconds=-5), "less than an hour"),
        ("lapse", timedelta(milliseconds=400), "less than a second"),
        ("lapse", timedelta(seconds=119), "1 minute"),
        ("lapse", timedelta(hours=47), "47 hours"),
        ("lapse", timedelta(days=2), "2 days"),
        ("about", 12_345, "12,400"),
        ("about", 999, "999"),
        ("breakable", "a-<b>_c", "a-<wbr>&lt;b&gt;_<wbr>c"),
    ],
)
def test_a_value_in_words(function: str, value: Any, words: str) -> None:
    assert getattr(formatting, function)(value) == words


@pytest.mark.parametrize(("zone", "key"), [("UTC", "UTC"), ("Europe/Berlin", "Europe/Berlin")])
def test_a_site_writes_as_its_settings_say(zone: str, key: str) -> None:
    found = Formatting.of(Settings(write_key="wk_0123456789", currency="EUR", time_zone=zone))
    assert (str(found.zone), found.zone_name, found.currency) == (key, zone, "EUR")


def test_times_are_those_of_the_sites_zone_and_machine_readable() -> None:
    assert BERLIN.day(LATE) == "23 Nov 2026"
    assert BERLIN.moment(LATE) == "23 Nov 2026, 00:30"
    assert BERLIN.time(LATE, "clock") == '<time datetime="2026-11-22T23:30:05Z">23 Nov, 00:30:05</time>'


@pytest.mark.parametrize(("hundredths", "words"), [(0, "0.00 EUR"), (123450, "1,234.50 EUR"), (-5, "−0.05 EUR")])
def test_money_is_exact(hundredths: int, words: str) -> None:
    assert BERLIN.money(hundredths) == words


def test_names_are_escaped_and_listed() -> None:
    assert name("<i>") == "<b>&lt;i&gt;</b>"
    assert names(["a", "b", "c"]) == "<b>a</b>, <b>b</b> and <b>c</b>"


@pytest.mark.parametrize("key", SENTENCES)
def test_every_sentence_can_be_said(key: str) -> None:
    """Its fields are filled, its backquotes are pairs, and no value becomes markup."""
    fields = dict.fromkeys(
        [part.split("}")[0] for part in SENTENCES[key].split("{")[1:]],
        "<x>",
    )
    said = say(key, **fields)
    assert SENTENCES[key].count("`") % 2 == 0
    assert "{" not in said
    assert "<x>" not in said
