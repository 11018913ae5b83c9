"""PlanTable: a plan in the terminal, in words for who runs the experiment."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC
from zoneinfo import ZoneInfo

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from experiments.definition.definition import Method
from experiments.planning.plan import METHODS, Need, Plan, StepPlan
from experiments.site.site import Site
from webapp.pages.plan.plan_sentences import Given, PlanWords
from webapp.words.formatting import Formatting, about, count, lift, percent, rate, things
from webapp.words.sentences import plain, spoken


def show(plan: Plan, given: Given, site: Site) -> None:
    """Print what the plan says: the answer in sentences, the methods side by side, every step, and the sources."""
    settings = site.settings
    zone = UTC if settings.time_zone == "UTC" else ZoneInfo(settings.time_zone)
    formatting = Formatting(zone, settings.time_zone, settings.currency)
    Console(highlight=False).print(Group(*_parts(PlanWords(plan, given, formatting, plain))))


def _parts(words: PlanWords) -> list[RenderableType]:
    plan, experiment = words.plan, words.plan.experiment
    parts: list[RenderableType] = [
        Text(experiment.name, style="bold"),
        Text(
            f"{experiment.key}, phase {experiment.phase} · {plan.method} at {percent(experiment.analysis.alpha)}",
            style="dim",
        ),
        Text(),
        Text(words.headline(), style="bold"),
        *_indented(words.answers()),
        Text(),
    ]
    if plan.macro.needs:
        parts += [_methods(words), Text()]
    parts += [_steps(words), Text()]
    if (doubt := words.doubt()) is not None:
        parts += _indented([f"! {doubt}"], "yellow")
    return [*parts, Text("Where these numbers come from", style="bold"), *_indented(words.sources())]


def _methods(words: PlanWords) -> Table:
    plan = words.plan
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
        table.add_row(Text.assemble((method, style), "\n", (words.method(method), "dim")), *cells)
    return table


def _steps(words: PlanWords) -> Table:
    plan = words.plan
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
            why = words.missing(step)
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


def _indented(lines: Iterable[str], style: str = "") -> list[RenderableType]:
    return [Padding(Text(line, style=style), (0, 0, 0, 2)) for line in lines]
