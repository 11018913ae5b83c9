"""History of the demo: a site with the gallery's experiments and simulated visitors whose true behaviour is known."""

import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import click
import numpy as np

from experiments.definition.experiment import Experiment
from experiments.events.event import Event
from experiments.gallery.exhibit import exhibit
from experiments.simulation.simulate import simulate, true_rates
from experiments.simulation.truth import read_truth
from experiments.site.catalog import Catalog
from experiments.site.site import Site
from webapp.commands.log.events import batches
from webapp.commands.shared.opened_site import opened_store
from webapp.commands.site.site_folder import add_exhibit, new_site
from webapp.words.formatting import count, lift, rate
from webapp.words.sentences import spoken

DAYS: Final = 21
VISITORS: Mapping[str, int] = {"multi-step-form": 30_000, "popup-contact-form": 20_000}
"""How many meet the trigger in DAYS and the rest of today, at the gallery's experiments that are simulated."""
HISTORY: Final = "free-trial-screener"
TRUE_EFFECTS: Final = "TRUE-EFFECTS.txt"
"""The file that makes a folder a demo: what is true of its visitors. Without it nothing is ever removed."""


def build(folder: Path, now: datetime, seed: int) -> None:
    """Make a demo in this folder, which must not exist: three weeks of visitors that end now, and a real history.

    The folder appears when all is in it, so that an interrupted build leaves no half demo behind.
    """
    draft = folder.with_name(f".{folder.name}.building")
    if draft.exists():
        shutil.rmtree(draft)
    new_site(draft, "USD")
    start = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=DAYS)
    for name in VISITORS:
        add_exhibit(draft, exhibit(name), running=True, started_at=f"{start:%Y-%m-%dT%H:%M:%SZ}")
    add_exhibit(draft, exhibit(HISTORY))
    catalog = Catalog(draft, lambda: now)
    truths: list[str] = []
    for index, (name, number) in enumerate(VISITORS.items()):
        shown = exhibit(name)
        experiment = catalog.require(shown.experiment().key)
        assert shown.truth is not None
        truth = read_truth(shown.truth)
        rng = np.random.default_rng([seed, index])
        click.echo(f"{experiment.name}: simulating {count(number)} visitors ...")
        events = simulate(experiment, truth, rng, start=start, days=DAYS + 1, visitors=number, until=now)
        _fill(draft, catalog, list(events))
        truths.append(_true_effects(experiment, true_rates(experiment, truth)))
    click.echo("Free-trial screener: replaying what really happened in 2014 ...")
    _fill(draft, catalog, list(exhibit(HISTORY).history()))
    (draft / TRUE_EFFECTS).write_text("\n".join(truths), encoding="utf-8")
    draft.rename(folder)


def is_demo(folder: Path) -> bool:
    """Was this folder made by `build`?"""
    return (folder / TRUE_EFFECTS).is_file()


def built_at(folder: Path) -> datetime:
    """When the demo in this folder was built: its visitors end there."""
    return datetime.fromtimestamp((folder / TRUE_EFFECTS).stat().st_mtime, UTC)


def _fill(folder: Path, catalog: Catalog, events: Sequence[Event]) -> None:
    """Append events in the order of receipt, by a clock that reads what it read then: history is no revision."""
    site = Site.open(folder)
    then = events[0].received_at
    with opened_store(site, catalog.phases, clock=lambda: then) as store:
        for batch in batches(events, "Storing"):
            store.append(batch)


def _true_effects(experiment: Experiment, rates: Mapping[str, Mapping[str, float]]) -> str:
    """What is true of each step, in the words of a result page."""
    control = experiment.control.key
    lines = [f"{experiment.name} ({experiment.key}): what is really so"]
    for variant in experiment.variants[1:]:
        for step in experiment.steps:
            before, after = rates[control][step.step], rates[variant.key][step.step]
            change = lift(after / before - 1) if abs(after / before - 1) > 1e-9 else "no difference"
            lines.append(f"  {spoken(step.step):18} {control} {rate(before)}, {variant.key} {rate(after)}: {change}")
    return "\n".join((*lines, ""))
