"""results: the verdict and the numbers of an experiment, in the terminal or as JSON."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from pathlib import Path

import click

from experiments.audit.readout import read
from experiments.definition.experiment import Experiment
from experiments.reporting.segments import segment_attributes, segment_report
from experiments.store.store import Store, StoreUnavailable
from webapp.commands.results.result_table import show, show_segments
from webapp.commands.shared.console import JSON, echo_json
from webapp.commands.shared.opened_site import EXPERIMENT, PHASE, SITE, chosen_phase, opened
from webapp.commands.shared.parameters import PastMoment
from webapp.words.formatting import Formatting


@click.command()
@SITE
@EXPERIMENT
@click.option("--as-of", type=PastMoment(), help="What was known then; else now.")
@PHASE
@click.option("--by", help="Explore one attribute, such as device: the goal among the visitors of each of its levels.")
@JSON
def results(
    folder: Path, experiment: str, as_of: datetime | None, phase: int | None, by: str | None, as_json: bool
) -> None:
    """Show what the data say about EXPERIMENT: the verdict, and every step of the path."""
    with opened(folder) as (site, catalog, store, now):
        chosen = chosen_phase(catalog, experiment, phase)
        # this minute, so that what was received before it is on disk
        at = as_of or now.replace(second=0, microsecond=0)
        if by is not None:
            _explore(chosen, by, store, at, as_json)
            return
        found = read(store, chosen, catalog.phases(), at)
        if as_json:
            echo_json(found.to_json())
        else:
            show(found, Formatting.of(site.settings))
        with suppress(StoreUnavailable):  # a file that is busy or read-only; whoever looks next writes them
            store.record(found.unwritten(now), wait=False)


def _explore(phase: Experiment, attribute: str, store: Store, as_of: datetime, as_json: bool) -> None:
    if attribute not in (known := segment_attributes(phase)):
        raise click.BadParameter(
            f"{attribute!r} is unknown; {phase.key} is split by {', '.join(known)}", param_hint="--by"
        )
    found = segment_report(phase, attribute, store.tables(phase, [attribute]).by(attribute), as_of)
    if as_json:
        echo_json(found.to_json())
    else:
        show_segments(found, phase)
