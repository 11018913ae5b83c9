"""False positives under continuous looks: how often is there a verdict where there is nothing to find?

Every look of 400 counts, 200 up to the plan and as many beyond. The plan is 20,000 visitors per arm; at a rate of .002,
where that would be 40 conversions, 100,000. Naive peeking at the same data is the negative control.
"""

from __future__ import annotations

from collections import Counter

import pytest

from tests.study.looks import METHODS
from tests.study.promises import Cell, broken, replications_for
from tests.study.replications import FULL, counted
from tests.study.tallies import of_ladder, of_two_arms
from tests.study.worlds import Ladder, World

RATES = (0.002, 0.005, 0.02, 0.1, 0.5)
SHARES = (0.5, 0.1)

WORLDS = [
    World((rate, rate), share, planned_visitors=200_000 if rate == 0.002 else 40_000)
    for rate in RATES
    for share in SHARES
]
WITHOUT_DETECT = [World((rate, rate), detect=None) for rate in (0.02, 0.1)]  # tau by the rate at the first gated look
STRICT = [World((0.02, 0.02), alpha=0.001), World((0.1, 0.1), share=0.1, alpha=0.001)]
# The rate rises or falls while the test runs, in both arms alike.
DRIFTING = [
    World((0.01, 0.01), share, drift=drift)
    for drift in ((0.5, 2.0), (0.75, 3.0), (0.9, 4.0), (0.5, 0.25))
    for share in SHARES
]
LADDERS = [Ladder((1, 1, 1)), Ladder((8, 1, 1))]

TWO_ARMS = [*WORLDS, *WITHOUT_DETECT, *DRIFTING, *STRICT]
CELLS = len(METHODS) * (len(TWO_ARMS) + 2 * len(LADDERS))

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200)]


@pytest.fixture(scope="module")
def counts() -> dict[str, Counter[str]]:
    """World's name -> what happened in it."""
    many = {0.05: 4_000, 0.001: 16_000}
    if FULL:
        many = {alpha: replications_for(alpha, CELLS) for alpha in many}
    two_arms = counted(of_two_arms, {world: many[world.alpha] for world in TWO_ARMS}, chunk=200)
    return two_arms | counted(
        of_ladder, {world: many[world.alpha] // (1 if FULL else 2) for world in LADDERS}, chunk=50
    )


def test_wrong_verdicts_hold_alpha(counts: dict[str, Counter[str]]) -> None:
    cells = [(world, f"{method} verdict") for world in TWO_ARMS for method in METHODS]
    cells += [
        (world, f"{method} {family} verdict")
        for world in LADDERS
        for method in METHODS
        for family in ("macro", "diagnostic")
    ]
    assert len(cells) == CELLS
    assert not broken(
        [
            Cell(world.name, event, world.alpha, counts[world.name][event], counts[world.name]["replications"])
            for world, event in cells
        ]
    )


def test_naive_peeking_at_the_same_data_does_not(counts: dict[str, Counter[str]]) -> None:
    """It breaks every cell by the same rule, which shows that the study sees what does not hold.

    Where the gate opens late there are fewer looks to be wrong at; in even arms it is wrong more than a quarter of the
    time.
    """
    cells = [(world, "naive") for world in TWO_ARMS]
    cells += [(world, f"naive {family}") for world in LADDERS for family in ("macro", "diagnostic")]
    naive = [
        Cell(world.name, event, world.alpha, counts[world.name][event], counts[world.name]["replications"])
        for world, event in cells
    ]
    assert len(broken(naive)) == len(naive)
    even = {world.name for world in WORLDS if world.share == 0.5}
    assert all(cell.happened > 0.25 * cell.replications for cell in naive if cell.world in even)
