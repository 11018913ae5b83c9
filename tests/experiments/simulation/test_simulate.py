"""The simulator's two forms are draws from one model, and the model is the one its truth states."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from experiments.assignment.assignment import assign
from experiments.definition.experiment import Experiment
from experiments.events.tally import pattern_table, reach_table, tally
from experiments.simulation.outcome import outcomes
from experiments.simulation.simulate import simulate, simulate_tables, true_rates
from experiments.simulation.truth import Behaviour, Crowd, Truth, plain_truth, read_truth
from tests.experiments.cases.experiments import as_step, guardrail, small, variants

START = datetime(2026, 3, 2, tzinfo=UTC)
BEHAVIOUR = Behaviour(rates=(0.8, 0.6, 0.7, 0.5), alone={"read": 0.3, "error": 0.1}, returning=0.5)
FASTER = Behaviour(rates=(0.9, 0.6, 0.7, 0.5), alone={"read": 0.2}, returning=0.1)
TRUTH = Truth(
    variants={"one": BEHAVIOUR, "two": FASTER},
    crowds=(
        Crowd(share=5, attributes={"device": "desktop"}),
        Crowd(share=4, attributes={"device": "phone"}, eagerness=0.6),
        Crowd(share=1, attributes={"device": "desktop", "bot": "true"}),
    ),
    return_hours=3,
    value_mean=80,
    value_spread=0.5,
)


def experiment(**changes: object) -> Experiment:
    """A phase with every kind of step, and windows short enough that later visits miss some of them."""
    definition = {
        "key": "form",
        "started_at": START,
        "variants": variants("one", "two", weights=(60, 40)),
        "path": [
            as_step("seen", window="30 minutes"),
            as_step("started", window="2 hours"),
            as_step("email", window="4 hours"),
            as_step("sale", value="amount"),
        ],
        "secondary": [as_step("read")],
        "guardrails": [guardrail()],
        "window": "8 hours",
        "value_cap": 90,
        "assignment": "reported",
    }
    return small(**definition | changes)


def rng() -> np.random.Generator:
    return np.random.default_rng(20261122)


def test_both_forms_agree_with_the_model_and_in_structure() -> None:
    phase, n = experiment(), 10_000
    cells = tally(phase, simulate(phase, TRUTH, rng(), start=START, days=3, visitors=n))
    drawn = simulate_tables(phase, TRUTH, rng(), start=START, days=3, visitors=n)
    counted = (reach_table(phase, cells), pattern_table(phase, cells))
    assert drawn[0].variants == counted[0].variants
    assert drawn[0].strata == counted[0].strata
    assert list(drawn[0].steps) == list(counted[0].steps)
    assert (drawn[1].variants, drawn[1].steps) == (counted[1].variants, counted[1].steps)
    for reach, patterns in (drawn, counted):
        assert int(reach.exposed.visitors.sum()) == n
        assert set(reach.exposed.cohorts // 24) == {20514, 20515, 20516}
        share = reach.exposed.visitors.sum(axis=0) / n
        assert share == pytest.approx([0.6, 0.4], abs=0.02)
        visitors = reach.steps["sale"].visitors.sum(axis=(0, 1))
        assert visitors / n == pytest.approx(np.array([0.6, 0.4]) * 0.9, abs=0.02)
        for index, key in enumerate(("one", "two")):
            chances = outcomes(phase, TRUTH, key)
            for k, step in enumerate(phase.steps):
                reached = int(reach.steps[step.step].reached[:, 0, index].sum())
                expect(reached, int(visitors[index]), true_rates(phase, TRUTH)[key][step.step])
                assert true_rates(phase, TRUTH)[key][step.step] == pytest.approx(
                    sum(chance for outcome, chance in chances.items() if outcome.reached[k])
                )
            seen: Counter[int] = Counter()
            for row in np.flatnonzero(patterns.variant == index):
                seen[int(patterns.pattern[row])] += int(patterns.visitors[row])
            likely: Counter[int] = Counter()
            for outcome, chance in chances.items():
                likely[outcome.pattern] += chance  # type: ignore[assignment]  # a Counter of shares
            assert set(seen) <= {pattern for pattern, chance in likely.items() if chance > 0}
            for pattern, chance in likely.items():
                expect(seen[pattern], int(visitors[index]), chance)
        sales = int(reach.steps["sale"].reached.sum())
        assert patterns.value_sum.sum() / sales == pytest.approx(capped_mean(), rel=0.05)


def expect(count: int, n: int, share: float) -> None:
    """Is this count what a binomial draw gives? Within five standard deviations and one."""
    assert abs(count - n * share) <= 5 * np.sqrt(n * share * (1 - share)) + 1


def capped_mean() -> float:
    """Mean value in hundredths of a gamma with mean 80 and standard deviation 40, capped at 90."""
    return float(np.minimum(rng().gamma(4, 20, size=400_000), 90).mean() * 100)


def test_the_windows_matter() -> None:
    """Later visits miss short windows, so that the model's windows are tested and not only its rates."""
    rates = true_rates(experiment(), TRUTH)["one"]
    wide = true_rates(experiment(path=[{"step": s, "event": s} for s in ("seen", "started", "email", "sale")]), TRUTH)
    for step in ("seen", "started", "email"):
        assert rates[step] < wide["one"][step] - 0.01
    assert rates["sale"] == pytest.approx(wide["one"]["sale"])
    assert rates["sale"] < 0.95 * true_rates(experiment(window="7 days"), TRUTH)["one"]["sale"]


def test_variants_come_from_assign_and_who_is_not_in_sends_nothing() -> None:
    phase = experiment(assignment="hash", traffic="30%", audience={"device": ["desktop"]})
    events = list(simulate(phase, TRUTH, rng(), start=START, days=1, visitors=3_000))
    exposures = [event for event in events if event.kind == "exposure"]
    expect(len(exposures), 3_000, 0.3 * 0.6)
    for event in exposures:
        assignment = assign(phase, event.visitor, {"device": event.attributes["device"]})
        assert assignment.in_experiment
        assert assignment.variant == event.variant
    assert "true" in {event.attributes.get("bot") for event in exposures}
    assert {event.visitor for event in events} == {event.visitor for event in exposures}


def test_tables_follow_traffic_and_layer() -> None:
    phase = experiment(assignment="hash", traffic="50%", exclusive={"layer": "forms", "slice": ["0%", "40%"]})
    reach, _ = simulate_tables(phase, TRUTH, rng(), start=START, days=1, visitors=20_000)
    expect(int(reach.exposed.visitors.sum()), 20_000, 0.2)


def test_events_come_in_order_of_receipt_and_the_seed_decides() -> None:
    phase = experiment()

    def draw() -> list[object]:
        return list(simulate(phase, TRUTH, rng(), start=START, days=2, visitors=500))

    events = list(simulate(phase, TRUTH, rng(), start=START, days=2, visitors=500))
    assert [event.received_at for event in events] == sorted(event.received_at for event in events)
    assert len({event.message_id for event in events}) == len(events)
    assert draw() == draw() == events


def test_a_seed_gives_the_visitors_that_it_always_gave() -> None:
    """The demo, and every number that was told of it, rests on that."""
    events = list(simulate(experiment(), TRUTH, rng(), start=START, days=2, visitors=500))
    assert len(events) == 1324
    assert sum((event.received_at - START for event in events), timedelta()) == timedelta(
        days=1566, seconds=25244, microseconds=939391
    )
    assert sum(event.properties.get("amount", 0.0) for event in events) == pytest.approx(3621.95)


def test_what_is_still_to_come_is_left_out() -> None:
    phase, until = experiment(), START + timedelta(hours=30)
    whole = list(simulate(phase, TRUTH, rng(), start=START, days=2, visitors=500))
    known = list(simulate(phase, TRUTH, rng(), start=START, days=2, visitors=500, until=until))
    assert known == [event for event in whole if event.received_at <= until]
    assert 0 < len(known) < len(whole)


def test_no_effect_means_that_all_do_as_the_control_does() -> None:
    phase = experiment()
    rates = true_rates(phase, TRUTH.without_effect(phase))
    assert rates["one"] == rates["two"] == true_rates(phase, TRUTH)["one"]
    assert rates["one"] != true_rates(phase, TRUTH)["two"]


@pytest.mark.parametrize(
    ("truth", "message"),
    [
        pytest.param({"one": BEHAVIOUR}, "variants are one, must be one, two", id="variant missing"),
        pytest.param(
            {"one": BEHAVIOUR, "two": Behaviour(rates=(0.1,))},
            "variants.two.rates has 1 rates, must have one for each of the 4 milestones",
            id="rates missing",
        ),
        pytest.param(
            {"one": BEHAVIOUR, "two": Behaviour(rates=(0.1,) * 4, alone={"sale": 0.1})},
            "variants.two.alone names sale, known secondary actions and guardrails are error, read",
            id="milestone alone",
        ),
    ],
)
def test_a_truth_that_does_not_fit_is_refused(truth: dict[str, Behaviour], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        list(simulate(experiment(), Truth(variants=truth), rng(), start=START, days=1, visitors=1))


def test_windows_that_the_model_cannot_draw_are_refused() -> None:
    phase = experiment(window="100 minutes", path=[{"step": s, "event": s} for s in ("a", "b", "c", "d")])
    with pytest.raises(ValueError, match="the window of a is 1:40:00, can be simulated in whole hours only"):
        list(simulate(phase, TRUTH, rng(), start=START, days=1, visitors=1))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"assignment": "hash", "audience": {"device": ["desktop"]}}, id="audience"),
        pytest.param({"analysis": {"adjust_for": ["device"]}}, id="adjust_for"),
    ],
)
def test_tables_refuse_what_only_events_can_tell(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="draw events instead"):
        simulate_tables(experiment(**changes), TRUTH, rng(), start=START, days=1, visitors=1)


def test_a_plain_truth_fits_any_experiment() -> None:
    phase = experiment()
    plain_truth(phase).require(phase)
    assert len(set(map(str, plain_truth(phase).variants.values()))) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("variants: {a: {rates: [2]}}", "variants.a.rates.0: .*less than or equal to 1", id="rate"),
        pytest.param("variants: {a: {rates: [.5]}}\nhours: [1, 2]", "hours: .*must be 24 weights", id="hours"),
        pytest.param("variants: {a: {rate: [.5]}}", "variants.a.rates: Field required", id="unknown key"),
        pytest.param("variants: [", "truth.yaml", id="syntax"),
    ],
)
def test_a_truth_file_says_where_it_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "truth.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_truth(path)


def test_hours_that_are_all_zero_are_refused() -> None:
    with pytest.raises(ValidationError, match="not all 0"):
        Truth(variants={"a": Behaviour(rates=(0.5,))}, hours=(0.0,) * 24)
