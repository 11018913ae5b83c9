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
