"""ResultTable: a report in the terminal, in the words of the result page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC
from zoneinfo import ZoneInfo

from markupsafe import Markup
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from experiments.events.tables import Revision
from experiments.reporting.comparison import Comparison
from experiments.reporting.report import Report
from experiments.reporting.step_report import StepReport
from experiments.site.site import Site
from webapp.pages.experiment.data_health import data_health
from webapp.pages.experiment.verdict_sentences import verdict
from webapp.words.formatting import Formatting, count, interval, lift, percent, rate
from webapp.words.sentences import spoken
from webapp.words.vocabulary import GRADES, KINDS, SIGNS, STATES

_STYLES = {"better": "green", "worse": "red", "withdrawn": "red bold", "harmed": "red", "safe": "green"}


def show(report: Report, revisions: Sequence[Revision], site: Site) -> None:
    """Print what the report says: the verdict in a sentence, every step, and whether the data can be trusted."""
    settings = site.settings
    zone = UTC if settings.time_zone == "UTC" else ZoneInfo(settings.time_zone)
    formatting = Formatting(zone, settings.time_zone, settings.currency)
    Console(highlight=False).print(Group(*_parts(report, revisions, formatting)))


def _parts(report: Report, revisions: Sequence[Revision], formatting: Formatting) -> list[RenderableType]:
    said, health = verdict(report, formatting), data_health(report, revisions, formatting)
    experiment = report.experiment
    warnings = [_plain(sentence) for sentence in said.warnings]
    parts: list[RenderableType] = [
        Text(experiment.name, style="bold"),
        Text(
            f"{experiment.key}, phase {experiment.phase} \u00b7 {report.method} at {percent(report.alpha)} \u00b7 "
            f"as of {formatting.moment(report.as_of)} {formatting.zone_name}",
            style="dim",
        ),
        Text(),
        Text(f"{SIGNS[report.state]} {_plain(said.headline)}", style=_STYLES.get(report.state, "") + " bold"),
        *_indented(map(_plain, said.facts)),
        *_indented((f"! {warning}" for warning in warnings), "yellow"),
        *_indented(map(_plain, said.steps)),
        Text(),
        _steps(report),
        Text(),
        Text("Data", style="bold"),
        *_indented([", ".join(f"{key} {count(n)}" for key, n in report.exposed.items()) + " visitors exposed."]),
        *_indented([_plain(health.ratio)], "red bold" if health.alarm else ""),
        *_indented(_waiting(report)),
    ]
    for row in health.ledger:
        parts += _indented([f"{row.title} ({count(row.total)}): {row.meaning}"])
    return [*parts, *_indented(map(_plain, health.revisions))]


def _waiting(report: Report) -> list[str]:
    """Who is not counted yet because the time for some step is not over, in one line."""
    waiting = {step.window: sum(one.immature for one in step.variants.values()) for step in report.steps}
    said = [f"{count(number)} within the last {window}" for window, number in waiting.items() if number]
    return [f"Not counted yet, because they still have time for some step: {', '.join(said)}."] if said else []


def _steps(report: Report) -> Table:
    treatments = [variant.key for variant in report.experiment.variants[1:]]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 1, 0), header_style="bold")
    table.add_column("Step")
    for variant in report.experiment.variants:
        table.add_column(variant.key, justify="right", min_width=len("12,345/12,345"))
    table.add_column(f"vs {report.experiment.control.key}", justify="right", min_width=len("+12.3% to +12.3%"))
    table.add_column("State", no_wrap=True)
    for step in report.steps:
        comparisons = [one for key in treatments for one in step.comparisons if one.variant == key]
        named = len(treatments) > 1
        table.add_row(
            _step(step),
            *(_reached(step, variant.key) for variant in report.experiment.variants),
            Text("\n").join(_change(one, named) for one in comparisons),
            Text("\n\n").join(_state(one) for one in comparisons),
        )
    return table


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


def _indented(lines: Iterable[str], style: str = "") -> list[RenderableType]:
    return [Padding(Text(line, style=style), (0, 0, 0, 2)) for line in lines]


def _plain(sentence: Markup | str) -> str:
    return sentence.striptags() if isinstance(sentence, Markup) else sentence
