"""Decision: a verdict once reached, as it is written down: with the look that reached it and what that look had seen.

A value only, which a store keeps and a report is checked against; `audit.decisions` finds them.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple, get_args

from experiments.definition.definition import Family, Interval, Method

Verdict = Literal["better", "worse", "equivalent", "safe", "harmed"]

_SHA256 = re.compile(r"[0-9a-f]{64}")


class DecisionKey(NamedTuple):
    """What a decision log has once: the first one written stays."""

    experiment: str
    phase: int
    step: str
    variant: str
    state: Verdict


@dataclass(frozen=True, slots=True)
class Decision:
    """One variant was found better, worse, equivalent, safe or harmed at one step, against `versus`.

    `decided_at`: the seal of the look that decided. All numbers are those of that look: `visitors` of both variants,
    the relative interval (variant minus control) and the p-value so far, also `p_value_adjusted` for the comparisons
    that share the `family`'s `alpha`. `method`: that of the test; guardrails have their own. `tables`: the sha256 of
    the counts it was computed from (`audit.decisions.fingerprint`). `recorded_at`: when it was written to the log, None
    before. Both moments are aware. Raises ValueError naming the field and what it is.
    """

    experiment: str
    phase: int
    step: str
    variant: str
    versus: str
    state: Verdict
    decided_at: datetime
    visitors: int
    p_value: float | None
    p_value_adjusted: float | None
    relative_interval: Interval | None
    method: Method
    alpha: float
    family: Family
    tables: str
    recorded_at: datetime | None = None

    def __post_init__(self) -> None:
        for name, value, known in (
            ("state", self.state, get_args(Verdict)),
            ("method", self.method, get_args(Method)),
            ("family", self.family, get_args(Family)),
        ):
            if value not in known:
                raise ValueError(f"{name} is {value!r}, must be one of {', '.join(known)}")
        for name, moment in (("decided_at", self.decided_at), ("recorded_at", self.recorded_at)):
            if moment is not None and moment.tzinfo is None:
                raise ValueError(f"{name} is {moment}, must have a time zone")
        for name, p_value in (("p_value", self.p_value), ("p_value_adjusted", self.p_value_adjusted)):
            if p_value is not None and not 0 <= p_value <= 1:
                raise ValueError(f"{name} is {p_value}, must be in [0, 1]")
        if not 0 < self.alpha < 1:
            raise ValueError(f"alpha is {self.alpha}, must be in (0, 1)")
        if self.visitors < 0:
            raise ValueError(f"visitors is {self.visitors}, must not be negative")
        if not _SHA256.fullmatch(self.tables):
            raise ValueError(f"tables is {self.tables!r}, must be a sha256 in 64 hexadecimal digits")

    @property
    def key(self) -> DecisionKey:
        """What makes it this decision and no other."""
        return DecisionKey(self.experiment, self.phase, self.step, self.variant, self.state)


def in_order(one: Decision) -> tuple[object, ...]:
    """By when it fell; at one moment by its names."""
    return one.decided_at, one.key
