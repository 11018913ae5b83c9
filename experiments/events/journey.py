"""journey: the one meaning of the data. From one person's events to variant, steps reached, value, exclusion.

Every store agrees with this file (a little over 300 lines, so that the meaning stays in one place). The rules, each
tested by a case that fails when the rule is changed:

- An exposure belongs to the phase with started_at <= its time < ended_at. The first one decides the variant for good.
- A step is reached when its event, or that of a later milestone, happened at or after first exposure and within the
  step's window. Secondary actions and guardrails stand alone.
- The value is that of the first macro-conversion, in hundredths of the currency unit, capped.
- Only what is known at first exposure (bot, staff) or the law (consent withdrawn) excludes.
- A number that was published does not change: every fact counts for a table only if it was received by the seal of the
  earliest cohort that it would change there. So each table has its own judgement (`Table`), and a join that came too
  late for one may be in time for another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from experiments.definition.experiment import Experiment
from experiments.definition.money import hundredths
from experiments.events.cohort import DAY, HOUR, Clock
from experiments.events.event import Event, MessageId, VisitorId, distinct

Cell = tuple[str | int, ...]
"""Where a contribution is added up; the first item names the table. See tally.py for the columns."""
Counts = tuple[int, ...]
Row = tuple[Cell, Counts]
SEGMENTS = ("device", "source", "returning", "language")
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Journey:
    """What one person's events mean for one phase.

    `variant` and `exposed_at` are None for who was never exposed in it. `reached`: step key -> when first, within the
    experiment's window. `value` in hundredths of the currency unit. `excluded` is a reason, or None.
    `late`: facts that came after a seal they would have changed. `rows`: what is added to the tables.
    """

    variant: str | None = None
    exposed_at: datetime | None = None
    excluded: str | None = None
    reached: Mapping[str, datetime] = field(default_factory=dict)
    value: int = 0
    late: frozenset[MessageId] = frozenset()
    rows: Sequence[Row] = ()


def journey(experiment: Experiment, events: Iterable[Event]) -> Journey:
    """What do the events of one person (of all ids that joins connect) mean for this phase?

    Pure; neither order nor duplicates matter. Raises ValueError when the experiment is no phase (no `started_at`).
    """
    return Meaning(experiment).journey(distinct(events))


def concerns(phase: Experiment, event: Event) -> bool:
    """Has this event anything to do with this phase?"""
    if event.kind == "exposure":
        return event.experiment == phase.key or event.joined is not None
    return event.kind != "action" or event.joined is not None or any(step.event == event.name for step in phase.steps)


@dataclass(frozen=True, slots=True)
class Table:
    """One kind of count, its clock, and the steps that its cells are about."""

    kind: Literal["exposed", "reach", "segments", "patterns"]
    clock: Clock
    steps: tuple[str, ...] = ()


@dataclass(slots=True)
class Sight:
    """What the tables of one clock see of one person: where the journey begins, and what happened within the window."""

    first: Event | None
    late: list[MessageId]  # exposures that came too late to be the first
    cohort: int = 0
    excluded: str | None = None
    known: list[Event] = field(default_factory=list)
    tardy: list[Event] = field(default_factory=list)


@dataclass(slots=True)
class Person:
    """Facts of one or more ids, and what the clocks asked so far see of them."""

    exposures: list[Event] = field(default_factory=list)
    actions: list[Event] = field(default_factory=list)
    sights: dict[Clock, Sight] = field(default_factory=dict)

    def with_(self, other: Person) -> Person:
        return Person(self.exposures + other.exposures, self.actions + other.actions)


@dataclass(slots=True)
class Facts:
    """What concerns one phase; `outside` are ledger cells of exposures outside it."""

    people: dict[VisitorId, Person] = field(default_factory=dict)
    joins: list[tuple[VisitorId, VisitorId, Event]] = field(default_factory=list)
    outside: list[Cell] = field(default_factory=list)
    withdrawn: bool = False


def _moment(event: Event) -> tuple[datetime, datetime, str]:
    """The order in which things happened (tie: receipt, then message id)."""
    return (event.at, event.received_at, event.message_id)


class Meaning:
    """One phase's rules, worked out once for many people."""

    def __init__(self, experiment: Experiment) -> None:
        if experiment.started_at is None:
            raise ValueError(f"experiment {experiment.key!r} has no started_at, so it is no phase and nothing counts")
        self.experiment = experiment
        self.started_at: datetime = experiment.started_at
        self.ended_at = experiment.ended_at
        self.variants = {variant.key for variant in experiment.variants}
        self.attributes = tuple(dict.fromkeys(SEGMENTS + experiment.segments))
        steps = experiment.steps
        self.windows = {step.step: experiment.window_of(step) for step in steps}
        # the events that make a step: its own, and for a milestone those of all later ones (closure)
        self.makes = {
            step.step: {step.event} | {later.event for later in experiment.path[index:]}
            for index, step in enumerate(steps)
        }
        self.names = frozenset(step.event for step in steps)
        self.tables = [
            Table("exposed", Clock(HOUR, timedelta(0))),
            *(Table("reach", Clock(HOUR, experiment.window_of(step)), (step.step,)) for step in steps),
            *(Table("segments", Clock(DAY, experiment.window_of(step)), (step.step,)) for step in steps),
            Table("patterns", Clock(DAY, experiment.window), tuple(step.step for step in steps)),
        ]

    def journey(self, events: Sequence[Event]) -> Journey:
        """The journey of one person whose events are distinct and in order of receipt."""
        return self.in_tables(self.tables, self.facts(events))

    def in_tables(self, tables: Sequence[Table], facts: Facts) -> Journey:
        """The journey of one person of whom these are the facts, as far as these tables tell it."""
        rows: list[Row] = [(cell, (1,)) for cell in facts.outside]
        if not any(person.exposures for person in facts.people.values()):
            return Journey(rows=rows)
        late: set[MessageId] = set()
        main: Judgement | None = None
        for table in tables:
            for person, judgement in self.judged(table, facts, late):
                rows.extend((cell, counts) for _, cell, counts in self._cells(table, judgement))
                if table.kind == "patterns":
                    rows.extend((cell, (1,)) for cell in self.marks(judgement, person))
                    if main is None or _moment(judgement.first) < _moment(main.first):
                        main = judgement
        if late:
            rows.append((("ledger", "late", ""), (len(late),)))
        if main is None:
            return Journey(late=frozenset(late), rows=rows)
        first = main.first
        return Journey(first.variant, first.at, main.excluded, main.reached, main.value, frozenset(late), rows)

    def facts(self, events: Sequence[Event]) -> Facts:
        """What of these events concerns this phase."""
        facts = Facts()
        for event in events:
            person = facts.people.setdefault(event.visitor, Person())
            if event.kind == "exposure" and event.experiment == self.experiment.key and event.variant in self.variants:
                if event.at < self.started_at:
                    if self.experiment.phase == 1:  # else it belongs to an earlier phase
                        facts.outside.append(("ledger", "before-start", event.variant))
                elif self.ended_at is not None and event.at >= self.ended_at:
                    facts.outside.append(("ledger", "after-end", event.variant))
                else:
                    person.exposures.append(event)
            elif event.kind == "action" and event.name in self.names:
                person.actions.append(event)
            elif event.kind == "withdrawal":
                facts.withdrawn = True
            if event.joined is not None and event.joined != event.visitor:
                facts.people.setdefault(event.joined, Person())
                facts.joins.append((event.visitor, event.joined, event))
        return facts

    def judged(self, table: Table, facts: Facts, late: set[MessageId]) -> Iterator[tuple[Person, Judgement]]:
        """Everybody whom this table counts, and how; what came too late for it goes to `late`."""
        for person in self._people(table, facts, late):
            judgement = self.judge(table, person, late)
            if judgement is None:
                continue
            if facts.withdrawn:
                judgement.excluded = "consent-withdrawn"
            yield person, judgement

    def _people(self, table: Table, facts: Facts, late: set[MessageId]) -> Iterable[Person]:
        """Who is one person in this table: the joins, in order of receipt, that change no cohort already sealed.

        Facts received after the join may stay in the comparison: none of them counts for a cohort sealed before it.
        """
        if not facts.joins:
            return facts.people.values()
        home = {visitor: visitor for visitor in facts.people}
        groups = dict(facts.people)
        for visitor, joined, join in facts.joins:
            one, two = home[visitor], home[joined]
            if one == two:
                continue
            merged = groups[one].with_(groups[two])
            change: Counter[tuple[int, Cell, Counts]] = Counter()
            for sign, person in ((-1, groups[one]), (-1, groups[two]), (1, merged)):
                judgement = self.judge(table, person, set())
                if judgement:
                    change.update(dict.fromkeys(self._cells(table, judgement), sign))
            if any(count and join.received_at > table.clock.seal(cohort) for (cohort, _, _), count in change.items()):
                late.add(join.message_id)
                continue
            groups[one] = merged
            del groups[two]
            home = {visitor: one if group == two else group for visitor, group in home.items()}
        return groups.values()

    def _sight(self, clock: Clock, person: Person) -> Sight:
        """First exposure, and the actions within its window: received by its cohort's seal, or too late."""
        late: list[MessageId] = []
        for event in sorted(person.exposures, key=_moment):
            cohort = clock.cohort(event.at)
            seal = clock.seal(cohort)
            if event.received_at <= seal:
                excluded = next((flag for flag in ("bot", "staff") if event.attributes.get(flag) == "true"), None)
                within = [one for one in person.actions if event.at <= one.at <= event.at + clock.window]
                known = [one for one in within if one.received_at <= seal]
                tardy = [one for one in within if one.received_at > seal]
                return Sight(event, late, cohort, excluded, known, tardy)
            late.append(event.message_id)
        return Sight(None, late)

    def judge(self, table: Table, person: Person, late: set[MessageId]) -> Judgement | None:
        """Steps and value as this table counts them; what came too late to be counted goes to `late`."""
        sight = person.sights.get(table.clock)
        if sight is None:
            sight = person.sights[table.clock] = self._sight(table.clock, person)
        late.update(sight.late)
        if sight.first is None:
            return None
        judgement = Judgement(sight.first, sight.cohort, sight.excluded)
        for key in table.steps if sight.known or sight.tardy else ():
            makes = self.makes[key]
            times = [event.at for event in sight.known if event.name in makes]
            if times:
                judgement.reached[key] = min(times)
            elif sight.tardy:
                late.update(event.message_id for event in sight.tardy if event.name in makes)
        if table.kind == "patterns":
            self._value(judgement, sight, late)
        return judgement

    def _value(self, judgement: Judgement, sight: Sight, late: set[MessageId]) -> None:
        """The first macro-conversion's value; a sale that came too late to be the first is late."""
        macro = self.experiment.macro
        sale = min((event for event in sight.known if event.name == macro.event), key=_moment, default=None)
        judgement.sale = sale
        if sale is None:
            return
        late.update(e.message_id for e in sight.tardy if e.name == macro.event and _moment(e) < _moment(sale))
        if macro.value is None:
            return
        stated = sale.properties.get(macro.value) if isinstance(macro.value, str) else macro.value
        value = hundredths(stated)
        judgement.bad_value = value is None
        judgement.value = min(value or 0, round(self.experiment.value_cap * 100))

    def _cells(self, table: Table, judgement: Judgement) -> Iterator[tuple[int, Cell, Counts]]:
        """What one judgement adds to its table, with the cohort it adds to."""
        cohort, variant = judgement.cohort, judgement.first.variant or ""
        if table.kind == "exposed":
            yield cohort, ("exposed", cohort, variant), (1,)
            return
        if judgement.excluded:
            return
        if table.kind == "patterns":
            pattern = sum(1 << bit for bit, step in enumerate(table.steps) if step in judgement.reached)
            worth = (1, judgement.value, judgement.value**2)
            for attribute, level in (("", ""), *self.levels(judgement)):
                yield cohort, ("patterns", attribute, level, cohort, variant, pattern), worth
            return
        (step,) = table.steps
        counts = (1, int(step in judgement.reached))
        if table.kind == "reach":
            yield cohort, ("reach", step, "", "", cohort, self.stratum(judgement), variant), counts
            return
        for attribute, level in self.levels(judgement):
            yield cohort, ("reach", step, attribute, level, cohort, "", variant), counts

    def marks(self, judgement: Judgement, person: Person) -> Iterator[Cell]:
        """What the ledger says of one person who was exposed."""
        variant = judgement.first.variant or ""
        if judgement.excluded:
            yield "ledger", judgement.excluded, variant
        if judgement.bad_value:
            yield "ledger", "bad-value", variant
        for event in person.exposures:
            if event.variant != judgement.first.variant:
                yield "ledger", "second-variant", event.variant or ""

    def levels(self, judgement: Judgement) -> Sequence[tuple[str, str]]:
        """Every segment attribute and its level at first exposure."""
        return tuple((attribute, self._level(judgement, attribute)) for attribute in self.attributes)

    def _level(self, judgement: Judgement, attribute: str) -> str:
        """An attribute at first exposure. `returning`: first seen before the phase started."""
        attributes = judgement.first.attributes
        if attribute == "returning" and "returning" not in attributes and "first_seen" in attributes:
            return "true" if attributes["first_seen"] < self.started_at.date().isoformat() else "false"
        return attributes.get(attribute) or UNKNOWN

    def stratum(self, judgement: Judgement) -> str:
        """The stratum in which this person is compared, "" where there is one only."""
        return ", ".join(f"{name}={self._level(judgement, name)}" for name in self.experiment.analysis.adjust_for)


@dataclass(slots=True)
class Judgement:
    """What one table makes of one person. `sale`: the macro-conversion whose value counts (patterns only)."""

    first: Event
    cohort: int
    excluded: str | None
    reached: dict[str, datetime] = field(default_factory=dict)
    sale: Event | None = None
    value: int = 0
    bad_value: bool = False
