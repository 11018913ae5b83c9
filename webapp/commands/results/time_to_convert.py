"""time-to-convert: how long visitors take to reach each step, in the terminal or as JSON."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import click
from rich.box import SIMPLE
from rich.console import RenderableType
from rich.table import Table

from experiments.reporting.time_to_convert import TimeToConvert, sealed_until
from experiments.reporting.time_to_convert import time_to_convert as times
from webapp.commands.shared.console import JSON, heading, progress, tell
from webapp.commands.shared.opened_site import EXPERIMENT, PHASE, SITE, chosen_phase, opened
from webapp.commands.shared.parameters import PastMoment
from webapp.words.formatting import count, span
from webapp.words.sentences import say, spoken


@click.command("time-to-convert")
@SITE
@EXPERIMENT
@click.option("--as-of", type=PastMoment(), help="What was known then; else now.")
@PHASE
@JSON
def time_to_convert(folder: Path, experiment: str, as_of: datetime | None, phase: int | None, as_json: bool) -> None:
    """Show how long after their first exposure the visitors of EXPERIMENT reach each step.

    Reads the events of everybody who was exposed, a little at a time, also while the site is served. Counts visitors
    whose whole window is over. It describes; it is no test.
    """
    with opened(folder) as (_, catalog, store, now):
        chosen = chosen_phase(catalog, experiment, phase)
        at = as_of or now.replace(second=0, microsecond=0)
        if (chosen.key, chosen.phase) in store.final_phases():
            raise click.ClickException(
                f"the raw events of {chosen.key} phase {chosen.phase} have expired, and its counts do not keep times"
            )
        until = sealed_until(chosen, at)
        exposed = sum(int(one.sum()) for one in store.tables(chosen).reach.exposed.visitors)
        with progress("Judging every visitor", exposed) as advance:
            found = times(chosen, store.people(chosen, until), at, advance)
    tell(found, _parts(found), as_json)


def _parts(found: TimeToConvert) -> Iterator[RenderableType]:
    phase = found.experiment
    yield from heading(phase, f"as of {found.as_of:%Y-%m-%d %H:%M} UTC")
    yield say("time.lead", window=span(phase.window)).striptags()
    table = Table("step", "variant", box=SIMPLE)
    for name in ("visitors", "reached", "a quarter within", "half within", "three quarters within"):
        table.add_column(name, justify="right")
    for step in found.steps:
        for key, one in step.variants.items():
            quartiles = [span(length) for length in one.quartiles] if one.quartiles else ["–"] * 3
            first = key == phase.control.key
            table.add_row(spoken(step.step) if first else "", key, count(one.visitors), count(one.reached), *quartiles)
    yield table
    yield say("time.few").striptags()
    yield say("time.describes").striptags()
    yield "The curves are in --json, and drawn on the page."
