"""Benjamini-Yekutieli against statsmodels, and the intervals that go with it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from stats.boundaries.mixture import critical_value, log_e_value, p_value_of
from stats.multiplicity import benjamini_yekutieli, selected_level

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=40)

# statsmodels 0.15.0: multipletests(p, method="fdr_by")[1]
STATSMODELS = [
    ([0.01], [0.01]),
    ([0.01, 0.02, 0.03], [0.05499999999999999, 0.05499999999999999, 0.05499999999999999]),
    ([0.2, 0.001, 0.04, 0.9], [0.5555555555555555, 0.008333333333333331, 0.16666666666666663, 1.0]),
]


@pytest.mark.parametrize(("p_values", "adjusted"), STATSMODELS)
def test_golden(p_values: list[float], adjusted: list[float]) -> None:
    assert benjamini_yekutieli(np.array(p_values)) == pytest.approx(adjusted, rel=1e-12)


@given(P_VALUES)
def test_it_is_that_of_statsmodels(p_values: list[float]) -> None:
    theirs = multipletests(p_values, method="fdr_by")[1]
    assert benjamini_yekutieli(np.array(p_values)) == pytest.approx(theirs, rel=1e-12, abs=1e-300)


@given(P_VALUES, st.integers(0, 1000))
def test_the_order_of_the_questions_does_not_matter(p_values: list[float], seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(p_values))
    adjusted = benjamini_yekutieli(np.array(p_values))
    assert benjamini_yekutieli(np.array(p_values)[order]) == pytest.approx(adjusted[order], rel=1e-12)


@given(st.lists(st.floats(1e-12, 1), min_size=1, max_size=40), st.floats(0.001, 0.3))
def test_the_level_of_the_intervals_parts_the_findings_as_the_p_values_do(p_values: list[float], alpha: float) -> None:
    adjusted = benjamini_yekutieli(np.array(p_values))
    level = selected_level(adjusted, alpha)
    near = np.isclose(p_values, level, rtol=1e-12)
    assert ((adjusted <= alpha) | near).tolist() == ((np.array(p_values) <= level) | near).tolist()
    assert level <= alpha


def test_one_question_alone_pays_nothing_and_none_is_refused() -> None:
    assert selected_level(np.array([0.5]), 0.05) == 0.05
    assert benjamini_yekutieli(np.zeros(0)).tolist() == []
    with pytest.raises(ValueError, match="at least one"):
        selected_level(np.zeros(0), 0.05)
    with pytest.raises(ValueError, match="alpha"):
        selected_level(np.ones(1), 0.0)


@pytest.mark.parametrize("p_values", [[1.1], [-0.1], [np.nan], [[0.5]]])
def test_what_is_no_p_value_is_refused(p_values: list[float]) -> None:
    with pytest.raises(ValueError, match="p_values"):
        benjamini_yekutieli(np.array(p_values))


def test_of_what_stands_few_are_false_and_few_intervals_miss() -> None:
    """2,000 times 20 questions, 5 of them with an effect, always-valid p-values of a z with one common part.

    The naive way (p at most alpha, the interval at alpha) is the control that must fail.
    """
    rng = np.random.default_rng(8)
    truth = np.where(np.arange(20) < 5, 4.5, 0.0)
    g = np.ones(20)
    false_findings, misses, naive = [], [], []
    for _ in range(2000):
        z = truth + rng.standard_normal(20) * 0.5**0.5 + rng.standard_normal() * 0.5**0.5
        adjusted = benjamini_yekutieli(p_value_of(log_e_value(z, g)))
        stands = adjusted <= 0.05
        wide = critical_value(g, selected_level(adjusted, 0.05))
        false_findings.append((stands & (truth == 0)).sum() / max(1, stands.sum()))
        misses.append((stands & (np.abs(z - truth) > wide)).sum() / max(1, stands.sum()))
        fixed = np.abs(z) > 1.96
        naive.append((fixed & (truth == 0)).sum() / max(1, fixed.sum()))
    assert np.mean(false_findings) <= 0.05
    assert np.mean(misses) <= 0.05
    assert np.mean(naive) > 0.05
