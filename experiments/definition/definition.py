"""Definition: what a config file says of an experiment, part by part: each value is right by itself.

Whether the parts fit together is for `rules.py`; an `Experiment` is a definition in which they do.
"""

from datetime import timedelta
from typing import Any, Literal

from pydantic import ConfigDict, Field, model_validator

from experiments.definition.decision_record import DecisionRecord
from experiments.definition.fields import (
    Attribute,
    Attributes,
    Frozen,
    Key,
    Moment,
    Slice,
    StepValue,
    level,
    misnamed,
)
from experiments.definition.problem import Fault, refused, seen
from experiments.definition.quantity import Duration, Share, Time, Wait
from experiments.definition.unknown import UnknownStep

GRACE = timedelta(hours=1)  # after a cohort's end and the step's window, before it seals
MAX_VALUE_CAP = 100_000  # currency units: sums of squares stay exact in 64 bits

Status = Literal["draft", "running", "stopped"]
Grade = Literal[1, 2, 3]
Method = Literal["planned", "always-valid", "fixed"]
StepKind = Literal["milestone", "macro", "secondary", "guardrail"]
Family = Literal["primary", "diagnostic", "guardrail"]  # comparisons that share one alpha
Interval = tuple[float | None, float | None]  # None: unbounded on that side


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
            if fault := misnamed(name):
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
    slice: Slice = Field(strict=False)


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


class Definition(Frozen):
    """One test as its config file describes it, before anybody asks whether its parts fit together."""

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

    def step(self, key: str) -> Step:
        """The step with this key. Raises UnknownStep, naming those there are."""
        found = next((step for step in self.steps if step.step == key), None)
        if found is None:
            raise UnknownStep(self.key, key, [step.step for step in self.steps])
        return found

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

    @property
    def shipped(self) -> str | None:
        """The key of the variant that everybody is to get, as people decided; None when none is."""
        if self.decision is None or self.decision.made != "ship":
            return None
        return self.decision.variant or self.variants[1].key
