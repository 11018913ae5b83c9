"""The verdict of a guardrail: safe, harmed, or still open, with its reason and the look that decided."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np

from experiments.events.cohort import Clock
from experiments.reporting.comparison import NON_STATIONARY
from stats.proportions.non_inferiority import GuardEvidence

GuardrailState = Literal["collecting", "undecided", "safe", "harmed"]

OPEN = "harm beyond the margin is still possible, and so is no harm at all"
HARMED = "it is worse; that it is by less than the margin is not ruled out"
HARMED_BEYOND = "it is worse by more than the margin"
SAFE = "harm beyond the margin is ruled out"
SAFE_BUT_WORSE = "it is worse, but by less than the margin"
CONTRADICTED = "harm beyond the margin was ruled out, yet other days show it: the effect is not stable"
TODAY_WOULD_NOT = "today's data alone would not decide; the effect is not stable"

_FINDINGS = {  # by what has been shown: safety, harm, harm beyond the margin
    (True, False, False): SAFE,
    (True, True, False): SAFE_BUT_WORSE,
    (True, True, True): CONTRADICTED,
    (False, True, False): HARMED,
    (False, True, True): HARMED_BEYOND,
}


@dataclass(frozen=True, slots=True)
class GuardrailVerdict:
    """What a guardrail's evidence comes to. It enters no family: each of its two answers is wrong with at most alpha.

    Safe comes before harmed: a harm that has been shown to be less than the margin is what the margin allows. So
    harmed may become safe later; safe stays. `finding` is one of the sentences above;
    `decided_at`: the seal of the look that showed safety, else of that which showed harm. `decides_today`: would the
    last look alone say the same? `reason` is for a person: the finding, when, and whether it is stable; or
    `non-stationary` when no effect is within the bounds of all looks (a state already decided stays).
    """

    state: GuardrailState
    finding: str
    reason: str
    decided_at: datetime | None
    decides_today: bool


def guardrail_verdict(evidence: GuardEvidence, clock: Clock) -> GuardrailVerdict:
    """Is the variant safe, or harmed, as of the last look? `clock` knows when the cohorts sealed."""
    safe, harmed = bool(evidence.safe[-1]), bool(evidence.harmed[-1])
    if not (safe or harmed):
        return GuardrailVerdict("undecided", OPEN, NON_STATIONARY if evidence.empty[-1] else OPEN, None, False)
    finding = _FINDINGS[safe, harmed, bool(evidence.beyond[-1])]
    decided_at = clock.seal(int(evidence.cohorts[np.argmax(evidence.safe if safe else evidence.harmed)]))
    decides_today = bool((evidence.safe_look if safe else evidence.harmed_look)[-1])
    reason = f"decided on {decided_at:%Y-%m-%d}: {finding}"
    if evidence.empty[-1] and finding != CONTRADICTED:
        reason = NON_STATIONARY
    elif not decides_today:
        reason = f"{reason}; {TODAY_WOULD_NOT}"
    return GuardrailVerdict("safe" if safe else "harmed", finding, reason, decided_at, decides_today)
