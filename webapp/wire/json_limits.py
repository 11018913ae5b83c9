"""A JSON value from outside: why it cannot be kept, and how it is shown to its sender."""

from __future__ import annotations

import math
from typing import Any

MAX_DEPTH = 32
MAX_INTEGER = 2**63 - 1
_SEEN = 60  # characters of a refused value that are repeated to its sender


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


def longest(value: Any, depth: int = 0) -> float:
    """More bytes than this it never has as compact JSON; infinite where `fault_in` finds something. Told quickly."""
    most: float = 5  # true, false, null
    kind = type(value)
    if depth > MAX_DEPTH:
        most = math.inf
    elif kind is str:
        most = _longest_text(value)
    elif kind is dict:
        most = 2 + sum([_longest_text(key) + longest(below, depth + 1) + 2 for key, below in value.items()])
    elif kind is list:
        most = 2 + sum([longest(below, depth + 1) + 1 for below in value])
    elif kind is int:
        most = 20 if abs(value) <= MAX_INTEGER else math.inf
    elif kind is float:
        most = 25 if math.isfinite(value) else math.inf
    return most


def shown(value: Any) -> str:
    """A value as it is repeated to its sender: short, printable, and safe to write anywhere."""
    text = ascii(value) if isinstance(value, str | int | float | bool | None) else type(value).__name__
    return text if len(text) <= _SEEN else f"{text[:_SEEN]}…"


def _longest_text(text: str) -> float:
    return math.inf if _text_fault(text) else 6 * len(text) + 2  # a character may become 6 bytes, such as \u001f


def _text_fault(text: str) -> str | None:
    if "\0" in text:
        return "must not have a NUL character"
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            return "must not have half a surrogate pair"
    return None
