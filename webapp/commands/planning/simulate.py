"""simulate: visitors with a known truth, for trying out an experiment before real visitors meet it."""

import contextlib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import click
import numpy as np

from experiments.definition.experiment import Experiment
from experiments.gallery.exhibit import exhibits
from experiments.simulation.simulate import simulate as simulated
from experiments.simulation.simulate import true_rates
from experiments.simulation.truth import Truth, plain_truth, read_truth
from experiments.site.catalog import Catalog
from webapp.commands.log.events import batches
from webapp.commands.shared.opened_site import EXPERIMENT, SITE, opened
from webapp.wire.segment_writer import segment_line


@click.command()
@SITE
@EXPERIMENT
@click.option(
    "--visitors", default=10_000, show_default=True, type=click.IntRange(1), help="How many meet the trigger."
)
@click.option(
    "--days", default=14, show_default=True, type=click.IntRange(1, 366), help="Over how many days, up to now."
)
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="The same seed, the same visitors.")
@click.option(
    "--truth",
    "truth_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="YAML file that says how they behave. Without it: as in the gallery, else alike in every variant.",
)
@click.option("--into-site", is_flag=True, help="Put the events into SITE's log, among real ones, instead of printing.")
def simulate(
    folder: Path, experiment: str, visitors: int, days: int, seed: int, truth_file: Path | None, into_site: bool
) -> None:
    """Print what simulated visitors of EXPERIMENT do, as lines for `import`.

    How many of them really reach each step is told on the error stream, so that a result can be compared with
    what is so. Without `started_at:` in its config file, the experiment is taken to have begun with them.
    """
    with opened(folder) as (_, catalog, store, now):
        definition = _definition(catalog, experiment)
        truth = _truth(definition, truth_file)
        end = min(now, definition.ended_at or now).replace(minute=0, second=0, microsecond=0)
        start = end - timedelta(days=days)
        try:
            truth.require(definition)
        except ValueError as error:
            raise click.ClickException(f"{truth_file or 'the truth'}: {error}") from None
        click.echo(told(true_rates(definition, truth)), err=True)
        rng = np.random.default_rng(seed)
        events = simulated(definition, truth, rng, start=start, days=days, visitors=visitors, until=now)
        if not into_site:
            for event in events:
                click.echo(segment_line(event))
            return
        catalog.backdate(experiment, start)
        definition = _definition(catalog, experiment)
        if definition.started_at is None or definition.started_at > start:
            raise click.ClickException(
                f"{experiment} began at {definition.started_at:%Y-%m-%d %H:%M} UTC, as its config file says, and who "
                f"came before does not count. Simulate fewer --days, or set an earlier `started_at:` in a new phase."
            )
        receipts = [store.append(batch) for batch in batches(list(events), "Storing")]
    click.echo(f"{sum(receipt.stored for receipt in receipts):,} events stored.")


def told(rates: Mapping[str, Mapping[str, float]]) -> str:
    """The true rates in words: for each variant, what share of its visitors reaches each step."""
    lines = [
        f"{variant}: " + ", ".join(f"{step} {rate:.4g}" for step, rate in of.items()) for variant, of in rates.items()
    ]
    return "\n".join(("True share of visitors who reach each step within its window:", *lines))


def _truth(experiment: Experiment, file: Path | None) -> Truth:
    """How its visitors behave: as the file says, else as the gallery's of this name do, else alike in every variant."""
    if file is not None:
        try:
            return read_truth(file)
        except ValueError as error:
            raise click.ClickException(str(error)) from None
    for one in exhibits():
        if one.truth and one.experiment().key == experiment.key:
            truth = read_truth(one.truth)
            with contextlib.suppress(ValueError):  # edited since it was copied: its visitors are nobody in particular
                truth.require(experiment)
                return truth
    return plain_truth(experiment)


def _definition(catalog: Catalog, key: str) -> Experiment:
    """The experiment, which must be one that assigns visitors, or has its assignment reported."""
    definition = catalog.require(key)
    if definition.assignment == "hash" and definition.status != "running":
        raise click.ClickException(f"{key} is {definition.status}, so nobody is assigned. Set `status: running` first.")
    return definition
