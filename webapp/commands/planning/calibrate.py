"""calibrate: how often this experiment's page would be wrong, and how soon it would find an effect, by simulation."""

import math
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from itertools import starmap
from multiprocessing import get_context
from pathlib import Path

import click

from experiments.definition.definition import Step
from experiments.definition.experiment import Experiment
from experiments.planning.baseline import Measurement
from experiments.simulation.assumed_truth import measured_truth, rated_truth, simulated_phase, with_effect
from experiments.simulation.calibration import Replication, Setting, outlooks, replications, wrong_verdicts
from experiments.simulation.truth import Truth, read_truth
from webapp.commands.planning.calibration_table import calibration_parts
from webapp.commands.shared.console import JSON, echo, echo_json, progress
from webapp.commands.shared.opened_site import EXPERIMENT, SITE, measured, opened
from webapp.commands.shared.parameters import Percentage

_CHUNK = 10  # replications that a process does at a time
_FEW = 2 * _CHUNK  # so few are done before other processes have started
_DAYS = 28  # when the traffic is not known
_MOST_DAYS = 366
_MOST_PROCESSES = 8  # each takes seconds to begin


@click.command()
@SITE
@EXPERIMENT
@click.option(
    "--runs",
    default=500,
    show_default=True,
    type=click.IntRange(1, 100_000),
    help="How many experiments are simulated without a difference, and how many with one.",
)
@click.option(
    "--visitors",
    type=click.IntRange(1, 100_000_000),
    help="How many take part in each. Without it: who comes in --days, else planned_visitors of the config.",
)
@click.option(
    "--days",
    type=click.IntRange(1, _MOST_DAYS),
    help="Over how many days they come. Without it: as many as it takes at the measured traffic, else 28.",
)
@click.option(
    "--effect",
    type=Percentage(signed=True),
    help="The difference, such as 10% or -10%. Without it: as in --truth, else detect of the config, else 10%.",
)
@click.option(
    "--step", "step_key", metavar="STEP", help="Where on the path the difference arises. Without it: the goal."
)
@click.option("--rate", type=Percentage(0.9999), help="How many visitors reach the goal, instead of what was measured.")
@click.option(
    "--truth",
    "truth_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="YAML file that says how visitors behave, as for `yesladder simulate`, instead of what was measured.",
)
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="The same seed, the same numbers.")
@JSON
def calibrate(
    folder: Path,
    experiment: str,
    runs: int,
    visitors: int | None,
    days: int | None,
    effect: float | None,
    step_key: str | None,
    rate: float | None,
    truth_file: Path | None,
    seed: int,
    as_json: bool,
) -> None:
    """Simulate EXPERIMENT many times over and count how often its page would be right and wrong.

    First without any difference between the variants (A/A): every verdict is wrong then. Then with a difference
    (A/B): it should be found, and soon. Everything is as in this experiment: its path and windows, how often its
    visitors reach each step, when they come, and a page that is looked at every hour. Beside it stands what naive
    peeking would have said: stopping at the first look at which an ordinary test calls the difference significant.
    """
    with opened(folder) as (site, catalog, store, now):
        definition = catalog.require(experiment)
        known = measured(site, store, catalog.phases(), definition, now.replace(second=0, microsecond=0))
    phase = simulated_phase(definition)
    step = _step(definition, step_key)
    truth, source = _truth(phase, known, truth_file, rate)
    try:
        truth.require(phase)
    except ValueError as error:
        raise click.ClickException(f"{truth_file or experiment}: {error}") from None
    changed = _changed(phase, truth, effect, step, own=truth_file is not None and effect is None and step_key is None)
    visitors, days = _extent(definition, known, visitors, days)
    null = Setting(phase, truth.without_effect(phase), days, visitors)
    real = Setting(phase, changed, days, visitors)
    found = _replicated([null, real], seed, runs)
    wrong, seen = wrong_verdicts(phase, found[0]), outlooks(real, found[1])
    if as_json:
        document = {
            "experiment": definition.key,
            "phase": definition.phase,
            "method": phase.analysis.method_in_force,
            "alpha": phase.analysis.alpha,
            "seed": seed,
            "runs": runs,
            "visitors": visitors,
            "days": days,
            "source": source,
            "no_effect": [one.to_json() for one in wrong],
            "effect": [one.to_json() for one in seen],
        }
        echo_json(document)
    else:
        echo(calibration_parts(real, runs, wrong, seen, source))


def _step(experiment: Experiment, key: str | None) -> Step:
    """Where the effect arises: this milestone, else the macro-conversion."""
    if key is None:
        return experiment.macro
    found = next((step for step in experiment.path if step.step == key), None)
    if found is None:
        known = ", ".join(step.step for step in experiment.path)
        raise click.BadParameter(f"{key!r} is no milestone of the path; they are: {known}", param_hint="--step")
    return found


def _truth(phase: Experiment, known: Measurement | None, file: Path | None, rate: float | None) -> tuple[Truth, str]:
    """How visitors behave, and where that is from: the file, else --rate, else what was measured."""
    if file is not None and rate is not None:
        raise click.UsageError("--truth and --rate both say how often visitors reach the goal; give one of them.")
    if file is not None:
        try:
            return read_truth(file), f"as {file} says"
        except ValueError as error:
            raise click.ClickException(str(error)) from None
    if rate is not None:
        said = "the rate of the goal as you said, with --rate; the same share is lost at each milestone"
        return rated_truth(phase, rate), said
    found = measured_truth(phase, known) if known else None
    if found is None or known is None:
        raise click.UsageError(
            f"how often visitors reach each milestone of {phase.key} has not been measured yet. Say how many reach "
            f"{phase.macro.step}, such as --rate 3%, or describe the visitors in a file: --truth FILE."
        )
    visitors = known.rates[phase.macro.step].visitors
    mine = (known.phase.key, known.phase.phase) == (phase.key, phase.phase)
    where = "this experiment" if mine else f"{known.phase.key}, phase {known.phase.phase}"
    return found, f"measured in {where} on {visitors:,} visitors, all variants together"


def _changed(phase: Experiment, truth: Truth, effect: float | None, step: Step, own: bool) -> Truth:
    """The truth with the difference: the file's own, else `effect` put on the step."""
    if own:
        return truth
    size = effect if effect is not None else (phase.analysis.detect or 0.1)
    try:
        return with_effect(phase, truth, size, step)
    except ValueError as error:
        raise click.UsageError(f"{error}. Give a smaller --effect, or another --step.") from None


def _extent(
    experiment: Experiment, known: Measurement | None, visitors: int | None, days: int | None
) -> tuple[int, int]:
    """How many visitors come over how many days. Raises a usage error that names the option that is missing."""
    per_day = known.visitors_per_day if known else None
    if visitors is None:
        visitors = experiment.analysis.planned_visitors if days is None or not per_day else None
    if visitors is None and per_day:
        visitors = math.ceil(per_day * (days or _DAYS))
    if visitors is None:
        raise click.UsageError(
            f"{experiment.key} has no planned_visitors, and no whole day of visitors was measured yet. "
            f"Say how many take part, such as --visitors 20000."
        )
    if days is None:
        days = math.ceil(visitors / per_day) if per_day else _DAYS
    if days > _MOST_DAYS:
        raise click.UsageError(
            f"{visitors:,} visitors would take {days:,} days at {per_day:,.0f} a day, and at most {_MOST_DAYS} can be "
            f"simulated. Say how long it may last, such as --days 90."
        )
    return visitors, days


def _replicated(settings: Sequence[Setting], seed: int, runs: int) -> list[list[Replication]]:
    """`runs` replications of each setting, in order; in as many processes as there are cores, when it is worth it."""
    tasks = [
        (setting, (seed, which), range(first, min(first + _CHUNK, runs)))
        for which, setting in enumerate(settings)
        for first in range(0, runs, _CHUNK)
    ]
    found: list[list[Replication]] = [[] for _ in settings]
    with progress("Simulating experiments", len(settings) * runs) as advance:
        try:
            for (_, (_, which), numbers), some in zip(tasks, _done(tasks, runs), strict=True):
                found[which] += some
                advance(len(numbers))
        except KeyboardInterrupt:
            raise click.ClickException("interrupted; nothing was counted") from None
        except BrokenExecutor:
            raise click.ClickException(
                "a process was ended from outside, perhaps for its memory: try fewer --days"
            ) from None
    return found


def _done(tasks: Sequence[tuple[Setting, tuple[int, int], range]], runs: int) -> Iterator[list[Replication]]:
    cores = os.cpu_count() or 1
    if cores == 1 or runs < _FEW:
        yield from starmap(replications, tasks)
        return
    with ProcessPoolExecutor(
        min(cores, len(tasks), _MOST_PROCESSES), get_context("spawn"), initializer=_leave_interrupts
    ) as pool:
        try:
            yield from pool.map(replications, *zip(*tasks, strict=True))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _leave_interrupts() -> None:
    """Ctrl-C is for the process that started this one, which ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
