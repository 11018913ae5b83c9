"""ledger: who was not counted, or counted with a mark, and why: recounted from the log, with ids to look at."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console, RenderableType
from rich.text import Text

from experiments.audit.exclusions import Ledger
from experiments.definition.experiment import Experiment
from experiments.events.journey import concerns
from experiments.events.person import people
from experiments.store.store import Store
from webapp.commands.shared.console import echo, echo_json, heading, indented, progress
from webapp.commands.shared.opened_site import EXPERIMENT, PHASE, SITE, chosen_phase, opened
from webapp.words.formatting import count
from webapp.words.vocabulary import left_out

_STEP = 1_000  # visitors judged between two movements of the bar


@click.command()
@SITE
@EXPERIMENT
@click.option("--reason", help="Only this one, such as late or second-variant.")
@click.option("--newest", default=20, show_default=True, type=click.IntRange(1, 10_000), help="How many ids to name.")
@PHASE
@click.option("--json", "as_json", is_flag=True, help="The same for programs.")
def ledger(folder: Path, experiment: str, reason: str | None, newest: int, phase: int | None, as_json: bool) -> None:
    """Name the visitors of EXPERIMENT that were not counted, or counted with a mark, and why.

    Reads the whole log and judges every visitor again, so the totals are those of the result page. `yesladder visitor`
    tells the whole story of an id.
    """
    with opened(folder) as (_, catalog, store, _):
        chosen = chosen_phase(catalog, experiment, phase)
        counted = store.tables(chosen).ledger
        found = recounted(chosen, store, newest)
    if reason is not None and reason not in found.totals:
        known = ", ".join(found.totals) or "none, nothing was left out"
        raise click.BadParameter(f"{reason!r} is not in the ledger; there is: {known}", param_hint="--reason")
    kept = [reason] if reason is not None else list(found.totals)
    if as_json:
        echo_json({one: _entry(found, one) for one in kept})
    else:
        echo(_parts(found, kept))
    _compare(found.totals, counted)


def recounted(phase: Experiment, store: Store, newest: int) -> Ledger:
    """The ledger of this phase, judged again from every event in the log, under progress bars."""
    with _reading():
        events = [event for event in store.scan() if concerns(phase, event)]
    found = Ledger(phase, newest)
    with progress("Judging every visitor", len(events)) as advance:
        judged = 0
        for number, person in enumerate(people(events), 1):
            found.write(person)
            judged += len(person)
            if number % _STEP == 0:
                advance(judged)
                judged = 0
    return found


def _entry(found: Ledger, reason: str) -> dict[str, object]:
    return {
        "count": sum(found.totals[reason].values()),
        "variants": dict(found.totals[reason]),
        "newest": [one.visitor for one in found.visitors.get(reason, ())],
    }


def _parts(found: Ledger, reasons: list[str]) -> Iterator[RenderableType]:
    yield from heading(found.phase)
    if not reasons:
        yield "Nothing was left out."
    for reason in reasons:
        title, meaning = left_out(reason)
        counts = found.totals[reason]
        split = ", ".join(f"{variant} {count(number)}" for variant, number in counts.items() if variant)
        yield Text()
        yield Text.assemble((f"{title} ({count(sum(counts.values()))})", "bold"), (f"  {reason}  {split}", "dim"))
        yield from indented([meaning])
        for one in found.visitors.get(reason, ()):
            yield from indented([Text.assemble(f"{one.heard_at:%Y-%m-%d %H:%M}  ", (one.visitor, "cyan"))])


def _compare(found: Mapping[str, Mapping[str, int]], counted: Mapping[str, Mapping[str, int]]) -> None:
    """Say so when the result page has other totals."""
    if {reason: dict(one) for reason, one in found.items()} != {reason: dict(one) for reason, one in counted.items()}:
        told = ", ".join(f"{reason} {sum(one.values()):,}" for reason, one in counted.items()) or "nothing"
        click.echo(
            f"The result page has {told}: events came meanwhile, or old ones have expired. "
            "`yesladder verify` says whether anything is wrong.",
            err=True,
        )


@contextmanager
def _reading() -> Iterator[None]:
    """Says that the log is being read, where somebody can see it; how long it will take is not known."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    with console.status("Reading the log"):
        yield
