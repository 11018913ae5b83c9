"""The full study counts in other processes, the reduced one in its own: both must count the same."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.study import replications
from tests.study.replications import counted, generator


class Coin:
    """A world of heads and tails."""

    name = "coin"


def heads(coin: Coin, some: range) -> Counter[str]:
    """How often these replications show heads."""
    return Counter(heads=sum(int(generator(coin.name, one).integers(2)) for one in some))


@pytest.mark.slow
def test_other_processes_count_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    here = counted(heads, {Coin(): 25}, chunk=10)
    monkeypatch.setattr(replications, "FULL", True)
    assert counted(heads, {Coin(): 25}, chunk=10) == here
    assert here["coin"]["replications"] == 30
    assert 5 < here["coin"]["heads"] < 25
