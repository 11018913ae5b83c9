"""The verdict on the result page: its headline, what is known, and what to do next, in every state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from experiments.reporting.comparison import NON_STATIONARY

Words = Callable[[str], str]
HERE = "http://localhost"


@pytest.mark.parametrize(
    ("state", "badge", "headline"),
    [
        ("collecting", "Collecting", "Still collecting: it is too early to say anything about “job booked”."),
        (
            "undecided",
            "No verdict yet",
            "No verdict yet: multi-step may bring more visitors to “job booked” than single, or fewer.",
        ),
        ("better", "Better", "multi-step brings more visitors to “job booked” than single."),
        ("worse", "Worse", "multi-step brings fewer visitors to “job booked” than single."),
        (
            "equivalent",
            "No difference",
            "multi-step and single bring equally many visitors to “job booked”, give or take 10%.",
        ),
        ("withdrawn", "Withdrawn", "Verdict withdrawn: the visitors were not divided as planned."),
    ],
)
def test_every_state_has_a_headline_and_an_advice(
    stage: Any, words_of: Words, build: SimpleNamespace, state: str, badge: str, headline: str
) -> None:
    stage.show(build.report(state, build.experiment(analysis={"detect": "10%"})))
    words = words_of("/results/contact-form")
    assert headline in words
    assert badge in words
    assert "What to do next" in words


@pytest.mark.parametrize(
    ("analysis", "says", "never"),
    [
        ({}, "Show multi-step to everybody: set status: stopped and serve: multi-step", "Do not switch yet"),
        ({"at_least": "14 days"}, "Show multi-step to everybody", "Do not switch yet"),
        (
            {"at_least": "24 days"},
            "Do not switch yet: let it run until 29 Nov 2026, as planned (at_least: 3 weeks and 3 days)",
            "to everybody",
        ),
    ],
    ids=["without at_least", "after at_least", "before at_least, to whole weeks"],
)
def test_shipping_waits_for_whole_weeks_of_at_least(
    stage: Any, words_of: Words, build: SimpleNamespace, analysis: dict[str, str], says: str, never: str
) -> None:
    stage.show(build.report("better", build.experiment(analysis=analysis)))
    words = words_of("/results/contact-form")
    assert says in words
    assert never not in words


def test_a_decision_that_today_would_not_repeat_is_called_unstable(
    stage: Any, words_of: Words, build: SimpleNamespace
) -> None:
    steady = build.report("worse")
    stage.show(build.with_macro(steady, decides_today=False))
    words = words_of("/results/contact-form")
    assert "Decided on 15 Nov 2026; today’s data alone would not decide. The effect is not stable" in words
    assert "15 Nov 2026, not stable" in words
    stage.show(steady)
    assert "not stable" not in words_of("/results/contact-form")
    assert "Decided on 15 Nov 2026, and today’s data alone say the same." in words_of("/results/contact-form")


def test_what_is_missing_for_a_first_reading_is_counted(stage: Any, words_of: Words, build: SimpleNamespace) -> None:
    stage.show(
        build.report("collecting", visitors=240)
    )  # 160 had time, 5.6% reached the goal: 10 conversions over both
    words = words_of("/results/contact-form")
    assert (
        "needs about 20 visitors who reach “job booked”, over both variants; so far there are 10, about 10 to go."
        in words
    )
    assert "Not enough data yet" in words


def test_unequal_weights_need_more_conversions(stage: Any, words_of: Words, build: SimpleNamespace) -> None:
    uneven = build.experiment(variants=[{"key": "single", "weight": 90}, {"key": "multi-step", "weight": 10}])
    stage.show(build.report("collecting", uneven, visitors=240))
    assert "needs about 100 visitors who reach" in words_of("/results/contact-form")


def test_an_unbounded_end_gets_no_number(stage: Any, words_of: Words, build: SimpleNamespace) -> None:
    stage.show(build.with_macro(build.report("undecided"), relative_interval=(-0.1, None)))
    words = words_of("/results/contact-form")
    assert "The data fit a true effect of above −10.0%." in words
    assert "the best case" not in words


def test_a_moving_effect_has_no_interval_and_says_why(stage: Any, words_of: Words, build: SimpleNamespace) -> None:
    stage.show(
        build.with_macro(
            build.report("undecided"), relative_interval=None, difference_interval=None, reason=NON_STATIONARY
        )
    )
    words = words_of("/results/contact-form")
    assert "The effect moved so much over time that no single value fits all the data." in words
    assert "no single effect fits all days" in words
    assert "The data fit a true effect" not in words


def test_several_variants_each_get_a_line(stage: Any, words_of: Words, build: SimpleNamespace) -> None:
    stage.show(build.report("better", build.experiment(n_variants=8, n_steps=12)))
    words = words_of("/results/contact-form")
    assert "7 of 7 variants bring more visitors" in words
    assert "quiz, better: +20.9% measured" in words
    assert "any of its 7 comparisons gives a wrong verdict is at most 5%" in words
    assert "does not say that it beats the others" in words


def test_a_finished_phase_without_a_verdict_stays_open(stage: Any, words_of: Words, build: SimpleNamespace) -> None:
    ended = build.experiment(status="stopped", ended_at=build.NOW - timedelta(days=2))
    waiting = build.report("undecided", ended)
    steps = [
        replace(step, variants={key: replace(cell, immature=0) for key, cell in step.variants.items()})
        for step in waiting.steps
    ]
    stage.show(waiting)
    words = words_of("/results/contact-form")
    assert "No verdict yet" in words
    assert "its numbers can still grow" in words
    stage.show(replace(waiting, steps=steps))
    words = words_of("/results/contact-form")
    assert (
        "No verdict: multi-step may bring more visitors to “job booked” than single, or fewer; the data cannot tell."
        in words
    )
    assert "Keep single, or ask again in a new phase" in words
    assert "No verdict yet" not in words


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("better", "Show multi-step to everybody: set serve: multi-step in its config file."),
        ("worse", "Keep single."),
        ("equivalent", "Keep whichever is cheaper or nicer to have."),
    ],
)
def test_a_finished_phase_with_a_verdict_says_what_to_do(
    stage: Any, words_of: Words, build: SimpleNamespace, state: str, says: str
) -> None:
    ended = build.experiment(status="stopped", ended_at=build.NOW - timedelta(days=9), analysis={"detect": "10%"})
    finished = build.report(state, ended)
    steps = [
        replace(step, variants={key: replace(cell, immature=0) for key, cell in step.variants.items()})
        for step in finished.steps
    ]
    stage.show(replace(finished, steps=steps))
    assert says in words_of("/results/contact-form")


def test_a_stopped_phase_says_who_is_served(stage: Any, words_of: Words, build: SimpleNamespace) -> None:
    ended = build.experiment(status="stopped", ended_at=build.NOW - timedelta(days=2), serve="multi-step")
    stage.show(build.report("better", ended))
    words = words_of("/results/contact-form")
    assert "This phase ended on 20 Nov 2026." in words
    assert "Everybody now gets multi-step, and nothing is counted." in words
    assert "to everybody: set" not in words
