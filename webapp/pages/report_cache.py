"""Reports: the report of a phase as the pages show it, computed again only when its tables or the minute changed."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock

import numpy as np

from experiments.audit.decision_log import Entry, entries, movements
from experiments.definition.experiment import Experiment
from experiments.events.decision import Decision
from experiments.planning.baseline import Measurement, measure
from experiments.reporting.funnel import Funnel, funnels
from experiments.reporting.report import Report, report
from experiments.reporting.sample_ratio import diagnosis
from experiments.store.store import Revision, Store
from stats.arrays import Counts
from stats.tables.patterns import PatternTable
from stats.tables.reach import ReachTable

KEPT_REPORTS = 64
DIAGNOSED = ("device", "source")  # where a sample-ratio mismatch is looked for, besides in the days


@dataclass(frozen=True, slots=True)
class Figures:
    """A report, the funnels that were read from the same tables, and the dated changes of numbers once published.

    `decisions`: the decision log, checked against the same tables, with what it still lacks. `known`: what the phase
    has measured of its visitors by then.
    """

    report: Report
    funnels: Mapping[str, Funnel]
    revisions: Sequence[Revision] = ()
    decisions: Sequence[Entry] = ()
    known: Measurement | None = None

    def to_json(self) -> dict[str, object]:
        """The document that programs get: the report's, what people decided, and the decision log."""
        record = self.report.experiment.decision
        decision = None if record is None else record.to_json(self.report.experiment.shipped)
        return self.report.to_json() | {
            "decision": decision,
            "decisions": [entry.to_json() for entry in self.decisions],
        }

    def keep_decisions(self, now: datetime, record: Callable[[Sequence[Decision]], None]) -> None:
        """Hand to `record` what the decision log lacks; whoever shows these figures calls it.

        Of looks before this minute only: what was received by then is on disk, so the counts are final.
        """
        minute = now.replace(second=0, microsecond=0)
        lacking = [one.decision for one in self.decisions if one.decision.recorded_at is None]
        if final := [replace(one, recorded_at=now) for one in lacking if one.decided_at < minute]:
            record(final)


class Reports:
    """Reads a phase's tables and reports on them. Keeps the last reports by content; safe to share between threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Figures] = OrderedDict()
        self._lock = Lock()

    def figures(
        self, experiment: Experiment, store: Store, as_of: datetime, phases: Iterable[Experiment] = ()
    ) -> Figures:
        """The figures of this phase as of this moment. Raises StoreUnavailable.

        `phases`: of the site; those that have ended tell how its steps moved with the macro-conversion before.
        """
        moved = movements(store.decisions(one) for one in phases if one.ended_at and one.key != experiment.key)
        reach, patterns, ledger = store.reach(experiment), store.patterns(experiment), store.ledger(experiment)
        revisions, log = store.revisions(experiment), store.decisions(experiment)
        key = _digest(experiment, reach, patterns, (ledger, revisions, log, moved), as_of)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        found = report(experiment, reach, patterns, ledger, as_of, moved)
        if found.sample_ratio.alarm:
            parts = {name: store.segment_reach(experiment, name) for name in DIAGNOSED}
            findings = diagnosis(experiment, reach.exposed, parts, as_of).findings
            found = replace(found, sample_ratio=replace(found.sample_ratio, findings=findings))
        read = funnels(experiment, patterns, as_of), revisions, entries(log, found, reach)
        figures = Figures(found, *read, known=measure(experiment, reach, as_of))
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
