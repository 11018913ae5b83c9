"""Site: what yesladder.yaml may say, and what it means when it says nothing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from experiments.definition.problem import SiteError
from experiments.site.site import Site

KEY = "write_key: 0123456789abcdef\n"


def opened(path: Path, text: str) -> Site:
    (path / "yesladder.yaml").write_text(text)
    return Site.open(path)


def test_defaults(tmp_path: Path) -> None:
    site = opened(tmp_path, KEY)
    settings = site.settings
    assert (settings.write_key, settings.allowed_origins) == ("0123456789abcdef", ())
    assert (settings.currency, settings.time_zone, settings.durability) == ("USD", "UTC", "full")
    assert settings.retention is None
    assert not settings.staff.includes("anybody", {})
    assert (site.database, site.phases_path) == (tmp_path / "yesladder.db", tmp_path / "phases.json")


def test_everything_set(tmp_path: Path) -> None:
    text = (
        'write_key: "1234567890"\nallowed_origins: [https://www.example.com, "http://127.0.0.1:8080", "*"]\n'
        "currency: EUR\ntime_zone: Europe/Berlin\ndurability: normal\nretention: 400 days\n"
        "staff: {ids: [ann, ben], attributes: {team: growth, internal: true}}\n"
    )
    settings = opened(tmp_path, text).settings
    assert settings.allowed_origins == ("https://www.example.com", "http://127.0.0.1:8080", "*")
    assert settings.retention == timedelta(days=400)
    assert settings.staff.includes("ann", {})
    assert settings.staff.includes("x", {"team": "growth"})
    assert settings.staff.includes("x", {"internal": "true"})
    assert not settings.staff.includes("x", {"team": "sales", "internal": False})


def test_forever_is_said_in_words(tmp_path: Path) -> None:
    assert opened(tmp_path, KEY + "retention: forever\n").settings.retention is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("write_key: ab\n", '1:12: write_key is "ab", not a write key; write 3 to 128 letters'),
        ("write_key: with space here\n", '1:12: write_key is "with space here", not a write key'),
        (KEY + "allowed_origins: https://example.com\n", "2:18: allowed_origins is"),
        (KEY + "allowed_origins: [https://example.com/]\n", "2:19: allowed_origins[0] is"),
        (KEY + "allowed_origins: [HTTPS://Example.com]\n", "write https://example.com"),
        (KEY + "allowed_origins: [ftp://example.com]\n", "write scheme and host"),
        (KEY + 'allowed_origins: ["http://[::1"]\n', "write scheme and host"),
        (KEY + 'allowed_origins: ["http://x:999999"]\n', "write scheme and host"),
        (KEY + "allowed_origins: [5]\n", "2:19: allowed_origins[0] is 5, not an origin"),
        (KEY + "currency: usd\n", '2:11: currency is "usd", not a currency of ISO 4217; write USD'),
        (KEY + "time_zone: 1\n", "2:12: time_zone is 1, not a time zone"),
        (KEY + "retention: 1 month\n", 'write it in days, such as "30 days"'),
        (KEY + "staff: [ann]\n", "2:8: staff is a list of 1, not a mapping"),
        (KEY + "durability:\n", "2:1: durability is empty; write a value, or remove the line"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(SiteError) as error:
        opened(tmp_path, text)
    assert problem in str(error.value)
    assert str(error.value).startswith("yesladder.yaml:")
