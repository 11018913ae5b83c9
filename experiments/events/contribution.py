"""Contribution: what the facts that are known of one person count as, and the rows of counts that follow from it.

The rules of this file, each tested by a case that fails when the rule is changed:

- A step is reached when its event, or that of a later milestone, happened at or after first exposure and within the
  step's window. Secondary actions and guardrails stand alone.
- The value is that of the first macro-conversion, in hundredths of the currency unit, capped.
- Only what is known at first exposure (bot, staff) or the law (consent withdrawn) excludes; the division of the
  traffic still counts who is excluded.

Which facts are known, and to which table, is decided in journey.py.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from experiments.definition.experiment import Experiment
from experiments.definition.money import hundredths
from experiments.events.cohort import DAY, HOUR, Clock
from experiments.events.event import Event

Cell = tuple[str | int, ...]
"""Where a contribution is added up; the first item names the table. See tally.py for the columns."""
Counts = tuple[int, ...]
Row = tuple[Cell, Counts]
Levels = tuple[tuple[str, str], ...]
SEGMENTS = ("device", "source", "returning", "language")
UNKNOWN = "unknown"
KEPT_LEVELS = 1_000  # some 1 KB each


class Contribution(NamedTuple):
    """What one person counts as. People who are equal in this add the same to every table of a phase.

    `hour`: the cohort of first exposure, in hours since 1970. `excluded`: the reason, or None. `levels`: attributes and
    their levels then. `reached`: bits, of which each table reads its own (`Table.reached`). `value` in hundredths of
    the currency unit. `others`: the variants of exposures to another variant than the first.
    """

    hour: int
    variant: str
    excluded: str | None
    levels: Levels
    stratum: str
    reached: int
    value: int = 0
    bad_value: bool = False
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """One kind of count, its clock, the steps that its cells are about, and the place of their bits."""

    kind: Literal["exposed", "reach", "segments", "patterns"]
    clock: Clock
    steps: tuple[str, ...] = ()
    place: int = 0

    def reached(self, bits: int) -> int:
        """Which of its steps does this table count as reached? The first step is the lowest bit."""
        return bits >> self.place & (1 << len(self.steps)) - 1

    def sealed_at(self, exposure: Event) -> datetime:
        """Until when must a fact have been received to change the cohort of this exposure?"""
        return self.clock.seal(self.clock.cohort(exposure.at))


def in_time(event: Event) -> tuple[datetime, datetime, str]:
    """The order in which things happened (tie: receipt, then message id)."""
    return (event.at, event.received_at, event.message_id)


def rows(one: Contribution, tables: Iterable[Table]) -> Iterator[Row]:
    """What one person adds to these tables of a phase, each cell once. The ledger is told with the patterns."""
    variant, levels = one.variant, one.levels
    for table in tables:
        cohort = one.hour // (table.clock.length // HOUR)
        reached = table.reached(one.reached)
        if table.kind == "exposed":
            yield ("exposed", cohort, variant), (1,)
        elif table.kind == "patterns":
            if one.excluded:
                yield ("ledger", one.excluded, variant), (1,)
            if one.bad_value:
                yield ("ledger", "bad-value", variant), (1,)
            for other in dict.fromkeys(one.others):
                yield ("ledger", "second-variant", other), (one.others.count(other),)
        if one.excluded:
            continue
        if table.kind == "reach":
            yield ("reach", table.steps[0], "", "", cohort, one.stratum, variant), (1, reached)
        elif table.kind == "segments":
            for attribute, level in levels:
                yield ("reach", table.steps[0], attribute, level, cohort, "", variant), (1, reached)
        elif table.kind == "patterns":
            for attribute, level in (("", ""), *levels):
                yield ("patterns", attribute, level, cohort, variant, reached), (1, one.value, one.value**2)


class Rules:
    """What facts count as in one phase, worked out once for many people.

    `started_at`: when the phase began. Raises ValueError when the experiment is no phase.
    """

    def __init__(self, experiment: Experiment) -> None:
        if experiment.started_at is None:
            raise ValueError(f"experiment {experiment.key!r} has no started_at, so it is no phase and nothing counts")
        self.experiment = experiment
        self.started_at: datetime = experiment.started_at
        steps = experiment.steps
        self.names = frozenset(step.event for step in steps)
        # the events that make a step: its own, and for a milestone those of all later ones (closure)
        self.makers = {
            step.step: {step.event} | {later.event for later in experiment.path[index:]}
            for index, step in enumerate(steps)
        }
        # bits of all steps, reached within the experiment's window; above them, within each step's own
        windows = [(step.step, experiment.window_of(step)) for step in steps]
        own = list(enumerate(windows, len(steps)))
        self.tables = [
            Table("exposed", Clock(HOUR, timedelta(0))),
            *(Table("reach", Clock(HOUR, window), (step,), bit) for bit, (step, window) in own),
            *(Table("segments", Clock(DAY, window), (step,), bit) for bit, (step, window) in own),
            Table("patterns", Clock(DAY, experiment.window), tuple(step.step for step in steps)),
        ]
        self._macro = 1 << len(experiment.path) - 1
        self._hours = self.tables[0].clock
        self._limits = {name: self._limits_of(name) for name in self.names}
        self._attributes = tuple(dict.fromkeys(SEGMENTS + experiment.segments))
        self._known: dict[object, tuple[str | None, Levels, str]] = {}

    def contribution(self, first: Event, actions: Sequence[Event], exposures: Sequence[Event]) -> Contribution:
        """What does somebody count as who was exposed `first`, if these actions, named by steps or not, are known?"""
        reached = 0
        for action in actions:
            reached |= self.reaches(first, action)
        hour, variant = self._hours.cohort(first.at), first.variant or ""
        excluded, levels, stratum = self._known_then(first)
        value, bad_value = 0, False
        if reached & self._macro and (sale := self.sale(first, actions)):
            worth = self.worth(sale)
            bad_value = worth is None and self.experiment.macro.value is not None
            value = min(worth or 0, round(self.experiment.value_cap * 100))
        others = tuple(sorted(one.variant or "" for one in exposures if one.variant != first.variant))
        return Contribution(hour, variant, excluded, levels, stratum, reached, value, bad_value, others)

    def reaches(self, first: Event, action: Event) -> int:
        """Which steps does this action reach for somebody who was exposed `first`? The bits of a contribution."""
        if action.at < first.at:
            return 0
        after = action.at - first.at
        for limit, bits in self._limits.get(action.name, ()):
            if after <= limit:
                return bits
        return 0

    def sale(self, first: Event, actions: Iterable[Event]) -> Event | None:
        """The macro-conversion whose value counts: the first within the experiment's window."""
        return min((one for one in actions if self.reaches(first, one) & self._macro), key=in_time, default=None)

    def worth(self, sale: Event) -> int | None:
        """What the sale was worth, in hundredths of the currency unit and not capped; None when it says no amount."""
        stated = self.experiment.macro.value
        return hundredths(sale.properties.get(stated) if isinstance(stated, str) else stated)

    def _limits_of(self, name: str) -> Sequence[tuple[timedelta, int]]:
        """Until how long after exposure an action of this name reaches which steps, soonest first."""
        window, steps = self.experiment.window, self.experiment.steps
        made = [(bit, step) for bit, step in enumerate(steps) if name in self.makers[step.step]]
        own = {bit: self.experiment.window_of(step) for bit, step in made}
        return [
            (limit, sum((limit <= window) << bit | (limit <= own[bit]) << bit + len(steps) for bit in own))
            for limit in sorted({window, *own.values()})
        ]

    def _known_then(self, first: Event) -> tuple[str | None, Levels, str]:
        """Why they are excluded, levels, and the stratum "" where there is one only: many have the same attributes."""
        attributes = tuple(first.attributes.items())
        known = self._known.get(attributes)
        if known is None:
            excluded = next((flag for flag in ("bot", "staff") if first.attributes.get(flag) == "true"), None)
            levels = tuple((name, self._level(first, name)) for name in self._attributes)
            strata = (f"{name}={self._level(first, name)}" for name in self.experiment.analysis.adjust_for)
            if len(self._known) >= KEPT_LEVELS:
                self._known.clear()
            known = self._known[attributes] = excluded, levels, ", ".join(strata)
        return known

    def _level(self, first: Event, name: str) -> str:
        """An attribute at first exposure. `returning`: first seen before the phase started."""
        attributes = first.attributes
        if name == "returning" and name not in attributes and "first_seen" in attributes:
            return "true" if attributes["first_seen"] < self.started_at.date().isoformat() else "false"
        return attributes.get(name) or UNKNOWN
