"""Reports: the readout of a phase as the pages show it, computed again only when its tables or the minute changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime

import numpy as np

from experiments.audit.readout import DIAGNOSED, Readout, readout
from experiments.events.decision import Decision
from experiments.events.tables import Tables
from stats.arrays import Counts
from webapp.services.kept import Kept

KEPT_REPORTS = 64


class Reports:
    """Keeps the last readouts by the content of their tables; safe to share between threads."""

    def __init__(self) -> None:
        self._kept: Kept[str, Readout] = Kept(KEPT_REPORTS)

    def of(self, tables: Tables, as_of: datetime, finished: Sequence[Decision] = ()) -> Readout:
        """What `readout` says of these tables as of this moment."""
        return self._kept.get(_digest(tables, as_of, finished), lambda: readout(tables, as_of, finished))


def _digest(tables: Tables, as_of: datetime, finished: Sequence[Decision]) -> str:
    notes = tables.ledger, tables.revisions, tables.decisions, finished, tables.segments.issuperset(DIAGNOSED)
    digest = hashlib.sha256(repr((tables.phase.model_dump_json(), as_of, tables.reach.strata, notes)).encode())
    for column in _columns(tables):
        digest.update(repr(column.shape).encode())
        digest.update(np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()


def _columns(tables: Tables) -> Iterator[Counts]:
    reach, patterns = tables.reach, tables.patterns
    yield reach.exposed.cohorts
    yield reach.exposed.visitors
    for key in sorted(reach.steps):
        step = reach.steps[key]
        yield from (step.cohorts, step.visitors, step.reached)
    yield from (patterns.days, patterns.variant, patterns.pattern, patterns.visitors)
    yield from (patterns.value_sum, patterns.value_sq)
