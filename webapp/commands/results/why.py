"""why: why did a published number change between two moments? The parts, which add up, in the terminal or as JSON."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import click
from rich.console import RenderableType
from rich.text import Text

from experiments.audit.change_report import ChangeReport, StepChange, Sum, Touch, change_report
from webapp.commands.shared.console import JSON, heading, indented, table, tell
from webapp.commands.shared.opened_site import EXPERIMENT, PHASE, SITE, chosen_phase, opened
from webapp.commands.shared.parameters import PastMoment
from webapp.words.formatting import Formatting, count, listing, rate, things
from webapp.words.sentences import say, spoken
from webapp.words.vocabulary import SIGNS, STATES

_DAYS = 31  # of the newest days, when one step is shown day by day


@click.command()
@SITE
@EXPERIMENT
@click.option("--from", "before", required=True, type=PastMoment(), help="The earlier moment.")
@click.option("--to", "after", type=PastMoment(), help="The later one; else now.")
@click.option("--step", "key", help="Only this step, day by day.")
@PHASE
@JSON
def why(
    folder: Path,
    experiment: str,
    before: datetime,
    after: datetime | None,
    key: str | None,
    phase: int | None,
    as_json: bool,
) -> None:
    """Explain why the numbers of EXPERIMENT changed between two moments.

    A number grows when the time of more visitors for a step is over: their hour seals, and they are added. Nothing
    else changes a published number, save a dated revision: somebody forgotten, consent withdrawn, history imported.
    Shown are the number before, what was added, the number after, the verdicts reached in between, and every revision
    by which the earlier number may have read differently.
    """
    with opened(folder) as (site, catalog, store, now):
        later = after or now.replace(second=0, microsecond=0)
        if before > later:
            raise click.BadParameter(f"{before} is after {later}; the earlier moment comes first", param_hint="--from")
        chosen = chosen_phase(catalog, experiment, phase)
        if key is not None:
            chosen.step(key)  # raises when there is none
        found = change_report(store.tables(chosen), before, later)
    if key is not None:
        found = found.only(key)
    tell(found, _parts(found, key is not None, Formatting.of(site.settings)), as_json)


def _parts(found: ChangeReport, one_step: bool, formatting: Formatting) -> Iterator[RenderableType]:
    old, new = found.before, found.after
    yield from heading(
        found.phase, f"from {formatting.moment(old.as_of)} to {formatting.moment(new.as_of)} {formatting.zone_name}"
    )
    yield Text()
    same = f"Verdict: {STATES[new.state]}, then as now."
    yield Text(
        same if old.state == new.state else f"Verdict: {STATES[old.state]}, now {STATES[new.state]}.", style="bold"
    )
    yield Text()
    yield _table(found)
    for step in found.steps if one_step else ():
        yield from _days(step)
    yield Text("Why", style="bold")
    yield from indented(_reasons(found, formatting))


def _table(found: ChangeReport) -> RenderableType:
    shown = table("Step", "Variant", numbers=("Before", "+ Sealed since", "= After"), below=1, no_wrap=True)
    for step in found.steps:
        for index, (variant, one) in enumerate(step.variants.items()):
            name = spoken(step.step) if index == 0 else ""
            shown.add_row(name, variant, *map(_sum, (one.before, one.sealed, one.after)))
    return shown


def _days(step: StepChange) -> Iterator[RenderableType]:
    """What each day's visitors added, day of their first exposure by day."""
    if not step.days:
        return
    left_out = len(step.days) - _DAYS
    yield Text(
        "Sealed since, by the day the visitors came" + (f" (the newest {_DAYS})" if left_out > 0 else ""), "bold"
    )
    shown = table("Day (UTC)", numbers=step.variants)
    for day in step.days[-_DAYS:]:
        shown.add_row(f"{day.day:%Y-%m-%d}", *(_sum(day.sums[variant], one_line=True) for variant in step.variants))
    yield shown
    yield Text()


def _sum(one: Sum, one_line: bool = False) -> Text:
    share = rate(one.reached / one.visitors if one.visitors else None)
    return Text.assemble(f"{count(one.reached)}/{count(one.visitors)}", " " if one_line else "\n", (share, "dim"))


def _reasons(found: ChangeReport, formatting: Formatting) -> Iterator[str]:
    """Why the numbers are not what they were, in sentences."""
    came = [f"{variant} {count(one.after - one.before)}" for variant, one in found.exposed.items()]
    yield f"New visitors exposed: {', '.join(came)}."
    if not any(step.days for step in found.steps):
        yield "Nobody\u2019s time for a step ran out in between, so no published number changed."
    else:
        yield "Sealed since: visitors whose time for the step ran out in between, and its hour of grace."
    for step in found.steps:
        values = {variant: one.sealed.value for variant, one in step.variants.items()}
        if any(values.values()):
            worth = listing([f"{formatting.money(value)} of {variant}" for variant, value in values.items()])
            yield f"Value, of the days that were over: {worth} more."
    for entry in found.decisions:
        one = entry.decision
        yield (
            f"{SIGNS[one.state]} {STATES[one.state]} since {formatting.moment(one.decided_at)}: {one.variant} at "
            f"\u201c{spoken(one.step)}\u201d, on {things(one.visitors, 'visitor')}."
        )
    yield from (_touch(touch, formatting) for touch in found.revisions)
    if not found.revisions:
        yield "No revision is dated since then, so the earlier numbers read then as they do now."


def _touch(touch: Touch, formatting: Formatting) -> str:
    one = touch.revision
    first, last = formatting.day(one.cohort_from), formatting.day(one.cohort_to)
    cause = say(f"revision.{one.cause}")
    changed = say(
        "revision.changed", cause=cause, day=formatting.day(one.revised_at), first=first, last=last
    ).striptags()
    if not touch.published:
        return f"{changed} None of them was published by the earlier moment."
    both = "Both numbers" if touch.dated_after else "The earlier number"
    return f"{changed} {both} may have read differently then; by how much is not kept."
