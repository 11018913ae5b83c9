"""VisitorPage: one visitor's story as the page and the terminal show it, in words."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from experiments.audit.visitor_account import Counted, VisitorPhase
from experiments.audit.visitor_history import JudgedEvent, VisitorHistory
from experiments.definition.experiment import Experiment
from experiments.definition.quantity import iso
from experiments.events.event import Event, Refusal
from experiments.store.store import Store
from webapp.pages.visitor import visitor_sentences as sentences
from webapp.pages.visitor.visitor_sentences import Tone
from webapp.words.formatting import Formatting, listing
from webapp.words.sentences import spoken
from webapp.words.vocabulary import GRADES, KINDS, left_out, refusal

SHOWN = 400  # moments; a robot may have more
_SEARCHED = 1_000  # newest arrivals among which refused events are looked for
_LONGEST = 120  # characters of a property's value


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence with its sign."""

    tone: Tone
    words: str

    @property
    def sign(self) -> str:
        """The shape of its tone."""
        return sentences.SIGNS[self.tone]


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step of a phase: whether it was reached, and why. `seal`: since or until when facts could change it."""

    name: str
    tag: str
    answer: Statement
    more: Sequence[str]
    seal: str


@dataclass(frozen=True, slots=True)
class Part:
    """The visitor's part in one phase, as one of perhaps several visitors (a join that came too late).

    `column`: which variant, counted from 0, for its colour; None when no exposure counts. `visitor`: the id of the
    first exposure when there are several. `marks`: title, meaning and number of what the ledger has.
    """

    experiment: Experiment
    visitor: str
    variant: str
    column: int | None
    standing: Sequence[str]
    steps: Sequence[StepRow]
    value: str
    attributes: Sequence[tuple[str, str]]
    marks: Sequence[tuple[str, str, int]]


@dataclass(frozen=True, slots=True)
class Moment:
    """One event or refusal on the time line. `lines`: (experiments' names, what became of it there)."""

    at: datetime
    clock: str
    title: str
    context: str
    visitor: str
    delay: str
    details: Sequence[tuple[str, str]]
    lines: Sequence[tuple[str, Sequence[Statement]]]
    tone: Tone

    @property
    def machine_time(self) -> str:
        """The instant as machines read it."""
        return iso(self.at)


@dataclass(frozen=True, slots=True)
class VisitorPage:
    """Everything shown of one visitor. `days`: the time line; `left_out`: moments beyond those shown."""

    visitor: str
    others: Sequence[str]
    number: int
    withdrawn: bool
    parts: Sequence[Part]
    days: Sequence[tuple[datetime, Sequence[Moment]]]
    left_out: int


def visitor_page(
    history: VisitorHistory, refusals: Sequence[Refusal], now: datetime, formatting: Formatting
) -> VisitorPage:
    """Put this history into words. `refusals`: those of its ids that are still known."""
    counted = {(one.experiment.key, one.experiment.phase): one.visitors for one in history.phases}
    moments = [_moment(told, counted, history.visitor, formatting) for told in history.events]
    moments = sorted(
        [*moments, *(_refused(one, history.visitor, formatting) for one in refusals)], key=lambda one: one.at
    )
    shown = moments[-SHOWN:]
    days = groupby(shown, key=lambda one: one.at.astimezone(formatting.zone).date())
    return VisitorPage(
        visitor=history.visitor,
        others=history.ids[1:],
        number=len(history.events),
        withdrawn=any(told.event.kind == "withdrawal" for told in history.events),
        parts=[part for one in history.phases for part in _parts(one, now, formatting)],
        days=[(some[0].at, some) for some in (list(of_day) for _, of_day in days)],
        left_out=len(moments) - len(shown),
    )


def refused(store: Store, history: VisitorHistory) -> list[Refusal]:
    """What was refused of this visitor's ids among the newest arrivals."""
    ids = set(history.ids)
    return [one for one in store.recent(_SEARCHED) if isinstance(one, Refusal) and one.visitor in ids]


def _parts(one: VisitorPhase, now: datetime, formatting: Formatting) -> Iterator[Part]:
    keys = [variant.key for variant in one.experiment.variants]
    marks = [(*left_out(reason), sum(counts.values())) for reason, counts in one.ledger.items()]
    if not one.visitors:
        yield Part(one.experiment, "", "", None, (), (), "", (), marks)
    for counted in one.visitors:
        several = len(one.visitors) > 1
        yield Part(
            experiment=one.experiment,
            visitor=counted.exposure.visitor if several else "",
            variant=counted.exposure.variant or "",
            column=keys.index(counted.exposure.variant or ""),
            standing=sentences.standing(one, counted, formatting),
            steps=list(_rows(one, counted, now, formatting)),
            value=sentences.worth(counted, one.experiment, formatting) if counted.sale else "",
            attributes=[(name, level) for name, level in counted.attributes.items() if level != "unknown"],
            marks=marks if counted is one.visitors[0] else (),
        )


def _rows(one: VisitorPhase, counted: Counted, now: datetime, formatting: Formatting) -> Iterator[StepRow]:
    """Every step for this visitor; twice where a join was in time for the days, but not for the step."""
    ids = [other.exposure.visitor for other in one.visitors]
    for step in one.experiment.steps:
        tag = GRADES[step.grade] if step.grade else KINDS[one.experiment.kind_of(step)].lower()
        passages = [
            passage
            for passage in one.passages
            if passage.step == step
            and (passage.exposure.visitor if passage.exposure.visitor in ids else ids[0]) == counted.exposure.visitor
        ]
        for passage in passages:
            tone, (answer, *more) = sentences.outcome(passage, now, formatting)
            if passage.exposure != counted.exposure:
                first = passage.exposure
                since = f"{first.variant} since {formatting.moment(first.at)}"
                more.insert(0, f"Here {first.visitor} counts, in {since}: the rest came too late for this step.")
            seal = f"{'open until' if now <= passage.sealed_at else 'sealed'} {formatting.moment(passage.sealed_at)}"
            yield StepRow(spoken(step.step), tag, Statement(tone, answer), more, seal)
        if not passages:
            late = Statement("alarm", "Not counted: the exposure was received too late for it.")
            yield StepRow(spoken(step.step), tag, late, (), "")


def _moment(
    told: JudgedEvent, parts: Mapping[tuple[str, int], Sequence[Counted]], asked: str, shown: Formatting
) -> Moment:
    event = told.event
    by_line: dict[Statement, list[str]] = {}
    exposed = any(one.note.fate != "not-exposed" for one in told.notes)
    some = [one for one in told.notes if not (exposed and one.note.fate == "not-exposed")]
    for phase, notes in groupby(some, key=lambda one: one.phase):
        counted = parts.get((phase.key, phase.phase), ())
        for note in sentences.told((one.note for one in notes), event, phase):
            line = Statement(sentences.tone(note), sentences.said(note, event, phase, counted, shown))
            by_line.setdefault(line, []).append(phase.name)
    if not by_line:
        by_line[Statement("plain", _nothing(event))] = []
    tones = [line.tone for line in by_line]
    names = dict.fromkeys(listing(names) for names in by_line.values())
    return Moment(
        at=event.at,
        clock=f"{event.at.astimezone(shown.zone):%H:%M:%S}",
        title=sentences.title(event),
        context=f"{event.experiment}: {event.variant}" if event.experiment else "",
        visitor=event.visitor if event.visitor != asked else "",
        delay=sentences.delay(event),
        details=list(_details(event)),
        lines=[(name, [line for line, where in by_line.items() if listing(where) == name]) for name in names],
        tone="alarm" if "alarm" in tones else "good" if "good" in tones else "plain",
    )


def _nothing(event: Event) -> str:
    if event.kind == "action":
        return "No step of an experiment that ran then asks for it."
    if event.kind == "exposure":
        return "No recorded phase of this experiment concerns it."
    return "Concerns no experiment that this visitor was exposed to."


def _details(event: Event) -> Iterator[tuple[str, str]]:
    """What came with the event, for reading."""
    for name, value in (*event.properties.items(), *(event.attributes.items() if event.kind == "exposure" else ())):
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        yield name, text if len(text) <= _LONGEST else text[:_LONGEST] + "\u2026"


def _refused(one: Refusal, asked: str, shown: Formatting) -> Moment:
    line = Statement("alarm", f"Refused, {refusal(one.reason)[0]}: {one.detail[:400]}")
    clock = f"{one.refused_at.astimezone(shown.zone):%H:%M:%S}"
    what = one.name or "An event without a name"
    return Moment(
        one.refused_at, clock, what, "", one.visitor if one.visitor != asked else "", "", (), [("", [line])], "alarm"
    )
