"""results: the verdict and the numbers of an experiment, in the terminal or as JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from webapp.commands.site_folder import SITE, require_site

if TYPE_CHECKING:
    from experiments.catalog import Catalog
    from experiments.definition import Experiment


class Moment(click.ParamType["datetime"]):
    """An instant with its time zone, or a day (its first moment, UTC), from 2000 to now."""

    name = "moment"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            at = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no moment; write one such as 2026-11-22T10:00:00Z or 2026-11-22", param, ctx)
        if at.tzinfo is None and len(str(value)) > len("2026-11-22"):
            self.fail(f"{value!r} has no time zone; write one such as 2026-11-22T10:00:00Z", param, ctx)
        at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
        if not at.year >= 2000 or at > datetime.now(UTC):
            self.fail(f"{value!r} must lie between the year 2000 and now", param, ctx)
        return at


@click.command(short_help="Show the verdict and the numbers of an experiment.")
@SITE
@click.argument("experiment")
@click.option("--as-of", type=Moment(), help="What was known then; else now.")
@click.option("--phase", type=click.IntRange(1), help="An earlier phase; else the latest.")
@click.option("--json", "as_json", is_flag=True, help="The same numbers for programs.")
def results(site: Path, experiment: str, as_of: datetime | None, phase: int | None, as_json: bool) -> None:
    """Show what the data say about EXPERIMENT: the verdict, and every step of the path."""
    from experiments.catalog import Catalog
    from experiments.report import report
    from experiments.site import Site
    from experiments.sqlite_store import open_store

    require_site(site)
    opened = Site.open(site)
    now = datetime.now(UTC)
    catalog = Catalog(site, lambda: now)
    chosen = _phase(catalog, experiment, phase)
    store = open_store(opened.database, catalog.phases, durability=opened.settings.durability)
    try:
        # this minute, so that what was received before it is on disk
        at = as_of or now.replace(second=0, microsecond=0)
        found = report(chosen, store.reach(chosen), store.patterns(chosen), store.ledger(chosen), at)
        revisions = store.revisions(chosen)
    finally:
        store.close()
    if as_json:
        click.echo(json.dumps(found.to_json(), indent=2, ensure_ascii=False))
    else:
        from webapp.commands.result_table import show

        show(found, revisions, opened)


def _phase(catalog: Catalog, key: str, number: int | None) -> Experiment:
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
