"""Experiment, Variant, Step, Audience: frozen, validated values made from a config file.

A *phase* is an Experiment with `started_at` set: the catalog hands out nothing else for experiments that have run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from experiments.definition.decision_record import DecisionRecord
from experiments.definition.problem import Fault, nearest, one_of, refused, seen
from experiments.definition.quantity import Duration, Share, Time, Wait
from experiments.definition.rules import inconsistencies

GRACE = timedelta(hours=1)  # after a cohort's end and the step's window, before it seals
MAX_VALUE_CAP = 100_000  # currency units: sums of squares stay exact in 64 bits
MOMENTS = ("visible", "view", "click", "focus", "change", "submit")

Attributes = Mapping[str, str | bool]
Status = Literal["draft", "running", "stopped"]
Grade = Literal[1, 2, 3]
Method = Literal["planned", "always-valid", "fixed"]
StepKind = Literal["milestone", "macro", "secondary", "guardrail"]
Family = Literal["primary", "diagnostic", "guardrail"]  # comparisons that share one alpha
Interval = tuple[float | None, float | None]  # None: unbounded on that side

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
    raise refused(Fault((), f"is {seen(value)}, not a key", remedy))


def _moment(value: object) -> dict[str, str]:
    """One of MOMENTS and what it happens to: {visible: "#contact"}."""
    if not isinstance(value, dict) or len(value) != 1:
        what = f"is {seen(value)}, not one moment and what it happens to"
        raise refused(Fault((), what, f'write one of {one_of(MOMENTS)}, such as {{visible: "#contact"}}'))
    [(name, target)] = value.items()
    if name not in MOMENTS:
        meant = nearest(str(name), MOMENTS)
        guess = f"did you mean {meant}?" if meant else f"use {one_of(MOMENTS)}"
        raise refused(Fault((name,), "is not a known moment", guess, on_key=True))
    if not isinstance(target, str) or not target.strip():
        remedy = (
            'write a CSS selector in quotes, such as "#contact"'
            if name != "view"
            else 'write a path, such as "/contact"'
        )
        raise refused(Fault((name,), f"is {seen(target)}, not a text", remedy))
    return {name: target}


def _attribute(value: object) -> str:
    """The name of something known of a visitor."""
    if fault := _misnamed(value):
        raise refused(Fault((), f"is {seen(value)}, {fault[0]}", fault[1]))
    return str(value)


def _misnamed(name: object) -> tuple[str, str] | None:
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
    raise refused(Fault((), f"is {seen(value)}, neither an amount nor a property's name", remedy))


def _slice(value: object) -> object:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise refused(Fault((), f"is {seen(value)}, not a beginning and an end", "write two percentages: [0%, 50%]"))
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


class Frozen(BaseModel):
    """A value read from a config file: unknown keys are errors, nothing changes after it is made."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Variant(Frozen):
    """One way to show the page. The first of an experiment is the control."""

    key: Key
    weight: float = Field(gt=0)
    value: Any = None
    """What an assignment answers: any JSON; None means the key."""


class Step(Frozen):
    """One conversion that is counted: a milestone of the path, or a secondary action."""

    step: Key
    event: str = Field(min_length=1)
    grade: Grade | None = None
    window: Duration | None = None
    """None means the experiment's window."""
    on: Moment | None = None
    value: StepValue = None
    """Of the macro-conversion: a number of currency units, or the name of an event property. Of others: declared."""


class Guardrail(Step):
    """A step that must not get worse by more than `margin` (relative)."""

    harm: Literal["more", "less"]
    margin: Share


class Audience(Frozen):
    """Entry condition: a visitor has, of every attribute named, one of its levels. Other attributes than these two
    are allowed; their levels are texts or true and false, one or a list."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)
    __pydantic_extra__: dict[str, str | bool | list[str | bool]]

    device: list[Literal["desktop", "tablet", "phone"]] | None = Field(default=None, min_length=1)
    returning: bool | None = None

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: object) -> object:
        faults = []
        for name, levels in value.items() if isinstance(value, dict) else ():
            if fault := _misnamed(name):
                faults.append(Fault((name,), f"is {fault[0]}", fault[1], on_key=True))
            listed = levels if isinstance(levels, list) else [levels]
            if name not in cls.model_fields and not (listed and all(isinstance(level, str | bool) for level in listed)):
                what = f"is {seen(levels)}, not a level of an attribute"
                faults.append(Fault((name,), what, "write a text, true or false, or a list of those"))
        if faults:
            raise refused(*faults)
        return value

    def admits(self, attributes: Attributes) -> bool:
        """May a visitor with these attributes enter? An attribute that is not known does not fulfil a condition."""
        named = {"device": self.device, "returning": self.returning, **(self.model_extra or {})}
        return all(
            level(attributes.get(name)) in {level(one) for one in (levels if isinstance(levels, list) else [levels])}
            for name, levels in named.items()
            if levels is not None
        )


class Exclusive(Frozen):
    """A slice of a layer; slices of one layer never overlap, so no visitor is in two of its experiments."""

    layer: Key
    slice: Annotated[tuple[Share, Share], BeforeValidator(_slice)] = Field(strict=False)


class Analysis(Frozen):
    """How the result is judged. `method` None: planned with `planned_visitors`, else always-valid."""

    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    method: Method | None = None
    detect: Share | None = None
    planned_visitors: int | None = Field(default=None, gt=0)
    at_least: Wait = timedelta(0)
    adjust_for: tuple[Attribute, ...] = Field(default=(), strict=False)

    @property
    def method_in_force(self) -> Method:
        """The method that judges: the one chosen, else what `planned_visitors` calls for."""
        return self.method or ("always-valid" if self.planned_visitors is None else "planned")


class Experiment(Frozen):
    """One test as its config file describes it. With `started_at` set it is a phase: what `journey` judges by."""

    key: Key
    name: str = Field(min_length=1)
    hypothesis: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    """Free notes for the team, such as {owner: marketing}; may change at any time."""
    status: Status
    phase: int = Field(default=1, ge=1)
    started_at: Time | None = None
    ended_at: Time | None = None
    traffic: Share = 1.0
    variants: tuple[Variant, ...] = Field(min_length=2, strict=False)
    trigger: Moment | None = None
    audience: Audience | None = None
    exclusive: Exclusive | None = None
    path: tuple[Step, ...] = Field(min_length=1, strict=False)
    secondary: tuple[Step, ...] = Field(default=(), strict=False)
    guardrails: tuple[Guardrail, ...] = Field(default=(), strict=False)
    window: Duration
    value_cap: float = Field(default=10_000, ge=0.01, le=MAX_VALUE_CAP)
    analysis: Analysis = Analysis()
    assignment: Literal["hash", "reported"] = "hash"
    exposure: Literal["auto", "explicit"] = "auto"
    segments: tuple[Attribute, ...] = Field(default=(), strict=False)
    serve: Key | None = None
    decision: DecisionRecord | None = None
    """What people decided; may change at any time."""

    @model_validator(mode="after")
    def _consistent(self) -> Experiment:
        if faults := list(inconsistencies(self)):
            raise refused(*faults)
        return self

    @property
    def control(self) -> Variant:
        """What everybody sees who is not in the experiment."""
        return self.variants[0]

    @property
    def macro(self) -> Step:
        """The macro-conversion: the last milestone."""
        return self.path[-1]

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every counted step: the path in order, then secondary actions, then guardrails. The order of pattern bits."""
        return self.path + self.secondary + self.guardrails

    def kind_of(self, step: Step) -> StepKind:
        """What role a step of this experiment has."""
        if step.step == self.macro.step:
            return "macro"
        if step in self.path:
            return "milestone"
        return "guardrail" if isinstance(step, Guardrail) else "secondary"

    def window_of(self, step: Step) -> timedelta:
        """How long after first exposure the step counts."""
        return step.window or self.window

    def variant(self, key: str) -> Variant | None:
        """The variant with this key, or None."""
        return next((variant for variant in self.variants if variant.key == key), None)


def level(value: object) -> str:
    """An attribute's value as the text that levels are compared by; true and "true" are the same level."""
    return str(value).lower() if isinstance(value, bool) else str(value) if value is not None else ""


def utc(time: datetime) -> datetime:
    """The same instant with the one UTC object the events carry."""
    return time.astimezone(UTC)
