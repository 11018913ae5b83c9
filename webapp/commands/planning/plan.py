"""plan: how many visitors and days an experiment needs, when it will be decided, and what it can find."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from webapp.commands.shared.console import JSON, echo_json
from webapp.commands.shared.opened_site import EXPERIMENT, SITE, measured, opened
from webapp.commands.shared.parameters import PastMoment, Percentage, StepPercentage

if TYPE_CHECKING:
    from experiments.definition.experiment import Experiment
    from experiments.planning.baseline import Measurement


@click.command(short_help="Say how many visitors and days an experiment needs.")
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
    from experiments.planning.baseline import is_own
    from experiments.planning.forecast import SoFar
    from experiments.planning.plan import plan as planned

    with opened(folder) as (site, catalog, store, now):
        definition = catalog.require(experiment)
        at = as_of or now.replace(second=0, microsecond=0)
        known = measured(site, store, catalog.phases(), definition, at)
    smallest = detect or definition.analysis.detect
    if not smallest:
        raise click.UsageError(
            f"{experiment} does not say which change is worth finding. Say it here, such as --detect 10%, "
            f"or in its config file: `analysis: {{detect: 10%}}`."
        )
    shares = _rates(definition, known, dict(rates))
    per_day = visitors_per_day or (known.visitors_per_day if known else None) or None
    _require(definition, known, shares, per_day)
    start = definition.started_at if definition.started_at and definition.started_at <= at else at
    so_far = SoFar(known.visitors, at) if known and is_own(known, definition) else None
    answer = planned(definition, shares, per_day, detect=smallest, power=power, start=start, days=days, so_far=so_far)
    if as_json:
        echo_json(answer.to_json())
    else:
        from webapp.commands.planning.plan_table import show
        from webapp.pages.plan.plan_sentences import Given

        given = {step or definition.macro.step for step, _ in rates}
        show(answer, Given(known, frozenset(given), visitors_per_day is not None), site)


def _rates(experiment: Experiment, known: Measurement | None, given: Mapping[str, float]) -> dict[str, float]:
    """Step key -> rate: as given, else as measured. Raises a usage error for a step that does not exist."""
    steps = {step.step for step in (*experiment.path, *experiment.secondary)}
    if unknown := sorted(set(given) - steps - {""}):
        known_steps = ", ".join(step.step for step in (*experiment.path, *experiment.secondary))
        raise click.BadParameter(f"{unknown[0]!r} is no step; the steps are: {known_steps}", param_hint="--rate")
    rates = {step: one.rate for step, one in known.rates.items()} if known else {}
    return rates | {step or experiment.macro.step: share for step, share in given.items()}


def _require(
    experiment: Experiment, known: Measurement | None, rates: Mapping[str, float], per_day: float | None
) -> None:
    """Raise an error that names the option, when goal or traffic were neither measured nor given."""
    goal = experiment.macro.step
    where = "in another experiment with the same trigger" if known is None else f"in {known.phase.key}"
    if not rates.get(goal):
        seen = "nobody has reached it yet" if goal in rates else "nothing has been measured of it yet"
        if known is not None and goal not in rates:
            seen = "no visitor has had time for it yet, or no experiment with the same trigger counts it alike"
        raise click.UsageError(
            f"how many visitors reach {goal} is not known: {seen}. Say it yourself, such as --rate 3%."
        )
    if per_day is None:
        seen = "there is no whole day of visitors yet" if known else "nobody has come yet"
        raise click.UsageError(
            f"how many visitors a day take part is not known: {seen}, neither here nor {where}. "
            f"Say it yourself, such as --visitors-per-day 500."
        )
