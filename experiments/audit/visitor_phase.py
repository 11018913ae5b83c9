"""VisitorPhase: one visitor's part in one phase, with the reason for every fact. It tells what journey.py decides.

Nothing is decided here: variant, steps, value and exclusion are those of `Meaning.judged`, table by table. What is
added is the reason: which event reached a step, and what each other event missed, by which moment.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from experiments.assignment.assignment import place
from experiments.audit.visitor_account import Counted, Fate, Missed, Note, Passage, VisitorPhase, Where
from experiments.definition.experiment import Experiment
from experiments.events.contribution import Table, in_time
from experiments.events.event import Event, MessageId, distinct
from experiments.events.journey import Facts, Judgement, Meaning, Person
from experiments.events.tally import Tally, add, ledger_table

# hourly cohorts of each step; its daily ones by segment; the days of value and funnel; the check of the sample ratio
_WHERE: Mapping[str, Where] = {"reach": "verdict", "segments": "segments", "patterns": "days", "exposed": "division"}


def visitor_phase(phase: Experiment, events: Iterable[Event]) -> VisitorPhase | None:
    """How were the events of one person judged in this phase? None when no exposure has to do with it."""
    events = distinct(events)
    meaning = Meaning(phase)
    facts = meaning.facts(events)
    if not facts.outside and not any(person.exposures for person in facts.people.values()):
        return None
    telling = _Telling(meaning, facts)
    for table in reversed(meaning.tables):  # the daily patterns first: they say as whom the visitor counts
        telling.table(table)
    telling.rest(events)
    cells: Tally = {}
    add(cells, meaning.journey(events).rows)
    visitors = sorted(telling.visitors, key=lambda one: in_time(one.exposure))
    hashed = phase.assignment == "hash" and visitors
    return VisitorPhase(
        experiment=phase,
        variant=visitors[0].exposure.variant if visitors else None,
        assigned=place(phase, visitors[0].exposure.visitor) if hashed else None,
        visitors=visitors,
        passages=sorted(telling.passages, key=lambda one: (phase.steps.index(one.step), in_time(one.exposure))),
        ledger=ledger_table(cells),
        division=telling.division,
        notes={message: telling.of(message) for message in telling.noted},
    )


@dataclass(slots=True)
class _Telling:
    """Gathers what one phase's tables say, table by table. `noted`: message -> (fate, limit, where) -> steps."""

    meaning: Meaning
    facts: Facts
    visitors: list[Counted] = field(default_factory=list)
    passages: list[Passage] = field(default_factory=list)
    division: list[Event] = field(default_factory=list)
    noted: dict[MessageId, dict[tuple[Fate, datetime | None, Where], list[str]]] = field(default_factory=dict)

    def of(self, message: MessageId) -> Sequence[Note]:
        """What is noted of this event; steps with the same fate and limit are one note, in the order of the path."""
        order = [step.step for step in self.meaning.experiment.steps]
        return [
            Note(fate, tuple(sorted(set(steps), key=order.index)), limit, where)
            for (fate, limit, where), steps in self.noted[message].items()
        ]

    def note(self, event: Event, note: Note) -> None:
        """Note this of an event."""
        fates = self.noted.setdefault(event.message_id, defaultdict(list))
        fates[note.fate, note.limit, note.where] += note.steps

    def table(self, table: Table) -> None:
        """Tell what one table counts, and what came too late for it."""
        late: set[MessageId] = set()
        judged = list(self.meaning.judged(table, self.facts, late))
        if table.kind == "reach":
            self._reach(table, judged)
        elif table.kind == "exposed":
            self.division = [judgement.first for _, judgement in judged]
        elif table.kind == "patterns":
            self._days(table, judged)
        where = _WHERE[table.kind]
        steps = table.steps if where == "verdict" else ()
        for event in self._exposures():
            if event.message_id in late:
                self.note(event, Note("too-late", steps, table.sealed_at(event), where))
        for _, _, join in self.facts.joins:
            if join.message_id in late:
                self.note(join, Note("join-too-late", steps, None, where))
        if where in ("days", "segments"):
            for person, judgement in judged:
                for event in person.actions:
                    if event.message_id in late:
                        own = tuple(key for key in table.steps if event.name in self.meaning.rules.makers[key])
                        self.note(event, Note("too-late", own, table.sealed_at(judgement.first), where))

    def rest(self, events: Iterable[Event]) -> None:
        """What no table counts: exposures outside the phase, joins that were in time, consent withdrawn."""
        limits = {"before-start": self.meaning.rules.started_at, "after-end": self.meaning.experiment.ended_at}
        for event in events:
            if event.kind == "withdrawal":
                self.note(event, Note("withdrawal"))
            elif event.kind == "exposure":
                belonging = self.meaning.belonging(event)
                if belonging in ("unknown-variant", "before-start", "after-end"):
                    self.note(event, Note(belonging, limit=limits.get(belonging)))
        for _, _, join in self.facts.joins:
            if all(fate != "join-too-late" for fate, _, _ in self.noted.get(join.message_id, ())):
                self.note(join, Note("joined"))

    def _exposures(self) -> Iterator[Event]:
        for person in self.facts.people.values():
            yield from person.exposures

    def _days(self, table: Table, judged: Sequence[tuple[Person, Judgement]]) -> None:
        """As whom the visitor counts, and with which value."""
        for person, judgement in judged:
            first = judgement.first
            counted = self._counted(table, judgement)
            self.visitors.append(counted)
            for event in person.exposures:
                fate: Fate = "exposed-again" if event.variant == first.variant else "second-variant"
                self.note(event, Note("first-exposure" if event is first else fate))
            if counted.sale is not None:
                self.note(counted.sale, Note("sale", (self.meaning.experiment.macro.step,)))

    def _counted(self, table: Table, judgement: Judgement) -> Counted:
        rules, first, one = self.meaning.rules, judgement.first, judgement.counted
        sale = rules.sale(first, judgement.known)
        worth = rules.worth(sale) if sale is not None else None
        return Counted(
            exposure=first,
            excluded=one.excluded,
            reached={step: event.at for step, event in self.meaning.reached(table, judgement).items()},
            attributes=dict(one.levels),
            stratum=one.stratum,
            sale=sale,
            value=one.value,
            bad_value=one.bad_value,
            capped=worth is not None and worth > one.value,
        )

    def _reach(self, table: Table, judged: Sequence[tuple[Person, Judgement]]) -> None:
        """Which event reached the step, and what the others that could have missed."""
        (key,) = table.steps
        makes = self.meaning.rules.makers[key]
        own = {event.message_id for person, _ in judged for event in person.actions}
        strangers = [
            event
            for person in self.facts.people.values()
            for event in person.actions
            if event.name in makes and event.message_id not in own
        ]
        for event in strangers:
            self.note(event, Note("other-visitor" if judged else "not-exposed", (key,)))
        for person, judgement in judged:
            first = judgement.first
            until, sealed_at = first.at + table.clock.window, table.sealed_at(first)
            makers = sorted((event for event in person.actions if event.name in makes), key=in_time)
            by = self.meaning.reached(table, judgement).get(key)
            missed = []
            for event in makers:
                note = _missed(key, event, first, until, sealed_at, by)
                self.note(event, note)
                if note.fate not in ("reached", "repeated"):
                    missed.append(Missed(event, note))
            missed += [Missed(event, Note("other-visitor", (key,))) for event in strangers]
            step = next(step for step in self.meaning.experiment.steps if step.step == key)
            mine = [one for one in self.visitors if one.exposure.visitor in _ids(person)]
            in_days = any(key in one.reached for one in mine)
            counted = judgement.counted.excluded is None
            self.passages.append(Passage(step, first, counted, by, until, sealed_at, missed, in_days))


def _missed(key: str, event: Event, first: Event, until: datetime, sealed_at: datetime, by: Event | None) -> Note:
    """What became of an event that could reach this step."""
    if event is by:
        return Note("reached", (key,))
    if event.at < first.at:
        return Note("before-exposure", (key,), first.at)
    if event.at > until:
        return Note("after-window", (key,), until)
    return Note("repeated", (key,)) if by is not None else Note("too-late", (key,), sealed_at)


def _ids(person: Person) -> set[str]:
    return {event.visitor for event in (*person.exposures, *person.actions)}
