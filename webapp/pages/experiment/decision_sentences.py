"""Decided: what people decided about an experiment, beside what its data say, and where the two differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC

from markupsafe import Markup

from experiments.definition.decision_record import DecisionRecord
from experiments.definition.experiment import Experiment
from experiments.reporting.comparison import Comparison
from experiments.reporting.report import Report
from webapp.pages.experiment.verdict_sentences import MANY, is_final
from webapp.words.formatting import Formatting, calendar_day, lift
from webapp.words.sentences import fit, name, names, say, spoken
from webapp.words.vocabulary import STATES, shown_state

Remark = tuple[Markup, bool]
"""A sentence, and whether data and decision differ in it."""


@dataclass(frozen=True, slots=True)
class Decided:
    """Hypothesis, data and decision in words. `day` and `note` are empty without a decision.

    `measured`: what the data say of each variant, of the first `MANY`. `differs`: a remark says otherwise than the
    decision.
    """

    idea: Markup | str
    state: str
    measured: Sequence[tuple[str, str, str]]
    decision: Markup
    day: str
    note: str
    remarks: Sequence[Remark]
    written: bool


def decided(report: Report, formatting: Formatting) -> Decided:
    """What was decided about this phase, held against the report's own moment."""
    experiment = report.experiment
    record = experiment.decision
    macro = report.macro
    measured = [
        (one.variant, lift(one.effect.relative_lift), fit(one.effect))
        for one in macro.comparisons[:MANY]
        if one.effect.relative_lift is not None and report.state != "withdrawn"
    ]
    idea = experiment.hypothesis or say("record.idea.none")
    state = shown_state(report.state, is_final(report))
    if record is None:
        return Decided(idea, state, measured, say("record.none"), "", "", (), False)
    shipped = experiment.shipped
    said = say(f"record.{record.made}", shipped=name(shipped or ""), control=name(experiment.control.key))
    remarks = list(_remarks(record, report, formatting))
    if not record.note and any(differs for _, differs in remarks):
        remarks.append((say("record.why"), False))
    return Decided(idea, state, measured, said, calendar_day(record.on), record.note, remarks, True)


def _remarks(record: DecisionRecord, report: Report, formatting: Formatting) -> Iterator[Remark]:
    experiment = report.experiment
    if record.on > report.as_of.astimezone(formatting.zone).date() and record.on > report.as_of.astimezone(UTC).date():
        yield say("record.later"), False
    elif report.state == "withdrawn":
        yield say("record.withdrawn"), record.made == "ship"
    else:
        yield from {"ship": _shipped, "keep-control": _kept, "inconclusive": _open}[record.made](
            record, report, formatting
        )
    given = experiment.shipped or (experiment.control.key if record.made == "keep-control" else None)
    if given is not None and experiment.serve is not None and experiment.serve != given:
        yield say("record.served", served=name(experiment.serve)), True


def _shipped(record: DecisionRecord, report: Report, formatting: Formatting) -> Iterator[Remark]:
    shipped = report.experiment.shipped
    one = next(one for one in report.macro.comparisons if one.variant == shipped)
    known = {"shipped": name(one.variant), **_names(report.experiment)}
    match one.state:
        case "better":
            yield say("record.agrees"), False
            if (fell := _fell_after(record, [one], formatting)) is not None:
                yield fell, False
        case "worse":
            yield say("record.worse.ship", **known), True
        case "equivalent":
            yield say("record.equivalent"), False
        case _ if one.effect.relative_lift is None:
            yield say("record.too-early.ship"), True
        case _ if one.effect.relative_interval is None or one.effect.relative_interval == (None, None):
            yield say("record.no-fit.ship"), True
        case _:
            yield say("record.no-verdict.ship", fit=fit(one.effect)), True


def _kept(record: DecisionRecord, report: Report, formatting: Formatting) -> Iterator[Remark]:
    better = [one for one in report.macro.comparisons if one.state == "better"]
    if better:
        keys = [one.variant for one in better]
        yield say("record.better.keep", better=names(keys), **_names(report.experiment)), True
    elif report.state == "worse":
        yield say("record.agrees"), False
        if (fell := _fell_after(record, report.macro.comparisons, formatting)) is not None:
            yield fell, False
    elif report.state == "equivalent":
        yield say("record.equivalent"), False
    else:
        yield say("record.no-verdict.keep"), False


def _open(record: DecisionRecord, report: Report, formatting: Formatting) -> Iterator[Remark]:
    if report.state in ("better", "worse", "equivalent"):
        day = formatting.day(report.decided_at or report.as_of)
        yield say("record.verdict.inconclusive", state=STATES[report.state].lower(), day=day), True
    else:
        yield say("record.no-verdict.inconclusive"), False


def _fell_after(record: DecisionRecord, those: Sequence[Comparison], formatting: Formatting) -> Markup | None:
    """The verdict's day, when the decision came before it."""
    days = [one.decided_at for one in those if one.decided_at is not None]
    if not days or max(days).astimezone(formatting.zone).date() <= record.on:
        return None
    return say("record.before-verdict", day=formatting.day(max(days)))


def _names(experiment: Experiment) -> dict[str, Markup | str]:
    return {"control": name(experiment.control.key), "goal": spoken(experiment.macro.step)}
