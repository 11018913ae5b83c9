"""forget, expire: deleting one person's events, and those that are older than `retention` allows."""

from collections.abc import Collection
from functools import partial
from pathlib import Path

import click

from experiments.events.event import VisitorId
from experiments.maintenance import retention
from experiments.maintenance.erasure import files_with
from experiments.store.store import Expired, StillReadable, Store
from webapp.commands.shared.console import progress
from webapp.commands.shared.opened_site import SITE, opened
from webapp.words.formatting import listing, things

_TOLD = 10  # names that are spelled out


@click.command()
@SITE
@click.argument("visitor")
@click.option("--dry-run", is_flag=True, help="Say what would be deleted, and delete nothing.")
def forget(folder: Path, visitor: str, dry_run: bool) -> None:
    """Delete all that SITE knows of VISITOR: an id as your pages or servers send it.

    Every event of this id and of the ids joined to it goes, with its bytes: from the log, its write-ahead file and
    the unused parts of the database. The counts become those without this person; where they were published, the
    result page says when and why they changed. It works while the site is served.

    Ends with exit code 1 when something is left that you must see to: a copy or another file in the folder, another
    visitor's event that names this one, a program that has been reading since before.
    """
    ids: Collection[VisitorId] = {VisitorId(visitor)}
    left: list[str] = []
    with opened(folder) as (site, _, store, _):
        if site.database.exists():
            ids, left = _forget(store, VisitorId(visitor), dry_run)
        else:
            click.echo("There are no events yet.")
    left += [str(path) for path in files_with(folder, ids, site.database)]
    if left:
        told = "\n".join(f"  {one}" for one in left)
        raise click.ClickException(f"this is for you to delete or to change:\n{told}")


@click.command()
@SITE
@click.option("--yes", is_flag=True, help="Do it. Without it nothing is deleted, and what would be is told.")
def expire(folder: Path, yes: bool) -> None:
    """Tell which raw events of SITE are older than `retention` in yesladder.yaml; with --yes, delete them.

    Only what no count depends on any more goes: events of tests that have stopped and whose last numbers are final, and
    of visitors who are in no test that still counts. Results and the decision log stay. The counts of a test whose
    events went are final: `yesladder verify` names it and recounts the others. The file does not get smaller, but new
    events take the room. It works while the site is served; run it once a day, and each time that it was interrupted.
    """
    with opened(folder) as (site, _, store, now):
        kept = site.settings.retention
        if kept is None:
            raise click.ClickException(
                "events are kept forever: yesladder.yaml has no `retention`, such as retention: 400 days"
            )
        if not site.database.exists():
            click.echo("There are no events yet.")
            return
        shown = partial(progress, "Deleting" if yes else "Looking through the log")
        expired = retention.expire(store, kept, now, yes, shown)
    _tell(expired, yes)


def _forget(store: Store, visitor: VisitorId, dry_run: bool) -> tuple[Collection[VisitorId], list[str]]:
    """Forget them, or say what that would delete; answers all their ids, and who else names them."""
    found = store.traces(visitor)
    events, ids, quotes = found.events, found.ids, found.quoted_by
    joined = sorted(ids - {visitor})
    known_as = f", also known as {listing(joined)}" if joined else ""
    keys = sorted({event.experiment for event in events if event.experiment is not None})
    tests = f"; they were in {listing(keys)}" if keys else ""
    what = f"{things(len(events), 'event')} and {things(found.refused, 'refused event')} of {visitor}{known_as}{tests}."
    if dry_run:
        click.echo(f"Would delete {what}")
    else:
        try:
            store.forget(visitor)
        except StillReadable as error:
            again = f". Run it for {listing(joined)} too" if joined else ""
            raise click.ClickException(f"{error}{again}.") from None
        click.echo(f"Deleted {what}")
    some = ", ".join(quotes[:_TOLD]) + (", ..." if len(quotes) > _TOLD else "")
    return ids, [f"{things(len(quotes), 'event')} of other visitors, with messageId {some}"] if quotes else []


def _tell(expired: Expired, done: bool) -> None:
    number = sum(expired.events.values())
    before = f"before {expired.before:%Y-%m-%d %H:%M} UTC"
    if not number and not expired.refusals:
        click.echo(f"Nothing to delete: no event received {before} can go.")
        return
    click.echo(
        f"{'Deleted' if done else 'Would delete'} {things(number, 'event')} of {things(expired.people, 'visitor')} "
        f"and {things(expired.refusals, 'refused event')}, all received {before}."
    )
    for name, count in expired.events.most_common(_TOLD):
        click.echo(f"  {name}: {count:,}")
    if number and expired.ending:
        phases = ", ".join(f"{phase.key} phase {phase.phase}" for phase in expired.ending)
        click.echo(f"Final, not to be recounted any more: {phases}.")
    if not done:
        click.echo("Nothing was deleted. To do it: --yes")
