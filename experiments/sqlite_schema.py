"""The schema of yesladder.db, as steps of change, each in one transaction.

    events     one row per message id: the log. `at` and `received_at` are microseconds since 1970-01-01T00Z.
    reach      visitors and reached per phase, step, (segment attribute and level), cohort, stratum, variant
    exposed    visitors per phase, hour and variant, before exclusions
    patterns   visitors and value per phase, (segment), day, variant and pattern of steps reached
    ledger     what was not counted, or counted with a mark: per phase, reason and variant
    phases     the definition by which each phase's rows above were counted
    revisions  dated changes of numbers already published
    refusals   the newest refused events;  refused: how many of each reason, ever

reach, exposed, patterns and ledger follow from events through journey.py; `yesladder verify` recounts them.
"""

from __future__ import annotations

from sqlite_utils import Database
from sqlite_utils.db import Table
from sqlite_utils.migrations import Migrations

from experiments.count_rows import PHASE, TABLES

SCHEMA = Migrations("yesladder")


def _table(db: Database, name: str) -> Table:
    table = db[name]
    assert isinstance(table, Table)  # no views in this schema
    return table


@SCHEMA()
def the_log_and_its_tables(db: Database) -> None:
    _table(db, "events").create(
        {
            "message_id": str,
            "kind": str,
            "visitor": str,
            "joined": str,
            "name": str,
            "experiment": str,
            "variant": str,
            "at": int,
            "received_at": int,
            "properties": str,
            "attributes": str,
        },
        pk="message_id",
        not_null={"kind", "visitor", "name", "at", "received_at", "properties", "attributes"},
        strict=True,
    )
    for columns in (["visitor"], ["joined"], ["experiment", "at"], ["received_at"]):
        _table(db, "events").create_index(columns)
    for name, (key, counts) in TABLES.items():
        _table(db, name).create(key | counts, pk=tuple(key), not_null=set(counts), strict=True)
    _table(db, "phases").create(PHASE | {"definition": str}, pk=tuple(PHASE), strict=True)
    _table(db, "revisions").create(
        {"revised_on": str, "cause": str, **PHASE, "cohort_from": int, "cohort_to": int},
        pk=("revised_on", "cause", *PHASE),
        strict=True,
    )
    _table(db, "refusals").create(
        {
            "id": int,
            "refused_at": int,
            "reason": str,
            "detail": str,
            "message_id": str,
            "name": str,
            "visitor": str,
            "experiment": str,
        },
        pk="id",
        strict=True,
    )
    _table(db, "refused").create({"reason": str, "count": int}, pk="reason", strict=True)
