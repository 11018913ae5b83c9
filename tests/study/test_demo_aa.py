"""A/A study: how often does a page that is looked at every hour give a verdict where there is nothing to find?

The shipped demo experiments with the effect taken out, from visitors to verdict. Beside it, at the same looks, a
z-test that knows nothing of looking: the negative control, which must fail.
"""

from __future__ import annotations

from collections import Counter

import pytest

from tests.study.demo_worlds import DemoWorld, of_demo
from tests.study.promises import Cell, broken, power
from tests.study.replications import FULL, counted

ALPHA = 0.05

# The two experiments of `yesladder demo`, with its numbers of visitors; the first again with three uneven variants,
# where families are larger and arms thin; and with its effect, to see that verdicts are given and intervals are true.
WORLDS = (
    DemoWorld("multi-step form", "multi-step-form", 30_000, 300),
    DemoWorld("pop-up form", "popup-contact-form", 20_000, 150),
    DemoWorld("three uneven variants", "multi-step-form", 30_000, 150, weights=(8, 1, 1)),
    DemoWorld("multi-step form as it is", "multi-step-form", 30_000, 100, effect=True),
)
ALIKE = tuple(world for world in WORLDS if not world.effect)
KINDS = ("macro", "diagnostic")
# worlds, event, promised: verdicts where nothing is to be found, in each world and in all of them together (where the
# reduced study sees more); intervals where there is; the split everywhere
PROMISES = [
    *((worlds, kind, ALPHA) for worlds in (ALIKE, *((world,) for world in ALIKE)) for kind in KINDS),
    *(((world,), f"{kind} missed", ALPHA) for world in WORLDS if world.effect for kind in KINDS),
    *(((world,), "sample ratio", 0.001) for world in WORLDS),
]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200 if FULL else 1800)]


@pytest.fixture(scope="module")
def counts() -> dict[str, Counter[str]]:
    """World's name -> what happened in it."""
    return counted(of_demo, {world: 10_000 if FULL else world.replications for world in WORLDS}, chunk=50)


def test_every_promise_holds(counts: dict[str, Counter[str]]) -> None:
    """And who made twice as many mistakes as promised would be seen, almost certainly."""
    cells = [
        Cell(
            worlds[0].name if len(worlds) == 1 else "all where nothing differs",
            event,
            promised,
            sum(counts[world.name][event] for world in worlds),
            sum(counts[world.name]["replications"] for world in worlds),
        )
        for worlds, event, promised in PROMISES
    ]
    assert not broken(cells)
    assert power(cells[0].replications, ALPHA, len(cells), times=2) > 0.9


def test_the_same_looks_without_the_method_are_wrong_far_too_often(counts: dict[str, Counter[str]]) -> None:
    """The negative control: it shows that the study would see a method that does not hold."""
    for world in ALIKE:
        tally = counts[world.name]
        print(f"{world.name:26} naive z-test       {tally['naive'] / tally['replications']:.4f}")
        assert tally["naive"] / tally["replications"] > 0.2


def test_a_real_effect_is_found_and_never_turned_round(counts: dict[str, Counter[str]]) -> None:
    (world,) = (world for world in WORLDS if world.effect)
    tally = counts[world.name]
    print(f"{world.name:26} found better       {tally['better'] / tally['replications']:.4f}")
    assert tally["better"] > 0.8 * tally["replications"]
    assert tally["worse"] == 0
