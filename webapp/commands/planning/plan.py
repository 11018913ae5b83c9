"""plan: how many visitors and days an experiment needs, when it will be decided, and what it can find."""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import click
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from experiments.definition.definition import Method
from experiments.definition.experiment import Experiment
from experiments.planning.plan import METHODS, Need, StepPlan
from experiments.planning.plan import plan as planned
from experiments.planning.plan_inputs import Needed, PlanInputs, planned_steps
from webapp.commands.shared.console import JSON, heading, indented, table, tell
from webapp.commands.shared.opened_site import EXPERIMENT, SITE, measured, opened
from webapp.commands.shared.parameters import PastMoment, Percentage, StepPercentage
from webapp.pages.plan.plan_sentences import Given, PlanWords
from webapp.words.formatting import Formatting, about, count, lift, percent, rate, things
from webapp.words.sentences import plain, spoken


@click.command()
@SITE
@EXPERIMENT
@click.option(
    "--detect",
    type=Percentage(),
    help="The smallest change worth finding: 10% of a rate of 3% is 0.3 points. Else as in the config.",
)
@click.option("--days", type=click.IntRange(1, 3650), help="Say also what can be found in so many days.")
@click.option(
    "--power",
    default=0.8,
    show_default=True,
    type=click.FloatRange(0.5, 0.99),
    help="The chance of finding it if it is there: 0.8 is four times in five.",
)
@click.option(
    "--rate",
    "rates",
    multiple=True,
    metavar="[STEP=]3%",
    type=StepPercentage(),
    help="How many visitors reach the goal, or a STEP, instead of what was measured. May be given for each step.",
)
@click.option(
    "--visitors-per-day",
    type=click.FloatRange(0, min_open=True),
    help="How many visitors a day take part, over all variants, instead of what was measured.",
)
@click.option("--as-of", type=PastMoment(), help="With what was known then; else now.")
@JSON
def plan(
    folder: Path,
    experiment: str,
    detect: float | None,
    days: int | None,
    power: float,
    rates: tuple[tuple[str, float], ...],
    visitors_per_day: float | None,
    as_of: datetime | None,
    as_json: bool,
) -> None:
    """Say how many visitors and days EXPERIMENT needs, when to expect its decision, and what it can find.

    How often visitors reach each step, and how many come a day, is taken from what SITE has measured: in this
    experiment, in an earlier phase of it, or in another one with the same trigger. Before there is anything to
    measure, say it yourself with --rate and --visitors-per-day.
    """
    with opened(folder) as (site, catalog, store, now):
        definition = catalog.require(experiment)
        at = as_of or now.replace(second=0, microsecond=0)
        known = measured(site, store, catalog.phases(), definition, at)
    said = _said(definition, rates)
    inputs = PlanInputs(definition, known, at, detect, said, visitors_per_day, looks_back=True)
    for needed in inputs.missing():
        raise click.UsageError(_way_out(needed, inputs))
    assert inputs.detect is not None
    answer = planned(
        definition,
        inputs.rates,
        inputs.visitors_per_day,
        detect=inputs.detect,
        power=power,
        start=inputs.start,
        days=days,
        so_far=inputs.so_far,
    )
    given = Given(known, frozenset(said), visitors_per_day is not None)
    tell(answer, _parts(PlanWords(answer, given, Formatting.of(site.settings), plain)), as_json)


def _said(experiment: Experiment, rates: Sequence[tuple[str, float]]) -> Mapping[str, float]:
    """Step key -> rate. Raises a usage error for a step that does not exist."""
    steps = planned_steps(experiment)
    for step, _ in rates:
        if step not in ("", *steps):
            raise click.BadParameter(f"{step!r} is no step; the steps are: {', '.join(steps)}", param_hint="--rate")
    return {step or experiment.macro.step: rate for step, rate in rates}


def _way_out(needed: Needed, inputs: PlanInputs) -> str:
    """Why this is not known, and how to say it."""
    known, goal = inputs.known, inputs.experiment.macro.step
    if needed == "detect":
        return (
            f"{inputs.experiment.key} does not say which change is worth finding. Say it here, such as --detect 10%, "
            f"or in its config file: `analysis: {{detect: 10%}}`."
        )
    if needed == "rate":
        seen = "nobody has reached it yet" if goal in inputs.rates else "nothing has been measured of it yet"
        if known is not None and goal not in inputs.rates:
            seen = "no visitor has had time for it yet, or no experiment with the same trigger counts it alike"
        return f"how many visitors reach {goal} is not known: {seen}. Say it yourself, such as --rate 3%."
    where = "in another experiment with the same trigger" if known is None else f"in {known.phase.key}"
    seen = "there is no whole day of visitors yet" if known else "nobody has come yet"
    return (
        f"how many visitors a day take part is not known: {seen}, neither here nor {where}. "
        f"Say it yourself, such as --visitors-per-day 500."
    )


def _parts(words: PlanWords) -> Iterator[RenderableType]:
    """What the plan says: the answer in sentences, the methods side by side, every step, and the sources."""
    plan, experiment = words.plan, words.plan.experiment
    yield from heading(experiment, f"{plan.method} at {percent(experiment.analysis.alpha)}")
    yield Text()
    yield Text(words.headline(), style="bold")
    yield from indented(words.answers())
    yield Text()
    if plan.macro.needs:
        yield _methods(words)
        yield Text()
    yield _steps(words)
    yield Text()
    if (doubt := words.doubt()) is not None:
        yield from indented([f"! {doubt}"], "yellow")
    yield Text("Where these numbers come from", style="bold")
    yield from indented(words.sources())


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
