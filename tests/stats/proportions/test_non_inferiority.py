"""Guardrails: two one-sided tests and their bounds, one statement each; and how often they are wrong when peeked at.

Over 300 lines because both tests, their bounds and the simulation of their errors are judged by the same few tables.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stats.boundaries.one_sided_mixture import critical_value, log_e_value
from stats.proportions.design import Design, NotEnoughData
from stats.proportions.non_inferiority import Alone, Guarded, GuardEvidence, Margin, alone, guarded
from stats.proportions.score import Pair, ScoreTest
from stats.tables.reach import StepReach

EVEN = Design(smaller_share=0.5, alpha=0.05)
MORE, LESS = Margin("more", 0.1), Margin("less", 0.1)


def reach_of(visitors: list[list[int]], reached: list[list[int]]) -> StepReach:
    """One stratum; rows are cohorts, columns variants."""
    return StepReach(np.arange(len(visitors)), np.array(visitors)[:, np.newaxis], np.array(reached)[:, np.newaxis])


def drawn(seed: int, rates: tuple[float, float], looks: int = 60, size: float = 120.0, strata: int = 1) -> StepReach:
    rng = np.random.default_rng(seed)
    visitors = rng.poisson(size, size=(looks, strata, 2))
    return StepReach(np.arange(looks), visitors, rng.binomial(visitors, np.array(rates)))


def answered(step: StepReach, margin: Margin = MORE, design: Design = EVEN) -> GuardEvidence | NotEnoughData:
    (answer,) = guarded([Guarded(step, 1, design, margin)])
    return answer


def gated(step: StepReach, margin: Margin = MORE, design: Design = EVEN) -> GuardEvidence:
    evidence = answered(step, margin, design)
    assert isinstance(evidence, GuardEvidence)
    return evidence


def swapped(step: StepReach) -> StepReach:
    return StepReach(step.cohorts, step.visitors[:, :, ::-1], step.reached[:, :, ::-1])


def test_the_numbers_of_one_look_written_out() -> None:
    """The formulas by hand: 5,000 and 5,000 visitors, 500 and 520 conversions, up to 20 in 100 more are acceptable."""
    evidence = gated(reach_of([[5000, 5000]], [[500, 520]]), Margin("more", 0.2))
    w, p = 2500, 0.102
    information = w * p * (1 - p)
    g = np.array([np.log(1.2) ** 2 * (w * p) ** 2 / information])
    z = np.array([(520 - 510) / information**0.5])
    assert evidence.tau == pytest.approx(np.log(1.2))
    assert evidence.z == pytest.approx(z, rel=1e-12)
    assert evidence.p_harm == pytest.approx(np.minimum(1, np.exp(-log_e_value(z, g))), rel=1e-12)
    # at the margin: the root of r N p^2 - (nA + sB + r (nB + sA)) p + S, r = 1.2 (Farrington & Manning 1990)
    a, b, c = 1.2 * 10_000, -(5000 + 520 + 1.2 * (5000 + 500)), 1020
    pa = (-b - (b * b - 4 * a * c) ** 0.5) / (2 * a)
    pb = 1.2 * pa
    variance = (pb * (1 - pb) + 1.44 * pa * (1 - pa)) / 5000
    z_margin = np.array([(0.104 - 1.2 * 0.1) / variance**0.5])
    assert evidence.z_margin == pytest.approx(z_margin, rel=1e-10)
    assert evidence.p_safe == pytest.approx(np.exp(-log_e_value(-z_margin, g)), rel=1e-9)
    assert evidence.relative_lift[0] == pytest.approx(0.04, rel=1e-12)


@settings(max_examples=80, deadline=None)
@given(
    st.integers(0, 10_000),
    st.sampled_from([(0.02, 0.02), (0.02, 0.03), (0.3, 0.25), (0.3, 0.33), (0.9, 0.97), (0.05, 0.0)]),
    st.sampled_from([MORE, LESS, Margin("more", 0.5), Margin("less", 0.5), Margin("less", 0.95)]),
    st.sampled_from([0.05, 0.2]),
    st.integers(1, 2),
)
def test_what_is_shown_and_what_the_bounds_exclude_are_one_statement(
    seed: int, rates: tuple[float, float], margin: Margin, alpha: float, strata: int
) -> None:
    """At every look by the running numbers, and at the last look alone; the difference agrees about harm."""
    evidence = answered(drawn(seed, rates, strata=strata), margin, dataclasses.replace(EVEN, alpha=alpha))
    if isinstance(evidence, NotEnoughData):
        return
    for bounds, harmed, safe in (
        (evidence.running, evidence.harmed, evidence.safe),
        (evidence.last, evidence.harmed_look[-1:], evidence.safe_look[-1:]),
    ):
        if margin.harm == "more":
            excludes_none, excludes_margin = bounds.relative_lower > 0, bounds.relative_upper < margin.share
            in_difference = bounds.difference_lower > 0
        else:
            excludes_none, excludes_margin = bounds.relative_upper < 0, bounds.relative_lower > -margin.share
            in_difference = bounds.difference_upper < 0
        assert excludes_none.tolist() == harmed.tolist() == in_difference.tolist()
        assert excludes_margin.tolist() == safe.tolist()
    assert (evidence.harmed == (evidence.p_harm <= alpha)).all()
    assert (evidence.safe == (evidence.p_safe <= alpha)).all()
    assert not (evidence.beyond & ~evidence.harmed).any()


@given(st.integers(0, 2_000), st.sampled_from([MORE, LESS]))
def test_the_bounds_are_where_the_one_sided_test_just_rejects(seed: int, margin: Margin) -> None:
    step = drawn(seed, (0.3, 0.3))
    evidence = gated(step, margin)
    test = ScoreTest(Pair.of(step, 1).looks(slice(-1, None)))
    critical = critical_value(evidence.tau**2 / test.log_ratio_variance(), EVEN.level)
    assert test.log_ratio(np.log1p(evidence.last.relative_lower)) == pytest.approx(critical, rel=1e-6)
    assert -test.log_ratio(np.log1p(evidence.last.relative_upper)) == pytest.approx(critical, rel=1e-6)


@given(st.integers(0, 10_000), st.floats(0.02, 1.5), st.sampled_from([(0.2, 0.2), (0.1, 0.13), (0.3, 0.22)]))
def test_exchanging_the_arms_and_the_direction_of_harm_changes_nothing(
    seed: int, share: float, rates: tuple[float, float]
) -> None:
    """A ratio of at most 1 + m is, seen from the other arm, one of at least 1 / (1 + m)."""
    step = drawn(seed, rates, looks=30)
    one, other = gated(step, Margin("more", share)), gated(swapped(step), Margin("less", share / (1 + share)))
    assert one.tau == pytest.approx(other.tau, rel=1e-12)
    assert one.p_harm == pytest.approx(other.p_harm, rel=1e-8)
    assert one.p_safe == pytest.approx(other.p_safe, rel=1e-8)
    assert one.z == pytest.approx(-other.z, rel=1e-12)
    assert (1 + one.last.relative_lower) * (1 + other.last.relative_upper) == pytest.approx([1], rel=1e-8)


@given(st.integers(0, 10_000), st.sampled_from([(0.2, 0.2), (0.1, 0.13), (0.3, 0.22)]))
def test_the_bound_away_from_harm_is_that_of_the_opposite_question(seed: int, rates: tuple[float, float]) -> None:
    """Where less is harm, the upper bound excludes zero exactly where harm is shown; where more is, the same bound."""
    step = drawn(seed, rates)
    more, less = gated(step, Margin("more", 0.25)), gated(step, Margin("less", 0.2))
    assert (more.running.relative_upper < 0).tolist() == less.harmed.tolist()
    assert (less.running.relative_lower > 0).tolist() == more.harmed.tolist()


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 60))
def test_what_was_said_at_a_look_never_depends_on_later_cohorts(seed: int, seen: int) -> None:
    whole = drawn(seed, (0.2, 0.23))
    before, after = answered(whole.until(seen)), gated(whole)
    if isinstance(before, NotEnoughData):
        return
    n = len(before.z)
    for name in ("p_harm", "p_safe", "harmed", "safe", "beyond"):
        assert getattr(before, name).tolist() == getattr(after, name)[:n].tolist()
    assert np.allclose(before.running.relative_upper, after.running.relative_upper[:n], rtol=1e-8, atol=1e-10)


@given(st.integers(0, 10_000))
def test_what_is_shown_stays_shown_and_bounds_only_move_inwards(seed: int) -> None:
    evidence = gated(drawn(seed, (0.2, 0.21)), Margin("more", 0.15))
    assert (np.diff(evidence.p_harm) <= 0).all()
    assert (np.diff(evidence.p_safe) <= 0).all()
    assert (np.diff(evidence.safe.astype(int)) >= 0).all()
    assert (np.diff(evidence.running.relative_lower) >= 0).all()
    assert (np.diff(evidence.running.relative_upper) <= 0).all()


@given(st.integers(0, 10_000), st.integers(0, 29))
def test_splitting_a_cohort_adds_a_look_and_changes_no_other(seed: int, cut: int) -> None:
    rng = np.random.default_rng(seed)
    whole = drawn(seed, (0.2, 0.2), looks=30)
    visitors, reached = whole.visitors[cut], whole.reached[cut]
    early = rng.binomial(reached, 0.5)
    first = early + rng.binomial(visitors - reached, 0.5)
    split = StepReach(
        np.arange(31),
        np.concatenate([whole.visitors[:cut], [first, visitors - first], whole.visitors[cut + 1 :]]),
        np.concatenate([whole.reached[:cut], [early, reached - early], whole.reached[cut + 1 :]]),
    )
    one, two = gated(whole), gated(split)
    kept = two.cohorts != cut
    together = {
        int(cohort) - (cohort > cut): p for cohort, p in zip(two.cohorts[kept], two.p_safe_look[kept], strict=True)
    }
    for cohort, p in zip(one.cohorts.tolist(), one.p_safe_look.tolist(), strict=True):
        assert together[cohort] == p
    assert two.p_safe[-1] <= one.p_safe[-1]


def test_harm_below_the_margin_is_both_shown_and_safe() -> None:
    evidence = gated(reach_of([[200_000, 200_000]], [[60_000, 61_500]]), Margin("more", 0.1))
    assert evidence.harmed[-1]
    assert evidence.safe[-1]
    assert not evidence.beyond[-1]
    assert 0 < evidence.running.relative_lower[0] < 0.025 < evidence.running.relative_upper[0] < 0.1


def test_harm_beyond_the_margin_is_shown_to_be() -> None:
    evidence = gated(reach_of([[20_000, 20_000]], [[6000, 3000]]), LESS)
    assert evidence.harmed[-1]
    assert evidence.beyond[-1]
    assert not evidence.safe[-1]


def test_an_effect_that_turns_round_crosses_the_bounds_and_retracts_nothing() -> None:
    step = reach_of([[4000, 4000]] * 40, [[1200, 800]] * 5 + [[1200, 2000]] * 35)
    evidence = gated(step)
    assert evidence.safe.all()
    assert evidence.harmed[-1]
    assert evidence.beyond[-1]
    assert evidence.running.empty[-1]
    assert not evidence.safe_look[-1]


def test_a_lift_that_fits_all_days_where_no_difference_does_is_said() -> None:
    """Half as much again throughout, while the rate itself rises from 2 to 40 in 100."""
    evidence = gated(reach_of([[20_000, 20_000]] * 10, [[400, 600]] * 2 + [[8000, 12_000]] * 8))
    assert evidence.running.relative_lower[-1] < 0.5 < evidence.running.relative_upper[-1]
    assert evidence.running.empty[-1]


def test_the_gate_is_that_of_every_test() -> None:
    step = reach_of([[100, 100]] * 4, [[5, 5], [5, 4], [1, 0], [9, 9]])
    assert gated(step).cohorts.tolist() == [2, 3]
    assert answered(step.until(2)) == NotEnoughData(400, 9.5, 190.5)
    assert answered(step.until(0)) == NotEnoughData(0, 0.0, 0.0)


def test_safety_waits_for_conversions_that_the_margin_would_leave() -> None:
    """With 9 in 10 lost, 120 of both arms would leave 10.9 in the variant; 108 would leave 9.8."""
    step = reach_of([[500, 500]] * 12, [[6, 6]] * 12)
    evidence = gated(step, Margin("less", 0.9))
    assert evidence.cohorts.tolist() == list(range(1, 12))
    assert evidence.p_safe_look[:8].tolist() == [1.0] * 8
    assert (evidence.p_safe_look[8:] < 1e-6).all()
    assert evidence.running.relative_lower[7] <= -0.9 < evidence.running.relative_lower[8]
    assert gated(step.until(9), Margin("less", 0.9)).last.relative_lower[0] <= -0.9


def test_one_empty_arm_shows_nothing() -> None:
    evidence = gated(reach_of([[1000, 0]], [[100, 0]]))
    assert (evidence.p_harm[0], evidence.p_safe[0]) == (1, 1)
    assert not evidence.harmed[0]
    assert not evidence.safe[0]
    assert evidence.running.relative_upper[0] == np.inf


@pytest.mark.parametrize(
    ("harm", "share"), [("more", 0.0), ("more", -0.1), ("more", np.inf), ("less", 1.0), ("less", 1.5), ("worse", 0.1)]
)
def test_a_margin_that_is_none_is_refused(harm: str, share: float) -> None:
    with pytest.raises(ValueError, match=r"harm|share"):
        Margin(harm, share)  # type: ignore[arg-type]


@pytest.mark.parametrize(("margin", "lift"), [(MORE, 0.1), (LESS, -0.1), (Margin("more", 3.0), 3.0)])
def test_the_margin_as_a_lift(margin: Margin, lift: float) -> None:
    assert margin.relative_lift == lift
    assert np.expm1(margin.log_ratio) == pytest.approx(lift)


RUNS, LOOKS = 2000, 200


def peeked(seed: int, rates: tuple[float, float], sizes: tuple[int, int], margin: Margin, alpha: float = 0.05) -> Alone:
    """Every look of many experiments, looked at 200 times up to `sizes` visitors; before the gate nothing is shown."""
    rng = np.random.default_rng(seed)
    each = np.array(sizes) // LOOKS
    visitors = np.broadcast_to(each, (RUNS, LOOKS, 2)).cumsum(axis=1)
    reached = rng.binomial(each, rates, size=(RUNS, LOOKS, 2)).cumsum(axis=1)
    n_a, n_b, s_a, s_b = (
        counts[..., arm].reshape(1, -1).astype(float) for counts in (visitors, reached) for arm in (0, 1)
    )
    design = Design(min(sizes) / sum(sizes), alpha)
    looks = alone(ScoreTest(Pair(n_a, s_a, n_b, s_b)), design, margin)
    pooled = design.smaller_share * (s_a + s_b)[0]
    gate = (pooled >= 10) & (design.smaller_share * (n_a + n_b)[0] - pooled >= 10)
    return dataclasses.replace(looks, p_harm=np.where(gate, looks.p_harm, 1), p_safe=np.where(gate, looks.p_safe, 1))


def ever(p_value: np.ndarray, alpha: float = 0.05) -> float:
    """In which share of the experiments was it shown at any look?"""
    return float((p_value <= alpha).reshape(RUNS, LOOKS).any(axis=1).mean())


CELLS = [
    (0.005, (20_000, 20_000), Margin("less", 0.5)),
    (0.02, (20_000, 20_000), Margin("more", 0.5)),
    (0.02, (36_000, 4_000), Margin("less", 0.5)),
    (0.02, (4_000, 36_000), Margin("more", 0.5)),
    (0.1, (20_000, 20_000), MORE),
    (0.1, (36_000, 4_000), Margin("less", 0.9)),
    (0.5, (20_000, 20_000), LESS),
]
NOISE = 2.326 * (0.05 * 0.95 / RUNS) ** 0.5  # one-sided 99 % of a rate that is just alpha


@pytest.mark.parametrize(("rate", "sizes", "margin"), CELLS, ids=str)
def test_looking_all_the_time_neither_accuses_nor_acquits_falsely(
    rate: float, sizes: tuple[int, int], margin: Margin
) -> None:
    """Harm at no effect, and safety with the effect exactly at the margin, each shown at most at the level."""
    assert ever(peeked(1, (rate, rate), sizes, margin).p_harm) <= 0.05 + NOISE
    at_margin = (rate, rate * (1 + margin.relative_lift))
    assert ever(peeked(2, at_margin, sizes, margin).p_safe) <= 0.05 + NOISE


def test_a_fixed_test_looked_at_as_often_accuses_falsely() -> None:
    """The control that must fail: z > 1.645 at any of 200 looks."""
    looks = peeked(1, (0.1, 0.1), (20_000, 20_000), MORE)
    assert ever(-looks.z, -1.645) > 0.25


def test_power() -> None:
    """Safety at no effect and harm at the margin are found about as often: they are equally far from what they deny."""
    harmless = peeked(3, (0.1, 0.1), (20_000, 20_000), MORE)
    at_margin = peeked(4, (0.1, 0.11), (20_000, 20_000), MORE)
    assert ever(harmless.p_safe) > 0.7
    assert ever(at_margin.p_harm) > 0.7
    far = peeked(5, (0.1, 0.12), (20_000, 20_000), MORE)
    assert ever(far.p_harm) > 0.99
