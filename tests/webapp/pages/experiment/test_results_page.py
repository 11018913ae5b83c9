"""The result page: what it says about the data and how it is judged, and what it never says."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask.testing import FlaskClient

from experiments.definition.problem import Problem
from experiments.events.tables import Revision
from experiments.reporting.sample_ratio import SampleRatio
from webapp.pages.experiment.data_health import data_health
from webapp.words.formatting import Formatting

Words = Callable[[str], str]
HERE = "http://localhost"


def test_there_is_no_number_where_the_report_has_none(stage: Any, words_of: Words, build: SimpleNamespace) -> None:
    stage.show(
        build.report(
            "collecting",
            visitors=0,
            ledger={},
            sample_ratio=SampleRatio(None, False, {"single": 0.5, "multi-step": 0.5}, None),
        )
    )
    empty = build.with_macro(stage.reports[0])
    steps = [
        replace(
            step,
            comparisons=[build.comparison("multi-step", "collecting", None, one.family) for one in step.comparisons],
        )
        for step in empty.steps
    ]
    stage.show(replace(empty, steps=steps))
    words = words_of("/results/contact-form")
    assert "Waiting for the first visitor." in words
    assert "No hour of visitors is complete yet" in words
    assert "Nothing was left out." in words
    assert "Nobody has come yet." in words
    for wrong in ("None", "nan", "+0.0%", "0.0% to", "inf"):
        assert wrong not in words


def test_conditional_rates_are_described_and_never_judged(
    stage: Any, client: FlaskClient, words_of: Words, build: SimpleNamespace
) -> None:
    stage.show(build.report("better"))
    page = client.get("/results/contact-form", base_url=HERE).text
    [lost] = re.findall(r"<table[^>]*>\s*<caption>Where visitors are lost</caption>.*?</table>", page, flags=re.S)
    assert "45.0%" in lost
    for verdict in ("badge", "p =", "p &lt;", "Better", "Worse", "whisker"):
        assert verdict not in lost
    assert "it is no test and gets no verdict" in words_of("/results/contact-form")


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
    stage: Any, words_of: Words, build: SimpleNamespace, changes: dict[str, Any], says: str
) -> None:
    of = build.experiment(**changes.pop("of", {}))
    stage.show(build.report("undecided", of, **changes))
    words = words_of("/results/contact-form")
    assert says in words
    assert "is the primary question: the risk of a wrong verdict is at most 5%" in words
    assert "All other steps are diagnostic" in words
    if changes:
        assert "look as often as you like" not in words


def test_sample_ratio_alarm_withdraws_in_words(stage: Any, words_of: Words, build: SimpleNamespace) -> None:
    ratio = SampleRatio(0.00002, True, {"single": 0.5, "multi-step": 0.5}, build.NOW - timedelta(days=3))
    stage.show(build.report("withdrawn", sample_ratio=ratio, exposed={"single": 12500, "multi-step": 11500}))
    words = words_of("/results/contact-form")
    assert "Visitors are not divided as planned; first noticed 19 Nov 2026." in words
    assert "(p < 0.001; alarm below 0.001)" in words
    assert "52.1%" in words
    assert "start afresh with phase: 2" in words
    assert "The data fit a true effect" not in words


def test_the_ledger_is_explained(stage: Any, words_of: Words, build: SimpleNamespace) -> None:
    stage.show(
        build.report(ledger={"bot": {"single": 12, "multi-step": 9}, "late": {"": 4}, "a-new-reason": {"single": 1}})
    )
    words = words_of("/results/contact-form")
    assert "Bots Not counted: recognised as a bot at the first exposure. 21 single 12 multi-step 9" in words
    assert "A published number does not change. 4" in words
    assert "A new reason" in words


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        ("trusted-import", "history was imported"),
        ("consent-withdrawn", "a visitor withdrew consent"),
        ("forgotten", "a visitor was forgotten on request"),
        ("definition-changed", "it became known when the phase began or ended"),
    ],
)
def test_changes_of_published_numbers_are_dated(build: SimpleNamespace, cause: str, said: str) -> None:
    day = datetime(2026, 11, 20, tzinfo=UTC)
    revision = Revision(day, cause, "contact-form", 1, day - timedelta(days=9), day - timedelta(days=8))
    (sentence,) = data_health(build.report(), [revision], Formatting(UTC, "UTC", "EUR")).revisions
    assert sentence == f"On 20 Nov 2026, numbers of visitors who came from 11 Nov 2026 to 12 Nov 2026 changed: {said}."


def test_immature_visitors_are_explained(stage: Any, words_of: Words, build: SimpleNamespace) -> None:
    stage.show(build.report())
    words = words_of("/results/contact-form")
    assert "8,000 visitors came less than 7 days ago and still have time for “job booked”." in words
    assert words.count("They are counted once their time and one hour of grace are over") == 1


def test_a_name_is_never_markup(stage: Any, client: FlaskClient, build: SimpleNamespace) -> None:
    stage.show(build.report(of=build.experiment(name="<script>alert(1)</script>", hypothesis="a & b <i>")))
    page = client.get("/results/contact-form", base_url=HERE).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "a &amp; b &lt;i&gt;" in page


def test_the_course_is_a_table_of_days_newest_first(stage: Any, words_of: Words, build: SimpleNamespace) -> None:
    stage.show(build.report("better"))
    words = words_of("/results/contact-form")
    table = words[words.index("The same in numbers, the last look of each day") :]
    assert table.index("22 Nov 2026 24,000 +2") < table.index("21 Nov 2026") < table.index("3 Nov 2026")
    assert table.count("15 Nov 2026") == 1


def test_a_guardrail_says_which_way_is_harm(stage: Any, words_of: Words, build: SimpleNamespace) -> None:
    guardrails = [{"step": "form-error", "event": "form_error", "harm": "more", "margin": "10%"}]
    stage.show(build.report(of=build.experiment(guardrails=guardrails)))
    assert "Form error Guardrail, more is harm" in words_of("/results/contact-form")


def test_problems_of_the_files_are_shown_with_their_place(stage: Any, words_of: Words, build: SimpleNamespace) -> None:
    stage.show(build.report())
    stage.problems = [
        Problem("experiments/x.yaml", 12, 14, "variants[1].weight is -1, must be > 0", "write a positive number")
    ]
    for path in ("/", "/live", "/results/contact-form"):
        words = words_of(path)
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
