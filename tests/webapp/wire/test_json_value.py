"""A JSON value from outside: the quick look finds what the thorough one explains, and never too few bytes."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.wire.json_limits import MAX_DEPTH, MAX_INTEGER, fault_in, longest

TEXTS = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(["\0", "a\0b", "\ud800", "\udfffz", "\x1f"])
FLAT = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from([1e15, -1.5e-300]) | TEXTS
VALUES = st.recursive(FLAT, lambda some: st.lists(some, max_size=3) | st.dictionaries(TEXTS, some, max_size=3))


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@given(VALUES)
def test_the_quick_look_and_the_thorough_one_agree(value: Any) -> None:
    most = longest(value)
    assert math.isinf(most) == (fault_in(value, "event") is not None)
    if math.isfinite(most):
        assert len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()) <= most


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (nested(MAX_DEPTH), True),
        (nested(MAX_DEPTH + 1), False),
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
    assert (math.isfinite(longest(value)), fault_in(value, "event") is None) == (kept, kept)
