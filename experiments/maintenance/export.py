"""export: the events and the counts of a site as rows that other tools read, always in the same order."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from experiments.definition.experiment import Experiment
from experiments.definition.quantity import iso
from experiments.events.cohort import DAY, EPOCH, HOUR
from experiments.events.event import Event
from experiments.store.sqlite.count_rows import TABLES
from experiments.store.store import Store

ExportRow = Mapping[str, str | int]

EVENT_COLUMNS: Final = (
    *("received_at", "happened_at", "kind", "name", "visitor", "same_person_as", "experiment", "variant"),
    *("properties", "attributes", "message_id"),
)
COUNT_COLUMNS: Final = (
    *("table", "experiment", "phase", "step", "attribute", "level", "cohort", "stratum", "variant", "pattern"),
    *("reason", "visitors", "reached", "value_sum", "value_sq", "count"),
)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def chosen(events: Iterable[Event], phases: Sequence[Experiment]) -> Iterator[Event]:
    """The events that the counts of these phases may follow from: their exposures and steps, joins, withdrawals."""
    keys = {phase.key for phase in phases}
    names = {step.event for phase in phases for step in phase.steps}
    for event in events:
        of_step = event.kind == "action" and event.name in names
        if of_step or event.experiment in keys or event.kind == "withdrawal" or event.joined is not None:
            yield event


def event_row(event: Event) -> ExportRow:
    """One event as a row of EVENT_COLUMNS; what is an object is JSON."""
    values = (
        *(iso(event.received_at), iso(event.at), event.kind, event.name, event.visitor, event.joined or ""),
        *(event.experiment or "", event.variant or "", _json(event.properties), _json(event.attributes)),
        event.message_id,
    )
    return dict(zip(EVENT_COLUMNS, values, strict=True))


def count_rows(store: Store, phases: Sequence[Experiment]) -> Iterator[ExportRow]:
    """Every count of these phases, a row for each, with the columns its table has (of COUNT_COLUMNS).

    `cohort` is the first moment of the hour (of segments and patterns: the day) of first exposure. `value_sum` is in
    hundredths of the currency unit, `value_sq` the sum of their squares. Bit k of `pattern` is the k-th step.
    """
    for phase in phases:
        for cell, counts in sorted(store.tables(phase, None).cells.items()):
            table, *rest = cell
            key, sums = TABLES[str(table)]
            where = dict(zip(key, (phase.key, phase.phase, *rest), strict=True))
            if "cohort" in where:
                hourly = table == "exposed" or (table == "reach" and not where["attribute"])
                where["cohort"] = iso(EPOCH + int(where["cohort"]) * (HOUR if hourly else DAY))
            yield {"table": str(table), **where, **dict(zip(sums, counts, strict=True))}


def spreadsheet(row: ExportRow, columns: Sequence[str]) -> Sequence[str | int]:
    """The row in the order of these columns, for CSV.

    A text that a spreadsheet would take for a formula gets an apostrophe before it: names and ids come from outside.
    """
    values = (row.get(column, "") for column in columns)
    return [f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value for value in values]


def _json(value: Mapping[str, object]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
