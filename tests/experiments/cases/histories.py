"""A phase and short ways to write histories for it. Times are minutes after the phase began."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from experiments.definition.experiment import Experiment
from experiments.events.contribution import Cell, Counts
from experiments.events.event import Event, MessageId, VisitorId
from experiments.store.store import Store

START = datetime(2026, 11, 2, tzinfo=UTC)
HOUR = 60
DAY = 24 * HOUR

PHASE = Experiment.model_validate(
    {
        "key": "form",
        "name": "Form",
        "status": "stopped",
        "started_at": START,
        "ended_at": START + timedelta(days=20),
        "variants": [{"key": "single", "weight": 50}, {"key": "multi", "weight": 50}],
        "path": [
            {"step": "seen", "event": "form_viewed", "grade": 1, "window": "1 hour"},
            {"step": "email", "event": "email_given", "grade": 3, "window": "3 hours"},
            {"step": "quote", "event": "quote_requested", "value": "amount"},
        ],
        "secondary": [{"step": "praise", "event": "testimonials_viewed", "window": "1 hour"}],
        "guardrails": [{"step": "error", "event": "form_error", "harm": "more", "margin": "10%"}],
        "window": "1 day",
        "value_cap": 1000,
        "analysis": {"adjust_for": ["device"]},
        "segments": ["plan"],
    }
)


def minute(at: float) -> datetime:
    return START + timedelta(minutes=at)


def exposure(
    visitor: str, variant: str, at: float, received: float | None = None, message: str = "", **more: Any
) -> Event:
    more.setdefault("experiment", "form")
    return _event("exposure", visitor, at, received, message, variant=variant, **more)


def action(visitor: str, name: str, at: float, received: float | None = None, message: str = "", **more: Any) -> Event:
    return _event("action", visitor, at, received, message, name=name, **more)


def join(visitor: str, joined: str, at: float, received: float | None = None, message: str = "") -> Event:
    return _event("join", visitor, at, received, message, joined=joined)


def withdrawal(visitor: str, at: float) -> Event:
    return _event("withdrawal", visitor, at, None, "")


def _event(kind: Any, visitor: str, at: float, received: float | None, message: str, **more: Any) -> Event:
    received = at if received is None else received
    message = message or f"{kind}-{visitor}-{more.get('name') or more.get('joined') or more.get('variant')}-{at:g}"
    if joined := more.pop("joined", None):
        more["joined"] = VisitorId(joined)
    return Event(
        message_id=MessageId(message),
        kind=kind,
        visitor=VisitorId(visitor),
        at=minute(at),
        received_at=minute(received),
        **more,
    )


def all_cells(store: Store, phase: Experiment) -> Mapping[Cell, Counts]:
    """Every cell that this store counts of a phase, those of its segments too."""
    return store.tables(phase, None).cells
