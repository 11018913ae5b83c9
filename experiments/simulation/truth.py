"""Truth: how simulated visitors really behave, so that a result can be compared with what is so.

A truth file is YAML, one per experiment; the gallery ships one for each of its simulated experiments.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError, field_validator

from experiments.definition.experiment import Experiment
from experiments.definition.fields import Frozen

Rate = Annotated[float, Field(ge=0, le=1, strict=False)]
HOUR = timedelta(hours=1)

# Share of a day's visitors in each UTC hour: quiet nights, a peak after work. Relative weights.
DAY = (2, 1, 1, 1, 1, 2, 4, 7, 10, 12, 13, 13, 12, 12, 12, 12, 13, 15, 17, 18, 16, 12, 8, 4)


class Behaviour(Frozen):
    """What the visitors of one variant do.

    `rates`: along the path, the share of those at the step before (first: of those exposed) who take the step.
    `alone`: secondary action or guardrail -> share of those exposed.
    `returning`: share of those taking a path step who leave before it and take it at a later visit.
    """

    rates: tuple[Rate, ...] = Field(strict=False)
    alone: dict[str, Rate] = Field(default_factory=dict)
    returning: Rate = 0.0


class Crowd(Frozen):
    """One kind of visitor: `share` of all (relative weight), what is known of them, and how eager they are.

    `eagerness` multiplies the rates of path and secondary actions (never above 1): eager visitors read the
    testimonials more often *and* book more often, so the two go together in the data without one causing the other.
    `attributes` are those an event carries; `bot` or `staff` "true" are exposed and not counted.
    """

    share: float = Field(gt=0, strict=False)
    attributes: dict[str, str] = Field(default_factory=dict)
    eagerness: float = Field(default=1.0, ge=0, strict=False)

    @property
    def counted(self) -> bool:
        """Is this a visitor who counts, not a bot and not staff?"""
        return "true" not in (self.attributes.get("bot"), self.attributes.get("staff"))

    def rate(self, rate: float) -> float:
        """A behaviour's rate for this crowd, never above 1."""
        return min(1.0, rate * self.eagerness)


class Truth(Frozen):
    """What is true of an experiment's visitors.

    `variants`: variant key -> its behaviour. `crowds`: the mixture of visitors. `hours`: 24 relative weights, UTC.
    `return_hours`: mean hours until a later visit, above 0. `value_mean`: mean of the macro-conversion's value in
    currency units where the experiment reads it from an event property; `value_spread`: its standard deviation as
    a share of the mean (gamma distributed).
    """

    variants: dict[str, Behaviour]
    crowds: tuple[Crowd, ...] = Field(default=(Crowd(share=1.0),), min_length=1, strict=False)
    hours: tuple[Annotated[float, Field(ge=0, strict=False)], ...] = Field(default=DAY, strict=False)
    return_hours: float = Field(default=24.0, gt=0, strict=False)
    value_mean: float = Field(default=100.0, gt=0, strict=False)
    value_spread: float = Field(default=0.5, gt=0, strict=False)

    @field_validator("hours")
    @classmethod
    def _whole_day(cls, hours: tuple[float, ...]) -> tuple[float, ...]:
        if len(hours) != 24 or not sum(hours):
            raise ValueError(f"has {len(hours)} weights with sum {sum(hours)}, must be 24 weights, not all 0")
        return hours

    def without_effect(self, experiment: Experiment) -> Truth:
        """The same visitors where every variant does what the control does: an A/A test."""
        control = self.variants[experiment.control.key]
        return self.model_copy(update={"variants": {variant.key: control for variant in experiment.variants}})

    def require(self, experiment: Experiment) -> None:
        """Raise ValueError, naming the place, unless this truth says what each variant's visitors do at each step."""
        keys = [variant.key for variant in experiment.variants]
        if sorted(self.variants) != sorted(keys):
            raise ValueError(f"variants are {', '.join(self.variants)}, must be {', '.join(keys)}")
        alone = {step.step for step in (*experiment.secondary, *experiment.guardrails)}
        for key, behaviour in self.variants.items():
            if len(behaviour.rates) != len(experiment.path):
                raise ValueError(
                    f"variants.{key}.rates has {len(behaviour.rates)} rates, "
                    f"must have one for each of the {len(experiment.path)} milestones"
                )
            if unknown := sorted(set(behaviour.alone) - alone):
                raise ValueError(
                    f"variants.{key}.alone names {', '.join(unknown)}, "
                    f"known secondary actions and guardrails are {', '.join(sorted(alone)) or 'none'}"
                )
        for step in experiment.path:
            window = experiment.window_of(step)
            if window > HOUR and window % HOUR:
                raise ValueError(f"the window of {step.step} is {window}, can be simulated in whole hours only")


def plain_truth(experiment: Experiment, going_on: float = 0.4, returning: float = 0.1) -> Truth:
    """Visitors of no special kind, who behave alike in every variant: 40 % go on at each milestone, 10 % act alone.

    `going_on` and `returning`: other shares, in [0, 1].
    """
    alone = {step.step: 0.1 for step in (*experiment.secondary, *experiment.guardrails)}
    behaviour = Behaviour(rates=(going_on,) * len(experiment.path), alone=alone, returning=returning)
    return Truth(variants={variant.key: behaviour for variant in experiment.variants})


def read_truth(path: Path) -> Truth:
    """What does this truth file say? Raises ValueError naming file, place and value when it is no truth."""
    from ruamel.yaml import YAML  # noqa: PLC0415 - only the command line reads truths
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415

    try:
        return Truth.model_validate(YAML(typ="safe").load(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        lines = [f"{path}: {'.'.join(map(str, e['loc'])) or 'the file'}: {e['msg']}" for e in error.errors()]
        raise ValueError("\n".join(lines)) from None
    except YAMLError as error:
        raise ValueError(f"{path}: {error}") from None
