"""Patterns: sums up to each look, exact beyond 64 bits, and blind to the order and the splitting of rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stats.tables.patterns import PatternTable

LARGEST = 10**7  # hundredths: the largest value cap


def table(rows: list[tuple[int, ...]], variants: tuple[str, ...] = ("control", "variant")) -> PatternTable:
    """Rows are (day, variant, pattern, visitors, value_sum, value_sq); the steps are `seen` and `bought`."""
    columns = np.array(rows, dtype=np.int64).reshape(len(rows), 6).T
    return PatternTable(variants, ("seen", "bought"), *columns)


ROWS = [(3, 0, 0, 5, 0, 0), (3, 1, 1, 2, 0, 0), (7, 0, 3, 4, 40, 500), (7, 0, 1, 1, 0, 0), (9, 1, 3, 6, 60, 700)]


def test_sums_grow_from_look_to_look() -> None:
    patterns = table(ROWS)
    assert patterns.looks.tolist() == [3, 7, 9]
    assert patterns.so_far(patterns.visitors).tolist() == [[5, 2], [10, 2], [10, 8]]
    assert patterns.exactly_so_far(patterns.value_sq).tolist() == [[0, 0], [500, 0], [500, 700]]


def test_the_bits_of_a_step() -> None:
    patterns = table(ROWS)
    assert patterns.reached("seen").tolist() == [False, True, True, True, True]
    assert patterns.reached("bought").tolist() == [False, False, True, False, True]
    with pytest.raises(ValueError, match="step is 'sold', must be one of seen, bought"):
        patterns.reached("sold")


def test_squares_of_money_do_not_overflow() -> None:
    """Every row is within 64 bits, their sum is not: 2 variants, 40 days of 90,000 visitors with the largest value."""
    n = 90_000
    rows = [(day, variant, 3, n, n * LARGEST, n * LARGEST**2) for day in range(40) for variant in range(2)]
    patterns = table(rows)
    assert patterns.exactly_so_far(patterns.value_sq)[-1].tolist() == [40 * n * LARGEST**2] * 2
    assert 40 * n * LARGEST**2 > 2**63


@given(st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=30))
def test_any_amounts_are_summed_exactly(amounts: list[int]) -> None:
    patterns = table([(0, 0, 3, 1, 0, amount) for amount in amounts])
    assert patterns.exactly_so_far(patterns.value_sq)[0, 0] == sum(amounts)


def test_no_rows_are_no_looks() -> None:
    patterns = table([])
    assert patterns.so_far(patterns.visitors).shape == (0, 2)
    assert patterns.exactly_so_far(patterns.value_sq).shape == (0, 2)
