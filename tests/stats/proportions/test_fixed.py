"""One planned look: statsmodels' numbers, nothing before it, nothing after it."""

from __future__ import annotations

import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import confint_proportions_2indep, proportions_ztest

from stats.proportions.design import Design, NotEnoughData
from stats.proportions.fixed import FixedLook, Waiting, fixed_look
from stats.tables.reach import StepReach

EVEN = Design(smaller_share=0.5, alpha=0.05)


def reach_of(*cohorts: tuple[int, int, int, int]) -> StepReach:
    """Each cohort is (nA, sA, nB, sB)."""
    table = np.array(cohorts)
    return StepReach(np.arange(len(cohorts)), table[:, np.newaxis, [0, 2]], table[:, np.newaxis, [1, 3]])


def looked(step: StepReach, planned: int, design: Design = EVEN) -> FixedLook:
    answer = fixed_look(step, 1, design, planned)
    assert isinstance(answer, FixedLook)
    return answer


# statsmodels 0.15.0: proportions_ztest([s_b, s_a], [n_b, n_a]) and
# confint_proportions_2indep(s_b, n_b, s_a, n_a, method="score", compare="ratio", correction=False)
STATSMODELS = [
    ((20000, 400, 20000, 480), 2.726962862734174, 0.006392023274904281, (1.0525225094410466, 1.3681660730601164)),
    ((100, 50, 100, 65), 2.1455956195564547, 0.03190525523659653, (1.0229011731526019, 1.669698380450874)),
    ((4500, 450, 500, 70), 2.77968493747913, 0.005441166106375254, (1.1049094544833817, 1.7625531898683084)),
]


@pytest.mark.parametrize(("table", "z", "p", "ratio"), STATSMODELS, ids=["2 in 100", "half", "90/10"])
def test_golden_numbers(table: tuple[int, int, int, int], z: float, p: float, ratio: tuple[float, float]) -> None:
    look = looked(reach_of(table), sum(table[::2]))
    assert (look.z, look.p_value) == pytest.approx((z, p), rel=1e-12)
    ends = (1 + look.intervals.relative_lower[0], 1 + look.intervals.relative_upper[0])
    assert ends == pytest.approx(ratio, rel=1e-7)


@settings(max_examples=60)
@given(st.integers(60, 5000), st.integers(60, 5000), st.floats(0.2, 0.8), st.floats(0.2, 0.8), st.floats(0.001, 0.2))
def test_it_agrees_with_statsmodels_wherever_that_is_right(
    n_a: int, n_b: int, rate_a: float, rate_b: float, alpha: float
) -> None:
    s_a, s_b = round(n_a * rate_a), round(n_b * rate_b)
    design = Design(min(n_a, n_b) / (n_a + n_b), alpha)
    answer = fixed_look(reach_of((n_a, s_a, n_b, s_b)), 1, design, n_a + n_b)
    if isinstance(answer, NotEnoughData):
        return
    assert isinstance(answer, FixedLook)
    assert answer.p_value == pytest.approx(proportions_ztest([s_b, s_a], [n_b, n_a])[1], rel=1e-9)
    theirs = confint_proportions_2indep(
        s_b, n_b, s_a, n_a, method="score", compare="ratio", correction=False, alpha=alpha
    )
    ours = (1 + answer.intervals.relative_lower[0], 1 + answer.intervals.relative_upper[0])
    assert ours == pytest.approx(theirs, rel=1e-6)


def test_several_strata_use_the_stratified_statistic_which_with_one_is_that_of_statsmodels() -> None:
    table = np.array([[[100, 100], [300, 100]]])
    reached = np.array([[[50, 65], [12, 6]]])
    look = looked(StepReach(np.array([0]), table, reached), 600)
    excess = (65 - 100 * 115 / 200) + (6 - 100 * 18 / 400)
    variance = 50 * (115 / 200) * (85 / 200) + 75 * (18 / 400) * (382 / 400)
    assert look.z == pytest.approx(excess / variance**0.5, rel=1e-12)
    assert look.p_value == pytest.approx(2 * statistics.NormalDist().cdf(-look.z), rel=1e-12)


def test_no_verdict_before_and_frozen_after() -> None:
    step = reach_of((400, 40, 400, 60), (100, 10, 100, 15), (1000, 300, 1000, 100))
    assert fixed_look(step, 1, EVEN, 5000) == Waiting(3000, 5000)
    assert fixed_look(step.until(0), 1, EVEN, 5000) == Waiting(0, 5000)
    at_plan = looked(step.until(2), 1000)
    assert at_plan.cohort == 1
    assert (at_plan.visitors, at_plan.relative_lift) == (1000, pytest.approx(0.5))
    later = looked(step, 1000)
    assert (later.cohort, later.p_value, later.rejects) == (at_plan.cohort, at_plan.p_value, at_plan.rejects)


def test_the_plan_counts_the_visitors_of_all_variants() -> None:
    visitors, reached = np.array([[[100, 100, 800]]]), np.array([[[30, 40, 100]]])
    look = looked(StepReach(np.array([0]), visitors, reached), 1000)
    assert look.visitors == 200


def test_the_family_takes_its_share_of_alpha() -> None:
    table = (100, 50, 100, 65)  # p = .032
    assert looked(reach_of(table), 200).rejects
    strict = looked(reach_of(table), 200, Design(0.5, 0.05, family_size=2))
    assert not strict.rejects
    assert strict.intervals.relative_lower[0] < 0 < strict.intervals.relative_upper[0]


@pytest.mark.parametrize("table", [(400, 2, 380, 0), (500, 500, 500, 499), (500, 0, 500, 0)])
def test_too_few_conversions_at_the_look_give_no_number(table: tuple[int, int, int, int]) -> None:
    assert isinstance(fixed_look(reach_of(table), 1, EVEN, 700), NotEnoughData)


def test_an_empty_arm_is_no_evidence() -> None:
    look = looked(reach_of((1000, 100, 0, 0)), 1000)
    assert (look.p_value, look.rejects) == (1.0, False)


def test_the_screener_costs_enrolments_and_leaves_payments_open() -> None:
    """Udacity's published differences: enrolments -.0206 (-.0291, -.0120), payments -.0049 (-.0116, .0019)."""
    enrolled = looked(reach_of((17293, 3785, 17260, 3423)), 34553, Design(0.5, 0.05, detect=0.05))
    assert enrolled.rejects
    assert enrolled.difference == pytest.approx(-0.0206, abs=5e-5)
    assert enrolled.intervals.difference_lower[0] == pytest.approx(-0.0291, abs=1e-4)
    assert enrolled.intervals.difference_upper[0] == pytest.approx(-0.0120, abs=1e-4)
    paid = looked(reach_of((17293, 2033, 17260, 1945)), 34553, Design(0.5, 0.05, detect=0.05))
    assert not paid.rejects
    assert paid.intervals.difference_lower[0] == pytest.approx(-0.0116, abs=1e-4)
    assert paid.intervals.difference_upper[0] == pytest.approx(0.0019, abs=1e-4)
