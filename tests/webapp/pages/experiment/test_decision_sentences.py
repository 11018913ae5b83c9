"""What people decided, beside what the data say: the page tells when they differ, and stays kind."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask.testing import FlaskClient

from webapp.pages.experiment.decision_sentences import remarks
from webapp.words.formatting import Formatting

Words = Callable[[str], str]
HERE = "http://localhost"
PAGE = "/results/contact-form"
EUROS = Formatting(UTC, "UTC", "EUR")
SHIP, KEEP, OPEN = "ship", "keep-control", "inconclusive"
AGREES, NO_VERDICT_FOR_IT = "The data say the same.", "The data have not shown that another variant is better."
WITHDRAWN = "The verdict is withdrawn, because visitors were not divided as planned."


def record(made: str, **more: str) -> dict[str, str]:
    """A decision of 21 November."""
    return {"made": made, "on": "2026-11-21", "note": "because", **more}


@pytest.mark.parametrize(
    ("state", "made", "says", "differs"),
    [
        ("better", SHIP, AGREES, False),
        ("worse", SHIP, "The data say otherwise: multi-step brings fewer visitors to “job booked” than single.", True),
        ("undecided", SHIP, "The data have no verdict on it: they fit a true effect of −", True),
        ("collecting", SHIP, "There is not enough data for a verdict, so it was decided on other grounds.", True),
        ("equivalent", SHIP, "The data do not speak against it", False),
        ("withdrawn", SHIP, WITHDRAWN, True),
        ("better", KEEP, "The data say otherwise: multi-step brings more visitors to “job booked” than single.", True),
        ("worse", KEEP, AGREES, False),
        ("undecided", KEEP, NO_VERDICT_FOR_IT, False),
        ("collecting", KEEP, NO_VERDICT_FOR_IT, False),
        ("equivalent", KEEP, "The data do not speak against it", False),
        ("withdrawn", KEEP, WITHDRAWN, False),
        ("better", OPEN, "The data do have a verdict: better, since 15 Nov 2026.", True),
        ("undecided", OPEN, "The data have no verdict either.", False),
        ("withdrawn", OPEN, WITHDRAWN, False),
    ],
)
def test_data_and_decision_are_held_against_each_other(
    stage: Any, words_of: Words, build: SimpleNamespace, state: str, made: str, says: str, differs: bool
) -> None:
    phase = build.experiment(decision=record(made))
    since = build.NOW - timedelta(days=7)
    report = build.report(state, phase, decided_at=since if state in ("better", "worse", "equivalent") else None)
    assert [bool(flag) for _, flag in remarks(report, EUROS)] == [differs]
    stage.show(report)
    said = words_of(PAGE)
    start = said.index("What was decided")
    part = said[start : start + 500]
    named = {SHIP: "Ship multi-step", KEEP: "Keep single", OPEN: "Inconclusive"}[made]
    assert f"{named} on 21 Nov 2026 “because”" in part
    assert says in part
    assert ("≠" in part) == differs


def test_where_no_effect_fits_all_days_none_is_told(build: SimpleNamespace) -> None:
    report = build.report("undecided", build.experiment(decision=record(SHIP)))
    for interval in (None, (None, None)):
        [(said, differs)] = remarks(build.with_macro(report, relative_interval=interval), EUROS)
        assert (said, differs) == ("The data have no verdict on it. So it was decided on other grounds.", True)


def test_a_difference_without_a_note_says_where_the_reasons_belong(build: SimpleNamespace) -> None:
    for note, last in (("", "There may be good reasons for that;"), ("because", "The data say otherwise")):
        report = build.report("worse", build.experiment(decision=record(SHIP, note=note)))
        assert remarks(report, EUROS)[-1][0].striptags().startswith(last)


def test_a_decision_before_the_verdict_says_so(build: SimpleNamespace) -> None:
    report = build.report("better", build.experiment(decision=record(SHIP, on="2026-11-10")))
    [_, (said, differs)] = remarks(report, EUROS)
    assert re.fullmatch(r"It was decided before the data had this verdict, which they reached on 1\d Nov 2026\.", said)
    assert not differs


def test_one_of_several_variants_is_judged_by_its_own_comparison(build: SimpleNamespace) -> None:
    phase = build.experiment(n_variants=3, decision=record(SHIP, variant="pop-up"))
    report = build.report("better", phase)
    steps = [
        replace(
            step,
            comparisons=[replace(one, state="worse") if one.variant == "pop-up" else one for one in step.comparisons],
        )
        for step in report.steps
    ]
    [(said, differs)] = remarks(replace(report, steps=steps), EUROS)
    assert differs
    assert said.striptags().startswith("The data say otherwise: pop-up brings fewer")


def test_what_is_served_is_named_when_it_is_not_what_was_decided(build: SimpleNamespace) -> None:
    ended = {"status": "stopped", "ended_at": build.NOW - timedelta(hours=1)}
    for serve, differs in (("single", True), ("multi-step", False)):
        phase = build.experiment(decision=record(SHIP), serve=serve, **ended)
        said = [one.striptags() for one, _ in remarks(build.report("better", phase), EUROS)]
        assert [one for one in said if "to everybody, though" in one] == (
            ["The config file gives single to everybody, though: serve."] if differs else []
        )


def test_a_page_of_the_past_knows_no_later_decision(stage: Any, words_of: Words, build: SimpleNamespace) -> None:
    stage.show(build.report("worse", build.experiment(decision=record(SHIP))))
    said = words_of(PAGE + "?as_of=2026-11-19T10:00:00Z")
    assert "It was decided after the moment that this page shows." in said
    assert "≠" not in said


def test_without_a_decision_it_says_how_to_write_one(stage: Any, words_of: Words, build: SimpleNamespace) -> None:
    stage.show(build.report(of=build.experiment(hypothesis="")))
    said = words_of(PAGE)
    assert "No hypothesis is written in the config." in said
    assert "Nothing is written down yet." in said
    assert "decision: made: ship # or keep-control, inconclusive variant: multi-step on: 2026-11-22" in said


def test_programs_get_the_decision_too(stage: Any, client: FlaskClient, build: SimpleNamespace) -> None:
    stage.show(build.report("better", build.experiment(decision=record(SHIP))))
    document = client.get(PAGE + ".json", base_url=HERE).get_json()
    assert document["decision"] == {"made": "ship", "variant": "multi-step", "on": "2026-11-21", "note": "because"}


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("yesladder.db.corrupt-20261121T231530Z", "damaged and set aside on 22 Nov 2026, 00:15 as"),
        ("yesladder.db.corrupt-20261121T231530Z-2", "damaged and set aside on 22 Nov 2026, 00:15 as"),
        ("yesladder.db.replaced-20261121T231530Z-wal", "was deleted or replaced while it was in use, on 22 Nov 2026"),
        ("yesladder.db.corrupt-20261020T101530Z", None),
        ("yesladder.db.before-the_decision_log", None),
    ],
)
def test_a_lost_log_is_told_to_the_phases_that_it_concerns(
    stage: Any, build: SimpleNamespace, tmp_path: Path, name: str, says: str | None
) -> None:
    stage.database = tmp_path / "yesladder.db"
    (tmp_path / name).touch()
    stage.show(build.report())
    said = stage.app().test_client().get(PAGE, base_url=HERE).text
    assert ("Some of the log was lost" in said) == (says is not None)
    if says:
        assert says in said
        assert name in said
        assert "When something breaks" in said
