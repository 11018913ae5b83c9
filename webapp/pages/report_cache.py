"""Reports: the readout of a phase as the pages show it, computed again only when its tables or the minute changed."""

import hashlib
import marshal
from collections.abc import Sequence
from datetime import datetime

from experiments.audit.readout import DIAGNOSED, Readout, readout
from experiments.events.decision import Decision
from experiments.events.tables import Tables
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
    notes = as_of, tables.revisions, tables.decisions, finished, tables.has(DIAGNOSED)
    digest = hashlib.sha256(repr((tables.phase.model_dump_json(), notes)).encode())
    digest.update(marshal.dumps([list(cells.items()) for cells in tables.main], 2))  # equal cells give equal bytes
    return digest.hexdigest()
