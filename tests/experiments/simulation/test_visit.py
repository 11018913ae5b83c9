"""What one visitor does, against the truth; and where chance decides, it is drawn as the truth says."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import numpy as np
import pytest

from experiments.definition.experiment import Experiment
from experiments.gallery.exhibit import exhibit
from experiments.simulation.truth import Behaviour, Crowd, Truth, read_truth
from experiments.simulation.visit import Act, Draw, acts, amounts, draws


@pytest.fixture
def shown() -> tuple[Experiment, Truth]:
    one = exhibit("multi-step-form")
    assert one.truth is not None
    return one.experiment(), read_truth(one.truth)


def test_visitors_do_what_the_truth_says(shown: tuple[Experiment, Truth]) -> None:
    (experiment, truth), n = shown, 20_000
    rng, behaviour = np.random.default_rng(1), truth.variants["multi-step"]
    visitors = zip(draws(experiment, truth, rng, n), amounts(experiment, truth, rng, n).tolist(), strict=True)
    done = [act for draw, amount in visitors for act in acts(experiment, behaviour, Crowd(share=1), draw, amount, 15.0)]
    often = Counter(act.event for act in done)
    expected = 1.0
    for step, rate in zip(experiment.path, behaviour.rates, strict=True):
        expected *= rate
        assert often[step.event] / n == pytest.approx(expected, abs=4 * (expected * (1 - expected) / n) ** 0.5)
    assert often["form_error"] / n == pytest.approx(0.05, abs=0.007)
    paid = [act.properties["amount"] for act in done if act.event == "job_booked"]
    assert sum(paid) / len(paid) == pytest.approx(truth.value_mean, rel=0.1)
    assert not any(act.properties for act in done if act.event != "job_booked")


# How many of the five milestones are taken, and in what order of time, by hand: rates are .5, pauses 1, 2, ... seconds.
GOES = (0.4, 0.4, 0.4, 0.4, 0.4)
STAYS = (0.9, 0.9, 0.9, 0.9, 0.9)
PAUSES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)


@pytest.mark.parametrize(
    ("going", "staying", "after"),
    [
        pytest.param(GOES, STAYS, [1, 3, 6, 10, 15], id="the whole path at once"),
        pytest.param((0.4, 0.4, 0.5, 0.1, 0.1), STAYS, [1, 3], id="nobody skips a milestone"),
        pytest.param(GOES, (0.9, 0.0, 0.0, 0.9, 0.9), [1, 7202, 7205, 7209, 7214], id="who came back stays"),
        pytest.param((0.5, 0, 0, 0, 0), STAYS, [], id="nothing"),
    ],
)
def test_the_path_is_taken_in_order(
    shown: tuple[Experiment, Truth], going: tuple[float, ...], staying: tuple[float, ...], after: list[float]
) -> None:
    experiment, _ = shown
    behaviour = Behaviour(rates=(0.5,) * 5, returning=0.1)
    done = acts(experiment, behaviour, Crowd(share=1), Draw(going, staying, (0.0, 0.0), PAUSES, 2), 12_345, 10.0)
    sale = {"amount": 123.45}
    events = [(step.event, sale if step is experiment.macro else {}) for step in experiment.path]
    assert done == [Act(timedelta(seconds=t), *event) for t, event in zip(after, events, strict=False)]


def test_eagerness_is_for_secondary_actions_and_not_for_guardrails(shown: tuple[Experiment, Truth]) -> None:
    experiment, _ = shown
    behaviour = Behaviour(rates=(0.5,) * 5, alone={"testimonials-read": 0.1, "form-error": 0.1})
    draw = Draw((1.0,) * 5, STAYS, (0.15, 0.15), PAUSES, 2)
    events = {eager: acts(experiment, behaviour, Crowd(share=1, eagerness=eager), draw, 0, 10.0) for eager in (1, 2)}
    assert events == {1: [], 2: [Act(timedelta(seconds=6), "testimonials_viewed", {})]}
