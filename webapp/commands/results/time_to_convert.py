"""time-to-convert: how long visitors take to reach each step, in the terminal or as JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from webapp.commands.results.results import chosen_phase
from webapp.commands.shared.console import progress
from webapp.commands.shared.parameters import PastMoment
from webapp.commands.site.site_folder import SITE, require_site

if TYPE_CHECKING:
    from experiments.reporting.time_to_convert import TimeToConvert


@click.command("time-to-convert", short_help="Show how long visitors take to reach each step.")
@SITE
@click.argument("experiment")
@click.option("--as-of", type=PastMoment(), help="What was known then; else now.")
@click.option("--phase", type=click.IntRange(1), help="An earlier phase; else the latest.")
@click.option("--json", "as_json", is_flag=True, help="The same numbers for programs.")
def time_to_convert(site: Path, experiment: str, as_of: datetime | None, phase: int | None, as_json: bool) -> None:
    """Show how long after their first exposure the visitors of EXPERIMENT reach each step.

    Reads the events of everybody who was exposed, a little at a time, also while the site is served. Counts visitors
    whose whole window is over. It describes; it is no test.
    """
    from experiments.reporting.time_to_convert import sealed_until, time_to_convert
    from experiments.site.catalog import Catalog
    from experiments.site.site import Site
    from experiments.store.sqlite.engine import open_store
    from experiments.store.sqlite.exposed_people import exposed_people, raw_events_gone

    require_site(site)
    opened = Site.open(site)
    now = datetime.now(UTC)
    catalog = Catalog(site, lambda: now)
    chosen = chosen_phase(catalog, experiment, phase)
    at = as_of or now.replace(second=0, microsecond=0)
    store = open_store(opened.database, catalog.phases, durability=opened.settings.durability)
    try:
        if raw_events_gone(chosen, store):
            raise click.ClickException(
                f"the raw events of {chosen.key} phase {chosen.phase} have expired, and its counts do not keep times"
            )
        until = sealed_until(chosen, at)
        exposed = sum(int(one.sum()) for one in store.tables(chosen).reach.exposed.visitors)
        with progress("Judging every visitor", exposed) as advance:
            found = time_to_convert(chosen, exposed_people(chosen, store, until), at, advance)
    finally:
        store.close()
    if as_json:
        click.echo(json.dumps(found.to_json(), indent=2, ensure_ascii=False))
    else:
        _show(found)


def _show(found: TimeToConvert) -> None:
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from webapp.words.formatting import count, span
    from webapp.words.sentences import say, spoken

    console = Console(highlight=False)
    phase = found.experiment
    console.print(Text(phase.name, style="bold"))
    console.print(Text(f"{phase.key}, phase {phase.phase}, as of {found.as_of:%Y-%m-%d %H:%M} UTC", style="dim"))
    console.print(say("time.lead", window=span(phase.window)).striptags())
    table = Table("step", "variant", box=SIMPLE)
    for name in ("visitors", "reached", "a quarter within", "half within", "three quarters within"):
        table.add_column(name, justify="right")
    for step in found.steps:
        for key, one in step.variants.items():
            quartiles = [span(length) for length in one.quartiles] if one.quartiles else ["–"] * 3
            first = key == phase.control.key
            table.add_row(spoken(step.step) if first else "", key, count(one.visitors), count(one.reached), *quartiles)
    console.print(table)
    console.print(say("time.few").striptags())
    console.print(say("time.describes").striptags())
    console.print("The curves are in --json, and drawn on the page.")
