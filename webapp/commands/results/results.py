"""results: the verdict and the numbers of an experiment, in the terminal or as JSON."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from webapp.commands.shared.parameters import PastMoment
from webapp.commands.site.site_folder import SITE, require_site

if TYPE_CHECKING:
    from experiments.definition.experiment import Experiment
    from experiments.site.catalog import Catalog
    from experiments.store.store import Store


@click.command(short_help="Show the verdict and the numbers of an experiment.")
@SITE
@click.argument("experiment")
@click.option("--as-of", type=PastMoment(), help="What was known then; else now.")
@click.option("--phase", type=click.IntRange(1), help="An earlier phase; else the latest.")
@click.option("--by", help="Explore one attribute, such as device: the goal among the visitors of each of its levels.")
@click.option("--json", "as_json", is_flag=True, help="The same numbers for programs.")
def results(
    site: Path, experiment: str, as_of: datetime | None, phase: int | None, by: str | None, as_json: bool
) -> None:
    """Show what the data say about EXPERIMENT: the verdict, and every step of the path."""
    from experiments.audit.readout import read
    from experiments.site.catalog import Catalog
    from experiments.site.site import Site
    from experiments.store.sqlite.engine import open_store
    from experiments.store.store import StoreUnavailable

    require_site(site)
    opened = Site.open(site)
    now = datetime.now(UTC)
    catalog = Catalog(site, lambda: now)
    chosen = chosen_phase(catalog, experiment, phase)
    store = open_store(opened.database, catalog.phases, durability=opened.settings.durability)
    try:
        # this minute, so that what was received before it is on disk
        at = as_of or now.replace(second=0, microsecond=0)
        if by is not None:
            _explore(chosen, by, store, at, as_json)
            return
        found = read(store, chosen, catalog.phases(), at)
        if as_json:
            click.echo(json.dumps(found.to_json(), indent=2, ensure_ascii=False))
        else:
            from webapp.commands.results.decision_table import show_decisions
            from webapp.commands.results.result_table import show

            show(found.report, found.revisions, opened)
            show_decisions(found.decisions, opened)
        with suppress(StoreUnavailable):  # a file that is busy or read-only; whoever looks next writes them
            store.record(found.unwritten(now), wait=False)
    finally:
        store.close()


def _explore(phase: Experiment, attribute: str, store: Store, as_of: datetime, as_json: bool) -> None:
    from experiments.reporting.segments import segment_attributes, segment_report
    from webapp.commands.results.segment_table import show_segments

    if attribute not in (known := segment_attributes(phase)):
        raise click.BadParameter(
            f"{attribute!r} is unknown; {phase.key} is split by {', '.join(known)}", param_hint="--by"
        )
    found = segment_report(phase, attribute, store.tables(phase, [attribute]).by(attribute), as_of)
    if as_json:
        click.echo(json.dumps(found.to_json(), indent=2, ensure_ascii=False))
    else:
        show_segments(found, phase)


def chosen_phase(catalog: Catalog, key: str, number: int | None) -> Experiment:
    """The phase that was asked for, else the latest. Raises a usage error that says what there is."""
    current = catalog.get(key)
    phases = {one.phase: one for one in catalog.phases_of(key)}
    if current is not None and current.started_at is not None:
        phases[current.phase] = current
    if phases:
        chosen = phases.get(max(phases) if number is None else number)
        if chosen is None:
            known = ", ".join(map(str, sorted(phases)))
            raise click.BadParameter(f"{key} has no phase {number}; it has {known}", param_hint="--phase")
        return chosen
    if current is not None:
        raise click.ClickException(f"{key} is a draft: it has not started, so there are no results.")
    known = ", ".join(sorted(catalog.experiments())) or "none"
    raise click.BadParameter(f"{key!r} is unknown; the experiments of this site are: {known}", param_hint="EXPERIMENT")
