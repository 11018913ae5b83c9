"""JSON text from outside, read with a quick look at whether anything in it could be at fault."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from webapp.wire.json_limits import MAX_DEPTH

_DOUBTFUL = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")  # a NUL, half of a surrogate pair
_SURE_DIGITS = 18  # of an integer: it fits in 64 bits whatever they are
_NESTING = frozenset({dict, list})
_ROOM = 64  # bytes: what a path says of an event, such as its type, becomes part of it


def read(raw: bytes) -> tuple[Any, float]:
    """What this text says, and how many bytes each value in it has at most as compact JSON: those of the text.

    Infinite where it takes more than a look at the text to rule out that `fault_in` finds something. A NUL and half a
    surrogate pair get into JSON by an escape only, and nothing but a number can be longer as it is written here than
    as it was sent. Raises ValueError where this is no JSON in UTF-8, RecursionError where it is nested too deeply.
    """
    text = raw.decode()
    if "\\" not in text or not _DOUBTFUL.search(text):
        try:
            value = _SURE.decode(text)
        except ValueError:  # a number in doubt, or no JSON at all
            return json.loads(text), math.inf
        if text.count("{") + text.count("[") <= MAX_DEPTH or _is_flat(value):
            return value, len(raw) + _ROOM
    return json.loads(text), math.inf


def _is_flat(value: Any) -> bool:
    """Is there no object or list MAX_DEPTH levels down from here? Looked at level by level."""
    level = [value] if type(value) in _NESTING else []
    for _ in range(MAX_DEPTH):
        level = [
            below
            for outer in level
            for below in (outer.values() if type(outer) is dict else outer)
            if type(below) in _NESTING
        ]
        if not level:
            return True
    return False


def _integer(digits: str) -> int:
    if len(digits) > _SURE_DIGITS:
        raise ValueError("may not fit in 64 bits")
    return int(digits)


def _number(text: str) -> float:
    number = float(text)
    if math.isinf(number) or len(repr(number)) > len(text):
        raise ValueError("infinite, or longer when it is written out")
    return number


def _constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON value")


_SURE = json.JSONDecoder(parse_float=_number, parse_int=_integer, parse_constant=_constant)
