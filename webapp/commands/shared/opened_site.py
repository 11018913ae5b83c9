"""Measured: what the log of a site knows about an experiment's visitors, for the commands that look ahead."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from experiments.definition.experiment import Experiment
    from experiments.planning.baseline import Measurement
    from experiments.site.catalog import Catalog
    from experiments.site.site import Site


def definition_in_force(catalog: Catalog, key: str) -> Experiment:
    """The experiment with this key. Raises a usage error that says which there are."""
    found = catalog.get(key)
    if found is None:
        known = ", ".join(sorted(catalog.experiments())) or "none"
        raise click.BadParameter(
            f"{key!r} is unknown; the experiments of this site are: {known}", param_hint="EXPERIMENT"
        )
    return found


def measured(site: Site, phases: Sequence[Experiment], experiment: Experiment, as_of: datetime) -> Measurement | None:
    """What this site's log knew of the experiment's visitors at this moment; nothing before it has a log."""
    from experiments.planning.baseline import measured as measured_in
    from experiments.store.sqlite.engine import open_store

    if not site.database.exists():
        return None
    store = open_store(site.database, lambda: phases, durability=site.settings.durability)
    try:
        return measured_in(store, phases, experiment, as_of)
    finally:
        store.close()
