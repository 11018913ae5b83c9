"""The rule of the studies: its bounds against statsmodels, its power against counting."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from tests.study.promises import ERROR, Cell, broken, highest_share, lowest_share, power, replications_for


@pytest.mark.parametrize(("happened", "replications"), [(0, 500), (3, 500), (120, 2_000), (499, 500), (500, 500)])
@pytest.mark.parametrize("level", [0.01, 0.01 / 40])
def test_the_bounds_are_those_of_clopper_and_pearson(happened: int, replications: int, level: float) -> None:
    both = proportion_confint(happened, replications, alpha=2 * level, method="beta")
    ours = lowest_share(happened, replications, level), highest_share(happened, replications, level)
    assert ours == pytest.approx(both, rel=1e-9, abs=1e-12)


def test_power_is_how_often_the_rule_breaks_a_broken_promise() -> None:
    happened = np.random.default_rng(1).binomial(3_000, 1.5 * 0.05, size=4_000)
    seen = np.mean([Cell("", "", 0.05, count, 3_000).broken(40) for count in happened.tolist()])
    assert power(3_000, 0.05, 40, 1.5) == pytest.approx(seen, abs=0.01)


def test_a_promise_that_just_holds_is_seldom_called_broken() -> None:
    assert power(5_000, 0.05, 40, 1.0) <= ERROR / 40
    assert power(300_000, 0.001, 40, 1.0) <= ERROR / 40


@pytest.mark.parametrize("promised", [0.05, 0.001])
def test_replications_for_are_enough_and_hardly_more(promised: float) -> None:
    enough = replications_for(promised, 40)
    assert power(enough, promised, 40) >= 0.9
    assert power(int(0.97 * enough), promised, 40) < 0.9


def test_broken_rows_are_returned_and_every_row_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    cells = [Cell("world", "fine", 0.05, 40, 1_000), Cell("world", "wrong", 0.05, 90, 1_000)]
    (row,) = broken(cells)
    assert "wrong" in row
    assert row.endswith("BROKEN")
    printed = capsys.readouterr().out
    assert "fine" in printed
    assert "holds" in printed
    assert "1000 replications" in printed
