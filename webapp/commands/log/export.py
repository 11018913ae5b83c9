"""export: the events or the counts of a site, for other tools and for `import`."""

import contextlib
import csv
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, TextIO

import click

from experiments.definition.experiment import Experiment
from experiments.events.event import Event
from experiments.maintenance.export import (
    COUNT_COLUMNS,
    EVENT_COLUMNS,
    ExportRow,
    chosen,
    count_rows,
    event_row,
    spreadsheet,
)
from experiments.site.catalog import Catalog
from webapp.commands.shared.opened_site import SITE, chosen_phase, opened
from webapp.wire.segment_writer import segment_line
from webapp.words.formatting import things


@click.command()
@SITE
@click.argument("experiment", required=False)
@click.option("--events", "what", flag_value="events", default=True, help="The events, in order of receipt (default).")
@click.option("--tables", "what", flag_value="tables", help="The counts that the results are computed from.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "csv"]),
    default="jsonl",
    show_default=True,
    help="jsonl: one JSON object a line; events as `import` reads them. csv: a header, then a row for each.",
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="A new file; else it is printed.")
def export(folder: Path, experiment: str | None, what: str, form: Literal["jsonl", "csv"], out: Path | None) -> None:
    """Write SITE's events or counts, always in the same order. It works while the site is served.

    With EXPERIMENT: the counts of its phases, or the events they can follow from (its exposures, the events of its
    steps, joins and withdrawals). Events as jsonl give the same counts when imported into a site with the same
    config files. In csv, a text that a spreadsheet would take for a formula gets an apostrophe before it.
    """
    with opened(folder) as (site, catalog, store, _):
        phases = _phases(catalog, experiment)
        if not site.database.exists():
            click.echo("There are no events yet.", err=True)
            return
        with _target(out) as file:
            if what == "tables":
                rows = count_rows(store, phases)
                number = _csv(rows, COUNT_COLUMNS, file) if form == "csv" else _lines(map(_json, rows), file)
            else:
                events: Iterator[Event] = store.scan() if experiment is None else chosen(store.scan(), phases)
                if form == "csv":
                    number = _csv(map(event_row, events), EVENT_COLUMNS, file)
                else:
                    number = _lines(map(segment_line, events), file)
    if out:
        click.echo(f"Wrote {things(number, 'count' if what == 'tables' else 'event')} to {out}.")


def _phases(catalog: Catalog, key: str | None) -> Sequence[Experiment]:
    """The phases that were asked for. Raises UnknownExperiment, or NotStarted for a draft."""
    if key is None:
        return sorted(catalog.phases(), key=lambda phase: (phase.key, phase.phase))
    return catalog.phases_of(key) or [chosen_phase(catalog, key, None)]


@contextlib.contextmanager
def _target(out: Path | None) -> Iterator[TextIO]:
    """Where to write: standard output, or a new file that gets its name when it is complete."""
    if out is None:
        yield sys.stdout
        return
    if out.exists():
        raise click.UsageError(f"{out} exists already. Nothing was changed.")
    part = out.with_name(f"{out.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            yield file
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)


def _lines(lines: Iterable[str], file: TextIO) -> int:
    return sum(1 for line in lines if file.write(line + "\n"))


def _csv(rows: Iterable[ExportRow], columns: Sequence[str], file: TextIO) -> int:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    return sum(1 for row in rows if writer.writerow(spreadsheet(row, columns)))


def _json(row: ExportRow) -> str:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"))
