"""assign: which variant does this visitor get, and why? A pure hash, no memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Reason = Literal[
    "split",
    "served",
    "forced",
    "outside-traffic",
    "outside-audience",
    "outside-layer",
    "not-running",
    "bot",
    "no-consent",
]

Attributes = Mapping[str, str | bool]


@dataclass(frozen=True, slots=True)
class Assignment:
    """A decision and its reason. Who is not in the experiment has the control's key as `variant`."""

    variant: str
    reason: Reason

    @property
    def in_experiment(self) -> bool:
        """Does this visitor count? Only a split does."""
        return self.reason == "split"
