"""journey: the one meaning of the data. From one person's events to variant, steps reached, value, exclusion.

Every store agrees with this file, and with contribution.py on what the facts that are known count as. The rules of
this file, each tested by a case that fails when the rule is changed:

- An exposure belongs to the phase with started_at <= its time < ended_at. The first one decides the variant for good.
- A number that was published does not change: every fact counts for a table only if it was received by the seal of the
  earliest cohort that it would change there. So each table has its own judgement of who is one person, of their first
  exposure and of their actions, and a join that came too late for one may be in time for another.
- What came within GRACE of its time came before every seal that it could matter to. Where all did, and nobody is
  joined, the tables agree, and one contribution tells them all.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

from experiments.definition.definition import GRACE
from experiments.definition.experiment import Experiment
from experiments.events.cohort import Clock
from experiments.events.contribution import Cell, Contribution, Row, Rules, Table, in_time, rows
from experiments.events.event import Event, MessageId, VisitorId, distinct


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

    >>> from datetime import UTC
    >>> def at(minute):
    ...     return datetime(2026, 11, 2, 9, minute, tzinfo=UTC)
    >>> phase = Experiment.model_validate({
    ...     "key": "form", "name": "One page or three", "status": "running", "started_at": at(0),
    ...     "variants": [{"key": "one-page", "weight": 50}, {"key": "three-pages", "weight": 50}],
    ...     "path": [{"step": "begun", "event": "form_begun"}, {"step": "sent", "event": "form_sent", "value": 80}],
    ...     "window": "7 days",
    ... })
    >>> ann = VisitorId("ann")
    >>> met = Event(MessageId("1"), "exposure", ann, at(5), at(5), experiment="form", variant="three-pages")
    >>> sent = Event(MessageId("2"), "action", ann, at(20), at(20), name="form_sent")
    >>> found = journey(phase, [sent, met])
    >>> found.variant, sorted(found.reached), found.value
    ('three-pages', ['begun', 'sent'], 8000)
    """
    return Meaning(experiment).journey(distinct(events))


def concerns(phase: Experiment, event: Event) -> bool:
    """Has this event anything to do with this phase?"""
    if event.kind == "exposure":
        return event.experiment == phase.key or event.joined is not None
    return event.kind != "action" or event.joined is not None or any(step.event == event.name for step in phase.steps)


class Judgement(NamedTuple):
    """What the tables of one clock make of one person.

    `first`: the exposure that counts. `known` and `tardy`: actions received by the seal of its cohort, and later.
    """

    first: Event
    known: Sequence[Event]
    tardy: Sequence[Event]
    counted: Contribution


@dataclass(slots=True)
class Person:
    """Facts of one or more ids, and what the clocks asked so far make of them."""

    exposures: list[Event] = field(default_factory=list)
    actions: list[Event] = field(default_factory=list)
    judged: dict[Clock, Judgement | None] = field(default_factory=dict)


@dataclass(slots=True)
class Facts:
    """What concerns one phase; `outside` are ledger cells of exposures outside it."""

    people: dict[VisitorId, Person] = field(default_factory=dict)
    joins: list[tuple[VisitorId, VisitorId, Event]] = field(default_factory=list)
    outside: list[Cell] = field(default_factory=list)
    withdrawn: bool = False


Belonging = Literal["inside", "other-experiment", "unknown-variant", "earlier-phase", "before-start", "after-end"]


class Meaning:
    """One phase's judge, made once for many people. Raises ValueError when the experiment is no phase."""

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        self.rules = Rules(experiment)
        self.tables = self.rules.tables
        self._variants = {variant.key for variant in experiment.variants}

    def journey(self, events: Sequence[Event]) -> Journey:
        """The journey of one person whose events are distinct and in order of receipt."""
        late: set[MessageId] = set()
        found: list[tuple[Sequence[Table], Judgement]] = []
        facts = None
        if agreed := self._agreed(events):
            found = [(self.tables, agreed)]
        else:
            facts = self.facts(events)
            if any(person.exposures for person in facts.people.values()):
                found = [((table,), one) for table in self.tables for _, one in self.judged(table, facts, late)]
        added: list[Row] = [(cell, (1,)) for cell in facts.outside] if facts else []
        added += (row for tables, one in found for row in rows(one.counted, tables))
        if late:
            added.append((("ledger", "late", ""), (len(late),)))
        patterns = self.tables[-1]
        of_days = (one for tables, one in found if tables[-1] is patterns)
        main = min(of_days, key=lambda one: in_time(one.first), default=None)
        if main is None:
            return Journey(late=frozenset(late), rows=added)
        first, counted = main.first, main.counted
        reached = {step: event.at for step, event in self.reached(patterns, main).items()}
        return Journey(first.variant, first.at, counted.excluded, reached, counted.value, frozenset(late), added)

    def contribution(self, events: Sequence[Event]) -> Contribution | None:
        """What one person is counted as if all tables agree on that, read at once from their distinct events.

        None of somebody of two ids, exposed outside the phase or never, whose consent was withdrawn, or of whom a fact
        came later than GRACE: then each table is asked. If it is not None, fewer of these events add nothing, or have
        a contribution too.
        """
        agreed = self._agreed(events)
        return agreed and agreed.counted

    def _agreed(self, events: Sequence[Event]) -> Judgement | None:
        """The judgement on which all tables agree; None where they may not."""
        actions, exposures = [], []
        for event in events:
            if event.received_at - event.at > GRACE or event.visitor != events[0].visitor:
                return None
            if event.kind == "action":
                actions.append(event)
            elif event.kind != "exposure":
                return None
            elif (belonging := self.belonging(event)) == "inside":
                exposures.append(event)
            elif belonging in ("before-start", "after-end"):
                return None
        if not exposures:
            return None
        first = min(exposures, key=in_time)
        return Judgement(first, actions, (), self.rules.contribution(first, actions, exposures))

    def belonging(self, exposure: Event) -> Belonging:
        """Does this exposure belong to the phase, and if not, why?"""
        if exposure.experiment != self.experiment.key:
            return "other-experiment"
        if exposure.variant not in self._variants:
            return "unknown-variant"
        if exposure.at < self.rules.started_at:
            return "before-start" if self.experiment.phase == 1 else "earlier-phase"
        ended_at = self.experiment.ended_at
        return "after-end" if ended_at is not None and exposure.at >= ended_at else "inside"

    def facts(self, events: Sequence[Event]) -> Facts:
        """What of these events concerns this phase."""
        facts = Facts()
        for event in events:
            person = facts.people.setdefault(event.visitor, Person())
            if event.kind == "exposure":
                belonging = self.belonging(event)
                if belonging == "inside":
                    person.exposures.append(event)
                elif belonging in ("before-start", "after-end"):
                    facts.outside.append(("ledger", belonging, event.variant or ""))
            elif event.kind == "action" and event.name in self.rules.names:
                person.actions.append(event)
            elif event.kind == "withdrawal":
                facts.withdrawn = True
            if event.joined is not None and event.joined != event.visitor:
                facts.people.setdefault(event.joined, Person())
                facts.joins.append((event.visitor, event.joined, event))
        return facts

    def judged(self, table: Table, facts: Facts, late: set[MessageId]) -> Iterator[tuple[Person, Judgement]]:
        """Everybody whom this table counts, and how; what came too late to be counted goes to `late`."""
        for person in self._people(table, facts, late):
            one = self._judgement(table, person)
            late.update(self._missed(table, person, one))
            if one and facts.withdrawn:
                one = one._replace(counted=one.counted._replace(excluded="consent-withdrawn"))
            if one:
                yield person, one

    def reached(self, table: Table, one: Judgement) -> Mapping[str, Event]:
        """The event that first reached each step that this table counts as reached."""
        found: dict[str, Event] = {}
        for event in sorted(one.known, key=in_time):
            bits = table.reached(self.rules.reaches(one.first, event))
            for bit, step in enumerate(table.steps):
                if bits >> bit & 1:
                    found.setdefault(step, event)
        return found

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
            both = groups[one], groups[two]
            merged = Person(both[0].exposures + both[1].exposures, both[0].actions + both[1].actions)
            change: Counter[Sequence[Row]] = Counter()  # of sealed cohorts
            for sign, person in ((-1, both[0]), (-1, both[1]), (1, merged)):
                judgement = self._judgement(table, person)
                if judgement and join.received_at > table.sealed_at(judgement.first):
                    counted = tuple(row for row in rows(judgement.counted, [table]) if row[0][0] != "ledger")
                    change[counted] += sign
            if any(counted and count for counted, count in change.items()):
                late.add(join.message_id)
                continue
            groups[one] = merged
            del groups[two]
            home = {visitor: one if group == two else group for visitor, group in home.items()}
        return groups.values()

    def _judgement(self, table: Table, person: Person) -> Judgement | None:
        """What the tables of one clock make of a person; None where no exposure was received in time."""
        if table.clock not in person.judged:
            person.judged[table.clock] = None
            if timely := [one for one in person.exposures if one.received_at <= table.sealed_at(one)]:
                first = min(timely, key=in_time)
                seal = table.sealed_at(first)
                known = [action for action in person.actions if action.received_at <= seal]
                tardy = [action for action in person.actions if action.received_at > seal]
                counted = self.rules.contribution(first, known, person.exposures)
                person.judged[table.clock] = Judgement(first, known, tardy, counted)
        return person.judged[table.clock]

    def _missed(self, table: Table, person: Person, one: Judgement | None) -> Iterator[MessageId]:
        """What came too late for this table and would have mattered: a first exposure, a step, an earlier sale."""
        for exposure in person.exposures:
            if one is None or in_time(exposure) < in_time(one.first):
                yield exposure.message_id
        if one is None:
            return
        missing = ~table.reached(one.counted.reached)
        sale = self.rules.sale(one.first, one.known) if table.kind == "patterns" else None
        for action in one.tardy:
            if table.reached(self.rules.reaches(one.first, action)) & missing or (
                sale is not None and self.rules.sale(one.first, (sale, action)) is action
            ):
                yield action.message_id
