"""Remarks: what people decided about an experiment, beside what its data say, and where the two differ."""

from collections.abc import Iterator, Sequence
from datetime import UTC

from markupsafe import Markup

from experiments.definition.decision_record import DecisionRecord
from experiments.definition.experiment import Experiment
from experiments.reporting.comparison import Comparison
from experiments.reporting.report import Report
from webapp.words.formatting import Formatting
from webapp.words.sentences import fit, name, names, say, spoken
from webapp.words.vocabulary import STATES

Remark = tuple[Markup, bool]
"""A sentence, and whether data and decision differ in it."""


def made(experiment: Experiment) -> Markup:
    """What people decided, in words; or that it is not written down."""
    if experiment.decision is None:
        return say("record.none")
    shipped, control = experiment.shipped or "", experiment.control.key
    return say(f"record.{experiment.decision.made}", shipped=name(shipped), control=name(control))


def remarks(report: Report, formatting: Formatting) -> list[Remark]:
    """What was decided about this phase, held against the report's own moment; empty without a decision."""
    record = report.experiment.decision
    if record is None:
        return []
    found = list(_remarks(record, report, formatting))
    if not record.note and any(differs for _, differs in found):
        found.append((say("record.why"), False))
    return found


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
