"""Sample ratio: savvi's golden numbers, the chi-square's false alarms, and what a broken split does."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from stats.multinomial import (
    ALARM_BELOW,
    CONCENTRATION,
    always_valid_p_values,
    log_e_values,
    spans,
    strongest_span,
)
from stats.tables.reach import Exposed

# savvi 0.3.1: Multinomial(0.05, theta0, k).update(counts).odds; p = min(1, 1/odds)
SAVVI = [
    ([50, 50], [0.5, 0.5], 100, 0.706223475651448),
    ([520, 480], [0.5, 0.5], 100, 0.623052039198119),
    ([5200, 4800], [0.5, 0.5], 100, 274.13300594668357),
    ([880, 120], [0.9, 0.1], 100, 1.8972079463690403),
    ([9000, 1100], [0.9, 0.1], 100, 6.980635856039883),
    ([2500, 2500, 5300], [0.25, 0.25, 0.5], 100, 0.7340029801075456),
    ([3300, 3300, 3400], [0.3, 0.3, 0.4], 100, 7.35355661545575e30),
    ([5, 3, 9, 1], [0.25, 0.25, 0.25, 0.25], 4, 2.1085442131704832),
    ([100000, 101500], [0.5, 0.5], 10000, 44.40601390315036),
]

# scipy 1.17.1: scipy.stats.chisquare(counts, theta0 * sum).pvalue. The fixed test that may be looked at once.
CHI_SQUARE = [
    ([50, 50], [0.5, 0.5], 1.0),
    ([520, 480], [0.5, 0.5], 0.20590321073206466),
    ([5200, 4800], [0.5, 0.5], 6.334248366623988e-05),
    ([880, 120], [0.9, 0.1], 0.03501498101966245),
    ([9000, 1100], [0.9, 0.1], 0.002834749080259389),
    ([330, 330, 340], [0.25, 0.25, 0.5], 5.809282904332689e-23),
    ([3300, 3300, 3400], [0.3, 0.3, 0.4], 2.678636961808087e-33),
    ([4000, 4160], [0.5, 0.5], 0.07652250047505939),
    ([100000, 101500], [0.5, 0.5], 0.0008329868712024001),
]


@pytest.mark.parametrize(("counts", "shares", "k", "e_value"), SAVVI, ids=str)
def test_e_values_are_those_of_savvi(counts: list[int], shares: list[float], k: float, e_value: float) -> None:
    log_e = log_e_values(np.array([counts], dtype=float), shares, k)
    assert np.exp(log_e[0]) == pytest.approx(e_value, rel=1e-8)


@pytest.mark.parametrize(("counts", "shares", "p"), CHI_SQUARE, ids=str)
def test_it_asks_for_more_evidence_than_a_test_that_looks_once(
    counts: list[int], shares: list[float], p: float
) -> None:
    once = scipy.stats.chisquare(counts, np.array(shares) * sum(counts)).pvalue
    assert once == pytest.approx(p, rel=1e-9)
    ours = always_valid_p_values(Exposed(np.array([0]), np.array([counts])), shares)[0]
    assert ours >= p


def test_the_p_value_is_the_running_minimum_over_hours() -> None:
    """An imbalance in the second hour, evened out in the third, is not forgotten."""
    hours = np.array([[50, 50], [400, 200], [200, 400]])
    p = always_valid_p_values(Exposed(np.arange(3), hours), [0.5, 0.5])
    alone = np.exp(-log_e_values(hours.cumsum(axis=0).astype(float), [0.5, 0.5]))
    assert p.tolist() == pytest.approx([1.0, alone[1], alone[1]])
    assert alone[1] < alone[2]


def test_looking_every_hour_alarms_falsely_less_than_once_in_a_thousand_where_chi_square_does_often() -> None:
    """400 experiments of 21 days; chi-square at .05 is looked at every hour too, as a control that must fail."""
    rng = np.random.default_rng(4)
    alarms = naive = 0
    for _ in range(400):
        visitors = rng.poisson(20, size=(504, 2))
        alarms += bool(always_valid_p_values(Exposed(np.arange(504), visitors), [0.5, 0.5])[-1] < ALARM_BELOW)
        so_far = visitors.cumsum(axis=0)
        chi = (so_far[:, 0] - so_far[:, 1]) ** 2 / so_far.sum(axis=1)
        naive += bool((chi > 3.841).any())
    assert alarms <= 2  # at most .001 each: more than 2 in 400 has probability .008
    assert naive > 0.2 * 400


def test_a_broken_split_is_found() -> None:
    rng = np.random.default_rng(5)
    visitors = np.stack([rng.poisson(100, size=504), rng.poisson(92, size=504)], axis=1)
    p = always_valid_p_values(Exposed(np.arange(504), visitors), [0.5, 0.5])
    assert p[-1] < ALARM_BELOW
    assert CONCENTRATION == 1000


@pytest.mark.parametrize("shares", [[0.5, 0.6], [1.0, 0.0], [0.2, 0.3, 0.5]], ids=str)
def test_shares_that_are_none_are_refused(shares: list[float]) -> None:
    with pytest.raises(ValueError, match="shares"):
        log_e_values(np.array([[1.0, 2.0]]), shares)


@given(st.integers(0, 1000), st.integers(2, 4))
def test_the_names_and_the_order_of_the_variants_do_not_matter(seed: int, arms: int) -> None:
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(arms, 5.0))
    counts = rng.poisson(500 * shares, size=(20, arms)).cumsum(axis=0).astype(float)
    order = rng.permutation(arms)
    turned = log_e_values(counts[:, order], shares[order].tolist())
    assert turned == pytest.approx(log_e_values(counts, shares.tolist()), rel=1e-9, abs=1e-9)


def test_splitting_an_hour_adds_a_look_and_changes_no_other() -> None:
    whole = np.array([[50, 50], [400, 300], [200, 260]])
    split = np.array([[50, 50], [300, 100], [100, 200], [200, 260]])
    one, two = (log_e_values(hours.cumsum(axis=0).astype(float), [0.5, 0.5]) for hours in (whole, split))
    assert two[[0, 2, 3]] == pytest.approx(one, rel=1e-12)


@pytest.mark.parametrize(
    ("days", "span"),
    [
        ([[500, 500]] * 5 + [[600, 400]] * 3, (5, 7)),
        ([[600, 400]] * 2 + [[500, 500]] * 6, (0, 1)),
        ([[500, 500]] * 3 + [[700, 300]] + [[500, 500]] * 3, (3, 3)),
        ([[600, 400]] * 4, (0, 3)),
        ([[500, 500]], (0, 0)),
    ],
    ids=["began", "ended", "one day", "always", "a single day"],
)
def test_the_strongest_span_is_the_days_that_have_it(days: list[list[int]], span: tuple[int, int]) -> None:
    counts = np.array(days, dtype=float)
    first, last, log_e = strongest_span(counts, [0.5, 0.5])
    assert (first, last) == span
    assert log_e == pytest.approx(log_e_values(counts[first : last + 1].sum(axis=0, keepdims=True), [0.5, 0.5])[0])
    every = [(i, j) for i in range(len(days)) for j in range(i, len(days))]
    assert spans(len(days)) == len(every)
    best = max(log_e_values(counts[i : j + 1].sum(axis=0)[np.newaxis], [0.5, 0.5])[0] for i, j in every)
    assert log_e == pytest.approx(best)


def test_no_day_has_no_span() -> None:
    with pytest.raises(ValueError, match="day"):
        strongest_span(np.zeros((0, 2)), [0.5, 0.5])
