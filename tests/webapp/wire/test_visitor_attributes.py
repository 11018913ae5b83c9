"""What is known of a visitor: the short ways say what the long ones say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.definition.fields import level
from experiments.site.site import Staff
from webapp.wire.visitor_attributes import MAX_LEVEL_LENGTH, AttributeReader

PLAIN = AttributeReader(frozenset())
PIECES = ["https", "http", "HTTPS", "ftp", ":", "//", "/", "?", "#", "@", "[", "]", "%", "shop.example", "Shop.Example",
          "a-1.b", "::1", "80", "\t", "\n", " ", "é", "_", "\\", "℀", "\0", ";", "q=1"]  # fmt: skip
URLS = st.lists(st.sampled_from(PIECES), max_size=10).map("".join) | st.builds(
    "{}{}{}".format,
    st.sampled_from(["https://", "http://", "//", "https:/", " https://", "Https://"]),
    st.lists(st.sampled_from(PIECES[9:]), max_size=3).map("".join),
    st.lists(st.sampled_from(PIECES), max_size=3).map("".join),
)


def host(url: str) -> str | None:
    """As the standard library reads it."""
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


@given(URLS, URLS)
def test_a_source_is_the_host_that_the_standard_library_finds(referrer: str, own: str) -> None:
    expected = host(referrer) if host(referrer) and host(referrer) != host(own) else "direct"
    assert expected is not None
    known = PLAIN.of_event((), {"page": {"referrer": referrer, "url": own}}, {}, {})
    assert known == {"source": expected[:MAX_LEVEL_LENGTH]}


@pytest.mark.parametrize(
    ("referrer", "source"),
    [
        pytest.param("https://b.example", "b.example", id="bare"),
        pytest.param("http://b.example/x?y#z", "b.example", id="path"),
        pytest.param("https://b.example?x", "b.example", id="query"),
        pytest.param("https://b.example:8443/", "b.example", id="port"),
        pytest.param("https://me:secret@b.example/", "b.example", id="user"),
        pytest.param("https://me@", "direct", id="no-host"),
        pytest.param("https://B.Example/", "b.example", id="capitals"),
        pytest.param("https://b.ex\nample/", "b.example", id="line-break"),
        pytest.param("https://b.example\n", "b.example", id="line-break-at-the-end"),
        pytest.param("https://b.example\\x", "b.example\\x", id="backslash"),
        pytest.param("https:/b.example", "direct", id="one-slash"),
        pytest.param("https://[::1]:80/", "::1", id="bracketed"),
        pytest.param("android-app://com.example/", "com.example", id="another-scheme"),
        pytest.param(f"https://{'b' * 120}/", "b" * 100, id="long"),
    ],
)
def test_who_referred(referrer: str, source: str) -> None:
    assert PLAIN.of_event((), {"page": {"referrer": referrer}}, {}, {}) == {"source": source}


NAMES = ("plan", "team", "language", "staff", "bot", "returning")
LEVELS = st.sampled_from(["pro", "true", "", "x" * 120, True, False, 3, 1.5, None, ["pro"], {"plan": "pro"}])
TOLD = st.dictionaries(st.sampled_from(NAMES), LEVELS, max_size=4)
FLAGS = st.fixed_dictionaries({}, optional={
    "bot": LEVELS,
    "staff": LEVELS,
    "returning": st.booleans() | LEVELS,
    "traits": TOLD | LEVELS,
    "locale": st.sampled_from(["de_AT", "", "EN", 3]),
    "first_seen": st.sampled_from([None, "2026-11-01", "2026-11-01T23:30:00-01:00"]),
})  # fmt: skip


@given(
    st.frozensets(st.sampled_from(NAMES)),
    st.lists(st.sampled_from(["a-1", "boss", "u-1"]), max_size=2),
    st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["pro", True]), max_size=2),
    st.lists(st.sampled_from(["a-1", "boss", "u-1"]), max_size=2),
    FLAGS, TOLD, TOLD,
)  # fmt: skip
def test_what_is_known_is_what_the_plain_rules_give(
    named: frozenset[str],
    staff_ids: list[str],
    staff_attributes: dict[str, str | bool],
    ids: list[str],
    context: dict[str, Any],
    traits: dict[str, Any],
    properties: dict[str, Any],
) -> None:
    staff = Staff(ids=tuple(staff_ids), attributes=staff_attributes)
    expected = of_context(context)
    for told in (properties, traits, context.get("traits")):
        for name, value in told.items() if isinstance(told, dict) else ():
            asked_for = name in named or name in staff_attributes
            if asked_for and name not in expected and isinstance(value, str | int | float):
                expected[name] = level(value)[:100]
    if any(staff.includes(one, expected) for one in ids):
        expected["staff"] = "true"
    assert AttributeReader(named, staff).of_event(ids, context, traits, properties) == expected


def of_context(context: Mapping[str, Any]) -> dict[str, str]:
    """What a context without a page or a User-Agent says."""
    known = {name: "true" for name in ("bot", "staff") if context.get(name) is True}
    if isinstance(context.get("returning"), bool):
        known["returning"] = level(context["returning"])
    if context.get("first_seen"):
        known["first_seen"] = "2026-11-01" if len(context["first_seen"]) == 10 else "2026-11-02"
    if context.get("locale") in ("de_AT", "EN"):
        known["language"] = {"de_AT": "de", "EN": "en"}[context["locale"]]
    return known


def test_a_robot_that_a_browser_claims_to_be() -> None:
    robot = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
    assert PLAIN.of_event((), {"userAgent": robot, "bot": False}, {}, {}) == {"bot": "true"}
    assert AttributeReader(frozenset(), user_agent=robot).of_event((), {}, {}, {}) == {"bot": "true"}
