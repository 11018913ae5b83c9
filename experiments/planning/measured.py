"""Measured: what the log of a site knows about an experiment's visitors, for everything that looks ahead."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from experiments.definition.experiment import Experiment
from experiments.planning.baseline import Measurement, applied, comparable, measure
from experiments.store.store import Store


def measured(store: Store, phases: Sequence[Experiment], experiment: Experiment, as_of: datetime) -> Measurement | None:
    """What was known of this experiment's visitors at this moment: from itself, an earlier phase of it, or another one.

    `phases`: every phase ever recorded. The first comparable one that knows a rate and the traffic answers, else the
    first that knows anything; None when none does. Raises StoreUnavailable.
    """
    partly: Measurement | None = None
    for phase in comparable(experiment, [one for one in phases if one.started_at and one.started_at <= as_of]):
        known = applied(measure(phase, store.reach(phase), as_of), experiment)
        if known.visitors_per_day and known.rates:
            return known
        partly = partly or (known if known.visitors_per_day or known.rates else None)
    return partly


def is_own(known: Measurement, experiment: Experiment) -> bool:
    """Was it measured in this very phase?"""
    return (known.phase.key, known.phase.phase) == (experiment.key, experiment.phase)
