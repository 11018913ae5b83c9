"""Doubt: `detect` and `planned_visitors` that do not go together at the rate that was measured."""

from __future__ import annotations

import math

import pytest

from experiments.definition.experiment import Experiment
from experiments.planning.plan_check import doubt, visitors_for_detect
from stats.power import Contrast, Judging, sample_size
from tests.experiments.cases.experiments import as_step, draft, variants


def experiment(weights: tuple[float, ...] = (50, 50), **analysis: object) -> Experiment:
    arms = variants(*(f"v{k}" for k in range(len(weights))), weights=weights)
    return draft(variants=arms, path=[as_step("seen"), as_step("sale")], analysis=analysis)


@pytest.mark.parametrize("weights", [(50, 50), (90, 10), (50, 30, 20)])
@pytest.mark.parametrize(("rate", "detect"), [(0.02, "20%"), (0.3, "5%"), (0.005, "30%")])
def test_the_rule_is_close_to_what_one_look_needs(weights: tuple[float, ...], rate: float, detect: str) -> None:
    needed = visitors_for_detect(experiment(weights, detect=detect), rate)
    lift = float(detect.removesuffix("%")) / 100
    shares = weights[0] / sum(weights), min(weights[1:]) / sum(weights)
    exact = sample_size(Contrast(rate, rate * (1 + lift), *shares), Judging("fixed", 0.05, math.log1p(lift)), 0.8)
    assert needed is not None
    assert exact is not None
    assert needed == pytest.approx(exact.visitors, rel=0.3)


# at 2 in 100 and equal shares, 20% takes 7.78 * 49 * 4 / log(1.2)^2 = 45,873 visitors
@pytest.mark.parametrize(
    ("planned", "said"),
    [
        pytest.param(22_000, "is 22,000, but to find a change of 20% takes about 46,000 where 2% of", id="too few"),
        pytest.param(24_000, None, id="nearly half"),
        pytest.param(90_000, None, id="nearly twice"),
        pytest.param(184_000, "write detect: 9.5%, which so many can find", id="too many"),
        pytest.param(None, None, id="no plan"),
    ],
)
def test_a_factor_of_two_is_doubted(planned: int | None, said: str | None) -> None:
    fault = doubt(experiment(detect="20%", planned_visitors=planned), 0.02)
    if said is None:
        assert fault is None
    else:
        assert fault is not None
        assert said in f"{fault.what}; {fault.remedy}"
        assert fault.place == ("analysis", "planned_visitors")


def test_the_lift_that_is_advised_suits_the_plan() -> None:
    fault = doubt(experiment(detect="20%", planned_visitors=184_000), 0.02)
    assert fault is not None
    assert doubt(experiment(detect="9.5%", planned_visitors=184_000), 0.02) is None
    assert visitors_for_detect(experiment(detect="9.5%"), 0.02) == pytest.approx(184_000, rel=0.03)


def test_without_detect_there_is_nothing_to_doubt() -> None:
    assert doubt(experiment(planned_visitors=10), 0.02) is None
