"""OpenedSite: a site as a command works on it, and the arguments of most commands: a site, an experiment, a phase."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import click

from experiments.definition.experiment import Experiment
from experiments.definition.unknown import NotStarted, Unknown, UnknownPhase, UnknownStep
from experiments.planning.baseline import Measurement
from experiments.planning.baseline import measured as measured_in
from experiments.site.catalog import Catalog
from experiments.site.site import Site
from experiments.store.sqlite.engine import open_store
from experiments.store.store import Store

SITE = click.argument("folder", metavar="SITE", type=click.Path(exists=True, file_okay=False, path_type=Path))
"""The folder of a site."""
EXPERIMENT = click.argument("experiment")
PHASE = click.option("--phase", type=click.IntRange(1), help="An earlier phase; else the latest.")


class OpenedSite(NamedTuple):
    """`now`: when the command began; the catalog was read then, and the store is open."""

    site: Site
    catalog: Catalog
    store: Store
    now: datetime


@contextmanager
def opened(folder: Path) -> Iterator[OpenedSite]:
    """Open a site for one command, and close its store at the end.

    Raises a usage error when the folder is no site, SiteError when its settings cannot be used. What is asked for
    within and is not there becomes a usage error that says what there is. The database is made when first written.
    """
    require_site(folder)
    now = datetime.now(UTC)
    site, catalog = Site.open(folder), Catalog(folder, lambda: now)
    try:
        with opened_store(site, catalog.phases) as store:
            yield OpenedSite(site, catalog, store, now)
    except Unknown as error:
        hint = {UnknownPhase: "--phase", UnknownStep: "--step"}.get(type(error), "EXPERIMENT")
        raise click.BadParameter(str(error), param_hint=hint) from None
    except NotStarted as error:
        raise click.ClickException(str(error)) from None


@contextmanager
def opened_store(
    site: Site,
    phases: Callable[[], Sequence[Experiment]],
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Iterator[Store]:
    """The site's store, closed at the end; `phases` gives every phase ever recorded."""
    store = open_store(site.database, phases, site.settings.durability, clock)
    try:
        yield store
    finally:
        store.close()


def require_site(folder: Path) -> None:
    """Raise a usage error unless this folder is a site."""
    if not (folder / "yesladder.yaml").is_file():
        raise click.UsageError(f"{folder} is no site: it has no yesladder.yaml. Make one with: yesladder init {folder}")


def chosen_phase(catalog: Catalog, key: str, number: int | None) -> Experiment:
    """The started phase of this number, else the latest. Raises UnknownExperiment, UnknownPhase, or NotStarted."""
    started = {one.phase: one for one in (*catalog.phases_of(key), catalog.latest(key)) if one.started_at}
    if not started:
        raise NotStarted(key)
    if number is not None and number not in started:
        raise UnknownPhase(key, number, started)
    return started[max(started) if number is None else number]


def measured(
    site: Site, store: Store, phases: Sequence[Experiment], experiment: Experiment, as_of: datetime
) -> Measurement | None:
    """What this site's log knew of the experiment's visitors at this moment; nothing before it has a log."""
    return measured_in(store, phases, experiment, as_of) if site.database.exists() else None
