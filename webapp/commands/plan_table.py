"""PlanTable: a plan in the terminal, in words for who runs the experiment."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC
from zoneinfo import ZoneInfo

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from experiments.definition import Method
from experiments.measurement import Measurement
from experiments.plan import METHODS, Decision, Missing, Need, Plan, StepPlan
from experiments.site import Site
from webapp.formatting import Formatting, count, duration, lift, listing, percent, rate, things
from webapp.wording import spoken

_METHODS: dict[Method, str] = {
    "planned": "look whenever you like, best up to the plan",
    "always-valid": "look whenever you like, no plan",
    "fixed": "one look only, nothing before it",
}
_MISSING: dict[Missing, str] = {
    "no-rate": "not measured yet; say --rate {step}=10%",
    "never-reached": "nobody has reached it yet; say --rate {step}=1%",
    "no-room": "nearly everybody reaches it already: {detect} more is impossible",
    "too-many": "more visitors than there are people",
}


@dataclass(frozen=True, slots=True)
class Given:
    """Where the numbers that went into a plan come from: measured, or given on the command line.

    `rates`: steps whose rate was given; `traffic`: visitors a day were.
    """

    known: Measurement | None
    rates: frozenset[str]
    traffic: bool


def show(plan: Plan, given: Given, site: Site) -> None:
    """Print what the plan says: the answer in sentences, the methods side by side, every step, and the sources."""
    settings = site.settings
    zone = UTC if settings.time_zone == "UTC" else ZoneInfo(settings.time_zone)
    formatting = Formatting(zone, settings.time_zone, settings.currency)
    Console(highlight=False).print(Group(*_parts(plan, given, formatting)))


def _parts(plan: Plan, given: Given, formatting: Formatting) -> list[RenderableType]:
    experiment, macro = plan.experiment, plan.macro
    need = macro.needs.get(plan.method)
    parts: list[RenderableType] = [
        Text(experiment.name, style="bold"),
        Text(
            f"{experiment.key}, phase {experiment.phase} · {plan.method} at {percent(experiment.analysis.alpha)}",
            style="dim",
        ),
        Text(),
        Text(_headline(plan, need), style="bold"),
        *_indented(_answers(plan, need, formatting)),
        Text(),
    ]
    if macro.needs:
        parts += [_methods(plan), Text()]
    parts += [_steps(plan), Text()]
    if plan.doubt:
        parts += _indented([f"! planned_visitors {plan.doubt.what}; {plan.doubt.remedy}."], "yellow")
    return [*parts, Text("Where these numbers come from", style="bold"), *_indented(_sources(plan, given))]


def _headline(plan: Plan, need: Need | None) -> str:
    goal = spoken(plan.macro.step)
    if need is None:
        return f"A change of {lift(plan.detect)} in “{goal}” cannot be planned for."
    return (
        f"{about(need.visitors)} visitors are needed to find a change of {lift(plan.detect)} in “{goal}” "
        f"({rate(plan.macro.rate)} of visitors) {_often(plan.power)}."
    )


def _often(power: float) -> str:
    return f"{percent(power)} of the time" if power < 0.9995 else "nearly always"


def _answers(plan: Plan, need: Need | None, formatting: Formatting) -> list[str]:
    said = []
    if need is None:
        said.append(_sentence(_MISSING[plan.macro.missing or "too-many"], plan, plan.macro))
    else:
        each = listing([f"{about(number)} see {key}" for key, number in need.per_variant.items()])
        said.append(f"That is: {each}.")
    if need and plan.visitors_per_day:
        window = duration(plan.experiment.window_of(plan.experiment.macro))
        said.append(
            f"At {about(math.ceil(plan.visitors_per_day))} visitors a day they come in "
            f"{things(math.ceil(need.visitors / plan.visitors_per_day), 'day')}; the last ones then have {window} more."
        )
    said += _as_configured(plan, need)
    if plan.decision:
        said.append(_decision(plan, plan.decision, formatting))
    if plan.days is not None:
        found = plan.macro.detectable.get(plan.method)
        said.append(
            f"In {things(plan.days, 'day')} it can find a change of {lift(found)} or more {_often(plan.power)}."
            if found is not None
            else f"In {things(plan.days, 'day')} it can find no change: too few visitors will have had their time."
        )
    return said


def _decision(plan: Plan, decision: Decision, formatting: Formatting) -> str:
    at_least = plan.experiment.analysis.at_least
    weeks = f"whole weeks{f', at least {duration(at_least)}' if at_least else ''}"
    end = f"all is in by {formatting.day(decision.latest_at)} ({weeks})"
    if decision.found < 0.5:
        return f"With so few it will probably end undecided, even if the change is there; {end}."
    return f"If the change is there, expect the decision about {formatting.day(decision.expected_at)}; {end}."


def _as_configured(plan: Plan, need: Need | None) -> list[str]:
    planned = plan.experiment.analysis.planned_visitors
    if planned is None:
        if need is None or plan.experiment.status != "draft":
            return []
        return [
            f"Write into its config file: `analysis: {{detect: {percent(plan.detect)}, "
            f"planned_visitors: {_rounded(need.visitors)}}}`."
        ]
    said = f"Its config plans {count(planned)} visitors"
    if plan.decision and plan.decision.visitors == planned:
        said += f", who find a change of {lift(plan.detect)} {_often(plan.decision.found)}"
    if plan.planned_detectable is not None:
        said += f"; {lift(plan.planned_detectable)} and more they find {_often(plan.power)}"
    return [f"{said}."]


def _methods(plan: Plan) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("Method")
    for title in ("Visitors", "Average", "Days", "Average"):
        table.add_column(title, justify="right", no_wrap=True)
    if plan.days is not None:
        table.add_column(f"In {things(plan.days, 'day')}", justify="right", no_wrap=True)
    for method in METHODS:
        need, style = plan.macro.needs.get(method), "bold" if method == plan.method else ""
        cells = ["–"] * 4 if need is None else [about(need.visitors), about(need.mean_visitors), *_both_days(need)]
        if plan.days is not None:
            cells.append(_found(plan.macro, method))
        table.add_row(Text.assemble((method, style), "\n", (_METHODS[method], "dim")), *cells)
    return table


def _steps(plan: Plan) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("Step")
    for title in ("Rate", f"Visitors ({plan.method})", "Days"):
        table.add_column(title, justify="right")
    if plan.days is not None:
        table.add_column(f"In {things(plan.days, 'day')}", justify="right")
    for step in plan.steps:
        need = step.needs.get(plan.method)
        style = "bold" if step is plan.macro else ""
        if need is None:
            why = _sentence(_MISSING[step.missing or "too-many"], plan, step)
            table.add_row(Text.assemble((spoken(step.step), style), "\n", (why, "dim")), rate(step.rate), "–", "–")
        else:
            found = [_found(step, plan.method)] if plan.days is not None else []
            table.add_row(
                Text(spoken(step.step), style), rate(step.rate), about(need.visitors), _both_days(need)[0], *found
            )
    return table


def _both_days(need: Need) -> tuple[str, str]:
    days, mean = need.days, need.mean_days
    return "–" if days is None else count(math.ceil(days)), "–" if mean is None else count(math.ceil(mean))


def _found(step: StepPlan, method: Method) -> str:
    found = step.detectable.get(method)
    return "nothing" if found is None else lift(found)


def _sentence(text: str, plan: Plan, step: StepPlan) -> str:
    return text.format(step=step.step, detect=lift(plan.detect))


def _sources(plan: Plan, given: Given) -> list[str]:
    said, known = [], given.known
    steps = {step.step for step in plan.steps}
    if given.rates:
        said.append(f"Rates of {listing([spoken(step) for step in sorted(given.rates)])}: as you said, with --rate.")
    measured = {step: one for step, one in known.rates.items() if step in steps - given.rates} if known else {}
    if known and measured:
        goal = measured.get(plan.macro.step)
        reached = (
            f": {count(goal.reached)} of {count(goal.visitors)} reached “{spoken(plan.macro.step)}”" if goal else ""
        )
        said.append(f"Rates: measured in {_phase(plan, known)}, all variants together{reached}.")
    if given.traffic:
        said.append("Visitors a day: as you said, with --visitors-per-day.")
    elif known and known.visitors_per_day:
        said.append(f"Visitors a day: the last {things(known.days, 'whole day')} of {_phase(plan, known)}.")
    said.append(
        "Steps before the goal, and secondary actions, share their own "
        f"{percent(plan.experiment.analysis.alpha)} risk of a wrong verdict, so each needs more visitors than alone."
    )
    said.append("Days include the time that the last visitors have for the step.")
    return said


def _phase(plan: Plan, known: Measurement) -> str:
    mine = known.phase.key == plan.experiment.key
    if mine and known.phase.phase == plan.experiment.phase:
        return "this experiment"
    return f"its phase {known.phase.phase}" if mine else f"{known.phase.key}, which has the same trigger"


def about(number: int) -> str:
    """A planned number of visitors, rounded up to three digits: the rest would be false precision."""
    return count(_rounded(number))


def _rounded(number: int) -> int:
    unit: int = 10 ** max(0, len(str(number)) - 3)
    return math.ceil(number / unit) * unit


def _indented(lines: Iterable[str], style: str = "") -> list[RenderableType]:
    return [Padding(Text(line, style=style), (0, 0, 0, 2)) for line in lines]
