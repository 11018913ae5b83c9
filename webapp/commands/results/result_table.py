"""ResultTable: a report in the terminal, in the words of the result page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from markupsafe import Markup
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from experiments.audit.decision_log import Entry
from experiments.audit.readout import Readout
from experiments.events.tables import Revision
from experiments.reporting.comparison import Comparison
from experiments.reporting.report import Report
from experiments.reporting.step_report import StepReport
from webapp.commands.shared.console import echo, heading, indented, table
from webapp.pages.experiment.data_health import data_health
from webapp.pages.experiment.verdict_sentences import verdict
from webapp.words.formatting import Formatting, count, interval, lift, percent, rate
from webapp.words.sentences import spoken
from webapp.words.vocabulary import GRADES, KINDS, SIGNS, STATES

_STYLES = {"better": "green", "worse": "red", "withdrawn": "red bold", "harmed": "red", "safe": "green"}
CONFIRMED = "confirmed by today's data"


def show(found: Readout, formatting: Formatting) -> None:
    """Print the verdict in a sentence, every step, whether the data can be trusted, and the log of decisions."""
    echo(_parts(found.report, found.revisions, formatting))
    echo(_decisions(found.decisions, formatting))


def _parts(report: Report, revisions: Sequence[Revision], formatting: Formatting) -> list[RenderableType]:
    said, health = verdict(report, formatting), data_health(report, revisions, formatting)
    experiment = report.experiment
    warnings = [_plain(sentence) for sentence in said.warnings]
    parts: list[RenderableType] = [
        *heading(
            experiment,
            f"{report.method} at {percent(report.alpha)}",
            f"as of {formatting.moment(report.as_of)} {formatting.zone_name}",
        ),
        Text(),
        Text(f"{SIGNS[report.state]} {_plain(said.headline)}", style=_STYLES.get(report.state, "") + " bold"),
        *indented(map(_plain, said.facts)),
        *indented((f"! {warning}" for warning in warnings), "yellow"),
        *indented(map(_plain, said.steps)),
        Text(),
        _steps(report),
        Text(),
        Text("Data", style="bold"),
        *indented([", ".join(f"{key} {count(n)}" for key, n in report.exposed.items()) + " visitors exposed."]),
        *indented([_plain(health.ratio)], "red bold" if health.alarm else ""),
        *indented(_waiting(report)),
    ]
    for row in health.ledger:
        parts += indented([f"{row.title} ({count(row.total)}): {row.meaning}"])
    return [*parts, *indented(map(_plain, health.revisions))]


def _waiting(report: Report) -> list[str]:
    """Who is not counted yet because the time for some step is not over, in one line."""
    waiting = {step.window: sum(one.immature for one in step.variants.values()) for step in report.steps}
    said = [f"{count(number)} within the last {window}" for window, number in waiting.items() if number]
    return [f"Not counted yet, because they still have time for some step: {', '.join(said)}."] if said else []


def _steps(report: Report) -> Table:
    treatments = [variant.key for variant in report.experiment.variants[1:]]
    shown = table("Step", below=1)
    for variant in report.experiment.variants:
        shown.add_column(variant.key, justify="right", min_width=len("12,345/12,345"))
    shown.add_column(f"vs {report.experiment.control.key}", justify="right", min_width=len("+12.3% to +12.3%"))
    shown.add_column("State", no_wrap=True)
    for step in report.steps:
        comparisons = [one for key in treatments for one in step.comparisons if one.variant == key]
        named = len(treatments) > 1
        shown.add_row(
            _step(step),
            *(_reached(step, variant.key) for variant in report.experiment.variants),
            Text("\n").join(_change(one, named) for one in comparisons),
            Text("\n\n").join(_state(one) for one in comparisons),
        )
    return shown


def _step(step: StepReport) -> Text:
    kind = GRADES[step.grade] if step.grade and step.kind == "milestone" else KINDS[step.kind].lower()
    return Text.assemble(spoken(step.step), "\n", (kind, "dim"))


def _reached(step: StepReport, variant: str) -> Text:
    one = step.variants[variant]
    return Text.assemble(rate(one.rate), "\n", (f"{count(one.reached)}/{count(one.visitors)}", "dim"))


def _change(one: Comparison, named: bool) -> Text:
    who = f"{one.variant} " if named else ""
    measured = f"{who}{lift(one.effect.relative_lift)}"
    if one.effect.relative_interval is None:
        return Text(f"{measured}\n")
    return Text.assemble(measured, "\n", (interval(one.effect.relative_interval), "dim"))


def _state(one: Comparison) -> Text:
    return Text(STATES[one.state], style=_STYLES.get(one.state, ""))


def _decisions(entries: Sequence[Entry], formatting: Formatting) -> Iterator[RenderableType]:
    """Which verdicts were reached and when, and whether today's data give them again."""
    yield Text()
    yield Text("Decisions", style="bold")
    if not entries:
        yield "  No verdict has been reached yet."
        return
    shown = table(below=1)
    shown.add_column("Date", no_wrap=True)
    shown.add_column("Step and variant")
    shown.add_column("Verdict", no_wrap=True)
    shown.add_column("Visitors", justify="right", no_wrap=True)
    shown.add_column("", min_width=len(CONFIRMED) // 2)
    for entry in entries:
        one = entry.decision
        shown.add_row(
            f"{one.decided_at.astimezone(formatting.zone):%Y-%m-%d}",
            Text.assemble(spoken(one.step), "\n", (one.variant, "dim")),
            f"{SIGNS[one.state]} {STATES[one.state]}",
            count(one.visitors),
            Text(entry.differs or CONFIRMED, style="yellow" if entry.differs else "dim"),
        )
    yield from indented([shown])


def _plain(sentence: Markup | str) -> str:
    return sentence.striptags() if isinstance(sentence, Markup) else sentence
