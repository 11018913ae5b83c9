"""A real site with the cases that are hard to show: real config files, real events of few simulated visitors."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from experiments.definition.experiment import Experiment
from experiments.events.event import Event, MessageId, Refusal, VisitorId
from experiments.gallery.exhibit import exhibit
from experiments.simulation.simulate import simulate
from experiments.simulation.truth import Behaviour, Crowd, Truth, read_truth
from experiments.site.catalog import Catalog
from experiments.store.sqlite.engine import open_store
from webapp.commands.site.site_folder import add_exhibit

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
BROKEN = "a-file-with-quite-a-long-name-that-somebody-gave-it-in-a-hurry.yaml"
LONG_ID = "8d7c8a1e-4f0e-4a8f-a0b7-" + "3" * 200
LONG_LEVEL = "newsletter-of-november-" + "x" * 120
SETTINGS = "write_key: wk_awkward\ncurrency: EUR\ntime_zone: America/Argentina/ComodRivadavia\n"
DEMO = ("multi-step-form", "popup-contact-form")

CROWD = "eight-variants-and-twelve-steps-with-a-key-that-is-full-to-the-e"
VARIANTS = ["as-it-is", *(f"variant{k}{'x' * 55}" for k in range(1, 8))]
STEPS = [f"question-number-{k}-of-a-form-that-goes-on-and-on-with-a-long-name" for k in range(1, 10)]


def experiment(key: str, started: datetime, **changes: Any) -> dict[str, Any]:
    """The config file of a running test with two variants and three milestones."""
    return {
        "key": key,
        "name": f"The test {key}",
        "hypothesis": "One easy question first makes more visitors finish the form.",
        "status": "running",
        "started_at": f"{started:%Y-%m-%dT%H:%M:%SZ}",
        "variants": [{"key": "single", "weight": 50}, {"key": "multi-step", "weight": 50}],
        "path": [
            {"step": "form-seen", "event": "form_viewed", "grade": 1, "window": "1 hour"},
            {"step": "form-started", "event": "form_started", "grade": 2, "window": "1 hour"},
            {"step": "job-booked", "event": "job_booked", "value": "amount"},
        ],
        "secondary": [{"step": "testimonials-read", "event": "testimonials_viewed", "grade": 1}],
        "guardrails": [{"step": "form-error", "event": "form_error", "harm": "more", "margin": "10%"}],
        "window": "2 days",
    } | changes


def crowd() -> dict[str, Any]:
    """Eight variants, twelve steps, and every name as long as it may be."""
    path = [{"step": step, "event": step.replace("-", "_"), "grade": k % 3 + 1} for k, step in enumerate(STEPS)]
    path[-1]["value"] = "amount"
    return experiment(
        CROWD,
        NOW - timedelta(days=21),
        name="A test of eight variants and twelve steps, with a name that goes on and on " + "without-a-break" * 6,
        hypothesis="More is more. " * 20,
        variants=[{"key": key, "weight": 1} for key in VARIANTS],
        path=path,
        secondary=[{"step": f"aside-{k}-{'y' * 50}", "event": f"aside_{k}", "grade": 2} for k in (1, 2)],
        segments=["campaign"],
        analysis={"adjust_for": ["device"], "planned_visitors": 40_000, "detect": "10%"},
        decision={"made": "ship", "variant": VARIANTS[3], "on": "2026-11-20", "note": "a-note-" + "z" * 200},
    )


def truth(phase: Experiment) -> Truth:
    """Every treatment gets a fifth more visitors to its second milestone; the rest is alike."""
    rates = [0.8, 0.45, *[0.7] * (len(phase.path) - 2)]
    alone = {step.step: 0.1 for step in (*phase.secondary, *phase.guardrails)}
    behaviours = {
        variant.key: Behaviour(rates=(rates[0], rates[1] * (1.2 if k else 1.0), *rates[2:]), alone=alone, returning=0.1)
        for k, variant in enumerate(phase.variants)
    }
    crowds = (
        Crowd(share=50, attributes={"device": "phone", "campaign": LONG_LEVEL, "source": "ads"}),
        Crowd(share=40, attributes={"device": "desktop", "returning": "true", "campaign": "none"}, eagerness=1.3),
        Crowd(share=9, attributes={"device": "tablet"}),
        Crowd(share=1, attributes={"device": "desktop", "bot": "true"}),
    )
    return Truth(variants=behaviours, crowds=crowds, value_mean=250)


def build(path: Path) -> None:
    """Make the site in this folder, which must not exist."""
    (path / "experiments").mkdir(parents=True)
    (path / "yesladder.yaml").write_text(SETTINGS, "utf-8")
    start = NOW - timedelta(days=21)
    write(path, experiment("nobody", start, analysis={"planned_visitors": 20_000, "detect": "10%"}))
    write(path, experiment("one-visitor", start))
    write(path, crowd())
    write(path, experiment("long-run", NOW - timedelta(days=400), analysis={"detect": "20%"}))
    write(path, experiment("mismatch", start, assignment="reported"))
    write(path, experiment("drafted", start) | {"status": "draft", "started_at": None, "guardrails": []})
    twice = experiment("twice", start, status="stopped", ended_at=f"{NOW - timedelta(days=16):%Y-%m-%dT%H:%M:%SZ}")
    write(path, twice)
    Catalog(path, lambda: NOW - timedelta(days=15))  # the first phase of `twice` is on record
    again = {"phase": 2, "started_at": "2026-11-08T00:00:00Z", "ended_at": "2026-11-15T00:00:00Z"}
    write(path, twice | again | {"serve": "multi-step"})
    for name in DEMO:
        add_exhibit(path, exhibit(name), running=True, started_at=f"{start:%Y-%m-%dT%H:%M:%SZ}")
    (path / "experiments" / BROKEN).write_text('{"key": "broken", "variants": -1}', "utf-8")
    fill(path, Catalog(path, lambda: NOW))


def write(path: Path, config: dict[str, Any]) -> None:
    """Write one config file; every JSON document is a YAML document."""
    named = {name: value for name, value in config.items() if value is not None}
    (path / "experiments" / f"{config['key']}.yaml").write_text(json.dumps(named, indent=1), "utf-8")


def fill(path: Path, catalog: Catalog) -> None:
    """Append what the visitors did, by a clock that reads the time of the earliest receipt: history is no revision."""
    events = sorted(visitors(catalog), key=lambda event: event.received_at)
    refusals = [
        Refusal("invalid", "batch[0].event is missing, must be a text " + "y" * 300, NOW, visitor=LONG_ID),
        Refusal("not-in-experiment", "is outside the traffic", NOW, name="Experiment Viewed", experiment=CROWD),
    ]
    then = events[0].received_at
    store = open_store(path / "yesladder.db", catalog.phases, durability="normal", clock=lambda: then)
    store.append(events, refusals)
    store.close()


def visitors(catalog: Catalog) -> Iterator[Event]:
    """What every test's visitors sent."""
    numbers = {CROWD: 1_200, "long-run": 1_200, "mismatch": 900, "twice": 400}
    for index, phase in enumerate(catalog.phases()):
        if phase.key in numbers:
            yield from told(phase, truth(phase), index, numbers[phase.key])
    for index, name in enumerate(DEMO):
        phase, file = catalog.get(exhibit(name).experiment().key), exhibit(name).truth
        assert phase is not None
        assert file is not None
        yield from told(phase, read_truth(file), 100 + index, 1_500)
    at = NOW - timedelta(days=12)
    one = {"visitor": VisitorId(LONG_ID), "at": at, "received_at": at}
    yield Event(MessageId("one-1"), "exposure", **one, experiment="one-visitor", variant="multi-step")
    yield Event(MessageId("one-2"), "action", **one, name="form_viewed", properties={"note": "w" * 400})
    yield Event(MessageId("one-3"), "join", **one, joined=VisitorId("user-" + "7" * 200))


def told(phase: Experiment, behaviour: Truth, seed: int, number: int) -> Sequence[Event]:
    """The events of so many visitors over the whole phase; of `mismatch`, half of the second variant's are lost."""
    assert phase.started_at is not None
    start = phase.started_at.replace(minute=0)
    end = phase.ended_at or NOW
    rng, days = np.random.default_rng([7, seed]), (end - start).days
    as_it_ran = phase.model_copy(update={"status": "running", "ended_at": None, "serve": None})
    events = simulate(as_it_ran, behaviour, rng, start=start, days=days, visitors=number, until=NOW)
    lost = phase.variants[1].key if phase.key == "mismatch" else None
    kept, gone = [], set()
    for event in events:
        if lost and event.variant == lost and event.visitor[0] in "01234567":
            gone.add(event.visitor)
        if event.visitor not in gone:
            kept.append(event)
    return kept
