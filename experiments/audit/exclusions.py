"""Ledger: who was not counted, or counted with a mark, and why, recounted from the log with the ids."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from heapq import nlargest

from experiments.definition.experiment import Experiment
from experiments.events.contribution import in_time
from experiments.events.event import Event, VisitorId
from experiments.events.journey import Meaning
from experiments.events.tally import Tally, add, ledger_table


@dataclass(frozen=True, slots=True)
class Marked:
    """One visitor with a mark: an id of theirs, and when they were last heard of."""

    visitor: VisitorId
    heard_at: datetime


@dataclass(slots=True)
class Ledger:
    """What is written so far of one phase, with the `newest` so many visitors of each reason."""

    phase: Experiment
    newest: int
    _meaning: Meaning = field(init=False)
    _cells: Tally = field(default_factory=dict)
    _marked: dict[str, list[Marked]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        self._meaning = Meaning(self.phase)

    @property
    def totals(self) -> Mapping[str, Mapping[str, int]]:
        """reason -> variant, "" where there is none -> how many."""
        return ledger_table(self._cells)

    @property
    def visitors(self) -> Mapping[str, Sequence[Marked]]:
        """reason -> the visitors heard of last, newest first."""
        return {reason: nlargest(self.newest, some, key=_last) for reason, some in sorted(self._marked.items())}

    def write(self, person: Sequence[Event]) -> None:
        """Judge one person, whose events are distinct and in order of receipt."""
        rows = [row for row in self._meaning.journey(person).rows if row[0][0] == "ledger"]
        add(self._cells, rows)
        for reason in {str(cell[1]) for cell, _ in rows}:
            marked = self._marked[reason]
            marked.append(Marked(self._known_as(person), person[-1].received_at))
            if len(marked) > 4 * self.newest:
                marked[:] = nlargest(self.newest, marked, key=_last)

    def _known_as(self, person: Iterable[Event]) -> VisitorId:
        """The id that was exposed first."""
        exposures = [event for event in person if event.experiment == self.phase.key]
        return min(exposures, key=in_time).visitor


def _last(marked: Marked) -> tuple[datetime, str]:
    return marked.heard_at, marked.visitor
