"""Learned value: the difference of two means with an interval that holds at any time, or not enough data."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stats.learned_value import ENOUGH_BUYERS, LearnedValue, TooFew, anytime_half_width, learned_value
from stats.tables.patterns import PatternTable

ASKED: dict[str, Any] = {"on_path": False, "level": 0.05, "tightest_at": 5000}

# gbstats 0.8.0: SequentialTwoSidedTTest(a, b, SequentialConfig(alpha=0.05, difference_type=..,
# sequential_tuning_parameter=5000)).compute_result(), from sums and sums of squares of two arms:
# visitors of both arms, its variance of the estimate, half the width of its interval
GBSTATS = [
    (2010, 0.0030597147444841794, (0.2420389538705111 + 0.10342509248437237) / 2),
    (980, 0.007074984171544202, (0.4088074936232551 + 0.15880749362325508) / 2),
    (40000, 0.0018504362718135907, (0.2131764219910613 + 0.06317642199106138) / 2),
]


@pytest.mark.parametrize(("n", "variance", "half"), GBSTATS, ids=["relative", "difference", "many"])
def test_the_width_is_that_of_gbstats_given_its_variance(n: int, variance: float, half: float) -> None:
    assert anytime_half_width(variance, n, level=0.05, tightest_at=5000) == pytest.approx(half, rel=1e-9)


@pytest.mark.parametrize("level", [0.05, 0.001])
def test_it_is_tightest_where_it_says(level: float) -> None:
    """At n visitors no other tuning gives less than a part in ten thousand of the width."""
    chosen = anytime_half_width(1.0, 7000, level=level, tightest_at=7000)
    others = [anytime_half_width(1.0, 7000, level=level, tightest_at=at) for at in range(700, 70_000, 100)]
    assert chosen < min(others) * (1 + 1e-4)
    assert others[0] > 1.03 * chosen  # tuned for a tenth as many
    assert others[-1] > 1.15 * chosen  # for ten times as many


Row = tuple[int, ...]


def table(rows: list[Row], variants: tuple[str, ...] = ("control", "variant")) -> PatternTable:
    """Rows are (day, variant, pattern, visitors, value_sum, value_sq); bit 0 is `read`, bit 1 `bought`."""
    columns = np.array(rows, dtype=np.int64).reshape(len(rows), 6).T
    return PatternTable(variants, ("read", "bought"), *columns)


def raw_and_table(seed: int, visitors: int = 4000) -> tuple[dict[str, np.ndarray], PatternTable]:
    """Visitors one by one, and the same as rows of one visitor each."""
    rng = np.random.default_rng(seed)
    read = rng.random(visitors) < 0.3
    bought = rng.random(visitors) < np.where(read, 0.4, 0.2)
    value = np.where(bought, np.rint(rng.gamma(1, 10_000, visitors)), 0).astype(np.int64)
    columns = {
        "days": rng.integers(0, 20, visitors),
        "variant": rng.integers(0, 2, visitors),
        "pattern": read + 2 * bought,
    }
    rows = PatternTable(
        ("control", "variant"), ("read", "bought"), *columns.values(), np.ones_like(value), value, value**2
    )
    return {**columns, "read": read, "value": value}, rows


@pytest.mark.parametrize("variant", [None, 0, 1])
def test_it_is_the_difference_of_the_means_of_raw_visitors(variant: int | None) -> None:
    raw, patterns = raw_and_table(7)
    chosen = np.full(4000, True) if variant is None else raw["variant"] == variant
    with_step, without = raw["value"][chosen & raw["read"]], raw["value"][chosen & ~raw["read"]]
    answer = learned_value(patterns, "read", "bought", variant=variant, **ASKED)
    assert isinstance(answer, LearnedValue)
    assert answer.value == pytest.approx(with_step.mean() - without.mean(), rel=1e-12)
    assert (answer.reached, answer.without) == (len(with_step), len(without))
    variance = with_step.var() / len(with_step) + without.var() / len(without)
    half = anytime_half_width(variance, int(chosen.sum()), level=0.05, tightest_at=5000)
    assert answer.interval == pytest.approx((answer.value - half, answer.value + half), rel=1e-12)
    assert answer.excludes_zero


@given(st.integers(0, 1000))
def test_rows_may_be_permuted_and_days_do_not_matter(seed: int) -> None:
    _, patterns = raw_and_table(seed)
    order = np.random.default_rng(seed).permutation(4000)
    columns = ("variant", "pattern", "visitors", "value_sum", "value_sq")
    moved = dataclasses.replace(
        patterns, days=patterns.days * 0, **{name: getattr(patterns, name)[order] for name in columns}
    )
    one, other = (learned_value(rows, "read", "bought", **ASKED) for rows in (patterns, moved))
    assert one == other


def test_visitors_without_a_milestone_are_worth_nothing_for_sure() -> None:
    n, worth = 400, 5000
    buyers = (0, 0, 3, n, n * worth, n * worth**2)
    answer = learned_value(
        table([buyers, (0, 0, 1, n, 0, 0), (0, 0, 0, 3000, 0, 0)]), "read", "bought", **{**ASKED, "on_path": True}
    )
    assert isinstance(answer, LearnedValue)
    assert answer.value == worth / 2
    variance = (worth / 2) ** 2 / (2 * n)
    assert answer.interval[1] - answer.value == pytest.approx(
        anytime_half_width(variance, 3800, level=0.05, tightest_at=5000), rel=1e-12
    )


def of(reached: int, buyers_reached: int, without: int, buyers_without: int, worth: int = 100) -> PatternTable:
    """Everybody who buys spends the same."""
    rows = [(0, 0, 1, reached - buyers_reached, 0, 0), (0, 0, 0, without - buyers_without, 0, 0)]
    bought = ((bit, n, worth * n, worth**2 * n) for bit, n in ((3, buyers_reached), (2, buyers_without)))
    return table([*rows, *((0, 0, *one) for one in bought)])


B = ENOUGH_BUYERS


@pytest.mark.parametrize(
    ("counts", "on_path", "enough"),
    [
        ((500, B, 500, B), False, True),
        ((500, B - 1, 500, B), False, False),
        ((500, B, 500, B - 1), False, False),
        ((500, B, 500, 0), True, True),
        ((500, B, 24, 0), True, False),
        ((B + 25, B, 500, B), False, True),
        ((B + 24, B, 500, B), False, False),
        ((500, 500, 500, 0), True, False),
        ((0, 0, 0, 0), False, False),
    ],
    ids=[
        "enough",
        "few buyers who read",
        "few who did not",
        "a milestone",
        "hardly anybody without",
        "25 idle",
        "24 idle",
        "everybody buys",
        "nobody",
    ],
)
def test_too_few_are_said_to_be_too_few(counts: tuple[int, int, int, int], on_path: bool, enough: bool) -> None:
    answer = learned_value(of(*counts), "read", "bought", **{**ASKED, "on_path": on_path})
    assert isinstance(answer, LearnedValue) == enough
    if not enough:
        reached, buyers_reached, without, buyers_without = counts
        assert answer == TooFew(reached, without, buyers_reached, buyers_without)


def test_orders_worth_nothing_are_no_buyers() -> None:
    assert learned_value(of(500, 100, 500, 100, worth=0), "read", "bought", **ASKED) == TooFew(500, 500, 0, 0)


def test_a_few_large_orders_do_not_pass_for_many() -> None:
    """1,000 orders of 1.00 and 10 of 1,000.00: (11,000)^2 / (1,000 + 10,000,000) = 12.1 of equal value."""
    rows = [(0, 0, 1, 500, 0, 0), (0, 0, 0, 500, 0, 0), (0, 0, 3, 1000, 10**5, 10**7), (0, 0, 3, 10, 10**6, 10**11)]
    answer = learned_value(table(rows), "read", "bought", **{**ASKED, "on_path": True})
    assert isinstance(answer, TooFew)
    assert answer.equal_buyers_reached == pytest.approx(12.0988, abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shape", "rates", "on_path"),
    [(0.25, (0.1, 0.02), False), (1e6, (0.1, 0.02), False), (0.1, (0.1, 0.0), True), (0.25, (0.05, 0.05), False)],
    ids=["long tails", "one price", "a milestone, very long tails", "worth nothing"],
)
def test_the_interval_holds_at_all_looks(shape: float, rates: tuple[float, float], on_path: bool) -> None:
    """150 courses of 40 days, looked at every day; a fifth of the visitors reaches the step.

    Measured: the truth is missed by 5, 1, 6 and 1 of 150; more than 14 would speak against .05 at the 99 % level.
    """
    rng, missed, truth = np.random.default_rng([20261122, int(shape * 100)]), 0, (rates[0] - rates[1]) * 10_000
    for _ in range(150):
        rows: list[Row] = []
        for day in range(40):
            for bit, (n, rate) in enumerate(zip(rng.poisson((1600, 400)), rates[::-1], strict=True)):
                orders = int(rng.binomial(n, rate))
                worth = np.rint(rng.gamma(shape, 10_000 / shape, size=orders)).astype(np.int64)
                rows += [(day, 0, bit, n - orders, 0, 0), (day, 0, bit + 2, orders, worth.sum(), (worth**2).sum())]
        course = table(rows)
        answers = [
            learned_value(course.until(day), "read", "bought", **{**ASKED, "on_path": on_path}) for day in range(1, 41)
        ]
        held = [one.interval[0] <= truth <= one.interval[1] for one in answers if isinstance(one, LearnedValue)]
        assert len(held) > 10
        missed += not all(held)
    assert missed <= 14


def test_the_largest_values_do_not_overflow() -> None:
    cap, n = 10**7, 90_000
    rows = [(day, 0, bits, n, n * cap * (bits > 1), n * cap**2 * (bits > 1)) for day in range(40) for bits in range(4)]
    answer = learned_value(table(rows), "read", "bought", **ASKED)
    assert isinstance(answer, LearnedValue)
    assert answer.value == 0
    variance = cap**2 / 4 / (80 * n) * 2
    half = anytime_half_width(variance, 160 * n, level=0.05, tightest_at=5000)
    assert answer.interval == pytest.approx((-half, half), rel=1e-12)


@pytest.mark.parametrize(
    ("wrong", "says"), [({"level": 0.0}, "level is 0.0"), ({"tightest_at": 0}, "tightest_at is 0")], ids=str
)
def test_what_cannot_be_asked_is_refused(wrong: dict[str, float], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        learned_value(raw_and_table(1)[1], "read", "bought", **{**ASKED, **wrong})
