"""Reports: the report of a phase as the pages show it, computed again only when its tables or the minute changed."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

import numpy as np

from experiments.definition import Experiment
from experiments.funnel import Funnel, funnels
from experiments.report import Report, report
from experiments.store import Revision, Store
from stats.patterns import PatternTable
from stats.reach import Counts, ReachTable

KEPT_REPORTS = 64


@dataclass(frozen=True, slots=True)
class Figures:
    """A report, the funnels that were read from the same tables, and the dated changes of numbers once published."""

    report: Report
    funnels: Mapping[str, Funnel]
    revisions: Sequence[Revision] = ()


class Reports:
    """Reads a phase's tables and reports on them. Keeps the last reports by content; safe to share between threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Figures] = OrderedDict()
        self._lock = Lock()

    def figures(self, experiment: Experiment, store: Store, as_of: datetime) -> Figures:
        """The figures of this phase as of this moment. Raises StoreUnavailable."""
        reach, patterns, ledger = store.reach(experiment), store.patterns(experiment), store.ledger(experiment)
        revisions = store.revisions(experiment)
        key = _digest(experiment, reach, patterns, (ledger, revisions), as_of)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        figures = Figures(
            report(experiment, reach, patterns, ledger, as_of), funnels(experiment, patterns, as_of), revisions
        )
        with self._lock:
            self._kept[key] = figures
            if len(self._kept) > KEPT_REPORTS:
                self._kept.popitem(last=False)
        return figures


def _digest(
    experiment: Experiment,
    reach: ReachTable,
    patterns: PatternTable,
    notes: object,
    as_of: datetime,
) -> str:
    digest = hashlib.sha256(repr((experiment.model_dump_json(), as_of, reach.strata, notes)).encode())
    for column in _columns(reach, patterns):
        digest.update(repr(column.shape).encode())
        digest.update(np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()


def _columns(reach: ReachTable, patterns: PatternTable) -> Iterator[Counts]:
    yield reach.exposed.cohorts
    yield reach.exposed.visitors
    for key in sorted(reach.steps):
        step = reach.steps[key]
        yield from (step.cohorts, step.visitors, step.reached)
    yield from (patterns.days, patterns.variant, patterns.pattern, patterns.visitors)
    yield from (patterns.value_sum, patterns.value_sq)
