"""The result page: what it says in every state, and what it never says."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask.testing import FlaskClient

from experiments.comparison import NON_STATIONARY
from experiments.problem import Problem
from experiments.report import Report, SampleRatio

HERE = "http://localhost"


def text_of(client: FlaskClient, path: str, status: int = 200) -> str:
    """The words of a page: without tags, white space made even."""
    response = client.get(path, base_url=HERE)
    assert response.status_code == status, response.text
    words = re.sub(r"<(style|script|svg)\b.*?</\1>", " ", response.text, flags=re.S)
    words = words.replace('<span class="meaning">', " ")
    words = re.sub(r"<wbr>|</?(b|code|span|time|a)\b[^>]*>", "", words)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", words).replace("&#39;", "'"))


def with_macro(report: Report, **changes: Any) -> Report:
    """The same report with every comparison at the macro-conversion changed."""
    steps = [
        replace(step, comparisons=[replace(one, **changes) for one in step.comparisons])
        if step.kind == "macro"
        else step
        for step in report.steps
    ]
    return replace(report, steps=steps)


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
    stage: Any, client: FlaskClient, build: SimpleNamespace, state: str, badge: str, headline: str
) -> None:
    stage.show(build.report(state, build.experiment(analysis={"detect": "10%"})))
    words = text_of(client, "/results/contact-form")
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
    stage: Any, client: FlaskClient, build: SimpleNamespace, analysis: dict[str, str], says: str, never: str
) -> None:
    stage.show(build.report("better", build.experiment(analysis=analysis)))
    words = text_of(client, "/results/contact-form")
    assert says in words
    assert never not in words


def test_a_decision_that_today_would_not_repeat_is_called_unstable(
    stage: Any, client: FlaskClient, build: SimpleNamespace
) -> None:
    steady = build.report("worse")
    stage.show(with_macro(steady, decides_today=False))
    words = text_of(client, "/results/contact-form")
    assert "Decided on 15 Nov 2026; today’s data alone would not decide. The effect is not stable" in words
    assert "15 Nov 2026, not stable" in words
    stage.show(steady)
    assert "not stable" not in text_of(client, "/results/contact-form")
    assert "Decided on 15 Nov 2026, and today’s data alone say the same." in text_of(client, "/results/contact-form")


def test_there_is_no_number_where_the_report_has_none(stage: Any, client: FlaskClient, build: SimpleNamespace) -> None:
    stage.show(
        build.report(
            "collecting",
            visitors=0,
            ledger={},
            sample_ratio=SampleRatio(None, False, {"single": 0.5, "multi-step": 0.5}, None),
        )
    )
    empty = with_macro(stage.reports[0])
    steps = [
        replace(
            step,
            comparisons=[build.comparison("multi-step", "collecting", None, one.family) for one in step.comparisons],
        )
        for step in empty.steps
    ]
    stage.show(replace(empty, steps=steps))
    words = text_of(client, "/results/contact-form")
    assert "Waiting for the first visitor." in words
    assert "No hour of visitors is complete yet" in words
    assert "Nothing was left out." in words
    assert "Nobody has come yet." in words
    for wrong in ("None", "nan", "+0.0%", "0.0% to", "inf"):
        assert wrong not in words


def test_what_is_missing_for_a_first_reading_is_counted(
    stage: Any, client: FlaskClient, build: SimpleNamespace
) -> None:
    stage.show(
        build.report("collecting", visitors=240)
    )  # 160 had time, 5.6% reached the goal: 10 conversions over both
    words = text_of(client, "/results/contact-form")
    assert (
        "needs about 20 visitors who reach “job booked”, over both variants; so far there are 10, about 10 to go."
        in words
    )
    assert "Not enough data yet" in words


def test_unequal_weights_need_more_conversions(stage: Any, client: FlaskClient, build: SimpleNamespace) -> None:
    uneven = build.experiment(variants=[{"key": "single", "weight": 90}, {"key": "multi-step", "weight": 10}])
    stage.show(build.report("collecting", uneven, visitors=240))
    assert "needs about 100 visitors who reach" in text_of(client, "/results/contact-form")


def test_an_unbounded_end_gets_no_number(stage: Any, client: FlaskClient, build: SimpleNamespace) -> None:
    stage.show(with_macro(build.report("undecided"), relative_interval=(-0.1, None)))
    words = text_of(client, "/results/contact-form")
    assert "The data fit a true effect of above −10.0%." in words
    assert "the best case" not in words


def test_a_moving_effect_has_no_interval_and_says_why(stage: Any, client: FlaskClient, build: SimpleNamespace) -> None:
    stage.show(
        with_macro(build.report("undecided"), relative_interval=None, difference_interval=None, reason=NON_STATIONARY)
    )
    words = text_of(client, "/results/contact-form")
    assert "The effect moved so much over time that no single value fits all the data." in words
    assert "no single effect fits all days" in words
    assert "The data fit a true effect" not in words


def test_conditional_rates_are_described_and_never_judged(
    stage: Any, client: FlaskClient, build: SimpleNamespace
) -> None:
    stage.show(build.report("better"))
    page = client.get("/results/contact-form", base_url=HERE).text
    [lost] = re.findall(r"<table[^>]*>\s*<caption>Where visitors are lost</caption>.*?</table>", page, flags=re.S)
    assert "45.0%" in lost
    for verdict in ("badge", "p =", "p &lt;", "Better", "Worse", "whisker"):
        assert verdict not in lost
    assert "it is no test and gets no verdict" in text_of(client, "/results/contact-form")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, "You may look whenever you like and stop whenever you like"),
        (
            {"method": "fixed", "of": {"analysis": {"method": "fixed", "planned_visitors": 34553}}},
            "One look only: the verdict falls once, when 34,553 visitors",
        ),
    ],
    ids=["always-valid", "fixed"],
)
def test_the_method_is_explained(
    stage: Any, client: FlaskClient, build: SimpleNamespace, changes: dict[str, Any], says: str
) -> None:
    of = build.experiment(**changes.pop("of", {}))
    stage.show(build.report("undecided", of, **changes))
    words = text_of(client, "/results/contact-form")
    assert says in words
    assert "is the primary question: the risk of a wrong verdict is at most 5%" in words
    assert "All other steps are diagnostic" in words
    if changes:
        assert "look as often as you like" not in words


def test_sample_ratio_alarm_withdraws_in_words(stage: Any, client: FlaskClient, build: SimpleNamespace) -> None:
    ratio = SampleRatio(0.00002, True, {"single": 0.5, "multi-step": 0.5}, build.NOW - timedelta(days=3))
    stage.show(build.report("withdrawn", sample_ratio=ratio, exposed={"single": 12500, "multi-step": 11500}))
    words = text_of(client, "/results/contact-form")
    assert "Visitors are not divided as planned; first noticed 19 Nov 2026." in words
    assert "(p < 0.001; alarm below 0.001)" in words.replace("&lt;", "<")
    assert "52.1%" in words
    assert "start afresh with phase: 2" in words
    assert "The data fit a true effect" not in words


def test_the_ledger_is_explained(stage: Any, client: FlaskClient, build: SimpleNamespace) -> None:
    stage.show(
        build.report(ledger={"bot": {"single": 12, "multi-step": 9}, "late": {"": 4}, "a-new-reason": {"single": 1}})
    )
    words = text_of(client, "/results/contact-form")
    assert "Bots Not counted: recognised as a bot at the first exposure. 21 single 12 multi-step 9" in words
    assert "A published number does not change. 4" in words
    assert "A new reason" in words


def test_immature_visitors_are_explained(stage: Any, client: FlaskClient, build: SimpleNamespace) -> None:
    stage.show(build.report())
    assert "8,000 visitors came less than 7 days ago and still have time for “job booked”." in text_of(
        client, "/results/contact-form"
    )


def test_several_variants_each_get_a_line(stage: Any, client: FlaskClient, build: SimpleNamespace) -> None:
    stage.show(build.report("better", build.experiment(n_variants=8, n_steps=12)))
    words = text_of(client, "/results/contact-form")
    assert "7 of 7 variants bring more visitors" in words
    assert "quiz, better: +20.9% measured" in words
    assert "any of its 7 comparisons gives a wrong verdict is at most 5%" in words
    assert "does not say that it beats the others" in words


def test_a_name_is_never_markup(stage: Any, client: FlaskClient, build: SimpleNamespace) -> None:
    stage.show(build.report(of=build.experiment(name="<script>alert(1)</script>", hypothesis="a & b <i>")))
    page = client.get("/results/contact-form", base_url=HERE).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "a &amp; b &lt;i&gt;" in page


def test_a_finished_phase_without_a_verdict_stays_open(stage: Any, client: FlaskClient, build: SimpleNamespace) -> None:
    ended = build.experiment(status="stopped", ended_at=build.NOW - timedelta(days=2))
    waiting = build.report("undecided", ended)
    steps = [
        replace(step, variants={key: replace(cell, immature=0) for key, cell in step.variants.items()})
        for step in waiting.steps
    ]
    stage.show(waiting)
    words = text_of(client, "/results/contact-form")
    assert "No verdict yet" in words
    assert "its numbers can still grow" in words
    stage.show(replace(waiting, steps=steps))
    words = text_of(client, "/results/contact-form")
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
    stage: Any, client: FlaskClient, build: SimpleNamespace, state: str, says: str
) -> None:
    ended = build.experiment(status="stopped", ended_at=build.NOW - timedelta(days=9), analysis={"detect": "10%"})
    finished = build.report(state, ended)
    steps = [
        replace(step, variants={key: replace(cell, immature=0) for key, cell in step.variants.items()})
        for step in finished.steps
    ]
    stage.show(replace(finished, steps=steps))
    assert says in text_of(client, "/results/contact-form")


def test_the_course_is_a_table_of_days_newest_first(stage: Any, client: FlaskClient, build: SimpleNamespace) -> None:
    stage.show(build.report("better"))
    words = text_of(client, "/results/contact-form")
    table = words[words.index("The same in numbers, the last look of each day") :]
    assert table.index("22 Nov 2026 24,000 +2") < table.index("21 Nov 2026") < table.index("3 Nov 2026")
    assert table.count("15 Nov 2026") == 1


def test_a_guardrail_says_which_way_is_harm(stage: Any, client: FlaskClient, build: SimpleNamespace) -> None:
    guardrails = [{"step": "form-error", "event": "form_error", "harm": "more", "margin": "10%"}]
    stage.show(build.report(of=build.experiment(guardrails=guardrails)))
    assert "Form error Guardrail, more is harm" in text_of(client, "/results/contact-form")


def test_a_stopped_phase_says_who_is_served(stage: Any, client: FlaskClient, build: SimpleNamespace) -> None:
    ended = build.experiment(status="stopped", ended_at=build.NOW - timedelta(days=2), serve="multi-step")
    stage.show(build.report("better", ended))
    words = text_of(client, "/results/contact-form")
    assert "This phase ended on 20 Nov 2026." in words
    assert "Everybody now gets multi-step, and nothing is counted." in words
    assert "to everybody: set" not in words


def test_problems_of_the_files_are_shown_with_their_place(
    stage: Any, client: FlaskClient, build: SimpleNamespace
) -> None:
    stage.show(build.report())
    stage.problems = [
        Problem("experiments/x.yaml", 12, 14, "variants[1].weight is -1, must be > 0", "write a positive number")
    ]
    for path in ("/", "/live", "/results/contact-form"):
        words = text_of(client, path).replace("&gt;", ">")
        assert "experiments/x.yaml:12:14 error variants[1].weight is -1, must be > 0; write a positive number" in words
        assert "its last good version stays in force" in words


def test_the_definition_is_shown_as_a_config_file_has_it(
    stage: Any, client: FlaskClient, build: SimpleNamespace
) -> None:
    stage.show(build.report(of=build.experiment(analysis={"detect": "10%"}, traffic="50%")))
    page = client.get("/results/contact-form", base_url=HERE).text
    assert "traffic: 50%" in page
    assert "window: 1 week" in page or "window: 7 days" in page
    assert "detect: 10%" in page
