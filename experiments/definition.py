"""Experiment, Variant, Step, Audience: frozen, validated values made from a config file.

A *phase* is an Experiment with `started_at` set: the catalog hands out nothing else for experiments that have run.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema, model_validator

GRACE = timedelta(hours=1)  # after a cohort's end and the step's window, before it seals
MAX_STEPS = 62  # a pattern is a bitmask in a signed 64-bit integer
MAX_VALUE_CAP = 100_000  # currency units: sums of squares stay exact in 64 bits

_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
_DURATION = re.compile(r"([1-9][0-9]*) (second|minute|hour|day|week)s?")
_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?)%")


def _duration(value: object) -> timedelta:
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise ValueError(f"is {value!r}, must be a duration such as '30 minutes', '1 hour' or '7 days'")
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])


def _write_duration(value: timedelta) -> str:
    seconds = int(value.total_seconds())
    for unit in ("week", "day", "hour", "minute", "second"):
        number, rest = divmod(seconds, _UNITS[unit])
        if not rest and number:
            return f"{number} {unit}{'s' if number != 1 else ''}"
    return "0 seconds"


def _share(value: object) -> float:
    match = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    if not match or float(match[1]) > 100:
        raise ValueError(f"is {value!r}, must be a percentage from 0% to 100%, such as 50%")
    return float(match[1]) / 100


Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    PlainSerializer(_write_duration),
    WithJsonSchema({"type": "string", "pattern": f"^{_DURATION.pattern}$"}),
]
Share = Annotated[
    float,
    BeforeValidator(_share),
    PlainSerializer(lambda share: f"{share * 100:.10g}%"),
    WithJsonSchema({"type": "string", "pattern": f"^{_PERCENT.pattern}$"}),
]
Key = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Grade = Literal[1, 2, 3]
Status = Literal["draft", "running", "stopped"]


class Frozen(BaseModel):
    """A value read from a config file: unknown keys are errors, nothing changes after it is made."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=False)


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
    on: dict[str, str] | None = None
    value: float | str | None = None
    """Of the macro-conversion: a number of currency units, or the name of an event property. Of others: declared."""


class Guardrail(Step):
    """A step that must not get worse by more than `margin` (relative)."""

    harm: Literal["more", "less"]
    margin: Share


class Audience(Frozen):
    """Entry condition: attributes a visitor must have. Attribute name -> one of these levels."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)
    device: list[Literal["desktop", "tablet", "phone"]] | None = None
    returning: bool | None = None


class Exclusive(Frozen):
    """A slice of a layer; slices of one layer never overlap, so no visitor is in two of its experiments."""

    layer: Key
    slice: tuple[Share, Share] = Field(strict=False)


class Analysis(Frozen):
    """How the result is judged. `method` None: planned with `planned_visitors`, else always-valid."""

    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    method: Literal["planned", "always-valid", "fixed"] | None = None
    detect: Share | None = None
    planned_visitors: int | None = Field(default=None, gt=0)
    at_least: Duration | Literal["0 days"] | None = None
    adjust_for: tuple[str, ...] = Field(default=(), strict=False)


StepKind = Literal["milestone", "macro", "secondary", "guardrail"]


class Experiment(Frozen):
    """One test as its config file describes it. With `started_at` set it is a phase: what `journey` judges by."""

    key: Key
    name: str = Field(min_length=1)
    hypothesis: str = ""
    status: Status
    phase: int = Field(default=1, ge=1)
    started_at: datetime | None = None
    ended_at: datetime | None = None
    traffic: Share = 1.0
    variants: tuple[Variant, ...] = Field(min_length=2, strict=False)
    trigger: dict[str, str] | None = None
    audience: Audience | None = None
    exclusive: Exclusive | None = None
    path: tuple[Step, ...] = Field(min_length=1, strict=False)
    secondary: tuple[Step, ...] = Field(default=(), strict=False)
    guardrails: tuple[Guardrail, ...] = Field(default=(), strict=False)
    window: Duration
    value_cap: float = Field(default=10_000, gt=0, le=MAX_VALUE_CAP)
    analysis: Analysis = Analysis()
    assignment: Literal["hash", "reported"] = "hash"
    exposure: Literal["auto", "explicit"] = "auto"
    segments: tuple[str, ...] = Field(default=(), strict=False)
    serve: Key | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Experiment:
        for name, time in (("started_at", self.started_at), ("ended_at", self.ended_at)):
            if time is not None and time.tzinfo is None:
                raise ValueError(f"{name} is {time}, must carry a time zone, such as 2026-11-22T10:00:00Z")
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
        if step in self.path:
            return "macro" if step is self.path[-1] else "milestone"
        return "guardrail" if isinstance(step, Guardrail) else "secondary"

    def window_of(self, step: Step) -> timedelta:
        """How long after first exposure the step counts."""
        return step.window or self.window

    def variant(self, key: str) -> Variant | None:
        """The variant with this key, or None."""
        return next((variant for variant in self.variants if variant.key == key), None)


def utc(time: datetime) -> datetime:
    """The same instant with the one UTC object the events carry."""
    return time.astimezone(UTC)
