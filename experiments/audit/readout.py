"""Readout: everything a result page shows of one phase, unformatted: the same for page, JSON and command line.

The report is the statistics of it. With it come what the same tables say without a test, and the decision log.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Annotated, Self

from experiments.audit.decision_log import Entry, entries, movements
from experiments.definition.decision_record import Made
from experiments.definition.document import HIDDEN, Document, Flat
from experiments.definition.experiment import Experiment
from experiments.events.decision import Decision
from experiments.events.tables import Revision, Tables
from experiments.planning.baseline import Measurement, measure
from experiments.reporting.funnel import Funnel, funnels
from experiments.reporting.report import Report, report
from experiments.reporting.sample_ratio import diagnosis
from experiments.store.store import Store

DIAGNOSED = ("device", "source")  # where a sample-ratio mismatch is looked for, besides in the days


@dataclass(frozen=True, slots=True)
class Decided:
    """What people decided, as the config file says. `variant`: the one that everybody is to get, None for none."""

    made: Made
    variant: str | None
    on: date
    note: str | None

    @classmethod
    def of(cls, experiment: Experiment) -> Self | None:
        """What the config file of this experiment says; None where it does not."""
        record = experiment.decision
        return None if record is None else cls(record.made, experiment.shipped, record.on, record.note or None)


@dataclass(frozen=True, slots=True)
class Readout(Document):
    """A report, the funnels that were read from the same tables, and the dated changes of numbers once published.

    `decision`: what people decided. `decisions`: the decision log, checked against the same tables, with what it still
    lacks. `known`: what the phase has measured of its visitors by then.
    """

    report: Annotated[Report, Flat()]
    funnels: Annotated[Mapping[str, Funnel], HIDDEN]
    revisions: Annotated[Sequence[Revision], HIDDEN] = ()
    decision: Decided | None = None
    decisions: Sequence[Entry] = ()
    known: Annotated[Measurement | None, HIDDEN] = None

    def unwritten(self, now: datetime) -> Sequence[Decision]:
        """What the decision log lacks, dated now: whoever shows this readout has it written.

        Of looks before this minute only: what was received by then is on disk, so the counts are final.
        """
        minute = now.replace(second=0, microsecond=0)
        lacking = [one.decision for one in self.decisions if one.decision.recorded_at is None]
        return [replace(one, recorded_at=now) for one in lacking if one.decided_at < minute]


def readout(tables: Tables, as_of: datetime, finished: Iterable[Decision] = ()) -> Readout:
    """What do these tables say about their phase as of this moment (aware)? Pure.

    `finished`: what was decided in the experiments that have ended (`ended`), which tells how their steps moved with
    the macro-conversion. Where an alarm of the sample ratio comes from is told by tables that have DIAGNOSED.
    """
    phase, reach = tables.phase, tables.reach
    found = report(phase, reach, tables.patterns, tables.ledger, as_of, movements(finished))
    if found.sample_ratio.alarm and tables.has(DIAGNOSED):
        parts = {name: tables.by(name) for name in DIAGNOSED}
        findings = diagnosis(phase, reach.exposed, parts, as_of).findings
        found = replace(found, sample_ratio=replace(found.sample_ratio, findings=findings))
    return Readout(
        report=found,
        funnels=funnels(phase, tables.patterns, as_of),
        revisions=tables.revisions,
        decision=Decided.of(phase),
        decisions=entries(tables.decisions, found, reach),
        known=measure(phase, reach, as_of),
    )


def read(store: Store, phase: Experiment, phases: Iterable[Experiment], as_of: datetime) -> Readout:
    """The readout of one of the site's `phases`, from this store. Raises StoreUnavailable."""
    return readout(store.tables(phase, DIAGNOSED), as_of, store.decisions(ended(phases, phase)))


def ended(phases: Iterable[Experiment], phase: Experiment) -> Sequence[Experiment]:
    """Of a site's phases, those of other experiments that have ended."""
    return [one for one in phases if one.ended_at and one.key != phase.key]
