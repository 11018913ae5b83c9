"""Calibration: the measured visitors come back out, naive peeking is seen to fail, a seed gives the same numbers."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from experiments.definition.experiment import Experiment
from experiments.gallery.exhibit import exhibit
from experiments.planning.baseline import MeasuredRate, Measurement, measure
from experiments.simulation.assumed_truth import START, measured_truth, rated_truth, simulated_phase, with_effect
from experiments.simulation.calibration import Found, Frequency, Setting, outlooks, replications, wrong_verdicts
from experiments.simulation.simulate import simulate_tables, true_rates
from experiments.simulation.truth import Crowd, Truth, read_truth
from tests.experiments.cases.experiments import as_step, draft, variants


def experiment(**changes: object) -> Experiment:
    more = {"key": "form", "variants": variants("one", "two"), "path": [as_step("seen"), as_step("sale")]}
    planned = {"analysis": {"detect": "20%", "planned_visitors": 4000}}
    return simulated_phase(draft(**more | planned | {"window": "1 hour"} | changes))


def setting(effect: float | None = None, step: int = -1, **changes: object) -> Setting:
    phase = experiment(**changes)
    truth = rated_truth(phase, 0.3)
    if effect is not None:
        truth = with_effect(phase, truth, effect, phase.path[step])
    return Setting(phase, truth, days=8, visitors=4000)


@pytest.fixture(scope="module")
def nothing_to_find() -> list[dict[tuple[str, str], Found]]:
    return [dict(run) for run in replications(setting(), (1, 0), range(60))]


def test_naive_peeking_fails_where_the_page_holds(nothing_to_find: list[dict[tuple[str, str], Found]]) -> None:
    """The negative control, at the same looks: the lower end of its exact interval is far above what is promised."""
    macro, diagnostic = wrong_verdicts(setting().experiment, nothing_to_find)
    assert (macro.kind, diagnostic.kind) == ("macro", "diagnostic")
    for one in (macro, diagnostic):
        assert one.promised == 0.05
        assert one.naive_wrong.interval[0] > 0.2
        assert one.wrong.interval[0] < 0.05
        assert one.wrong.share < one.naive_wrong.share / 4


def test_the_same_seed_gives_the_same_whoever_draws_it(nothing_to_find: list[dict[tuple[str, str], Found]]) -> None:
    again = replications(setting(), (1, 0), range(5, 8))
    assert again == nothing_to_find[5:8]
    assert replications(setting(), (2, 0), range(5, 8)) != again


def test_an_effect_is_found_where_it_is_and_naive_peeking_is_no_later() -> None:
    there = setting(0.2)
    seen, sale = outlooks(there, replications(there, (1, 1), range(40)))
    assert (seen.true_lift, sale.true_lift) == (0.0, pytest.approx(0.2))
    assert (seen.kind, sale.kind) == ("diagnostic", "macro")
    assert sale.found.share > 0.7
    assert sale.wrong.share < 0.06
    assert seen.found.share == 0
    assert 0 < sale.naive_mean_days < sale.mean_days < there.length / timedelta(days=1)


def test_an_effect_upstream_reaches_all_that_follows_and_a_loss_is_found_as_worse() -> None:
    there = setting(-0.3, step=0)
    seen, sale = outlooks(there, replications(there, (1, 1), range(10)))
    assert (seen.true_lift, sale.true_lift) == (pytest.approx(-0.3), pytest.approx(-0.3))
    assert seen.found.share == sale.found.share == 1.0


def test_an_experiment_that_finds_nothing_counts_with_its_whole_length() -> None:
    there = setting(0.2)
    nothing = {("seen", "two"): Found(None, None, None, None), ("sale", "two"): Found(None, None, "worse", 2.0)}
    something = {("seen", "two"): Found(None, None, None, None), ("sale", "two"): Found("better", 4.0, "better", 1.0)}
    _, sale = outlooks(there, [nothing, something])
    assert there.length == timedelta(days=8, hours=3)
    assert sale.mean_days == (8.125 + 4) / 2
    assert sale.naive_mean_days == 1.5
    assert (sale.found, sale.naive_found) == (
        Frequency(1, 2),
        Frequency(1, 2),
    )


def test_harm_at_a_guardrail_is_wrong_and_safety_is_not() -> None:
    phase = experiment(guardrails=[{"step": "error", "event": "error", "harm": "more", "margin": "10%"}])
    nothing = Found(None, None, None, None)
    runs = [
        {("seen", "two"): nothing, ("sale", "two"): nothing, ("error", "two"): Found(said, 1.0, None, None)}
        for said in ("better", "worse", None)
    ]
    guardrail = wrong_verdicts(phase, runs)[-1]
    assert (guardrail.kind, guardrail.wrong) == ("guardrail", Frequency(1, 3))


def test_naive_harm_follows_what_a_guardrail_calls_harm() -> None:
    phase = experiment(guardrails=[{"step": "error", "event": "error", "harm": "more", "margin": "10%"}])
    calm = rated_truth(phase, 0.3)
    rough = calm.variants["two"].model_copy(update={"alone": {"error": 0.3}})
    there = Setting(phase, calm.model_copy(update={"variants": {**calm.variants, "two": rough}}), 8, 4000)
    assert {run["error", "two"].naive for run in replications(there, (3,), range(3))} == {"worse"}


# scipy 1.17.1: scipy.stats.binomtest(k, n).proportion_ci(0.95, "exact")
@pytest.mark.parametrize(
    ("share", "interval"),
    [
        (Frequency(0, 20), (0.0, 0.16843347098308536)),
        (Frequency(20, 20), (0.8315665290169146, 1.0)),
        (Frequency(13, 500), (0.013914930062859744, 0.044050436856873765)),
    ],
)
def test_the_interval_is_exact(share: Frequency, interval: tuple[float, float]) -> None:
    assert share.interval == pytest.approx(interval, abs=1e-8)


def test_what_was_measured_comes_back_out() -> None:
    """Each step's rate within its own window, and the hours at which visitors come."""
    shown = exhibit("multi-step-form")
    assert shown.truth is not None
    phase, truth = simulated_phase(shown.experiment()), read_truth(shown.truth)
    tables = simulate_tables(phase, truth, np.random.default_rng(1), start=START, days=14, visitors=60_000)
    measurement = measure(phase, tables[0], START + timedelta(days=30))
    found = measured_truth(phase, measurement)
    assert found is not None
    rates = true_rates(phase, found)
    assert rates["single"] == rates["multi-step"]
    assert rates["single"] == pytest.approx({step: one.rate for step, one in measurement.rates.items()}, rel=1e-9)
    assert np.array(found.hours) / sum(found.hours) == pytest.approx(np.array(truth.hours) / sum(truth.hours), abs=4e-3)


def test_a_later_step_with_a_longer_window_may_be_reached_by_more() -> None:
    phase = experiment()
    measurement = Measurement(phase, {"seen": MeasuredRate(1, 10), "sale": MeasuredRate(2, 10)}, 9, 1, (0,) * 24)
    found = measured_truth(phase, measurement)
    assert found is not None
    assert true_rates(phase, found)["one"] == pytest.approx({"seen": 0.2, "sale": 0.2})


@pytest.mark.parametrize("reached", [0, None])
def test_a_step_that_was_not_measured_or_reached_is_not_made_up(reached: int | None) -> None:
    rates = {"seen": MeasuredRate(5, 10)} | ({} if reached is None else {"sale": MeasuredRate(reached, 10)})
    assert measured_truth(experiment(), Measurement(experiment(), rates, 9, 1, (0,) * 24)) is None


def test_an_effect_that_cannot_be_is_refused() -> None:
    phase = experiment()
    truth = rated_truth(phase, 0.9)
    with pytest.raises(ValueError, match=r"sale is taken by 0.949 of those who can, and 1.2 times as many"):
        with_effect(phase, truth, 0.2, phase.macro)
    eager = Truth(variants=rated_truth(phase, 0.3).variants, crowds=(Crowd(share=1), Crowd(share=1, eagerness=1.7)))
    with pytest.raises(ValueError, match="sale is taken by"):
        with_effect(phase, eager, 0.2, phase.macro)


def test_everything_but_who_takes_part_is_as_configured() -> None:
    drafted = Experiment.model_validate(
        experiment().model_dump(mode="json", exclude_none=True)
        | {
            "status": "draft",
            "started_at": None,
            "traffic": "10%",
            "audience": {"device": ["phone"]},
            "exclusive": {"layer": "forms", "slice": ["0%", "50%"]},
            "analysis": {"alpha": 0.01, "method": "always-valid", "adjust_for": ["device"]},
        }
    )
    there = Setting(simulated_phase(drafted), rated_truth(drafted, 0.3), 3, 600)
    tables = simulate_tables(there.experiment, there.truth, np.random.default_rng(1), start=START, days=3, visitors=600)
    assert tables[0].exposed.visitors.sum() == 600
    assert there.experiment.analysis.alpha == 0.01
    assert there.experiment.analysis.method == "always-valid"
    assert len(replications(there, (1,), range(2))) == 2
