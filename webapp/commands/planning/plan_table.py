"""PlanTable: a plan in the terminal, in words for who runs the experiment."""

from __future__ import annotations

import math

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from experiments.definition.definition import Method
from experiments.planning.plan import METHODS, Need, Plan, StepPlan
from experiments.site.site import Site
from webapp.commands.shared.console import echo, heading, indented, table
from webapp.pages.plan.plan_sentences import Given, PlanWords
from webapp.words.formatting import Formatting, about, count, lift, percent, rate, things
from webapp.words.sentences import plain, spoken


def show(plan: Plan, given: Given, site: Site) -> None:
    """Print what the plan says: the answer in sentences, the methods side by side, every step, and the sources."""
    echo(_parts(PlanWords(plan, given, Formatting.of(site.settings), plain)))


def _parts(words: PlanWords) -> list[RenderableType]:
    plan, experiment = words.plan, words.plan.experiment
    parts: list[RenderableType] = [
        *heading(experiment, f"{plan.method} at {percent(experiment.analysis.alpha)}"),
        Text(),
        Text(words.headline(), style="bold"),
        *indented(words.answers()),
        Text(),
    ]
    if plan.macro.needs:
        parts += [_methods(words), Text()]
    parts += [_steps(words), Text()]
    if (doubt := words.doubt()) is not None:
        parts += indented([f"! {doubt}"], "yellow")
    return [*parts, Text("Where these numbers come from", style="bold"), *indented(words.sources())]


def _methods(words: PlanWords) -> Table:
    plan = words.plan
    titles = ["Visitors", "Average", "Days", "Average"]
    titles += [f"In {things(plan.days, 'day')}"] if plan.days is not None else []
    shown = table("Method", numbers=titles, no_wrap=True)
    for method in METHODS:
        need, style = plan.macro.needs.get(method), "bold" if method == plan.method else ""
        cells = ["–"] * 4 if need is None else [about(need.visitors), about(need.mean_visitors), *_both_days(need)]
        if plan.days is not None:
            cells.append(_found(plan.macro, method))
        shown.add_row(Text.assemble((method, style), "\n", (words.method(method), "dim")), *cells)
    return shown


def _steps(words: PlanWords) -> Table:
    plan = words.plan
    titles = ["Rate", f"Visitors ({plan.method})", "Days"]
    titles += [f"In {things(plan.days, 'day')}"] if plan.days is not None else []
    shown = table("Step", numbers=titles)
    for step in plan.steps:
        need = step.needs.get(plan.method)
        style = "bold" if step is plan.macro else ""
        if need is None:
            why = words.missing(step)
            shown.add_row(Text.assemble((spoken(step.step), style), "\n", (why, "dim")), rate(step.rate), "–", "–")
        else:
            found = [_found(step, plan.method)] if plan.days is not None else []
            shown.add_row(
                Text(spoken(step.step), style), rate(step.rate), about(need.visitors), _both_days(need)[0], *found
            )
    return shown


def _both_days(need: Need) -> tuple[str, str]:
    days, mean = need.days, need.mean_days
    return "–" if days is None else count(math.ceil(days)), "–" if mean is None else count(math.ceil(mean))


def _found(step: StepPlan, method: Method) -> str:
    found = step.detectable.get(method)
    return "nothing" if found is None else lift(found)
