"""The levels of one attribute as a table in the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from experiments.definition.experiment import Experiment
from experiments.reporting.segments import SegmentComparison, SegmentReport
from webapp.commands.shared.console import table
from webapp.words.formatting import count, interval, lift, percent, probability, rate
from webapp.words.sentences import spoken


def show_segments(report: SegmentReport, experiment: Experiment) -> None:
    """Print how each variant does among the visitors of each level, and what that may be used for."""
    several = len(experiment.variants) > 2
    shown = table(report.attribute.capitalize(), below=1)
    for head in (experiment.control.key, "Variant" if several else experiment.variants[1].key):
        shown.add_column(head, justify="right", min_width=len("12,345/12,345"))
    shown.add_column(f"vs {experiment.control.key}", justify="right", min_width=len("+12.3% to +12.3%"))
    shown.add_column("Adjusted p", justify="right")
    for one in report.comparisons:
        named = (f"\n{one.variant}", "dim") if several else ""
        shown.add_row(
            Text.assemble(one.level, named),
            _reached(one, one.versus),
            _reached(one, one.variant),
            _change(one),
            Text("-") if one.effect.p_value_adjusted is None else Text(probability(one.effect.p_value_adjusted)),
        )
    console = Console()
    console.print(
        f"{experiment.name}: {spoken(experiment.macro.step)} by {report.attribute}. Exploratory: no verdict.\n"
    )
    if not report.comparisons:
        console.print("No visitor has had time for this step yet.")
        return
    console.print(shown)
    alpha = percent(report.alpha)
    promise = (
        f"The p-values are adjusted for {report.of} comparisons: of the findings at or below {alpha}, on average "
        f"at most {alpha} are false alarms. A surprise here is a question for the next experiment."
    )
    console.print(promise if report.of else "No level has enough data yet.")


def _reached(one: SegmentComparison, variant: str) -> Text:
    reached = f"{count(one.reached[variant])}/{count(one.visitors[variant])}"
    return Text.assemble(rate(one.rates[variant]), "\n", (reached, "dim"))


def _change(one: SegmentComparison) -> Text:
    if one.effect.relative_interval is None:
        return Text(f"{lift(one.effect.relative_lift)}\n")
    return Text.assemble(lift(one.effect.relative_lift), "\n", (interval(one.effect.relative_interval), "dim"))
