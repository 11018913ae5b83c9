"""Measured: what the log of a site knows about an experiment's visitors, for the commands that look ahead."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from experiments.catalog import Catalog
    from experiments.definition import Experiment
    from experiments.measurement import Measurement
    from experiments.site import Site


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
    """What was known of this experiment's visitors at this moment: from itself, an earlier phase of it, or another one.

    `phases`: every phase ever recorded. The first comparable one that knows a rate and the traffic answers, else the
    first that knows anything; None when none does.
    """
    from experiments.measurement import applied, comparable, measure
    from experiments.sqlite_store import open_store

    begun = [one for one in phases if one.started_at and one.started_at <= as_of]
    if not site.database.exists():
        return None
    store = open_store(site.database, lambda: phases, durability=site.settings.durability)
    partly: Measurement | None = None
    try:
        for phase in comparable(experiment, begun):
            known = applied(measure(phase, store.reach(phase), as_of), experiment)
            if known.visitors_per_day and known.rates:
                return known
            partly = partly or (known if known.visitors_per_day or known.rates else None)
    finally:
        store.close()
    return partly
