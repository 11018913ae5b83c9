"""CalibrationTable: what simulated experiments showed, in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from experiments.simulation.calibration import Frequency, Outlook, Promise, Setting, Wrong
from webapp.commands.shared.console import echo, heading, indented, table
from webapp.words.formatting import count, duration, lift, percent, rate, things
from webapp.words.sentences import spoken

_KINDS: dict[Promise, str] = {
    "macro": "the goal, “{goal}”",
    "diagnostic": "any other step or action",
    "guardrail": "any guardrail, false alarm",
}


def show(setting: Setting, runs: int, wrong: Sequence[Wrong], outlooks: Sequence[Outlook], source: str) -> None:
    """Print how often verdicts were wrong without a difference, and how often and how soon one was found."""
    echo(_parts(setting, runs, wrong, outlooks, source))


def _parts(
    setting: Setting, runs: int, wrong: Sequence[Wrong], outlooks: Sequence[Outlook], source: str
) -> list[RenderableType]:
    experiment = setting.experiment
    goal = spoken(experiment.macro.step)
    aimed = next((one for one in outlooks if one.true_lift), None)
    window = duration(experiment.window)
    parts: list[RenderableType] = [
        *heading(
            experiment,
            f"{experiment.analysis.method_in_force} at {percent(experiment.analysis.alpha)}",
            f"{count(setting.visitors)} visitors in {things(setting.days, 'day')}, then {window} for the last ones",
        ),
        Text(),
        Text(f"{things(runs, 'experiment')} without any difference: how often was there a verdict?", style="bold"),
        _wrong(wrong, goal),
        Text(),
    ]
    if aimed is None:
        parts.append(Text("The visitors of all variants behave alike, so there is nothing to find.", style="bold"))
    else:
        named = f"{lift(aimed.true_lift)} from “{spoken(aimed.step)}” on"
        parts += [
            Text(f"{things(runs, 'experiment')} with a difference, {named}: was it found?", style="bold"),
            _found(setting, outlooks),
        ]
    parts += [Text(), *indented(_notes(experiment.analysis.adjust_for, source))]
    return parts


def _wrong(wrong: Sequence[Wrong], goal: str) -> Table:
    shown = table("A verdict, all wrong", numbers=("yesladder", "promised", "naive peeking"))
    for one in wrong:
        shown.add_row(
            _KINDS[one.kind].format(goal=goal),
            _share(one.wrong),
            f"at most {percent(one.promised)}",
            _share(one.naive_wrong),
        )
    return shown


def _found(setting: Setting, outlooks: Sequence[Outlook]) -> Table:
    shown = table("Step", numbers=("true change", "found", "average days", "naive", "average days"))
    named = len(setting.experiment.variants) > 2
    for one in outlooks:
        style = "bold" if one.kind == "macro" else ""
        label = f"{spoken(one.step)}, {one.variant}" if named else spoken(one.step)
        if not one.true_lift:
            shown.add_row(Text(label, style), "none", Text("nothing to find", "dim"), "–", "–", "–")
            continue
        shown.add_row(
            Text(label, style),
            lift(one.true_lift),
            _share(one.found),
            f"{one.mean_days:.1f}",
            rate(one.naive_found.share),
            f"{one.naive_mean_days:.1f}",
        )
    return shown


def _share(one: Frequency) -> Text:
    low, high = one.interval
    return Text.assemble(rate(one.share), "\n", (f"{rate(low)} to {rate(high)}", "dim"))


def _notes(adjusted_for: Sequence[str], source: str) -> list[str]:
    said = [
        f"How visitors behave: {source}.",
        "Below each share: the range that so many experiments leave for the true one (exact, 95%).",
        "Average days: from the start to the verdict; an experiment that finds nothing counts with its whole length.",
        "Naive peeking believes the first look with |z| of 1.96 or more. It finds more, sooner, because it finds as "
        "readily what is not there.",
    ]
    if adjusted_for:
        said.append("Without `adjust_for`, which cannot be simulated.")
    return said
