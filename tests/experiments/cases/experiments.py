"""Small experiments: what a test does not say about one is here, the same for all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from experiments.definition.experiment import Experiment

START = datetime(2026, 11, 2, tzinfo=UTC)


def small(**changes: Any) -> Experiment:
    """A contact form that runs since START: variants `single` and `multi-step`, half each, and one step, `sent`."""
    definition = {
        "key": "contact-form",
        "name": "Contact form",
        "status": "running",
        "started_at": START,
        "variants": variants("single", "multi-step"),
        "path": [as_step("sent")],
        "window": "7 days",
    }
    return Experiment.model_validate(definition | changes)


def two_steps(**changes: Any) -> Experiment:
    """The same, with the milestone `seen`, which has an hour, before the macro-conversion `sold`."""
    return small(**{"path": [as_step("seen", window="1 hour"), as_step("sold")]} | changes)


def draft(**changes: Any) -> Experiment:
    """Two steps of an experiment that has not started."""
    return two_steps(**{"status": "draft", "started_at": None} | changes)


def variants(*keys: str, weights: Sequence[float] = ()) -> list[dict[str, Any]]:
    """Variants of these weights; all alike without."""
    return [{"key": key, "weight": weight} for key, weight in zip(keys, weights or [50] * len(keys), strict=False)]


def as_step(key: str, **more: Any) -> dict[str, Any]:
    """A step whose event has its name."""
    return {"step": key, "event": key} | more


def guardrail(key: str = "error", **more: Any) -> dict[str, Any]:
    """A step of which at most 10% more are bearable."""
    return as_step(key, harm="more", margin="10%", **more)
