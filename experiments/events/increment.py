"""Growth: what more events add to one phase's tally, without counting anybody else again.

It is what the people whom they concern add now, less what they added before. Many people are alike: what somebody of a
contribution adds, or adds by becoming one of another, is kept for the last contributions.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence

from experiments.events.contribution import Cell, Contribution, Row, rows
from experiments.events.event import Event, MessageId
from experiments.events.journey import Meaning
from experiments.events.person import people
from experiments.events.tally import Tally, difference

KEPT_CONTRIBUTIONS = 1_000  # some 10 KB each


class Growth:
    """How one phase's tally grows. Remembers nothing that a journey depends on: it may be thrown away at any time."""

    def __init__(self, meaning: Meaning) -> None:
        self.meaning = meaning
        self._kept: dict[tuple[Contribution | None, Contribution], Sequence[Row]] = {}

    def by(self, persons: Iterable[Sequence[Event]], fresh: Collection[MessageId]) -> Tally:
        """What must be added now that the fresh ones of these persons' events are known, too?

        Each person's events are distinct and in order of receipt; none of the fresh ones replaces another.
        """
        times: dict[int, tuple[Sequence[Row], int]] = {}  # the same rows, once for each person whom they are kept for
        for events in persons:
            for sign, added in self._changes(events, fresh):
                times[id(added)] = added, times.get(id(added), (added, 0))[1] + sign
        sums: dict[Cell, list[int]] = {}
        for added, number in times.values():
            for cell, counts in added:
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
        after = self.meaning.contribution(events)
        if after is not None:  # then no `before` means that they added nothing
            before = self.meaning.contribution(known)
            if before != after:
                yield 1, self._kept_rows(before, after)
            return
        yield 1, self.meaning.journey(events).rows
        for person in people(known):
            yield -1, self.meaning.journey(person).rows

    def _kept_rows(self, before: Contribution | None, after: Contribution) -> Sequence[Row]:
        """What a person adds by becoming one of this contribution, who had another, or added nothing."""
        added = self._kept.get((before, after))
        if added is None:
            added = tuple(rows(after, self.meaning.tables))
            if before is not None:
                added = tuple(difference(dict(added), dict(rows(before, self.meaning.tables))).items())
            if len(self._kept) >= KEPT_CONTRIBUTIONS:
                self._kept.clear()
            self._kept[before, after] = added
        return added
