"""The schema of yesladder.db, as steps of change. All that are pending are one transaction.

A step is a file of SQL in `steps/`, which says what its tables and views hold. A step that was released is never
changed: databases out there have it, and what replaces it is a new one.

Before a database of an older version is changed, it is copied to yesladder.db.before-<first pending step>, which is
there to go back to and may be deleted. When a step fails, the database is as before.
"""

import re
from collections.abc import Iterable, Iterator
from importlib import resources
from pathlib import Path

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from experiments.store.sqlite.copy import copy

STEPS = ("the_log_and_its_tables", "the_decision_log", "what_retention_deleted", "views_in_plain_words")


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

    def add(self, step: str) -> None:
        """Take the file of this name as the next step."""

        @self(name=step)
        def run(db: Database) -> None:
            for statement in _statements(step):
                db.execute(statement)


def _statements(step: str) -> Iterator[str]:
    """The statements of a step without comments, a view in one line: SQLite keeps the text as it gets it."""
    text = resources.files("experiments.store.sqlite").joinpath("steps", f"{step}.sql").read_text("utf-8")
    for statement in re.sub(r"^--.*\n", "", text, flags=re.MULTILINE).split(";\n"):
        if statement.strip():
            yield " ".join(statement.split()) if "CREATE VIEW" in statement else statement


SCHEMA = Schema("yesladder")
for step in STEPS:
    SCHEMA.add(step)
