"""JSON from outside: where a quick look is sure, the walk through the value finds nothing; and never too few bytes."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.events.event import Event
from webapp.wire.json_limits import MAX_DEPTH, MAX_INTEGER, fault_in, read
from webapp.wire.segment_reader import MAX_EVENT_BYTES, Reception, Unacceptable, parse_event
from webapp.wire.visitor_attributes import AttributeReader

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
SIGNS = ["\0", "a\0b", "\ud800", "\udfffz", "\x1f", "\x7f", "é", "€", "😀", "\\u0000", '"', "}},{[["]
TEXTS = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(SIGNS)
NUMBERS = st.integers() | st.integers(-(2**65), 2**65) | st.floats() | st.sampled_from([1e15, -1.5e-300, 2**63 - 1])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda some: st.lists(some, max_size=3) | st.dictionaries(TEXTS, some, max_size=3),
)


def nested(depth: int, around: str = "1") -> str:
    """So many lists and objects, one in the other, with this inside."""
    for level in range(depth):
        around = f"[{around}]" if level % 2 else f'{{"a":{around}}}'
    return around


def compact(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def check(raw: bytes) -> None:
    """It is read as JSON is, and a look that says it is sure is right."""
    value, most = read(raw)
    assert repr(value) == repr(json.loads(raw.decode()))
    if math.isfinite(most):
        assert fault_in(value, "event") is None
        assert len(compact(value)) <= len(raw) <= most


@given(VALUES, st.booleans(), st.sampled_from([None, 1]))
def test_who_is_sure_is_right(value: Any, escaped: bool, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=escaped, indent=indent)
    try:
        raw = text.encode()
    except UnicodeEncodeError:  # half a surrogate pair cannot be sent but as an escape
        raw = json.dumps(value).encode()
    check(raw)


@given(st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?", fullmatch=True))
def test_who_is_sure_of_a_number_is_right(text: str) -> None:
    check(text.encode())


ESCAPES = ["\\ud83d", "\\uDe00", "\\ud83d\\ude00", "\\u0000", "\\\\", "\\n", "ud83d", "ude00", "u0000"]


@given(st.lists(st.sampled_from(ESCAPES)))
def test_who_is_sure_of_escapes_is_right(parts: list[str]) -> None:
    check(f'["{"".join(parts)}"]'.encode())


@pytest.mark.parametrize(
    ("text", "sure"),
    [
        pytest.param('{"price":12.5,"n":-3,"ok":true,"none":null,"t":"}]"}', True, id="plain"),
        pytest.param('"caf\\u00e9 \\n \\" \\/"', True, id="harmless-escapes"),
        pytest.param('"café 😀"', True, id="no-ascii"),
        pytest.param('"\\u0000"', False, id="nul"),
        pytest.param('{"\\ud83d\\ude00":"\\uD83D\\uDE00\\ud83d\\ude00"}', True, id="pairs"),
        pytest.param('"\\ud83d"', False, id="the-first-half"),
        pytest.param('"\\ud83d\\ud83d\\ude00"', False, id="a-half-before-a-pair"),
        pytest.param('"\\ud83d\\ude00\\ude00"', False, id="a-half-after-a-pair"),
        pytest.param('"\\\\ud83d\\ude00"', False, id="the-first-half-is-no-escape"),
        pytest.param('"\\ud83d\\\\ude00"', False, id="the-second-half-is-no-escape"),
        pytest.param('"\\uDC00"', False, id="half-a-pair"),
        pytest.param("999999999999999999", True, id="18-digits"),
        pytest.param("9223372036854775808", False, id="19-digits"),
        pytest.param("NaN", False, id="nan"),
        pytest.param("[-Infinity]", False, id="infinity"),
        pytest.param("1e999", False, id="infinite"),
        pytest.param("9" * 400 + ".0", False, id="infinite-without-exponent"),
        pytest.param("1e15", False, id="longer-when-written-out"),
        pytest.param("12345678901234567.5", False, id="longer-when-an-exponent-is-needed"),
        pytest.param(nested(MAX_DEPTH), True, id="deep"),
        pytest.param(nested(MAX_DEPTH + 1), False, id="too-deep"),
        pytest.param(f"[{nested(MAX_DEPTH - 1)},{nested(MAX_DEPTH - 1)}]", True, id="deep-twice"),
        pytest.param(f"[{nested(MAX_DEPTH - 1)},{nested(MAX_DEPTH)}]", False, id="once-too-deep"),
        pytest.param(json.dumps({"batch": [{"context": {"page": {}}, "properties": {}}] * 20}), True, id="a-batch"),
    ],
)
def test_where_the_look_is_sure(text: str, sure: bool) -> None:
    check(text.encode())
    assert math.isfinite(read(text.encode())[1]) == sure


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf{}", b'"\0"', b"[1e5", b"9" * 5000, b"{}}", b'"\\ud8"'],
    ids=range(10),
)
def test_what_is_no_json_is_refused_as_ever(raw: bytes) -> None:
    with pytest.raises(ValueError) as usual:  # noqa: PT011  # whatever json says
        json.loads(raw.decode())
    with pytest.raises(type(usual.value)) as refused:
        read(raw)
    assert str(refused.value) == str(usual.value)


def test_what_is_nested_beyond_reading() -> None:
    with pytest.raises(RecursionError):
        read(b"[" * 200_000)


KEYS = ("type", "event", "anonymousId", "userId", "messageId", "timestamp", "properties", "context", "traits")


@given(st.dictionaries(st.sampled_from(KEYS), VALUES | st.just("x" * 33_000)), st.booleans())
def test_an_event_is_judged_alike_whether_its_text_was_looked_at_or_not(noise: dict[str, Any], escaped: bool) -> None:
    item = {"type": "track", "event": "form_started", "anonymousId": "a-1", "messageId": "m-1"} | noise
    try:
        raw = json.dumps({"batch": [item]}, ensure_ascii=escaped).encode()
    except UnicodeEncodeError:
        raw = json.dumps({"batch": [item]}).encode()
    body, most = read(raw)
    assert outcome(body["batch"][0], most) == outcome(body["batch"][0], math.inf)


@pytest.mark.parametrize("size", [MAX_EVENT_BYTES - 1, MAX_EVENT_BYTES, MAX_EVENT_BYTES + 1])
def test_an_event_may_have_as_many_bytes_as_ever(size: int) -> None:
    item = {"event": "form_started", "anonymousId": "a-1", "type": "track", "properties": {"text": ""}}
    item["properties"] = {"text": "x" * (size - len(compact(item)))}
    call, most = read(compact({key: value for key, value in item.items() if key != "type"}))  # the path says which
    taken = outcome(call | {"type": "track"}, most)
    assert taken == outcome(item, math.inf)
    assert isinstance(taken, Event) == (size <= MAX_EVENT_BYTES)


def outcome(item: Any, most: float) -> Event | tuple[str, str]:
    try:
        return parse_event(item, Reception(NOW), AttributeReader(frozenset({"plan"})), most)
    except Unacceptable as refused:
        return refused.reason, refused.detail


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (json.loads(nested(MAX_DEPTH)), True),
        (json.loads(nested(MAX_DEPTH + 1)), False),
        (MAX_INTEGER, True),
        (-MAX_INTEGER, True),
        (MAX_INTEGER + 1, False),
        (float("nan"), False),
        ("€" * 5, True),
        ({"\udc00": 1}, False),
        ([{"a": {"b": ["\0"]}}], False),
    ],
)
def test_the_edges_of_what_is_kept(value: Any, kept: bool) -> None:
    assert (fault_in(value, "event") is None) == kept
