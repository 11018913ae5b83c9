"""What became of an event, and whether a step was reached, in plain words: for the visitor's page and command."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from experiments.audit.visitor_account import Counted, Missed, Note, Passage, VisitorPhase
from experiments.definition.experiment import Experiment
from experiments.definition.quantity import write_duration
from experiments.events.event import Event
from webapp.words.formatting import Formatting, lapse, listing
from webapp.words.sentences import plain, spoken
from webapp.words.vocabulary import EVENTS, LEDGER, TABLES

Tone = Literal["good", "plain", "open", "alarm"]
SIGNS: Mapping[Tone, str] = {"good": "✓", "plain": "–", "open": "…", "alarm": "!"}
"""A shape beside each sentence, so that nobody needs its colour."""

_NEAREST = ("too-late", "other-visitor", "after-window", "before-exposure")
_SILENT = ("repeated", "before-exposure", "after-window", "not-exposed", "other-visitor")
_TONES: Mapping[str, Tone] = {
    "first-exposure": "good",
    "reached": "good",
    "sale": "good",
    "joined": "good",
    "second-variant": "alarm",
    "unknown-variant": "alarm",
    "too-late": "alarm",
    "join-too-late": "alarm",
    "withdrawal": "alarm",
}


def title(event: Event) -> str:
    """What happened, as a heading: the event's name, or its kind."""
    return event.name if event.kind == "action" else EVENTS[event.kind]


def said(note: Note, event: Event, phase: Experiment, counted: Sequence[Counted], formatting: Formatting) -> str:
    """What became of this event in this phase, as a sentence."""
    steps = [f"“{spoken(key)}”" for key in note.steps]
    values = {
        "variant": event.variant,
        "steps": listing(steps) if note.where == "verdict" and steps else TABLES.get(note.where, "some steps"),
        "is": "are" if len(steps) > 1 else "is",
        "limit": formatting.moment(note.limit) if note.limit else "",
        "received": formatting.moment(event.received_at),
        "visitor": event.visitor,
        "joined": event.joined,
        "value": next((worth(one, phase, formatting) for one in counted if one.sale == event), ""),
    }
    return plain(f"visitor.{note.fate}", **values)


def told(notes: Iterable[Note], event: Event, phase: Experiment) -> Iterator[Note]:
    """What of this is worth a line: a later milestone says nothing of the earlier ones that it does not reach,
    and segments nothing that the step does not say as well."""
    own = {step.step for step in phase.steps if step.event == event.name}
    ordered = sorted(notes, key=lambda note: (note.where != "verdict", note.fate == "sale"))
    for note in ordered:
        if note.where == "segments" and any(other.where == "verdict" for other in ordered):
            continue
        if note.fate in _SILENT:
            steps = tuple(key for key in note.steps if key in own)
            if steps:
                yield replace(note, steps=steps)
        else:
            yield note


def tone(note: Note) -> Tone:
    """How much a reader should care."""
    return _TONES.get(note.fate, "plain")


def worth(one: Counted, phase: Experiment, formatting: Formatting) -> str:
    """The value of this visitor, and what was made of the amount in the event."""
    if phase.macro.value is None:
        return "none, the config names no value"
    if one.bad_value:
        return f"{formatting.money(0)}, because the amount is missing or no number"
    capped = f", cut off at value_cap: {phase.value_cap:g}" if one.capped else ""
    return formatting.money(one.value) + capped


def outcome(passage: Passage, now: datetime, formatting: Formatting) -> tuple[Tone, Sequence[str]]:
    """Was this step reached, by what, and if not, why? The first sentence is the answer."""
    at, by = formatting.moment, passage.reached
    if by is not None:
        through = "" if by.name == passage.step.event else f" through “{by.name}”, a later step"
        after = lapse(by.at - passage.exposure.at)
        sentences = [f"Reached {at(by.at)}, {after} after the first exposure{through}."]
        return ("good" if passage.counted else "plain"), sentences
    missed = [_missed(one.event, one.note, formatting) for one in _telling(passage)]
    if now <= passage.until:
        return "open", [f"Not yet. There is time until {at(passage.until)}.", *missed]
    answer = f"Not reached within {write_duration(passage.until - passage.exposure.at)}."
    if now <= passage.sealed_at:
        return "open", [f"{answer} A report of it that comes by {at(passage.sealed_at)} counts.", *missed]
    late = any(one.note.fate in ("too-late", "other-visitor") for one in passage.missed)
    days = ["Value and funnel, which seal with the day and give every step the whole window, count it."]
    return ("alarm" if late else "plain"), [answer, *missed, *(days if passage.in_days else [])]


def standing(one: VisitorPhase, counted: Counted, formatting: Formatting) -> list[str]:
    """Since when is the visitor in which variant, who says so, and is anything left out?"""
    first = counted.exposure
    sentences = [f"First exposed {formatting.moment(first.at)}."]
    if one.assigned is None:
        sentences.append("Another tool assigned the variant; its report is trusted.")
    elif not one.assigned.in_experiment:
        sentences.append(f"The hash puts this id {spoken(one.assigned.reason)}; what the visitor saw counts.")
    elif one.assigned.variant == first.variant:
        sentences.append("The hash of the id gives the same variant.")
    else:
        sentences.append(f"The hash of the id gives {one.assigned.variant}; what the visitor saw counts.")
    if counted.excluded:
        sentences.append(LEDGER[counted.excluded][1])
    if counted.stratum:
        sentences.append(f"Compared among {counted.stratum.replace('=', ' ')}.")
    return sentences


def delay(event: Event) -> str:
    """How much later than it happened was it received? "" when it was nearly at once."""
    late = event.received_at - event.at
    return f"received {lapse(late)} later" if late >= timedelta(seconds=5) else ""


def _telling(passage: Passage) -> Iterator[Missed]:
    """Of the events that missed the step, the one that came nearest in each way: too late, then after, then before."""
    by_fate = {fate: [one for one in passage.missed if one.note.fate == fate] for fate in _NEAREST}
    for fate, some in by_fate.items():
        if some:
            yield some[-1] if fate == "before-exposure" else some[0]


def _missed(event: Event, note: Note, formatting: Formatting) -> str:
    at, limit = formatting.moment(event.at), formatting.moment(note.limit) if note.limit else ""
    match note.fate:
        case "before-exposure":
            return f"“{event.name}” happened {at}, before the first exposure."
        case "after-window":
            return f"“{event.name}” happened {at}; the time was over {limit}."
        case "too-late":
            received = formatting.moment(event.received_at)
            return f"“{event.name}” happened in time, but was received {received}; it would have counted until {limit}."
        case _:
            return f"“{event.name}” is of {event.visitor}, an id joined too late for this step."
