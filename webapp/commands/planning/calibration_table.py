"""CalibrationTable: what simulated experiments showed, in the terminal."""

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from experiments.simulation.calibration import Frequency, Outlook, Promise, Setting, Wrong
from webapp.commands.shared.console import heading, indented, table
from webapp.words.formatting import count, duration, lift, percent, rate, things
from webapp.words.sentences import spoken

_KINDS: dict[Promise, str] = {
    "macro": "the goal, “{goal}”",
    "diagnostic": "any other step or action",
    "guardrail": "any guardrail, false alarm",
}


def calibration_parts(
    setting: Setting, runs: int, wrong: Sequence[Wrong], outlooks: Sequence[Outlook], source: str
) -> Iterator[RenderableType]:
    """How often verdicts were wrong without a difference, and how often and how soon one was found."""
    analysis, window = setting.experiment.analysis, duration(setting.experiment.window)
    yield from heading(
        setting.experiment,
        f"{analysis.method_in_force} at {percent(analysis.alpha)}",
        f"{count(setting.visitors)} visitors in {things(setting.days, 'day')}, then {window} for the last ones",
    )
    yield Text()
    yield Text(f"{things(runs, 'experiment')} without any difference: how often was there a verdict?", style="bold")
    yield _wrong(wrong, spoken(setting.experiment.macro.step))
    yield Text()
    aimed = next((one for one in outlooks if one.true_lift), None)
    if aimed is None:
        yield Text("The visitors of all variants behave alike, so there is nothing to find.", style="bold")
    else:
        named = f"{lift(aimed.true_lift)} from “{spoken(aimed.step)}” on"
        yield Text(f"{things(runs, 'experiment')} with a difference, {named}: was it found?", style="bold")
        yield _found(setting, outlooks)
    yield Text()
    yield from indented(_notes(analysis.adjust_for, source))


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
