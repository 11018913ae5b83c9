"""Value per visitor: one statistic in two forms, one statement in test and interval, and the same from any table."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stats.proportions.design import Design
from stats.proportions.score import Pair, ScoreTest
from stats.tables.patterns import PatternTable
from stats.value_per_visitor import ENOUGH_ORDERS, TooFewOrders, ValueEvidence, ValueSums, ValueTest, value_per_visitor

EVEN = Design(smaller_share=0.5, alpha=0.05)
CAP = 10**7  # hundredths: the largest a visitor can be worth

Row = tuple[int, ...]


def table(rows: list[Row], variants: tuple[str, ...] = ("control", "variant")) -> PatternTable:
    """Rows are (day, variant, pattern, visitors, value_sum, value_sq); bit 0 is a milestone, bit 1 the order."""
    columns = np.array(rows, dtype=np.int64).reshape(len(rows), 6).T
    return PatternTable(variants, ("seen", "bought"), *columns)


def drawn(
    rng: np.random.Generator,
    *,
    rates: tuple[float, ...] = (0.05, 0.05),
    means: tuple[float, ...] = (10_000, 10_000),
    shape: float = 1.0,
    days: int = 40,
    size: tuple[float, ...] = (100, 100),
) -> PatternTable:
    """Orders at these rates, each worth a gamma amount with this shape (a small one has a long tail)."""
    rows: list[Row] = []
    for day in range(days):
        for variant, (rate, mean, n) in enumerate(zip(rates, means, size, strict=True)):
            visitors = int(rng.poisson(n))
            orders = int(rng.binomial(visitors, rate))
            worth = np.minimum(np.rint(rng.gamma(shape, mean / shape, size=orders)), CAP).astype(np.int64)
            rows.append((day, variant, 1, visitors - orders, 0, 0))
            rows.append((day, variant, 3, orders, int(worth.sum()), int((worth**2).sum())))
    return table([row for row in rows if row[3]], tuple("abcdef"[: len(rates)]))


def answered(patterns: PatternTable, design: Design = EVEN, variant: int = 1) -> ValueEvidence | TooFewOrders:
    return value_per_visitor(ValueSums.of(patterns, "bought"), variant, design)


def gated(patterns: PatternTable, design: Design = EVEN, variant: int = 1) -> ValueEvidence:
    evidence = answered(patterns, design, variant)
    assert isinstance(evidence, ValueEvidence)
    return evidence


def arms(a: np.ndarray, b: np.ndarray) -> ValueTest:
    """One look at these raw values."""
    columns = [np.array([float(x)]) for of in (a, b) for x in (len(of), of.mean(), len(of) * of.var())]
    return ValueTest(*columns)


def z_of(a: np.ndarray, b: np.ndarray) -> float:
    """The definition, from raw values: difference of means over the pooled standard deviation about the pooled mean."""
    pooled, n = np.concatenate([a, b]), len(a) + len(b)
    return float((b.mean() - a.mean()) * np.sqrt(len(a) * len(b) / n / pooled.var()))


def raw(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Values of 60 and 90 visitors, most of them 0."""
    rng = np.random.default_rng(seed)
    return tuple(rng.binomial(1, 0.4, n) * rng.gamma(1, scale, n) for n, scale in ((60, 80), (90, 100)))  # type: ignore[return-value] # two arrays


@pytest.mark.parametrize("seed", range(20))
def test_the_statistic_and_its_inversion_agree_with_shifting_and_scaling_raw_values(seed: int) -> None:
    a, b = raw(seed)
    test = arms(a, b)
    assert test.no_effect()[0] == pytest.approx(z_of(a, b), rel=1e-12)
    for critical in (0.5, 2.0, 3.1):
        ends = test.intervals(np.array([critical]), np.abs(test.no_effect()) >= critical)
        for shift, sign in ((ends.difference_lower[0], 1), (ends.difference_upper[0], -1)):
            assert z_of(a, b - shift) == pytest.approx(sign * critical, rel=1e-9)
        for ratio, sign in ((ends.relative_lower[0] + 1, 1), (ends.relative_upper[0] + 1, -1)):
            if 0 < ratio < np.inf:
                assert z_of(a * ratio, b) == pytest.approx(sign * critical, rel=1e-9)


@pytest.mark.parametrize("critical", [4.0, 8.0, 12.0])
def test_an_unbounded_end_is_one_that_no_effect_reaches(critical: float) -> None:
    """However far one shifts or scales, |z| stays below the critical value there: 12^2 is nearly the 150 visitors."""
    for seed in range(20):
        a, b = raw(seed)
        ends = arms(a, b).intervals(np.array([critical]), np.array([False]))
        assert (abs(z_of(a * 1e9, b)) <= critical) == (ends.relative_upper[0] == np.inf)
        assert (abs(z_of(a * 1e-9, b)) <= critical) == (ends.relative_lower[0] == -1)
        assert np.isfinite(ends.difference_lower[0])
    all_of = arms(a, b).intervals(np.array([12.3]), np.array([False]))
    assert (all_of.difference_lower[0], all_of.difference_upper[0]) == (-np.inf, np.inf)
    assert (all_of.relative_lower[0], all_of.relative_upper[0]) == (-1, np.inf)


@given(st.integers(1, 3000), st.integers(1, 3000), st.data())
def test_orders_worth_one_each_are_the_score_test_of_proportions(n_a: int, n_b: int, data: st.DataObject) -> None:
    s_a, s_b = data.draw(st.integers(0, n_a)), data.draw(st.integers(0, n_b))
    patterns = table([(0, 0, 1, n_a, 0, 0), (0, 0, 3, s_a, s_a, s_a), (0, 1, 1, n_b, 0, 0), (0, 1, 3, s_b, s_b, s_b)])
    patterns.visitors[[0, 2]] -= [s_a, s_b]
    value = ValueTest.of(ValueSums.of(patterns, "bought"), 1)
    score = ScoreTest(Pair(*(np.array([[float(count)]]) for count in (n_a, s_a, n_b, s_b))))
    assert value.no_effect()[0] == pytest.approx(score.no_effect()[0], rel=1e-12, abs=1e-12)
    assert value.log_ratio_variance()[0] == pytest.approx(score.log_ratio_variance()[0], rel=1e-12)
    assert value.difference()[0] == pytest.approx(score.difference_estimate()[0], rel=1e-12, abs=1e-15)


def test_the_numbers_of_one_look_written_out() -> None:
    """1,000 and 1,000 visitors; 100 orders of 50.00, 120 of 60.00; detect 20 in 100. In hundredths."""
    rows = [(0, 0, 3, 100, 500_000, 100 * 5000**2), (0, 1, 3, 120, 720_000, 120 * 6000**2)]
    patterns = table([(0, 0, 1, 900, 0, 0), (0, 1, 1, 880, 0, 0), *rows])
    evidence = gated(patterns, Design(0.5, 0.05, family_size=2, detect=0.2))
    mean = 1_220_000 / 2000
    variance = (100 * 5000**2 + 120 * 6000**2) / 2000 - mean**2
    z = 220 / np.sqrt(variance * (1 / 1000 + 1 / 1000))
    g = np.log(1.2) ** 2 / (variance / 500 / mean**2)
    log_e = -np.log(1 + g) / 2 + z**2 / 2 * g / (1 + g)
    assert (evidence.z[0], evidence.log_e[0], evidence.tau) == pytest.approx((z, log_e, np.log(1.2)), rel=1e-12)
    assert evidence.p_value[0] == pytest.approx(min(1, np.exp(-log_e)), rel=1e-12)
    assert (evidence.mean_a[0], evidence.mean_b[0], evidence.difference[0]) == (500, 720, 220)
    assert evidence.relative_lift[0] == pytest.approx(0.44, rel=1e-12)
    squared = (1 + 1 / g) * (np.log(1 + g) + 2 * np.log(2 / 0.05))
    own = [100 * 5000**2 - 1000 * 500**2, 120 * 6000**2 - 1000 * 720**2]
    half = np.sqrt(squared * sum(own) / ((2000 - squared) * 500))
    assert evidence.running.difference_lower[0] == pytest.approx(220 - half, rel=1e-12)
    assert evidence.running.difference_upper[0] == pytest.approx(220 + half, rel=1e-12)
    for ratio in (1 + evidence.running.relative_lower[0], 1 + evidence.running.relative_upper[0]):
        miss = 500 * (720 - ratio * 500) ** 2
        assert 2000 * miss / (ratio**2 * own[0] + own[1] + miss) == pytest.approx(squared, rel=1e-9)


@given(st.integers(0, 10_000), st.sampled_from([0.25, 1.0, 9.0]), st.floats(0.5, 2), st.integers(1, 6))
def test_excluding_zero_and_p_at_most_alpha_are_one_statement(
    seed: int, shape: float, factor: float, family_size: int
) -> None:
    """At every look, today's and running, for the lift and for the difference, adjusted for the family."""
    rng, design = np.random.default_rng(seed), dataclasses.replace(EVEN, family_size=family_size, detect=0.3)
    evidence = gated(drawn(rng, rates=(0.2, 0.2), means=(10_000, 10_000 * factor), shape=shape), design)
    running, last = evidence.running, evidence.last
    significant = np.minimum(1, family_size * evidence.p_value) <= design.alpha
    for lower, upper in (
        (running.relative_lower, running.relative_upper),
        (running.difference_lower, running.difference_upper),
    ):
        assert ((lower > 0) | (upper < 0)).tolist() == significant.tolist()
    today = min(1, family_size * evidence.p_look[-1]) <= design.alpha
    assert (last.relative_lower[0] > 0 or last.relative_upper[0] < 0) == today
    assert (last.difference_lower[0] > 0 or last.difference_upper[0] < 0) == today
    assert evidence.rejects.tolist() == significant.tolist()


@given(st.integers(0, 10_000))
def test_exchanging_the_arms_turns_signs_and_inverts_ratios(seed: int) -> None:
    patterns = drawn(np.random.default_rng(seed), rates=(0.1, 0.12))
    there, back = gated(patterns), gated(dataclasses.replace(patterns, variant=1 - patterns.variant))
    assert back.z.tolist() == (-there.z).tolist()
    assert back.p_value.tolist() == there.p_value.tolist()
    assert back.difference.tolist() == (-there.difference).tolist()
    assert np.allclose(back.running.difference_upper, -there.running.difference_lower, rtol=1e-12)
    bounded = there.running.relative_lower > -1
    assert (np.isfinite(back.running.relative_upper) == bounded).all()
    product = (1 + back.running.relative_upper[bounded]) * (1 + there.running.relative_lower[bounded])
    assert np.allclose(product, 1, rtol=1e-9)
    assert np.allclose((1 + back.relative_lift) * (1 + there.relative_lift), 1, rtol=1e-12)


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_rows_may_be_split_permuted_and_the_variants_renamed(seed: int) -> None:
    rng = np.random.default_rng(seed)
    patterns = drawn(rng, rates=(0.1, 0.12))
    columns = [patterns.days, patterns.variant, patterns.pattern]
    amounts = [patterns.visitors, patterns.value_sum, patterns.value_sq]
    part = [rng.integers(0, np.maximum(amount, 0) + 1) for amount in amounts]
    order = rng.permutation(2 * len(patterns.days))
    split = PatternTable(
        ("another", "name"),
        patterns.steps,
        *(np.concatenate([column, column])[order] for column in columns),
        *(np.concatenate([one, amount - one])[order] for one, amount in zip(part, amounts, strict=True)),
    )
    there, here = gated(patterns), gated(split)
    assert here.z.tolist() == there.z.tolist()
    assert here.running.relative_lower.tolist() == there.running.relative_lower.tolist()
    assert here.orders.tolist() == there.orders.tolist()


def test_a_third_variant_changes_nothing_between_the_other_two() -> None:
    patterns = drawn(np.random.default_rng(5), rates=(0.1, 0.2, 0.12), means=(1e4,) * 3, size=(100,) * 3)
    pair = np.flatnonzero(patterns.variant != 1)
    columns = ("days", "variant", "pattern", "visitors", "value_sum", "value_sq")
    without = dataclasses.replace(patterns, **{name: getattr(patterns, name)[pair] for name in columns})
    renumbered = dataclasses.replace(without, variant=without.variant // 2)
    assert gated(patterns, variant=2).z.tolist() == gated(renumbered).z.tolist()


@given(st.integers(0, 10_000), st.integers(1, 40))
def test_what_was_said_at_a_look_never_depends_on_later_days(seed: int, seen: int) -> None:
    patterns = drawn(np.random.default_rng(seed), rates=(0.1, 0.12))
    before, after = answered(patterns.until(seen)), gated(patterns)
    if isinstance(before, ValueEvidence):
        n = len(before.z)
        assert before.tau == after.tau
        assert before.p_value.tolist() == after.p_value[:n].tolist()
        assert before.running.difference_lower.tolist() == after.running.difference_lower[:n].tolist()


def test_the_largest_values_keep_every_digit() -> None:
    """90,000 buyers a day, each worth the cap or one hundredth less: sums of squares are near 10^21."""
    rows, n = [], 90_000
    for day in range(30):
        for variant in range(2):
            less = 30_000 + 10_000 * variant
            total = n * CAP - less
            rows.append((day, variant, 3, n, total, (n - less) * CAP**2 + less * (CAP - 1) ** 2))
    evidence = gated(table(rows))
    p, w = 35_000 / 90_000, 30 * n / 2
    assert evidence.z[-1] == pytest.approx(-10 / 90 / np.sqrt(p * (1 - p) / w), rel=1e-6)  # the means are near 10^7
    assert evidence.rejects[-1]


def orders(of: tuple[int, int], worth: int = 100) -> PatternTable:
    """Arms of 1,000 visitors with so many orders, all worth the same."""
    rows = [(0, arm, 1, 1000 - n, 0, 0) for arm, n in enumerate(of)]
    return table([*rows, *((0, arm, 3, n, n * worth, n * worth**2) for arm, n in enumerate(of))])


@pytest.mark.parametrize(
    ("patterns", "design", "shortage"),
    [
        (table([]), EVEN, TooFewOrders(0, 0, 100)),
        (orders((60, 39)), EVEN, TooFewOrders(2000, 99, 100)),
        (orders((500, 499)), Design(0.01, 0.05), TooFewOrders(2000, 999, 1000)),
        (orders((300, 300), worth=0), EVEN, TooFewOrders(2000, 600, 100)),
        (orders((1000, 1000)), EVEN, TooFewOrders(2000, 2000, 100)),
        (table([(0, 0, 3, 200, 200, 900), (0, 0, 1, 200, 0, 0)]), EVEN, TooFewOrders(400, 200, 100)),
    ],
    ids=["no day", "99 orders", "1 in 100", "orders worth nothing", "everybody worth the same", "nobody in one arm"],
)
def test_too_little_data_is_said_and_not_dressed_as_a_finding(
    patterns: PatternTable, design: Design, shortage: TooFewOrders
) -> None:
    assert answered(patterns, design) == shortage


def test_the_gate_counts_orders_of_both_arms_whoever_made_them() -> None:
    for of in ((100, 0), (0, 100), (50, 50)):
        assert gated(orders(of)).orders.tolist() == [ENOUGH_ORDERS]


@pytest.mark.parametrize(("of", "above"), [((0, 200), True), ((200, 0), False)], ids=["control", "variant"])
def test_an_arm_that_earned_nothing_has_no_ratio_but_a_side(of: tuple[int, int], above: bool) -> None:
    evidence = gated(orders(of))
    assert evidence.rejects[-1]
    relative = evidence.running.relative_lower[-1], evidence.running.relative_upper[-1]
    assert relative == ((pytest.approx(0, abs=1e-300), np.inf) if above else (-1, pytest.approx(0, abs=1e-300)))
    assert relative[0] > 0 if above else relative[1] < 0
    assert abs(evidence.difference[-1]) == 20
    assert not evidence.running.empty[-1]


def test_an_effect_that_turns_round_leaves_no_effect_that_fits_all_looks() -> None:
    rows: list[Row] = []
    for day in range(40):
        for arm in range(2):
            n = 400 if (arm == 1) == (day < 6) else 200
            rows += [(day, arm, 1, 2000 - n, 0, 0), (day, arm, 3, n, 100 * n, 10_000 * n)]
    evidence = gated(table(rows))
    assert (evidence.rejects[0], evidence.z[-1] < 0, evidence.running.empty[-1]) == (True, True, True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "shape"), [((100, 100), 1.0), ((180, 20), 1.0), ((20, 180), 0.25)], ids=["50/50", "90/10", "10/90, tails"]
)
def test_looking_every_day_does_not_raise_false_alarms(size: tuple[float, float], shape: float) -> None:
    """400 experiments without an effect, looked at on each of 60 days, orders worth gamma amounts.

    Measured: 11, 8 and 3 of 400 reject; more than 31 would speak against .05 at the 99 % level. A naive look every day
    at the same statistic, |z| > 1.96, must fail in the same run: 86, 94 and 80.
    """
    rng = np.random.default_rng([20261122, *size, int(100 * shape)])
    ours, naive = 0, 0
    for _ in range(400):
        evidence = gated(drawn(rng, rates=(0.05, 0.05), shape=shape, days=60, size=size), Design(0.1, 0.05, detect=0.5))
        ours += bool(evidence.rejects[-1])
        naive += bool((np.abs(evidence.z) > 1.96).any())
    assert ours <= 31
    assert naive > 60
