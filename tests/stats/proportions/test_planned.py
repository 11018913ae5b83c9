"""The planned test: spending up to the plan, the always-valid part after it, and rates that rise meanwhile."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from stats.boundaries.alpha_spending import grid_boundary, grid_points
from stats.proportions.design import Design
from stats.proportions.sequential import Asked, Evidence, sequential
from stats.tables.reach import StepReach

EVEN = Design(smaller_share=0.5, alpha=0.05)


def reach_of(visitors: list[list[int]], reached: list[list[int]]) -> StepReach:
    """One stratum; rows are cohorts, columns variants."""
    return StepReach(np.arange(len(visitors)), np.array(visitors)[:, np.newaxis], np.array(reached)[:, np.newaxis])


def gated(step: StepReach, design: Design = EVEN, plan: float | None = None) -> Evidence:
    (sequence,) = sequential([Asked(step, 1, design, plan)])
    assert isinstance(sequence, Evidence)
    return sequence


def weight_of(n_a: float, n_b: float) -> float:
    return n_a * n_b / (n_a + n_b)


def test_a_planned_test_rejects_where_either_boundary_is_crossed() -> None:
    """400 visitors a look, 20,000 planned: a look is two points of the grid; what it does by hand, at every look."""
    step = reach_of([[200, 200]] * 100, [[20, 22]] * 100)
    sequence = gated(step, dataclasses.replace(EVEN, detect=0.2), plan=weight_of(10_000, 10_000))
    assert sequence.fraction is not None
    assert sequence.fraction.tolist() == pytest.approx([k / 50 for k in range(1, 101)])
    points = np.minimum(np.arange(4, 404, 4), 200)
    spending = np.where(np.arange(1, 101) <= 50, grid_boundary(0.0475)[points - 1], np.inf)
    n = np.arange(200, 20_200, 200)
    w, p = n / 2, 0.105
    z = 0.01 * np.sqrt(w / (p * (1 - p)))
    g = np.log(1.2) ** 2 * w * p / (1 - p)
    mixture = np.sqrt((1 + 1 / g) * (np.log1p(g) - 2 * np.log(0.0025)))
    assert sequence.z == pytest.approx(z, rel=1e-12)
    expected = np.maximum.accumulate(z >= np.minimum(spending, mixture))
    assert sequence.rejects.tolist() == expected.tolist()
    assert 0 < int(np.argmax(expected)) < 50
    without = gated(step, dataclasses.replace(EVEN, detect=0.2))
    assert int(np.argmax(sequence.rejects)) < int(np.argmax(without.rejects))


def test_after_the_plan_only_the_always_valid_part_goes_on() -> None:
    """Nothing at the plan; three times as many visitors later the same small effect is found, by the twentieth kept."""
    visitors, reached = [[1000, 1000]] * 60, [[100, 100]] * 10 + [[100, 109]] * 50
    planned = gated(reach_of(visitors, reached), EVEN, plan=weight_of(10_000, 10_000))
    assert planned.fraction is not None
    assert planned.fraction[-1] == pytest.approx(6)
    first = int(np.argmax(planned.rejects))
    kept = gated(reach_of(visitors, reached), Design(0.5, 0.0025))
    assert first == int(np.argmax(kept.rejects)) > 10
    assert planned.p_value[first] == pytest.approx(kept.p_value[first] / 0.05)


def test_between_the_points_of_the_grid_nothing_is_spent() -> None:
    """The same visitors in cohorts of 10: at the fifty points of before the same boundary, between them none."""
    few = gated(reach_of([[200, 200]] * 50, [[20, 25]] * 50), EVEN, plan=weight_of(10_000, 10_000))
    many = gated(reach_of([[10, 10]] * 1000, [[1, 1]] * 500 + [[1, 2], [1, 1], [1, 1], [1, 1]] * 125), EVEN,
                 plan=weight_of(10_000, 10_000))  # fmt: skip
    assert few.fraction is not None
    assert many.fraction is not None
    at_points = grid_points(many.fraction) > 0
    between = many.p_look[~at_points]
    mixture = np.minimum(1, np.exp(-many.log_e[~at_points]) / 0.05)
    assert np.maximum(mixture, 0.05).tolist() == pytest.approx(np.maximum(between, 0.05).tolist())
    assert (many.p_look[at_points] <= np.minimum(1, np.exp(-many.log_e[at_points]) / 0.05) + 1e-12).all()


def test_what_the_plan_spends_before_the_gate_is_forfeited() -> None:
    """The first look passed half the grid before the gate; the second, which opens it, passes no point of its own."""
    step = reach_of([[500, 500], [1, 1]], [[0, 19], [0, 1]])
    sequence = gated(step, EVEN, plan=weight_of(1000, 1000))
    assert sequence.cohorts.tolist() == [1]
    assert sequence.z[0] == pytest.approx(4.52, abs=0.01)
    assert sequence.p_look[0] == pytest.approx(min(1, np.exp(-sequence.log_e[0]) / 0.05))


@pytest.mark.parametrize("family_size", [1, 3, 7, 12])
def test_just_beyond_the_boundary_everything_says_so(family_size: int) -> None:
    """One look at the plan with very many visitors, whose statistic is as close to the boundary as whole people can be:
    there p-values are interpolated to one side of it or the other."""
    design = dataclasses.replace(EVEN, family_size=family_size)
    edge = grid_boundary(0.95 * design.level)[-1]
    n, s = 10**9, 10**8
    gap = round(edge * (2 * n * 0.1 * 0.9) ** 0.5)
    for extra in range(-6, 7):
        sequence = gated(reach_of([[n, n]], [[s, s + gap + extra]]), design, plan=n / 2)
        beyond = bool(sequence.z[0] >= edge)
        assert sequence.rejects[0] == sequence.rejects_alone[0] == beyond == (sequence.running.relative_lower[0] > 0)


def test_a_rate_that_rises_moves_the_boundary_outwards() -> None:
    """In both arms alike, so that no effect moves: from half the plan on twice as many convert."""
    plan = weight_of(10_000, 10_000)
    steady = gated(reach_of([[200, 200]] * 50, [[20, 20]] * 50), EVEN, plan)
    rising = gated(reach_of([[200, 200]] * 50, [[20, 20]] * 25 + [[40, 40]] * 25), EVEN, plan)
    width = [one.last.difference_upper[0] * plan**0.5 for one in (steady, rising)]
    critical = width[0] / (0.1 * 0.9) ** 0.5, width[1] / (0.15 * 0.85) ** 0.5
    assert critical[0] == pytest.approx(grid_boundary(0.0475)[-1], rel=0.01)
    faster = (1 - 0.8 * 0.1375 * 0.8625 / (0.15 * 0.85)) / 0.2  # the last fifth of the visitors gave more of it
    assert critical[1] == pytest.approx((critical[0] ** 2 + np.log(faster)) ** 0.5, rel=0.004)
    between = gated(reach_of([[200, 200]] * 50, [[20, 20]] * 25 + [[38, 42]] * 24 + [[38, 53]]), EVEN, plan)
    assert critical[0] < between.z[-1] < critical[1]
    assert not between.rejects[-1]


@pytest.mark.parametrize(("shares", "alone"), [((0.5, 0.5), True), ((0.9, 0.1), False)])
def test_today_alone_is_judged_by_the_last_boundary_passed(shares: tuple[float, float], alone: bool) -> None:
    """After the last point of the grid the statistic still is beyond its boundary, or it has faded."""
    reached = [[100, 140]] * 20 + ([[100, 140]] if shares[0] == 0.5 else [[900, 100]])
    visitors = [[1000, 1000]] * 21
    sequence = gated(reach_of(visitors, reached), EVEN, plan=weight_of(20_000, 20_000))
    assert sequence.rejects[-1]
    assert sequence.rejects_alone[-1] == alone
    assert (sequence.last.relative_lower[0] > 0) == alone
