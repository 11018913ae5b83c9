"""PlanForm: what the form of the plan page asked for, and in words what is wrong with it."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from markupsafe import Markup

from experiments.definition.experiment import Experiment
from experiments.definition.quantity import percentage
from experiments.planning.forecast import POWER
from experiments.planning.plan_inputs import planned_steps
from webapp.words.formatting import percent
from webapp.words.sentences import say

Meant = TypeVar("Meant")

MOST_DAYS = 3650
MOST_VISITORS = 1e9

_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,3})?")


@dataclass(frozen=True, slots=True)
class PlanForm:
    """`written`: the fields as they were filled in; `errors`: field -> what is wrong with it.

    `detect` (above 0), `power` in (0, 1), `rates` (step -> share), `days` and `visitors_per_day` are what they mean;
    None and empty where nothing, or something wrong, was filled in.
    """

    written: Mapping[str, str]
    errors: Mapping[str, Markup]
    detect: float | None
    power: float
    days: int | None
    rates: Mapping[str, float]
    visitors_per_day: float | None


class _Wrong(ValueError):
    """Its argument says what is wrong, as Markup."""


def plan_form(asked: Mapping[str, Sequence[str]], experiment: Experiment) -> PlanForm:
    """Read the fields of a request. `rate` may be given for steps, too: rate=3% and rate=email-given=12%."""
    fields = {name: values[-1].strip() for name, values in asked.items() if values and name != "rate"}
    errors: dict[str, Markup] = {}

    def read(name: str, text: str, meant: Callable[[str], Meant]) -> Meant | None:
        try:
            return meant(text) if text else None
        except _Wrong as wrong:
            errors[name] = wrong.args[0]
            return None

    rates: dict[str, float] = {}
    for text in asked.get("rate", ()):
        rates |= read("rate", text.strip(), lambda text: _rate(text, experiment)) or {}
    detect = read("detect", fields.get("detect", ""), lambda text: _share(text, 0.0, 1.0, "20%"))
    power = read("power", fields.get("power", ""), lambda text: _share(text, 0.5, 0.99, "80%", least_included=True))
    days = read("days", fields.get("days", ""), _days)
    per_day = read("visitors_per_day", fields.get("visitors_per_day", ""), _visitors)
    fields["rate"] = next((text for text in asked.get("rate", ()) if "=" not in text), "").strip()
    return PlanForm(fields, errors, detect, power or POWER, days, rates, per_day)


def _share(text: str, least: float, most: float, example: str, least_included: bool = False) -> float:
    share = percentage(text, bare=True)
    if share is None:
        raise _Wrong(say("plan.share.wrong", value=text, example=example))
    if share > most or share < least or (share == least and not least_included):
        key = "plan.share.from" if least_included else "plan.share.range"
        raise _Wrong(say(key, value=text, least=percent(least), most=f"{most * 100:g}%"))
    return share


def _rate(text: str, experiment: Experiment) -> dict[str, float]:
    step, _, share = text.rpartition("=")
    steps = planned_steps(experiment)
    if step.strip() not in ("", *steps):
        raise _Wrong(say("plan.step.unknown", value=step.strip(), steps=", ".join(steps)))
    return {step.strip() or experiment.macro.step: _share(share.strip(), 0.0, 0.9999, "3%")}


def _days(text: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", text) or not 1 <= int(text) <= MOST_DAYS:
        raise _Wrong(say("plan.days.wrong", value=text, most=f"{MOST_DAYS:,}"))
    return int(text)


def _visitors(text: str) -> float:
    plain = text.replace(",", "")
    if not _NUMBER.fullmatch(plain) or not 0 < float(plain) <= MOST_VISITORS:
        raise _Wrong(say("plan.number.wrong", value=text, example="500"))
    return float(plain)
