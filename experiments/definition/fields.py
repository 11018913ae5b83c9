"""The types of a config file's fields: how each value is read, what is wrong with it, and its JSON Schema."""

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema

from experiments.definition.problem import Fault, nearest, one_of, refused, seen, unlike
from experiments.definition.quantity import Share

MOMENTS = ("visible", "view", "click", "focus", "change", "submit")

Attributes = Mapping[str, str | bool]
"""What is known of a visitor: name -> level."""

_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_ATTRIBUTES = ("device", "source", "returning", "language")
_NEVER_ATTRIBUTES = ("bot", "consent", "force", "staff")


def _key(value: object) -> str:
    if isinstance(value, str) and _KEY.fullmatch(value):
        return value
    remedy = "write a-z, 0-9, _ and -, beginning with a letter or digit, at most 64 characters"
    if isinstance(value, str):
        mended = re.sub(r"[^a-z0-9_-]+", "-", value.strip().lower()).strip("-_")[:64]
        remedy += f', such as "{mended}"' if mended else ""
    elif value is not None and not isinstance(value, dict | list):
        remedy = f'put it in quotes: "{str(value).lower()}"'
    raise unlike(value, "not a key", remedy)


def _moment(value: object) -> dict[str, str]:
    """One of MOMENTS and what it happens to: {visible: "#contact"}."""
    if not isinstance(value, dict) or len(value) != 1:
        remedy = f'write one of {one_of(MOMENTS)}, such as {{visible: "#contact"}}'
        raise unlike(value, "not one moment and what it happens to", remedy)
    [(name, target)] = value.items()
    if name not in MOMENTS:
        meant = nearest(str(name), MOMENTS)
        guess = f"did you mean {meant}?" if meant else f"use {one_of(MOMENTS)}"
        raise refused(Fault((name,), "is not a known moment", guess, on_key=True))
    if not isinstance(target, str) or not target.strip():
        remedy = 'path, such as "/contact"' if name == "view" else 'CSS selector in quotes, such as "#contact"'
        raise refused(Fault((name,), f"is {seen(target)}, not a text", f"write a {remedy}"))
    return {name: target}


def _attribute(value: object) -> str:
    """The name of something known of a visitor."""
    if fault := misnamed(value):
        raise unlike(value, *fault)
    return str(value)


def misnamed(name: object) -> tuple[str, str] | None:
    """Why this is no name of an attribute, and the remedy; None when it is one."""
    if not isinstance(name, str) or not _ATTRIBUTE.fullmatch(name):
        return "not the name of an attribute", "write letters, digits and _, such as device or source"
    if name in _NEVER_ATTRIBUTES:
        remedy = f"remove it; use {one_of(_ATTRIBUTES)}, or an attribute that the site sends"
        return "a word that decides who is counted, not an attribute", remedy
    if name not in _ATTRIBUTES and (meant := nearest(name, _ATTRIBUTES, cutoff=0.8)):
        return "almost the name of a known attribute", f"did you mean {meant}?"
    return None


def _step_value(value: object) -> float | str | None:
    """A number of currency units, or the name of an event's property."""
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool) and value >= 0):
        return value
    if isinstance(value, str) and value.strip() and not re.fullmatch(r"[-+0-9.,\s€$£%]+", value):
        return value
    remedy = "write a number from 0 on without quotes or currency sign, such as 120, or the name of an event's property"
    raise unlike(value, "neither an amount nor a property's name", remedy)


def _slice(value: object) -> object:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise unlike(value, "not a beginning and an end", "write two percentages: [0%, 50%]")
    return value


Key = Annotated[str, BeforeValidator(_key), WithJsonSchema({"type": "string", "pattern": f"^{_KEY.pattern}$"})]
Moment = Annotated[
    dict[str, str],
    BeforeValidator(_moment),
    WithJsonSchema(
        {
            "type": "object",
            "properties": {name: {"type": "string", "minLength": 1} for name in MOMENTS},
            "additionalProperties": False,
            "minProperties": 1,
            "maxProperties": 1,
        }
    ),
]
Attribute = Annotated[
    str, BeforeValidator(_attribute), WithJsonSchema({"type": "string", "pattern": f"^{_ATTRIBUTE.pattern}$"})
]
StepValue = Annotated[
    float | str | None,
    BeforeValidator(_step_value),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "minLength": 1}]}),
]


Slice = Annotated[tuple[Share, Share], BeforeValidator(_slice)]


class Frozen(BaseModel):
    """A value read from a config file: unknown keys are errors, nothing changes after it is made."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def level(value: object) -> str:
    """An attribute's value as the text that levels are compared by; true and "true" are the same level."""
    return str(value).lower() if isinstance(value, bool) else str(value) if value is not None else ""
