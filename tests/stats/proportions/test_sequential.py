"""The always-valid sequence: gate, tau, running minimum and intersection, and a real test that decides and fades."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stats.proportions.design import ENOUGH, Design, NotEnoughData
from stats.proportions.sequential import Asked, Evidence, sequential
from stats.tables.reach import StepReach

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
    assert sequence.running.empty[-1]
    assert sequence.rejects.all()


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.sampled_from([None, 1500.0]), st.integers(1, 40))
def test_cutting_cohorts_in_two_adds_looks_and_changes_none_of_the_old(
    seed: int, plan: float | None, cut_at: int
) -> None:
    """The visitors of a cohort sealed an hour apart: z, lift, difference and visitors of every old look stay."""
    step = drawn(seed, (0.3, 0.36), looks=41, size=60.0)
    first = np.random.default_rng(seed).binomial(step.visitors[cut_at], 0.5)
    reached_first = np.minimum(step.reached[cut_at], first)
    reached_first = np.maximum(reached_first, step.reached[cut_at] - (step.visitors[cut_at] - first))
    cut = StepReach(
        np.arange(42),
        np.concatenate([step.visitors[:cut_at], [first, step.visitors[cut_at] - first], step.visitors[cut_at + 1 :]]),
        np.concatenate(
            [step.reached[:cut_at], [reached_first, step.reached[cut_at] - reached_first], step.reached[cut_at + 1 :]]
        ),
    )
    whole, parts = gated(step, EVEN, plan), gated(cut, EVEN, plan)
    n = min(len(whole.z), len(cut.visitors) - 1 - cut_at)
    for name in ("z", "relative_lift", "difference", "visitors"):
        assert getattr(parts, name)[-n:].tolist() == getattr(whole, name)[-n:].tolist()
    (alone,) = sequential([Asked(step, 1, EVEN, plan)])
    renamed = StepReach(step.cohorts, step.visitors[:, :, [0, 1, 1]], step.reached[:, :, [0, 1, 1]])
    both = sequential([Asked(renamed, variant, EVEN, plan) for variant in (1, 2)])
    for one in both:
        assert isinstance(one, Evidence)
        assert isinstance(alone, Evidence)
        assert one.p_value.tolist() == alone.p_value.tolist()
        assert one.running.relative_upper.tolist() == pytest.approx(alone.running.relative_upper.tolist(), rel=1e-9)
