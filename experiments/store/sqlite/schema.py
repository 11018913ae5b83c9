"""The schema of yesladder.db, as steps of change. All that are pending are one transaction.

Before a database of an older version is changed, it is copied to yesladder.db.before-<first pending step>, which is
there to go back to and may be deleted. When a step fails, the database is as before.

    events     one row per message id: the log. `at` and `received_at` are microseconds since 1970-01-01T00Z.
    reach      visitors and reached per phase, step, (segment attribute and level), cohort, stratum, variant
    exposed    visitors per phase, hour and variant, before exclusions
    patterns   visitors and value per phase, (segment), day, variant and pattern of steps reached
    ledger     what was not counted, or counted with a mark: per phase, reason and variant
    phases     the definition by which each phase's rows above were counted
    revisions  dated changes of numbers already published
    decisions  verdicts once reached, with the look that reached them; written once, never changed
    refusals   the newest refused events;  refused: how many of each reason, ever
    expired    phases whose raw events were deleted, as `retention` says, when received before `before`

reach, exposed, patterns and ledger follow from events through journey.py; `yesladder verify` recounts them, save those
of expired phases, whose counts never change again. Cohorts are hours since 1970-01-01T00Z (segments, patterns: days).

For reading, with any tool, on a read-only connection (sqlite3 'file:SITE/yesladder.db?mode=ro', datasette), there are
views in plain words, with times in ISO 8601:

    results_by_step               experiment, phase, step, variant: visitors, how many reached it, rate
    results_by_segment            the same by device, source, returning, language and the attributes a test names
    visitors_by_day, _by_hour     who came to the test, by its first exposure
    value_by_variant              what the conversions were worth, in the site's currency
    what_visitors_did             which steps how many visitors reached: the patterns, with what they were worth
    why_not_counted               reason, what it means, how many
    changes_of_published_numbers  when, why, and whose numbers
    verdicts                      the decision log
    events_readable               the log
    refused_events                the newest refused ones
    steps                         the steps of every test, in order
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sqlite_utils import Database
from sqlite_utils.db import Table
from sqlite_utils.migrations import Migrations

from experiments.store.sqlite.copy import copy
from experiments.store.sqlite.count_rows import PHASE, TABLES
from experiments.store.sqlite.decision_rows import COLUMNS, KEY, OPTIONAL
from experiments.store.sqlite.views import VIEWS


class Schema(Migrations):
    """Steps of change that happen together or not at all, and never to the only copy of older data."""

    def apply(self, db: Database, *, stop_before: str | Iterable[str] | None = None) -> None:
        """Bring this database up to date. Whoever calls holds the file lock.

        Raises sqlite3.Error and OSError, also when the copy cannot be made; then the database is as before.
        """
        pending = self.pending(db)
        if not pending:
            return
        path = next((row[2] for row in db.execute("PRAGMA database_list") if row[1] == "main"), "")
        if path and self.applied(db):
            copy(db.conn, Path(f"{path}.before-{pending[0].name}"))
        with db.atomic():
            super().apply(db, stop_before=stop_before)


SCHEMA = Schema("yesladder")


def _table(db: Database, name: str) -> Table:
    table = db[name]
    assert isinstance(table, Table)  # views are made by their names in VIEWS
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


@SCHEMA()
def the_decision_log(db: Database) -> None:
    _table(db, "decisions").create(COLUMNS, pk=KEY, not_null=set(COLUMNS) - {*KEY, *OPTIONAL}, strict=True)


@SCHEMA()
def what_retention_deleted(db: Database) -> None:
    columns = PHASE | {"before": int, "expired_on": str}
    _table(db, "expired").create(columns, pk=tuple(PHASE), not_null={"before", "expired_on"}, strict=True)


@SCHEMA()
def views_in_plain_words(db: Database) -> None:
    for name, query in VIEWS.items():
        db.create_view(name, query)
