"""JSON from outside: how it is read, what in it cannot be kept (nested too deep, a number too big), and why."""

import json
import math
import re
from typing import Any

MAX_DEPTH = 32
MAX_INTEGER = 2**63 - 1
_SEEN = 60  # characters of a refused value that are repeated to its sender
_DOUBTFUL = re.compile(  # a NUL, half of a surrogate pair alone; searched for fast, as all begin with the same text
    r"\\u(?:0000|[dD](?:[89abAB]..(?!\\u[dD][c-fC-F])|[c-fC-F](?<![^\\]\\u[dD][89abAB]..\\u[dD].)))"
)
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


def fault_in(value: Any, where: str) -> str | None:
    """Why can this JSON value not be kept? None when it can; else place, value seen and what would be right."""
    waiting: list[tuple[Any, str, int]] = [(value, where, 0)]
    while waiting:
        here, place, depth = waiting.pop()
        if depth > MAX_DEPTH:
            return f"{where} is nested deeper than {MAX_DEPTH} levels, must be flatter"
        fault: str | None = None
        if isinstance(here, str):
            fault = _text_fault(here)
        elif isinstance(here, float):
            fault = None if math.isfinite(here) else "must be a finite number"
        elif isinstance(here, int):
            fault = None if abs(here) <= MAX_INTEGER else "must fit in 64 bits, or be a string"
        elif isinstance(here, dict):
            fault = next((fault for fault in map(_text_fault, here) if fault), None)
            waiting.extend((below, f"{place}.{key[:_SEEN]}", depth + 1) for key, below in here.items())
        elif isinstance(here, list):
            waiting.extend((below, f"{place}[{index}]", depth + 1) for index, below in enumerate(here))
        if fault:
            return f"{shown(place)[1:-1]} is {shown(here)}, {fault}"
    return None


def shown(value: Any) -> str:
    """A value as it is repeated to its sender: short, printable, and safe to write anywhere."""
    text = ascii(value) if isinstance(value, str | int | float | bool | None) else type(value).__name__
    return text if len(text) <= _SEEN else f"{text[:_SEEN]}…"


def _text_fault(text: str) -> str | None:
    if "\0" in text:
        return "must not have a NUL character"
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            return "must not have half a surrogate pair"
    return None


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
