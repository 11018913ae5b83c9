"""DataHealth: may the numbers be trusted? Sample ratio, who is left out and why or still on the way, logs set aside."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from markupsafe import Markup

from experiments.definition.experiment import Experiment
from experiments.events.tables import Revision
from experiments.reporting.report import Report
from experiments.store.sqlite.set_aside import names_set_aside
from webapp.words.formatting import Formatting, things
from webapp.words.sentences import say, spoken

_SET_ASIDE = re.compile(r".*\.(corrupt|replaced)-([0-9]{8}T[0-9]{6}Z)(-[0-9]+)?(-wal)?")


@dataclass(frozen=True, slots=True)
class DataHealth:
    """What the page's section on data health says. `findings`: where a mismatch is, while there is an alarm.

    `ledger_columns`: the variants, then whatever else the ledger counts by.
    """

    ratio: Markup
    findings: Sequence[str]
    ledger_columns: Sequence[str]
    immature: Sequence[Markup]
    revisions: Sequence[Markup]


def data_health(report: Report, revisions: Sequence[Revision], formatting: Formatting) -> DataHealth:
    """The health of the data of this report, in words."""
    columns = [variant.key for variant in report.experiment.variants]
    columns += sorted({key for row in report.ledger.values() for key in row} - set(columns), reverse=True)
    return DataHealth(
        ratio=_ratio(report, formatting),
        findings=[_sentence(formatting.told(one.text)) for one in report.sample_ratio.findings],
        ledger_columns=columns,
        immature=_immature(report),
        revisions=[_revision(one, formatting) for one in revisions],
    )


def lost_log(database: Path, phase: Experiment, formatting: Formatting) -> Sequence[Markup]:
    """A sentence for each file that was set aside since this phase began and is still there, then how to mend it."""
    found = []
    for name in names_set_aside(database):
        match = _SET_ASIDE.fullmatch(name)
        if match is None:
            continue
        at = datetime.strptime(match[2], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if phase.started_at is not None and at >= phase.started_at:
            found.append(say(f"aside.{match[1]}", day=formatting.moment(at), file=name))
    return [*found, say("aside.mend")] if found else []


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _revision(revision: Revision, formatting: Formatting) -> Markup:
    return say(
        "revision.changed",
        cause=say(f"revision.{revision.cause}"),
        day=formatting.day(revision.revised_at),
        first=formatting.day(revision.cohort_from),
        last=formatting.day(revision.cohort_to),
    )


def _ratio(report: Report, formatting: Formatting) -> Markup:
    ratio = report.sample_ratio
    if ratio.alarm:
        return say("ratio.alarm", day=formatting.day(ratio.since or report.as_of))
    return say("ratio.none" if ratio.p_value is None else "ratio.fine")


def _immature(report: Report) -> list[Markup]:
    """One sentence per window, at its first step: steps with the same window wait for the same visitors."""
    sentences: dict[str, Markup] = {}
    for step in report.steps:
        waiting = sum(one.immature for one in step.variants.values())
        if waiting and step.window not in sentences:
            sentences[step.window] = say(
                "immature.some", visitors=things(waiting, "visitor"), window=step.window, step=spoken(step.step)
            )
    if sentences:
        return [*sentences.values(), say("immature.why")]
    return [say("immature.none" if sum(report.exposed.values()) else "immature.nobody")]
