"""import, verify: bringing events into the log, and recounting it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path

import click

from experiments.audit.decision_log import explained
from experiments.audit.readout import read
from experiments.definition.experiment import Experiment
from experiments.events.event import Event, Refusal
from experiments.store.store import Receipt, Store
from webapp.commands.shared.console import progress
from webapp.commands.shared.opened_site import SITE, opened
from webapp.wire.segment_file import EventLine, read_events
from webapp.words.formatting import things

BATCH = 20_000  # events made durable at a time; a served site's own events wait for no longer than one batch
_TOLD = 20  # refused lines that are spelled out


@click.command("import")
@SITE
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--skip-refused", is_flag=True, help="Store the lines that are right even if others are refused.")
def import_(folder: Path, file: Path, skip_refused: bool) -> None:
    """Bring the events of FILE into the log of SITE, as if they arrived when they say.

    FILE has one Segment-shaped event (track, identify, page ...) in JSON per line, with its `timestamp` and, if it
    was received later, `receivedAt`. The whole file is looked through before anything is stored: if one line is
    refused, nothing is. Importing the same events again changes nothing: each is known by its `messageId`.
    """
    size = file.stat().st_size
    with opened(folder) as (site, catalog, store, now):
        lines = partial(read_events, file, catalog, site.settings.staff, now)
        refused, earliest = _look_through(lines(), size)
        _tell(refused)
        if refused and not skip_refused:
            count = "1 line is" if len(refused) == 1 else f"{len(refused):,} lines are"
            remedy = "Mend them, or skip them: --skip-refused"
            raise click.ClickException(f"{count} refused, so nothing was stored. {remedy}")
        for key, at in earliest.items():
            catalog.backdate(key, at)
        try:
            receipts = _store(lines(), size, store)
        except KeyboardInterrupt:
            raise click.ClickException("interrupted. Run it again to finish: no event is counted twice") from None
    stored, known = sum(receipt.stored for receipt in receipts), sum(receipt.duplicates for receipt in receipts)
    click.echo(f"{stored:,} stored, {known:,} known already, {len(refused):,} refused.")


@click.command()
@SITE
def verify(folder: Path) -> None:
    """Recount SITE's results from its log of events, and compare them with what the result pages show.

    Then reach every verdict of the decision log again. Ends with exit code 1 and the cells and decisions that differ,
    should there ever be any. A decision whose counts a dated revision changed is told, and no fault.
    """
    with opened(folder) as (site, catalog, store, _):
        if not site.database.exists():
            click.echo("There are no events yet.")
            return
        differences = store.verify()
        final = store.final_phases()
        log = _extent(event.received_at for event in store.scan())
        decisions, differing, doubtful = _check_decisions(catalog.phases(), store)
    for one in differences:
        click.echo(f"{one.experiment} phase {one.phase}: {one.cell} is {one.table}, recounted {one.recount}")
    if differences:
        raise click.ClickException(f"{len(differences):,} counts differ from the log of {log}")
    click.echo(f"All counts agree with the log of {log}.")
    for key, number in sorted(final):
        click.echo(f"{key} phase {number} is final, and its events have expired: its counts were not recounted.")
    if doubtful:
        raise click.ClickException(f"{doubtful:,} of {things(decisions, 'decision')} cannot be explained")
    if differing:
        click.echo(f"{differing:,} of {things(decisions, 'decision')} differ, and dated revisions explain it.")
    elif decisions:
        click.echo(f"The decision log agrees, too: {things(decisions, 'decision')}.")


def _extent(receipts: Iterable[datetime]) -> str:
    """How many events, and when the first and the last were received; they come in this order."""
    number, first, last = 0, None, None
    for number, last in enumerate(receipts, 1):  # noqa: B007 - the last of them are what is asked for
        first = first or last
    if first is None or last is None:
        return "0 events"
    return f"{number:,} events, received {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC"


def _check_decisions(phases: Sequence[Experiment], store: Store) -> tuple[int, int, int]:
    """How many decisions are logged, how many of them do today's data not confirm, how many does nothing explain?

    Tells each that differs.
    """
    logged = differing = doubtful = 0
    for phase in phases:
        if not store.decisions([phase]):
            continue
        found = read(store, phase, (), datetime.now(UTC).replace(second=0, microsecond=0))
        for entry in found.decisions:
            one = entry.decision
            logged += one.recorded_at is not None
            if entry.differs:
                known = explained(entry, phase, found.revisions)
                differing, doubtful = differing + 1, doubtful + (not known)
                click.echo(
                    f"{phase.key} phase {phase.phase}: {one.variant} was {one.state} at {one.step} since "
                    f"{one.decided_at:%Y-%m-%d %H:%M} UTC; {entry.differs}"
                    + (" (a dated revision explains it)" if known else "")
                )
    return logged, differing, doubtful


def batches(events: Sequence[Event], what: str) -> Iterator[Sequence[Event]]:
    """Parts of many events to be appended one after the other, under a progress bar that says `what`."""
    with progress(what, len(events)) as advance:
        for first in range(0, len(events), BATCH):
            yield events[first : first + BATCH]
            advance(BATCH)


def _look_through(lines: Iterator[EventLine], size: int) -> tuple[Sequence[EventLine], Mapping[str, datetime]]:
    """The lines that are refused, and when each experiment's first exposure happened. Keeps nothing else.

    When it happened, not when it was received: the phase must begin no later than its first exposure.
    """
    refused: list[EventLine] = []
    earliest: dict[str, datetime] = {}
    with progress("Looking through the file", size) as advance:
        for line in lines:
            advance(line.size)
            event = line.outcome
            if isinstance(event, Refusal):
                refused.append(line)
            elif event.experiment is not None:
                earliest[event.experiment] = min(event.at, earliest.get(event.experiment, event.at))
    return refused, earliest


def _store(lines: Iterator[EventLine], size: int, store: Store) -> Sequence[Receipt]:
    receipts: list[Receipt] = []
    with progress("Storing", size) as advance:
        while batch := list(islice(lines, BATCH)):
            events = [line.outcome for line in batch if isinstance(line.outcome, Event)]
            refusals = [line.outcome for line in batch if isinstance(line.outcome, Refusal)]
            receipts.append(store.append(events, refusals))
            advance(sum(line.size for line in batch))
    return receipts


def _tell(refused: Sequence[EventLine]) -> None:
    """Spell out the first refused lines, and count all by their reason."""
    reasons: Counter[str] = Counter()
    for index, line in enumerate(refused):
        assert isinstance(line.outcome, Refusal)
        reasons[line.outcome.reason] += 1
        if index < _TOLD:
            click.echo(f"line {line.number}: {line.outcome.reason}: {line.outcome.detail}", err=True)
    if len(refused) > _TOLD:
        counts = ", ".join(f"{count:,} {reason}" for reason, count in reasons.most_common())
        click.echo(f"... and {len(refused) - _TOLD:,} more; in all: {counts}", err=True)
