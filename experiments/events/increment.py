"""Growth: what more events add to one phase's tally, by a short path where it can be proved to say what `journey` says.

Two shortenings, each only where nothing is late:

- Another action can change no tables but those of the steps that it makes, so only these are asked.
- The rows of a person follow from few things, their kind: many people are alike in them, so what a person of a kind
  adds is kept for the last kinds of people, and so is what a person adds by becoming one of another kind.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from experiments.events.contribution import Kind, Kinds
from experiments.events.event import Event, MessageId
from experiments.events.journey import Cell, Meaning, Row, Table
from experiments.events.person import people
from experiments.events.tally import Tally, add, difference

KEPT_KINDS = 1_000  # some 10 KB each


class Growth:
    """How one phase's tally grows. Remembers nothing that a journey depends on: it may be thrown away at any time."""

    def __init__(self, meaning: Meaning) -> None:
        self.meaning = meaning
        self.kinds = Kinds(meaning)
        self._kept: dict[object, Sequence[Row]] = {}

    def by(self, persons: Iterable[Sequence[Event]], fresh: Collection[MessageId]) -> Tally:
        """What must be added now that the fresh ones of these persons' events are known, too?

        Each person's events are distinct and in order of receipt; none of the fresh ones replaces another.
        """
        times: dict[int, tuple[Sequence[Row], int]] = {}  # the same rows, once for each person whom they are kept for
        for events in persons:
            for sign, rows in self._changes(events, fresh):
                times[id(rows)] = rows, times.get(id(rows), (rows, 0))[1] + sign
        sums: dict[Cell, list[int]] = {}
        for rows, number in times.values():
            for cell, counts in rows:
                total = sums.get(cell)
                if total is None:
                    sums[cell] = [number * count for count in counts]
                    continue
                for column, count in enumerate(counts):
                    if count:
                        total[column] += number * count
        return {cell: tuple(total) for cell, total in sums.items() if any(total)}

    def _changes(self, events: Sequence[Event], fresh: Collection[MessageId]) -> Iterator[tuple[int, Sequence[Row]]]:
        """Rows to be added (1) and taken away (-1) for one person."""
        known = [event for event in events if event.message_id not in fresh]
        after = self.kinds.plain(events)
        before = self.kinds.plain(known) if known and after else None
        if before and before == after:
            return
        if after and (before or not known):
            yield 1, self._kept_rows(before, after)
            return
        new = [event for event in events if event.message_id in fresh]
        if all(event.kind == "action" and event.joined is None for event in new):
            names = self.meaning.names.intersection(event.name for event in new)
            gained = self._gained(known, events, names) if names else ()
            if gained is not None:
                yield 1, gained
                return
        yield 1, self._rows(events)
        for person in people(known):
            yield -1, self._rows(person)

    def _gained(self, known: Sequence[Event], events: Sequence[Event], names: frozenset[str]) -> Sequence[Row] | None:
        """What one person's further actions of these names add.

        Where it does not follow from kinds, those tables alone are asked in which the actions may count. None where
        they cannot say it: a fact is late, which the ledger counts once, however many tables it is too late for.
        """
        before, after = self.meaning.facts(known), self.meaning.facts(events)
        was, now = self.kinds.of(before), self.kinds.of(after)
        if was and now and not was.marks and not now.marks:
            return self._kept_rows(was, now)
        rows = self._kept.get((names, was, now))
        if rows is None:
            journeys = [self.meaning.in_tables(self._tables(names), facts) for facts in (before, after)]
            if any(journey.late for journey in journeys):
                return None
            rows = tuple(difference(*(_sum(journey.rows) for journey in reversed(journeys))).items())
            if was and now:
                self._keep((names, was, now), rows)
        return rows

    def _rows(self, events: Sequence[Event]) -> Sequence[Row]:
        """What one person adds to all tables."""
        facts = self.meaning.facts(events)
        kind = self.kinds.of(facts)
        if kind and not kind.marks:
            return self._kept_rows(None, kind)
        rows = self._kept.get(kind)
        if rows is None:
            rows = self.meaning.in_tables(self.meaning.tables, facts).rows
            if kind is not None:
                self._keep(kind, rows)
        return rows

    def _kept_rows(self, before: Kind | None, after: Kind) -> Sequence[Row]:
        """What a person adds who was of one kind, or not known, and is of another now; neither has marks."""
        rows = self._kept.get((before, after))
        if rows is None:
            rows = tuple(self.kinds.rows(after))
            if before is not None:
                rows = tuple(difference(dict(rows), dict(self.kinds.rows(before))).items())
            self._keep((before, after), rows)
        return rows

    def _keep(self, kind: object, rows: Sequence[Row]) -> None:
        if len(self._kept) >= KEPT_KINDS:
            self._kept.clear()
        self._kept[kind] = rows

    def _tables(self, names: frozenset[str]) -> Sequence[Table]:
        made = {step for step, makes in self.meaning.makes.items() if not makes.isdisjoint(names)}
        return [table for table in self.meaning.tables if not made.isdisjoint(table.steps)]


def _sum(rows: Iterable[Row]) -> Tally:
    total: Tally = {}
    add(total, rows)
    return total
