"""visitor: all that is known of one id, in order, and how it was judged, in the terminal or as JSON."""

from collections.abc import Iterator
from pathlib import Path

import click
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from experiments.audit.visitor_history import visitor_history
from experiments.events.event import MAX_ID_LENGTH, VisitorId
from webapp.commands.shared.console import echo, echo_json, indented
from webapp.commands.shared.opened_site import SITE, opened
from webapp.pages.visitor.visitor_page import Moment, Part, Statement, VisitorPage, refused, visitor_page
from webapp.words.formatting import Formatting

_STYLES = {"good": "green", "plain": "dim", "open": "cyan", "alarm": "yellow"}


@click.command()
@SITE
@click.argument("visitor_id", metavar="VISITOR")
@click.option("--json", "as_json", is_flag=True, help="The same for programs, with every event.")
def visitor(folder: Path, visitor_id: str, as_json: bool) -> None:
    """Tell all that is known of one VISITOR, an id that pages or servers send.

    For every experiment: which variant, since when, each step reached or not and why, what it was worth, what was
    left out. Then every event in the order in which things happened, also those of ids that were joined.
    """
    if not 0 < len(visitor_id) <= MAX_ID_LENGTH:
        wrong = f"has {len(visitor_id)} characters; an id has 1 to {MAX_ID_LENGTH}"
        raise click.BadParameter(wrong, param_hint="VISITOR")
    id_ = VisitorId(visitor_id)
    with opened(folder) as (site, catalog, store, now):
        there = site.database.exists()
        found = visitor_history(id_, store.visitor(id_) if there else (), catalog.phases())
        refusals = refused(store, found) if there else []
    if as_json:
        echo_json(found.to_json())
        return
    if not found.events and not refusals:
        raise click.ClickException(
            f"nothing is known of {visitor_id!r}: it never came, or was forgotten, "
            "or its events expired as `retention` says; then nothing is kept."
        )
    echo(_parts(visitor_page(found, refusals, now, Formatting.of(site.settings))))


def _parts(page: VisitorPage) -> Iterator[RenderableType]:
    known = f"{page.number:,} event{'' if page.number == 1 else 's'}"
    yield Text(f"Visitor {page.visitor}", style="bold")
    yield Text(f"{known}; joined with {', '.join(page.others)}" if page.others else known, style="dim")
    if page.withdrawn:
        yield Text("! Consent was withdrawn: not counted in any experiment.", style="yellow bold")
    for part in page.parts:
        yield Text()
        yield from _part(part)
    yield Text()
    yield Text("Everything in order", style="bold")
    for day, moments in page.days:
        yield Text(f"{day:%Y-%m-%d}", style="bold dim")
        yield from indented(_moment(one, len(page.parts) > 1) for one in moments)


def _part(part: Part) -> Iterator[RenderableType]:
    who = f" as {part.visitor}" if part.visitor else ""
    yield Text.assemble(
        (part.experiment.name, "bold"),
        (f"  {part.experiment.key}, phase {part.experiment.phase}{who}", "dim"),
    )
    yield from indented([part.variant or "not counted"], "bold cyan")
    yield from indented([" ".join(part.standing) or "No exposure of this visitor counts."])
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(min_width=12)
    table.add_column(ratio=1)
    for row in part.steps:
        words = Text.assemble(row.answer.words, *(("\n" + sentence, "dim") for sentence in row.more))
        table.add_row(_sign(row.answer), Text.assemble(row.name, "\n", (row.seal, "dim")), words)
    if part.steps:
        yield from indented([table])
    facts = [f"Value: {part.value}"] if part.value else []
    if part.attributes:
        facts.append("Known at the first exposure: " + ", ".join(f"{name} {level}" for name, level in part.attributes))
    facts += [f"In the ledger: {name} ({number:,}). {meaning}" for name, meaning, number in part.marks]
    yield from indented(facts)


def _moment(one: Moment, several: bool) -> RenderableType:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    about = "  ".join(some for some in (one.context, one.visitor, one.delay) if some)
    words = Text.assemble((one.title, "bold"), (f"  {about}", "dim"))
    for name, value in one.details:
        words.append(f"  {name}={value}", "dim")
    for where, lines in one.lines:
        for line in lines:
            words.append("\n").append(_sign(line)).append(f" {line.words}")
            words.append(f" ({where})" if where and several else "", "dim")
    table.add_row(Text(one.clock, style="dim"), words)
    return table


def _sign(line: Statement) -> Text:
    return Text(line.sign, style=_STYLES[line.tone])
