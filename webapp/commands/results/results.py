"""results: the verdict and the numbers of an experiment, in the terminal or as JSON."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import click
from markupsafe import Markup
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from experiments.audit.decision_log import Entry
from experiments.audit.readout import Readout, read
from experiments.definition.experiment import Experiment
from experiments.reporting.comparison import Effect
from experiments.reporting.report import Report
from experiments.reporting.segments import SegmentReport, segment_attributes, segment_report
from experiments.reporting.step_report import StepReport
from experiments.store.store import Store, StoreUnavailable
from webapp.commands.shared.console import JSON, heading, indented, table, tell
from webapp.commands.shared.opened_site import EXPERIMENT, PHASE, SITE, chosen_phase, opened
from webapp.commands.shared.parameters import PastMoment
from webapp.pages.experiment.data_health import data_health
from webapp.pages.experiment.verdict_sentences import verdict
from webapp.words.formatting import Formatting, count, interval, lift, percent, probability, rate
from webapp.words.sentences import spoken
from webapp.words.vocabulary import GRADES, KINDS, SIGNS, STATES, left_out


@click.command()
@SITE
@EXPERIMENT
@click.option("--as-of", type=PastMoment(), help="What was known then; else now.")
@PHASE
@click.option("--by", help="Explore one attribute, such as device: the goal among the visitors of each of its levels.")
@JSON
def results(
    folder: Path, experiment: str, as_of: datetime | None, phase: int | None, by: str | None, as_json: bool
) -> None:
    """Show what the data say about EXPERIMENT: the verdict, and every step of the path."""
    with opened(folder) as (site, catalog, store, now):
        chosen = chosen_phase(catalog, experiment, phase)
        # this minute, so that what was received before it is on disk
        at = as_of or now.replace(second=0, microsecond=0)
        if by is not None:
            _explore(chosen, by, store, at, as_json)
            return
        found = read(store, chosen, catalog.phases(), at)
        tell(found, _parts(found, Formatting.of(site.settings)), as_json)
        with suppress(StoreUnavailable):  # a file that is busy or read-only; whoever looks next writes them
            store.record(found.unwritten(now), wait=False)


def _explore(phase: Experiment, attribute: str, store: Store, as_of: datetime, as_json: bool) -> None:
    if attribute not in (known := segment_attributes(phase)):
        raise click.BadParameter(
            f"{attribute!r} is unknown; {phase.key} is split by {', '.join(known)}", param_hint="--by"
        )
    found = segment_report(phase, attribute, store.tables(phase, [attribute]).by(attribute), as_of)
    tell(found, _segments(found, phase), as_json)


_STYLES = {"better": "green", "worse": "red", "withdrawn": "red bold", "harmed": "red", "safe": "green"}
CONFIRMED = "confirmed by today's data"


def _parts(found: Readout, formatting: Formatting) -> Iterator[RenderableType]:
    """The verdict in a sentence, every step, whether the data can be trusted, and the log of decisions."""
    report = found.report
    said, health = verdict(report, formatting), data_health(report, found.revisions, formatting)
    as_of = f"as of {formatting.moment(report.as_of)} {formatting.zone_name}"
    yield from heading(report.experiment, f"{report.method} at {percent(report.alpha)}", as_of)
    yield Text()
    yield Text(f"{SIGNS[report.state]} {_plain(said.headline)}", style=_STYLES.get(report.state, "") + " bold")
    yield from indented(map(_plain, said.facts))
    yield from indented((f"! {_plain(warning)}" for warning in said.warnings), "yellow")
    yield from indented(map(_plain, said.steps))
    yield Text()
    yield _steps(report)
    yield Text()
    yield Text("Data", style="bold")
    yield from indented([", ".join(f"{key} {count(n)}" for key, n in report.exposed.items()) + " visitors exposed."])
    yield from indented([_plain(health.ratio)], "red bold" if report.sample_ratio.alarm else "")
    yield from indented(_waiting(report))
    for reason, counts in report.ledger.items():
        title, meaning = left_out(reason)
        yield from indented([f"{title} ({count(sum(counts.values()))}): {meaning}"])
    yield from indented(map(_plain, health.revisions))
    yield from _decisions(found.decisions, formatting)


def _waiting(report: Report) -> list[str]:
    """Who is not counted yet because the time for some step is not over, in one line."""
    waiting = {step.window: sum(one.immature for one in step.variants.values()) for step in report.steps}
    said = [f"{count(number)} within the last {window}" for window, number in waiting.items() if number]
    return [f"Not counted yet, because they still have time for some step: {', '.join(said)}."] if said else []


def _steps(report: Report) -> Table:
    treatments = [variant.key for variant in report.experiment.variants[1:]]
    shown = table("Step", below=1)
    _compared(shown, [variant.key for variant in report.experiment.variants], report.experiment.control.key)
    shown.add_column("State", no_wrap=True)
    for step in report.steps:
        comparisons = [one for key in treatments for one in step.comparisons if one.variant == key]
        named = len(treatments) > 1
        shown.add_row(
            _step(step),
            *(_reached(one.rate, one.reached, one.visitors) for one in step.variants.values()),
            Text("\n").join(_change(one.effect, f"{one.variant} " if named else "") for one in comparisons),
            Text("\n\n").join(Text(STATES[one.state], style=_STYLES.get(one.state, "")) for one in comparisons),
        )
    return shown


def _step(step: StepReport) -> Text:
    kind = GRADES[step.grade] if step.grade and step.kind == "milestone" else KINDS[step.kind].lower()
    return Text.assemble(spoken(step.step), "\n", (kind, "dim"))


def _reached(share: float | None, reached: int, visitors: int) -> Text:
    return Text.assemble(rate(share), "\n", (f"{count(reached)}/{count(visitors)}", "dim"))


def _change(effect: Effect, who: str = "") -> Text:
    measured = f"{who}{lift(effect.relative_lift)}"
    if effect.relative_interval is None:
        return Text(f"{measured}\n")
    return Text.assemble(measured, "\n", (interval(effect.relative_interval), "dim"))


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


def _segments(report: SegmentReport, experiment: Experiment) -> Iterator[RenderableType]:
    """How each variant does among the visitors of each level, and what that may be used for."""
    several = len(experiment.variants) > 2
    control, treatment = experiment.control.key, "Variant" if several else experiment.variants[1].key
    shown = table(report.attribute.capitalize(), below=1)
    _compared(shown, [control, treatment], control)
    shown.add_column("Adjusted p", justify="right")
    for one in report.comparisons:
        adjusted = one.effect.p_value_adjusted
        shown.add_row(
            Text.assemble(one.level, (f"\n{one.variant}", "dim") if several else ""),
            *(_reached(one.rates[key], one.reached[key], one.visitors[key]) for key in (one.versus, one.variant)),
            _change(one.effect),
            "-" if adjusted is None else probability(adjusted),
        )
    yield f"{experiment.name}: {spoken(experiment.macro.step)} by {report.attribute}. Exploratory: no verdict.\n"
    if not report.comparisons:
        yield "No visitor has had time for this step yet."
        return
    yield shown
    alpha = percent(report.alpha)
    promise = (
        f"The p-values are adjusted for {report.of} comparisons: of the findings at or below {alpha}, on average "
        f"at most {alpha} are false alarms. A surprise here is a question for the next experiment."
    )
    yield promise if report.of else "No level has enough data yet."


def _compared(shown: Table, variants: Sequence[str], control: str) -> None:
    """Columns for the counts of these variants, and for what they change."""
    for variant in variants:
        shown.add_column(variant, justify="right", min_width=len("12,345/12,345"))
    shown.add_column(f"vs {control}", justify="right", min_width=len("+12.3% to +12.3%"))


def _plain(sentence: Markup | str) -> str:
    return sentence.striptags() if isinstance(sentence, Markup) else sentence
