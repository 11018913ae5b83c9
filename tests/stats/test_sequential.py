"""The always-valid sequence: gate, tau, running minimum and intersection, and a real test that decides and fades."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stats.design import ENOUGH, Design, NotEnoughData
from stats.reach import StepReach
from stats.sequential import Asked, Evidence, sequential
from stats.spending import grid_boundary, grid_points

EVEN = Design(smaller_share=0.5, alpha=0.05)


def reach_of(visitors: list[list[int]], reached: list[list[int]]) -> StepReach:
    """One stratum; rows are cohorts, columns variants."""
    return StepReach(np.arange(len(visitors)), np.array(visitors)[:, np.newaxis], np.array(reached)[:, np.newaxis])


def drawn(seed: int, rates: tuple[float, ...], looks: int = 200, size: float = 40.0, strata: int = 1) -> StepReach:
    rng = np.random.default_rng(seed)
    visitors = rng.poisson(size, size=(looks, strata, len(rates)))
    return StepReach(np.arange(looks), visitors, rng.binomial(visitors, np.array(rates)))


def answered(step: StepReach, design: Design = EVEN, plan: float | None = None) -> Evidence | NotEnoughData:
    (answer,) = sequential([Asked(step, 1, design, plan)])
    return answer


def gated(step: StepReach, design: Design = EVEN, plan: float | None = None) -> Evidence:
    sequence = answered(step, design, plan)
    assert isinstance(sequence, Evidence)
    return sequence


# Free-trial screener (Udacity's A/B testing course, published counts): clicks, enrolments, payments per day of the
# first 23 days, control and screener.
CLICKS = [
    [687, 686], [779, 785], [909, 884], [836, 827], [837, 832], [823, 788], [748, 780], [632, 652], [691, 697],
    [861, 860], [867, 864], [838, 801], [665, 642], [673, 697], [691, 669], [708, 693], [759, 771], [736, 736],
    [739, 727], [734, 728], [706, 722], [681, 695], [693, 724],
]  # fmt: skip
ENROLMENTS = [
    [134, 105], [147, 116], [167, 145], [156, 138], [163, 140], [138, 129], [146, 127], [110, 94], [131, 120],
    [165, 153], [196, 143], [162, 128], [127, 122], [220, 194], [176, 127], [161, 153], [233, 213], [154, 162],
    [196, 201], [167, 207], [174, 182], [156, 142], [206, 182],
]  # fmt: skip
PAYMENTS = [
    [70, 34], [70, 91], [95, 79], [105, 92], [64, 94], [82, 61], [76, 44], [70, 62], [60, 77], [97, 98], [105, 71],
    [92, 70], [56, 68], [122, 94], [128, 81], [104, 101], [124, 119], [91, 120], [86, 96], [75, 67], [101, 123],
    [93, 100], [67, 103],
]  # fmt: skip


def test_the_screener_costs_payments_by_the_fifteenth_day_and_that_fades() -> None:
    assert np.sum(CLICKS, axis=0).tolist() == [17293, 17260]
    assert np.sum(ENROLMENTS, axis=0).tolist() == [3785, 3423]
    assert np.sum(PAYMENTS, axis=0).tolist() == [2033, 1945]
    sequence = gated(reach_of(CLICKS, PAYMENTS), Design(0.5, 0.05, detect=0.05))
    assert int(np.argmax(sequence.rejects)) == 14
    assert sequence.z[14] == pytest.approx(-3.6, abs=0.05)
    assert sequence.z[22] == pytest.approx(-1.4, abs=0.05)
    assert not sequence.rejects_alone[22]
    assert sequence.rejects[22]
    assert -0.2 < sequence.running.relative_lower[22] < sequence.running.relative_upper[22] < 0
    assert sequence.last.relative_upper[0] > 0


def test_the_numbers_of_one_look_written_out() -> None:
    """The formulas by hand: 1,000 and 1,000 visitors, 100 and 140 conversions, detect 20 in 100."""
    sequence = gated(reach_of([[1000, 1000]], [[100, 140]]), Design(0.5, 0.05, detect=0.2))
    w, p = 500, 0.12
    v = w * p * (1 - p) / (w * p) ** 2
    g = np.log(1.2) ** 2 / v
    z = (140 - 120) / (w * p * (1 - p)) ** 0.5
    log_e = -np.log(1 + g) / 2 + z**2 / 2 * g / (1 + g)
    assert (sequence.z[0], sequence.log_e[0], sequence.tau) == pytest.approx((z, log_e, np.log(1.2)), rel=1e-12)
    assert sequence.p_value[0] == pytest.approx(np.exp(-log_e), rel=1e-12)
    assert sequence.relative_lift[0] == pytest.approx(0.4, rel=1e-12)
    assert sequence.difference[0] == pytest.approx(0.04, rel=1e-12)


@given(
    st.integers(0, 10_000),
    st.sampled_from([(0.02, 0.02), (0.02, 0.03), (0.3, 0.25), (0.9, 0.97), (0.0, 0.05)]),
    st.integers(1, 12),
    st.integers(1, 2),
    st.sampled_from([None, 300.0, 2000.0, 9000.0]),
)
def test_excluding_zero_and_p_at_most_alpha_are_one_statement(
    seed: int, rates: tuple[float, float], family_size: int, strata: int, plan: float | None
) -> None:
    """At every look and at running level, for the lift and for the difference, adjusted for the family."""
    design = dataclasses.replace(EVEN, family_size=family_size)
    sequence = answered(drawn(seed, rates, looks=60, strata=strata), design, plan)
    if isinstance(sequence, NotEnoughData):
        return
    significant = np.minimum(1, family_size * sequence.p_value) <= design.alpha
    running = sequence.running
    for lower, upper in (
        (running.relative_lower, running.relative_upper),
        (running.difference_lower, running.difference_upper),
    ):
        assert ((lower > 0) | (upper < 0)).tolist() == significant.tolist()
    alone = sequence.rejects_alone[-1]
    if plan is None:
        assert alone == (min(1, family_size * sequence.p_look[-1]) <= design.alpha)
    for lower, upper in (
        (sequence.last.relative_lower[0], sequence.last.relative_upper[0]),
        (sequence.last.difference_lower[0], sequence.last.difference_upper[0]),
    ):
        assert (lower > 0 or upper < 0) == alone
    assert sequence.rejects.tolist() == significant.tolist()


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 120), st.sampled_from([None, 1000.0]))
def test_what_was_said_at_a_look_never_depends_on_later_cohorts(seed: int, seen: int, plan: float | None) -> None:
    whole = drawn(seed, (0.1, 0.13), looks=120)
    before, after = answered(whole.until(seen), EVEN, plan), gated(whole, EVEN, plan)
    if isinstance(before, NotEnoughData):
        return
    n = len(before.z)
    assert before.tau == after.tau
    assert before.p_value.tolist() == after.p_value[:n].tolist()
    assert before.rejects.tolist() == after.rejects[:n].tolist()
    assert np.allclose(before.running.relative_lower, after.running.relative_lower[:n], rtol=1e-8, atol=1e-10)


@given(st.integers(0, 10_000), st.sampled_from([None, 500.0, 2000.0]))
def test_running_p_only_falls_and_running_ends_only_move_inwards(seed: int, plan: float | None) -> None:
    sequence = gated(drawn(seed, (0.1, 0.12)), EVEN, plan)
    assert (np.diff(sequence.p_value) <= 0).all()
    assert (np.diff(sequence.running.relative_lower) >= 0).all()
    assert (np.diff(sequence.running.difference_upper) <= 0).all()


def test_the_family_moves_the_boundary_and_leaves_evidence_and_tau_alone() -> None:
    step = drawn(7, (0.1, 0.12))
    one, twelve = gated(step), gated(step, dataclasses.replace(EVEN, family_size=12))
    assert one.tau == twelve.tau
    assert one.log_e.tolist() == twelve.log_e.tolist()
    assert one.p_value.tolist() == twelve.p_value.tolist()
    assert twelve.running.relative_lower[-1] < one.running.relative_lower[-1]


def test_tau_is_fixed_at_the_first_gated_look() -> None:
    """The rate starts at 5 in 100 and ends above 30 in 100: tau stays .2. It does not see which arm converted."""
    visitors, reached = [[200, 200]] * 20, [[10, 10]] + [[70, 70]] * 19
    assert gated(reach_of(visitors, reached)).tau == 0.2
    other = [[20, 0]] + [[70, 70]] * 19
    assert gated(reach_of(visitors, other)).tau == 0.2


@pytest.mark.parametrize(
    ("share", "reached", "first"),
    [
        (0.5, [[5, 5], [5, 4], [1, 0], [9, 9]], 2),  # 0.5 * 20 is enough, 0.5 * 19 is not
        (0.5, [[20, 0], [0, 0]], 0),  # which arm they came from does not matter
        (0.1, [[50, 0], [40, 5], [0, 5]], 2),  # the smaller arm of 90/10 can expect 10 of 100
    ],
    ids=["ten each", "arm-blind", "90/10"],
)
def test_the_gate_opens_at_ten_expected_conversions(share: float, reached: list[list[int]], first: int) -> None:
    sequence = gated(reach_of([[100, 100]] * len(reached), reached), Design(share, 0.05))
    assert sequence.cohorts.tolist() == list(range(first, len(reached)))


def test_the_gate_waits_for_visitors_without_a_conversion_too() -> None:
    answer = answered(reach_of([[500, 500]], [[499, 482]]), EVEN)
    assert answer == NotEnoughData(1000, 490.5, 9.5)
    assert ENOUGH == 10


# gbstats 0.8.0 answers estimate 0, interval (0, 0), p = 1 for these counts (cases gb_prop_33, gb_prop_34).
@pytest.mark.parametrize(
    ("visitors", "reached"),
    [([[400, 380]], [[2, 0]]), ([], []), ([[0, 0]], [[0, 0]]), ([[900, 900]], [[0, 0]]), ([[900, 900]], [[900, 900]])],
    ids=["two conversions", "no cohort", "nobody", "no conversion", "only conversions"],
)
def test_too_little_data_is_said_and_not_dressed_as_a_finding(
    visitors: list[list[int]], reached: list[list[int]]
) -> None:
    step = reach_of(visitors or np.zeros((0, 2), int).tolist(), reached) if visitors else drawn(1, (0.1, 0.1)).until(0)
    answer = answered(step, EVEN)
    assert isinstance(answer, NotEnoughData)
    assert min(answer.expected_reached, answer.expected_without) < ENOUGH


def test_one_empty_arm_is_no_evidence() -> None:
    sequence = gated(reach_of([[1000, 0]], [[100, 0]]))
    assert sequence.p_value[0] == 1
    assert not sequence.rejects[0]
    assert sequence.running.relative_upper[0] == np.inf
    assert np.isnan(sequence.difference[0])


def test_an_effect_that_turns_round_leaves_no_effect_that_fits_all_looks() -> None:
    visitors = [[2000, 2000]] * 40
    reached = [[200, 400]] * 5 + [[400, 200]] * 35
    sequence = gated(reach_of(visitors, reached))
    assert sequence.rejects[0]
    assert sequence.z[-1] < 0
    assert sequence.empty[-1]
    assert sequence.rejects.all()


# -- with a plan


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
