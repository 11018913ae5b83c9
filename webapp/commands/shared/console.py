"""Console: how commands write: JSON for programs; headings, lines, tables and a bar for long work for people."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import click
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from experiments.definition.document import Document
from experiments.definition.experiment import Experiment
from webapp.words.formatting import document as indented_document

JSON = click.option("--json", "as_json", is_flag=True, help="The same numbers for programs.")


def echo_json(document: object) -> None:
    """Print a JSON value, indented for reading."""
    click.echo(indented_document(document))


def echo(parts: Iterable[RenderableType]) -> None:
    """Print what rich can render, one part below the other; numbers and words keep the colours that they were given."""
    Console(highlight=False).print(Group(*parts))


def tell(found: Document, parts: Iterable[RenderableType], as_json: bool) -> None:
    """Print what was found, for programs, else the parts that say it to people."""
    if as_json:
        echo_json(found.to_json())
    else:
        echo(parts)


def heading(experiment: Experiment, *more: str) -> Iterator[RenderableType]:
    """The name of an experiment, and in a dim line below it its key, its phase, and what else is worth saying."""
    yield Text(experiment.name, style="bold")
    yield Text(" \u00b7 ".join((f"{experiment.key}, phase {experiment.phase}", *more)), style="dim")


def indented(parts: Iterable[RenderableType], style: str = "") -> list[RenderableType]:
    """Each of these, set in by two columns; `style` is that of texts."""
    texts = (Text(part, style=style) if isinstance(part, str) else part for part in parts)
    return [Padding(text, (0, 0, 0, 2)) for text in texts]


def table(*columns: str, numbers: Iterable[str] = (), below: int = 0, no_wrap: bool = False) -> Table:
    """A table without lines: columns of words, then those of numbers, to the right.

    `below`: empty lines after each row; `no_wrap`: numbers stay in one line.
    """
    made = Table(*columns, box=None, pad_edge=False, padding=(0, 2, below, 0), header_style="bold")
    for title in numbers:
        made.add_column(title, justify="right", no_wrap=no_wrap)
    return made


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show how far `what` has come, on the error stream of a terminal, until it is done; elsewhere nothing.

    The function it gives is called with how much more is done, of `total`.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda amount: bar.advance(task, amount)
