"""CalibrationTable: what simulated experiments showed, in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from experiments.simulation.calibration import Frequency, Outlook, Promise, Setting, Wrong
from webapp.words.formatting import count, duration, lift, percent, rate, things
from webapp.words.sentences import spoken

_KINDS: dict[Promise, str] = {
    "macro": "the goal, “{goal}”",
    "diagnostic": "any other step or action",
    "guardrail": "any guardrail, false alarm",
}


def show(setting: Setting, runs: int, wrong: Sequence[Wrong], outlooks: Sequence[Outlook], source: str) -> None:
    """Print how often verdicts were wrong without a difference, and how often and how soon one was found."""
    Console(highlight=False).print(Group(*_parts(setting, runs, wrong, outlooks, source)))


def _parts(
    setting: Setting, runs: int, wrong: Sequence[Wrong], outlooks: Sequence[Outlook], source: str
) -> list[RenderableType]:
    experiment = setting.experiment
    goal = spoken(experiment.macro.step)
    aimed = next((one for one in outlooks if one.true_lift), None)
    window = duration(experiment.window)
    parts: list[RenderableType] = [
        Text(experiment.name, style="bold"),
        Text(
            f"{experiment.key}, phase {experiment.phase} · {experiment.analysis.method_in_force} at "
            f"{percent(experiment.analysis.alpha)} · {count(setting.visitors)} visitors in "
            f"{things(setting.days, 'day')}, then {window} for the last ones",
            style="dim",
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
    parts += [Text(), *_indented(_notes(experiment.analysis.adjust_for, source))]
    return parts


def _wrong(wrong: Sequence[Wrong], goal: str) -> Table:
    table = _table("A verdict, all wrong", "yesladder", "promised", "naive peeking")
    for one in wrong:
        table.add_row(
            _KINDS[one.kind].format(goal=goal),
            _share(one.wrong),
            f"at most {percent(one.promised)}",
            _share(one.naive_wrong),
        )
    return table


def _found(setting: Setting, outlooks: Sequence[Outlook]) -> Table:
    table = _table("Step", "true change", "found", "average days", "naive", "average days")
    named = len(setting.experiment.variants) > 2
    for one in outlooks:
        style = "bold" if one.kind == "macro" else ""
        label = f"{spoken(one.step)}, {one.variant}" if named else spoken(one.step)
        if not one.true_lift:
            table.add_row(Text(label, style), "none", Text("nothing to find", "dim"), "–", "–", "–")
            continue
        table.add_row(
            Text(label, style),
            lift(one.true_lift),
            _share(one.found),
            f"{one.mean_days:.1f}",
            rate(one.naive_found.share),
            f"{one.naive_mean_days:.1f}",
        )
    return table


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


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column(first)
    for title in others:
        table.add_column(title, justify="right")
    return table


def _indented(lines: Sequence[str]) -> list[RenderableType]:
    return [Padding(Text(line), (0, 0, 0, 2)) for line in lines]
