"""Scorecard: where intervals lie on their common scale."""

from __future__ import annotations

from datetime import UTC
from types import SimpleNamespace

import pytest

from experiments.definition.definition import Interval
from experiments.reporting.comparison import Effect
from webapp.pages.experiment.scorecard import Whisker, scale, scorecards, whisker
from webapp.words.formatting import Formatting


@pytest.mark.parametrize(
    ("interval", "lift", "drawn"),
    [
        ((-0.1, 0.1), 0.0, Whisker(0.25, 0.75, 0.5, False, False)),
        ((0.0, 0.2), 0.1, Whisker(0.5, 1.0, 0.75, False, False)),
        ((-0.5, 0.1), -0.3, Whisker(0.0, 0.75, None, True, False)),
        ((0.1, 0.9), 0.15, Whisker(0.75, 1.0, 0.875, False, True)),
        ((None, 0.1), 0.0, Whisker(0.0, 0.75, 0.5, True, False)),
        ((0.1, None), None, Whisker(0.75, 1.0, None, False, True)),
        ((0.3, 0.4), 0.35, Whisker(1.0, 1.0, None, False, True)),
        ((None, None), 0.1, None),
        (None, 0.1, None),
    ],
)
def test_an_interval_has_its_place_and_is_cut_where_the_scale_ends(
    interval: Interval | None, lift: float | None, drawn: Whisker | None
) -> None:
    found = whisker(Effect(lift, interval), 0.2)
    if drawn is None or found is None:
        assert found is drawn
        return
    assert (found.low, found.high) == pytest.approx((drawn.low, drawn.high))
    assert found.middle == (None if drawn.middle is None else pytest.approx(drawn.middle))
    assert (found.cut_low, found.cut_high) == (drawn.cut_low, drawn.cut_high)


@pytest.mark.parametrize(
    ("primary", "others", "limit"),
    [
        ([], [], 0.05),
        ([(-0.12, 0.18)], [], 0.2),
        ([(-0.02, 0.04)], [(-0.1, 0.1), (-0.1, 0.1), (-1.9, 1.9)], 2.0),
        ([(-0.02, 0.04)], [(-0.1, 0.1)] * 5 + [(-0.05, 1.9)], 0.1),
        ([(-0.02, 3.0)], [], 2.0),
        ([(None, 0.3)], [], 0.3),
    ],
    ids=["nothing", "holds the goal", "holds four of five", "cuts the widest other", "has an end", "unbounded"],
)
def test_the_scale_holds_the_goal_and_most_of_the_rest(
    build: SimpleNamespace, primary: list[Interval], others: list[Interval], limit: float
) -> None:
    comparisons = [
        build.with_effect(build.comparison("b", "undecided", 0.1, family), relative_interval=interval)
        for family, intervals in (("primary", primary), ("diagnostic", others))
        for interval in intervals
    ]
    assert scale(comparisons) == limit


def test_the_goal_comes_first_on_every_card(build: SimpleNamespace) -> None:
    cards = scorecards(build.report("better", build.experiment(n_variants=3)), Formatting(UTC, "UTC", "EUR"))
    assert [card.variant for card in cards] == ["multi-step", "pop-up"]
    assert [row.step.step for row in cards[0].rows] == [
        "job-booked",
        "form-seen",
        "form-started",
        "email-given",
        "testimonials-read",
    ]
