"""The former judge: the rule of counting as it was first written, to which the present one is held.

It knows no short way. Each table asks by itself which facts it may know, and writes its own cells. It shares the values
with what it checks (events, clocks, definitions, the shape of the answer), and none of the rules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from experiments.definition.experiment import Experiment
from experiments.definition.money import hundredths
from experiments.events.cohort import DAY, HOUR, Clock
from experiments.events.contribution import Cell, Counts, Row
from experiments.events.event import Event, MessageId, VisitorId, distinct
from experiments.events.journey import Journey
from experiments.events.person import people
from experiments.events.tally import Tally, add

SEGMENTS = ("device", "source", "returning", "language")


def journey(experiment: Experiment, events: Iterable[Event]) -> Journey:
    """What do the events of one person (of all ids that joins connect) mean for this phase?"""
    return _Meaning(experiment).journey(distinct(events))


def tally(experiment: Experiment, events: Iterable[Event]) -> Tally:
    """What do all these events add up to in this phase?"""
    meaning, total = _Meaning(experiment), dict[Cell, Counts]()
    for person in people(distinct(events)):
        add(total, meaning.journey(person).rows)
    return total


@dataclass(frozen=True)
class _Table:
    kind: str
    clock: Clock
    steps: tuple[str, ...] = ()


@dataclass
class _Person:
    exposures: list[Event] = field(default_factory=list)
    actions: list[Event] = field(default_factory=list)


@dataclass
class _Judgement:
    first: Event
    cohort: int
    excluded: str | None
    reached: dict[str, datetime] = field(default_factory=dict)
    value: int = 0
    bad_value: bool = False


def _moment(event: Event) -> tuple[datetime, datetime, str]:
    return (event.at, event.received_at, event.message_id)


class _Meaning:
    def __init__(self, experiment: Experiment) -> None:
        assert experiment.started_at is not None
        self.experiment = experiment
        self.started_at: datetime = experiment.started_at
        steps = experiment.steps
        self.makes = {
            step.step: {step.event} | {later.event for later in experiment.path[index:]}
            for index, step in enumerate(steps)
        }
        self.tables = [
            _Table("exposed", Clock(HOUR, timedelta(0))),
            *(_Table("reach", Clock(HOUR, experiment.window_of(step)), (step.step,)) for step in steps),
            *(_Table("segments", Clock(DAY, experiment.window_of(step)), (step.step,)) for step in steps),
            _Table("patterns", Clock(DAY, experiment.window), tuple(step.step for step in steps)),
        ]

    def journey(self, events: Sequence[Event]) -> Journey:
        self.people: dict[VisitorId, _Person] = {}
        self.joins: list[tuple[VisitorId, VisitorId, Event]] = []
        self.withdrawn = False
        rows: list[Row] = [(cell, (1,)) for cell in self._sort(events)]
        late: set[MessageId] = set()
        main: _Judgement | None = None
        for table in self.tables:
            for person in self._people(table, late):
                judgement = self._judge(table, person, late)
                if judgement is None:
                    continue
                if self.withdrawn:
                    judgement.excluded = "consent-withdrawn"
                rows.extend((cell, counts) for _, cell, counts in self._cells(table, judgement))
                if table.kind == "patterns":
                    rows.extend((cell, (1,)) for cell in self._marks(judgement, person))
                    if main is None or _moment(judgement.first) < _moment(main.first):
                        main = judgement
        if late:
            rows.append((("ledger", "late", ""), (len(late),)))
        if main is None:
            return Journey(late=frozenset(late), rows=rows)
        first = main.first
        return Journey(first.variant, first.at, main.excluded, main.reached, main.value, frozenset(late), rows)

    def _sort(self, events: Sequence[Event]) -> Iterator[Cell]:
        phase, variants = self.experiment, {variant.key for variant in self.experiment.variants}
        for event in events:
            person = self.people.setdefault(event.visitor, _Person())
            if event.kind == "exposure" and event.experiment == phase.key and event.variant in variants:
                if event.at < self.started_at:
                    if phase.phase == 1:
                        yield "ledger", "before-start", event.variant
                elif phase.ended_at is not None and event.at >= phase.ended_at:
                    yield "ledger", "after-end", event.variant
                else:
                    person.exposures.append(event)
            elif event.kind == "action" and event.name in {step.event for step in phase.steps}:
                person.actions.append(event)
            elif event.kind == "withdrawal":
                self.withdrawn = True
            if event.joined is not None and event.joined != event.visitor:
                self.people.setdefault(event.joined, _Person())
                self.joins.append((event.visitor, event.joined, event))

    def _people(self, table: _Table, late: set[MessageId]) -> Iterable[_Person]:
        """The joins, in order of receipt, that change no cohort already sealed."""
        home = {visitor: visitor for visitor in self.people}
        groups = dict(self.people)
        for visitor, joined, join in self.joins:
            one, two = home[visitor], home[joined]
            if one == two:
                continue
            merged = _Person(groups[one].exposures + groups[two].exposures, groups[one].actions + groups[two].actions)
            change: Counter[tuple[int, Cell, Counts]] = Counter()
            for sign, person in ((-1, groups[one]), (-1, groups[two]), (1, merged)):
                judgement = self._judge(table, person, set())
                if judgement:
                    change.update(dict.fromkeys(self._cells(table, judgement), sign))
            if any(count and join.received_at > table.clock.seal(cohort) for (cohort, _, _), count in change.items()):
                late.add(join.message_id)
                continue
            groups[one] = merged
            del groups[two]
            home = {visitor: one if group == two else group for visitor, group in home.items()}
        return groups.values()

    def _judge(self, table: _Table, person: _Person, late: set[MessageId]) -> _Judgement | None:
        """Steps and value as this table counts them; what came too late to be counted goes to `late`."""
        clock = table.clock
        for first in sorted(person.exposures, key=_moment):
            cohort = clock.cohort(first.at)
            seal = clock.seal(cohort)
            if first.received_at <= seal:
                break
            late.add(first.message_id)
        else:
            return None
        excluded = next((flag for flag in ("bot", "staff") if first.attributes.get(flag) == "true"), None)
        within = [one for one in person.actions if first.at <= one.at <= first.at + clock.window]
        known = [one for one in within if one.received_at <= seal]
        tardy = [one for one in within if one.received_at > seal]
        judgement = _Judgement(first, cohort, excluded)
        for key in table.steps:
            times = [event.at for event in known if event.name in self.makes[key]]
            if times:
                judgement.reached[key] = min(times)
            else:
                late.update(event.message_id for event in tardy if event.name in self.makes[key])
        if table.kind == "patterns":
            self._value(judgement, known, tardy, late)
        return judgement

    def _value(self, judgement: _Judgement, known: list[Event], tardy: list[Event], late: set[MessageId]) -> None:
        macro = self.experiment.macro
        sale = min((event for event in known if event.name == macro.event), key=_moment, default=None)
        if sale is None:
            return
        late.update(e.message_id for e in tardy if e.name == macro.event and _moment(e) < _moment(sale))
        if macro.value is None:
            return
        value = hundredths(sale.properties.get(macro.value) if isinstance(macro.value, str) else macro.value)
        judgement.bad_value = value is None
        judgement.value = min(value or 0, round(self.experiment.value_cap * 100))

    def _cells(self, table: _Table, judgement: _Judgement) -> Iterator[tuple[int, Cell, Counts]]:
        """What one judgement adds to its table, with the cohort it adds to."""
        cohort, variant = judgement.cohort, judgement.first.variant or ""
        levels = [(name, self._level(judgement, name)) for name in dict.fromkeys(SEGMENTS + self.experiment.segments)]
        if table.kind == "exposed":
            yield cohort, ("exposed", cohort, variant), (1,)
            return
        if judgement.excluded:
            return
        if table.kind == "patterns":
            pattern = sum(1 << bit for bit, step in enumerate(table.steps) if step in judgement.reached)
            worth = (1, judgement.value, judgement.value**2)
            for attribute, level in (("", ""), *levels):
                yield cohort, ("patterns", attribute, level, cohort, variant, pattern), worth
            return
        (step,) = table.steps
        counts = (1, int(step in judgement.reached))
        if table.kind == "reach":
            strata = (f"{name}={self._level(judgement, name)}" for name in self.experiment.analysis.adjust_for)
            yield cohort, ("reach", step, "", "", cohort, ", ".join(strata), variant), counts
            return
        for attribute, level in levels:
            yield cohort, ("reach", step, attribute, level, cohort, "", variant), counts

    def _marks(self, judgement: _Judgement, person: _Person) -> Iterator[Cell]:
        variant = judgement.first.variant or ""
        if judgement.excluded:
            yield "ledger", judgement.excluded, variant
        if judgement.bad_value:
            yield "ledger", "bad-value", variant
        for event in person.exposures:
            if event.variant != variant:
                yield "ledger", "second-variant", event.variant or ""

    def _level(self, judgement: _Judgement, attribute: str) -> str:
        attributes = judgement.first.attributes
        if attribute == "returning" and "returning" not in attributes and "first_seen" in attributes:
            return "true" if attributes["first_seen"] < self.started_at.date().isoformat() else "false"
        return attributes.get(attribute) or "unknown"
