"""Growth: what more events add to one phase's tally, by a short path where it can be proved to say what `journey` says.

Two shortenings, each only where nothing is late:

- Another action can change no tables but those of the steps that it makes, so only these are asked.
- The rows of a person nobody was joined to follow from few things (hour of exposure, variant, levels, steps reached in
  time, value): many people are alike in them, so the rows of the last kinds of people are kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import chain

from experiments.definition import GRACE
from experiments.events import Event, MessageId
from experiments.journey import Facts, Meaning, Row, Table
from experiments.tally import Tally, add, people, subtract

KEPT_KINDS = 1_000  # some 10 KB each


class Growth:
    """How one phase's tally grows. Remembers nothing that a journey depends on: it may be thrown away at any time."""

    def __init__(self, meaning: Meaning) -> None:
        self.meaning = meaning
        self._kinds: dict[object, Sequence[Row]] = {}

    def by(self, persons: Iterable[Sequence[Event]], fresh: Collection[MessageId]) -> Tally:
        """What must be added now that the fresh ones of these persons' events are known, too?

        Each person's events are distinct and in order of receipt; none of the fresh ones replaces another.
        """
        change: Tally = {}
        for events in persons:
            known = [event for event in events if event.message_id not in fresh]
            new = [event for event in events if event.message_id in fresh]
            before = after = None
            if all(event.kind == "action" and event.joined is None for event in new):
                names = frozenset(event.name for event in new)
                before, after = self._rows(known, names), self._rows(events, names)
            if before is None or after is None:
                before = [row for person in people(known) for row in self._rows(person) or ()]
                after = self._rows(events) or ()
            add(change, after)
            subtract(change, before)
        return change

    def _rows(self, events: Sequence[Event], names: frozenset[str] | None = None) -> Sequence[Row] | None:
        """What one person adds to all tables, or to those alone in which actions of these names may count.

        None where those alone cannot say it: a fact is late, which the ledger counts once, however many tables it is
        too late for.
        """
        facts = self.meaning.facts(events)
        kind = self._kind(facts)
        rows = self._kinds.get((names, kind)) if kind else None
        if rows is None:
            journey = self.meaning.in_tables(self._tables(names), facts)
            if names is not None and journey.late:
                return None
            rows = journey.rows
            if kind:
                if len(self._kinds) >= KEPT_KINDS:
                    self._kinds.clear()
                self._kinds[names, kind] = rows
        return rows

    def _tables(self, names: frozenset[str] | None) -> Sequence[Table]:
        if names is None:
            return self.meaning.tables
        made = {step for step, makes in self.meaning.makes.items() if not makes.isdisjoint(names)}
        return [table for table in self.meaning.tables if not made.isdisjoint(table.steps)]

    def _kind(self, facts: Facts) -> object:
        """What the rows of one person follow from; None where more than this has to be looked at.

        A fact received within GRACE of its time is never late: a cohort stays open for as long after its last window.
        So all tables see the same first exposure, and of each step when it was first reached.
        """
        if facts.outside or facts.withdrawn or len(facts.people) != 1:  # who is joined to somebody is two
            return None
        (person,) = facts.people.values()
        if not person.exposures or any(e.received_at - e.at > GRACE for e in chain(person.exposures, person.actions)):
            return None
        patterns, hours = self.meaning.tables[-1], self.meaning.tables[0].clock
        judgement = self.meaning.judge(patterns, person, set())
        assert judgement is not None  # the first exposure is not late
        first = judgement.first
        return (
            hours.cohort(first.at),
            first.variant,
            self.meaning.levels(judgement),
            self.meaning.stratum(judgement),
            tuple((step, at - first.at <= self.meaning.windows[step]) for step, at in judgement.reached.items()),
            judgement.value,
            *self.meaning.marks(judgement, person),
        )
