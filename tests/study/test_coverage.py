"""Time-uniform coverage: how often does an interval, at any of 400 looks, leave out the true effect?

The running intersection leaves it out as soon as one look does. Without an effect an interval misses just where its
test gives a verdict (both statistics are the same at zero), so those worlds are those of the false positives.
"""

from __future__ import annotations

from collections import Counter

import pytest

from tests.study.looks import METHODS
from tests.study.promises import Cell, broken, replications_for
from tests.study.replications import FULL, counted
from tests.study.tallies import of_two_arms
from tests.study.worlds import World

EFFECTS = ((0.002, 0.003), (0.005, 0.0065), (0.02, 0.024), (0.1, 0.12), (0.5, 0.45))
WORLDS = [
    World(rates, share, planned_visitors=200_000 if rates[0] == 0.002 else 40_000)
    for rates in EFFECTS
    for share in (0.5, 0.1)
]
EVENTS = [f"{method} {form} missed" for method in METHODS for form in ("lift", "difference")]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200)]


@pytest.fixture(scope="module")
def counts() -> dict[str, Counter[str]]:
    """World's name -> what happened in it."""
    replications = replications_for(0.05, len(WORLDS) * len(EVENTS)) if FULL else 2_000
    return counted(of_two_arms, dict.fromkeys(WORLDS, replications), chunk=200)


def test_both_intervals_hold_the_true_effect_at_all_looks(counts: dict[str, Counter[str]]) -> None:
    assert not broken(
        [
            Cell(world.name, event, world.alpha, counts[world.name][event], counts[world.name]["replications"])
            for world in WORLDS
            for event in EVENTS
        ]
    )
