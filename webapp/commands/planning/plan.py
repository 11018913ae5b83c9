"""plan: how many visitors and days an experiment needs, when it will be decided, and what it can find."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import click

from experiments.definition.experiment import Experiment
from experiments.planning.plan import plan as planned
from experiments.planning.plan_inputs import Needed, PlanInputs, planned_steps
from webapp.commands.planning.plan_table import show
from webapp.commands.shared.console import JSON, echo_json
from webapp.commands.shared.opened_site import EXPERIMENT, SITE, measured, opened
from webapp.commands.shared.parameters import PastMoment, Percentage, StepPercentage
from webapp.pages.plan.plan_sentences import Given


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
    if as_json:
        echo_json(answer.to_json())
    else:
        show(answer, Given(known, frozenset(said), visitors_per_day is not None), site)


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
