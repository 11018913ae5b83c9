"""Kind: what the rows of one person follow from. People of one kind add the same to every table of a phase.

The kind of most people is plain: exposed once, all facts received in time, no sale. It is read straight from their
events, without the judgement that it stands for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import chain
from typing import NamedTuple

from experiments.definition.definition import GRACE
from experiments.events.cohort import DAY, HOUR
from experiments.events.event import Event
from experiments.events.journey import Cell, Facts, Judgement, Meaning, Row

REACHED, IN_TIME = 1, 2  # a step's two bits: reached within the experiment's window, and within the step's own
KEPT_LEVELS = 1_000  # some 1 KB each

Levels = tuple[tuple[str, str], ...]
Limits = Sequence[tuple[timedelta, int]]
"""Until how long after exposure an action reaches which steps, soonest first; two bits for each step."""


class Kind(NamedTuple):
    """`cohort`: the hour of first exposure. `reached`: two bits for each step. `marks`: what the ledger says."""

    cohort: int
    variant: str
    levels: Levels
    stratum: str
    reached: int
    value: int = 0
    marks: tuple[Cell, ...] = ()


class Kinds:
    """The kinds of people in one phase."""

    def __init__(self, meaning: Meaning) -> None:
        self.meaning = meaning
        self._hours = meaning.tables[0].clock
        self._patterns = meaning.tables[-1]
        self._limits: Mapping[str, Limits] = {name: self._limits_of(name) for name in meaning.names}
        self._levels: dict[object, tuple[Levels, str]] = {}

    def of(self, facts: Facts) -> Kind | None:
        """The kind of any person; None where more than that has to be looked at.

        A fact received within GRACE of its time is never late: a cohort stays open for as long after its last window.
        So all tables see the same first exposure, and of each step when it was first reached.
        """
        if facts.outside or facts.withdrawn or len(facts.people) != 1:  # who is joined to somebody is two
            return None
        (person,) = facts.people.values()
        if not person.exposures or any(e.received_at - e.at > GRACE for e in chain(person.exposures, person.actions)):
            return None
        judgement = self.meaning.judge(self._patterns, person, set())
        assert judgement is not None  # the first exposure is not late
        first = judgement.first
        reached = 0
        for bit, step in enumerate(self._patterns.steps):
            if step in judgement.reached:
                in_time = judgement.reached[step] - first.at <= self.meaning.windows[step]
                reached |= (REACHED | IN_TIME if in_time else REACHED) << 2 * bit
        return Kind(
            self._hours.cohort(first.at),
            first.variant or "",
            tuple(self.meaning.levels(judgement)),
            self.meaning.stratum(judgement),
            reached,
            judgement.value,
            tuple(self.meaning.marks(judgement, person)),
        )

    def plain(self, events: Iterable[Event]) -> Kind | None:
        """The same for a person whose kind is plain, from their distinct events; None for everybody else.

        One exposure: it is the first. No sale: no value, and none that is bad. Neither bot nor staff, neither withdrawn
        nor outside the phase: no mark. Nobody joined: one person. Nothing late: an action counts by its time alone.
        """
        meaning = self.meaning
        exposure: Event | None = None
        actions = []
        for event in events:
            if event.joined is not None or event.received_at - event.at > GRACE:
                return None
            if event.kind == "action":
                if event.name == meaning.experiment.macro.event:
                    return None
                actions.append(event)
            elif event.kind != "exposure":
                return None
            elif event.experiment == meaning.experiment.key:
                if exposure is not None or not self._counts(event):
                    return None
                exposure = event
        if exposure is None:
            return None
        at = exposure.at
        reached = 0
        for action in actions:
            if action.at >= at:
                after = action.at - at
                reached |= next((bits for limit, bits in self._limits.get(action.name, ()) if after <= limit), 0)
        levels, stratum = self._levels_of(exposure)
        return Kind(self._hours.cohort(at), exposure.variant or "", levels, stratum, reached)

    def rows(self, kind: Kind) -> Iterator[Row]:
        """What one person of this kind, who has no marks, adds to all tables.

        Every table judges them alike (see `of`), and no step's window is longer than the experiment's. So what a table
        counts within its window is what the kind tells; a day is 24 of its hours, as both are numbered since 1970.
        """
        hour, variant, levels, stratum, reached, value, _ = kind
        day = hour // (DAY // HOUR)
        pattern = 0
        yield ("exposed", hour, variant), (1,)
        for bit, step in enumerate(self._patterns.steps):
            bits = reached >> 2 * bit
            counts = 1, int(bits & IN_TIME > 0)
            pattern |= (bits & REACHED) << bit
            yield ("reach", step, "", "", hour, stratum, variant), counts
            for attribute, level in levels:
                yield ("reach", step, attribute, level, day, "", variant), counts
        for attribute, level in (("", ""), *levels):
            yield ("patterns", attribute, level, day, variant, pattern), (1, value, value**2)

    def _counts(self, exposure: Event) -> bool:
        """Does this exposure belong to the phase, without a mark?"""
        meaning, flags = self.meaning, exposure.attributes
        return (
            exposure.variant in meaning.variants
            and exposure.at >= meaning.started_at
            and (meaning.ended_at is None or exposure.at < meaning.ended_at)
            and flags.get("bot") != "true"
            and flags.get("staff") != "true"
        )

    def _limits_of(self, name: str) -> Limits:
        """An action reaches all its steps within the experiment's window, each in time within the step's own."""
        window, windows = self.meaning.experiment.window, self.meaning.windows
        made = [(bit, step) for bit, step in enumerate(self._patterns.steps) if name in self.meaning.makes[step]]
        return [
            (limit, sum((REACHED | IN_TIME if limit <= windows[step] else REACHED) << 2 * bit for bit, step in made))
            for limit in sorted({window, *(windows[step] for _, step in made if windows[step] < window)})
        ]

    def _levels_of(self, exposure: Event) -> tuple[Levels, str]:
        """Levels and stratum of who had these attributes then: many have the same."""
        attributes = tuple(exposure.attributes.items())
        levels = self._levels.get(attributes)
        if levels is None:
            judgement = Judgement(exposure, 0, None)
            levels = tuple(self.meaning.levels(judgement)), self.meaning.stratum(judgement)
            if len(self._levels) >= KEPT_LEVELS:
                self._levels.clear()
            self._levels[attributes] = levels
        return levels
