"""backup: a verified copy of a site, made while it is served."""

from functools import partial
from pathlib import Path

import click

from experiments.maintenance.backup import back_up
from webapp.commands.shared.console import progress
from webapp.commands.shared.opened_site import SITE, opened
from webapp.words.formatting import things


@click.command()
@SITE
@click.argument("to", type=click.Path(path_type=Path))
@click.option("--quick", is_flag=True, help="Do not recount the results from the copied events.")
def backup(folder: Path, to: Path, quick: bool) -> None:
    """Copy SITE into the new folder TO: its log as of this moment, config files, record of phases and tokens.

    Every event acknowledged before it began is in it. The copy is looked through, and its results are recounted from
    its events, before the folder appears under its name. It is a site itself: to restore, stop the server, move the
    damaged folder away and copy TO into its place.
    """
    with opened(folder) as (site, _, _, _):  # its record has what the config files say by now
        done = back_up(site, to, partial(progress, "Copying the log"), recount=not quick)
    if done.differences:
        raise click.ClickException(
            f"{to} is a sound copy, but {things(len(done.differences), 'count')} in it differ from its events, "
            f"as in {folder}. They are named by: yesladder verify {folder}"
        )
    click.echo(f"Copied {things(done.events, 'event')} to {to}." + ("" if quick else " All counts agree with them."))
