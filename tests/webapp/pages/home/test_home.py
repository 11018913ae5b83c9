"""Home: every experiment in its group, its health in one word, when it decides, and which config files are refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask.testing import FlaskClient

from experiments.definition.experiment import Experiment
from experiments.definition.problem import Problem
from experiments.planning.baseline import MeasuredRate, Measurement
from experiments.reporting.sample_ratio import SampleRatio
from webapp.pages.background import Computed
from webapp.pages.home import home
from webapp.pages.home.forecast import Targets
from webapp.server.app import create_app

HERE = "http://localhost"
ALARM = SampleRatio(0.0001, True, {"single": 0.5, "multi-step": 0.5}, None)
Words = Callable[[str], str]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is waited for."""
    monkeypatch.setattr(home, "PATIENCE_SECONDS", 60.0)


def known(phase: Experiment, rate: float | None = 0.02, per_day: float | None = 1000, **changes: Any) -> Measurement:
    """So many visitors a day for three weeks, up to the hour of the page."""
    rates = {} if rate is None else {phase.macro.step: MeasuredRate(round(rate * 15_000), 15_000)}
    at = phase.started_at
    assert at is not None
    values: dict[str, Any] = {"visitors": 21_000, "newest_at": at + timedelta(days=21)}
    return Measurement(phase, rates, per_day, 14, (0,) * 24, **values | changes)


def test_every_experiment_stands_in_its_group(stage: Any, words_of: Words, build: SimpleNamespace) -> None:
    ended = {"status": "stopped", "ended_at": build.NOW - timedelta(days=9)}
    stage.show(
        build.report(of=build.experiment("gone", name="Gone", **ended)),
        build.report(of=build.experiment("over", name="Over", **ended)),
        build.report(of=build.experiment("b-runs", name="b runs")),
        build.report(of=build.experiment("a-runs", name="A runs")),
    )
    stage.archived = ["gone"]
    stage.drafts = [build.experiment("idea", name="Idea", status="draft", started_at=None)]
    words = words_of("/")
    order = ["Running 2", "A runs", "b runs", "Drafts 1", "Idea", "Plan it", "Stopped 1", "Over", "Archived 1", "Gone"]
    assert [words.index(one) for one in order] == sorted(words.index(one) for one in order)
    assert "Refused" not in words


def test_an_archived_experiment_links_to_what_it_found(stage: Any, client: FlaskClient, build: SimpleNamespace) -> None:
    ended = build.experiment("gone", status="stopped", ended_at=build.NOW - timedelta(days=9))
    stage.show(build.report("better", ended))
    stage.archived = ["gone"]
    page = client.get("/", base_url=HERE).text
    assert "badge-better" in page
    assert client.get(re.findall(r'href="(/results/[^"]+)"', page)[0], base_url=HERE).status_code == 200


@pytest.mark.parametrize(
    ("changes", "measured", "says"),
    [
        ({}, {}, "Good visitors are divided as planned"),
        ({"state": "withdrawn", "sample_ratio": ALARM}, {}, "Alarm since 22 Nov 2026 visitors are not divided"),
        ({"ledger": {"late": {"": 240}}}, {}, "Late events 240 reports came too late to count (1% of its visitors)"),
        ({"ledger": {"late": {"": 239}}}, {}, "Good visitors"),
        ({"ledger": {"exposure-lost": {"single": 480}}}, {}, "Lost events 480 reports of who was shown what"),
        ({"sample_ratio": SampleRatio(None, False, {"single": 1, "multi-step": 1}, None)}, {}, "Too early no hour"),
        ({}, {"newest_at": None, "visitors": 0}, "Silent nobody has come since it started"),
        ({}, {"newest_at": "old"}, "Silent nobody has come since 20 Nov 2026, 10:00"),
    ],
    ids=["good", "alarm", "late", "not late", "lost", "early", "nobody", "stopped coming"],
)
def test_health_is_one_word_with_its_reason(
    stage: Any,
    words_of: Words,
    build: SimpleNamespace,
    changes: dict[str, Any],
    measured: dict[str, Any],
    says: str,
) -> None:
    phase = build.experiment()
    if measured.get("newest_at") == "old":
        measured = {"newest_at": build.NOW - timedelta(hours=49)}
    stage.known = {phase.key: known(phase, **measured)}
    stage.show(build.report(**{"of": phase, **changes}))
    assert f"Health {says}" in re.sub("Health [!✓] ?", "Health ", words_of("/"))


def test_the_worst_is_said_first(stage: Any, words_of: Words, build: SimpleNamespace) -> None:
    unstable = build.with_macro(build.report("better"), decides_today=False)
    harmed = replace(unstable.steps[0].comparisons[0], state="harmed")
    stage.show(unstable)
    assert "Unstable decided on" in words_of("/")
    again = stage.app().test_client()
    stage.show(replace(unstable, steps=[replace(unstable.steps[0], comparisons=[harmed]), *unstable.steps[1:]]))
    page = again.get("/", base_url=HERE).text
    assert "the guardrail “form seen” shows harm beyond its margin" in page
    assert "Unstable" not in page.replace("Unstable effect", "")


PLANNED = {"analysis": {"detect": "20%", "planned_visitors": 40_000}}


@pytest.mark.parametrize(
    ("analysis", "measured", "says"),
    [
        (
            {"detect": "20%", "planned_visitors": 60_000},
            {},
            r"About \d+ Dec 2026 on average, if the change is 20%; at",
        ),
        ({"detect": "20%"}, {}, r"About \d+ Dec 2026 on average, if the change is 20%; 80% of the time by \d+ Jan"),
        ({"detect": "50%"}, {}, r"Any day now on average it would be decided by now, if the change were 50%"),
        ({"detect": "5%", "planned_visitors": 40_000}, {}, "Probably never 40,000 visitors find a change of 5% only"),
        ({"detect": "20%", "planned_visitors": 9_000}, {}, "Its plan is over its 9,000 visitors had their time on"),
        ({"planned_visitors": 40_000}, {}, r"By 2\d Dec 2026 when its 40,000 visitors have had their time; no average"),
        ({"detect": "20%"}, {"per_day": 0.1}, "Not known at this pace it takes more than a hundred years"),
        ({"planned_visitors": 40_000}, {"per_day": 0.1}, "Not known at this pace it takes more than a hundred"),
        ({}, {}, r"Not known its config does not say which change is worth finding"),
        ({"detect": "20%"}, {"rate": None}, "Not known there is no rate yet: no visitor has had time for the goal"),
        ({"detect": "20%"}, {"per_day": None}, "Not known there is no rate yet: no whole day of visitors"),
        ({"detect": "20%"}, {"per_day": 0.0}, "Not known nobody has come in the last two weeks"),
        ({"detect": "20%"}, {"rate": 0.0}, "Not known nobody has reached the goal yet"),
        ({"detect": "20%"}, {"rate": 0.9}, "Not known nearly everybody reaches the goal already"),
    ],
    ids=[
        "plan",
        "no plan",
        "overdue",
        "few",
        "over",
        "no detect",
        "slow",
        "slow plan",
        "nothing",
        "rate",
        "day",
        "quiet",
        "zero",
        "room",
    ],
)
def test_the_decision_date_is_said_or_why_there_is_none(
    stage: Any,
    words_of: Words,
    build: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
    analysis: dict[str, Any],
    measured: dict[str, Any],
    says: str,
) -> None:
    monkeypatch.setattr(home, "measured", lambda *_: None)  # no comparable phase
    phase = build.experiment(analysis=analysis)
    stage.known = {phase.key: known(phase, **measured)}
    stage.show(build.report(of=phase))
    assert re.search("Decision " + says, words_of("/")), words_of("/")


@pytest.mark.parametrize(
    ("state", "changes", "says"),
    [
        ("better", {}, "Decision Decided"),
        ("withdrawn", {"sample_ratio": ALARM}, "Decision Not known not while the verdict is withdrawn"),
    ],
)
def test_what_is_decided_or_withdrawn_is_not_expected(
    stage: Any, words_of: Words, build: SimpleNamespace, state: str, changes: dict[str, Any], says: str
) -> None:
    phase = build.experiment(**PLANNED)
    stage.known = {phase.key: known(phase)}
    decided = {"decided_at": build.NOW - timedelta(days=3)} if state == "better" else {}
    stage.show(build.report(state, phase, **changes, **decided))
    words = words_of("/")
    assert says in words
    assert "About" not in words


def test_a_phase_that_ended_lately_says_when_it_is_final(stage: Any, words_of: Words, build: SimpleNamespace) -> None:
    stage.show(build.report(of=build.experiment(status="stopped", ended_at=build.NOW - timedelta(days=2))))
    assert "Final on 28 Nov 2026 until then visitors still have time" in words_of("/")


def test_what_it_does_not_know_a_comparable_experiment_lends(
    stage: Any, words_of: Words, build: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    phase, lender = build.experiment(**PLANNED), build.experiment("lender")
    stage.known = {phase.key: known(phase, rate=None)}
    monkeypatch.setattr(home, "measured", lambda *_: known(lender) if _[2] == phase else None)
    stage.show(build.report(of=phase))
    assert re.search(r"About \d+ Dec 2026 .*; reckoned with what lender measured", words_of("/"))


def test_a_page_never_waits_for_a_date_that_takes_long(
    stage: Any, client: FlaskClient, words_of: Words, build: SimpleNamespace
) -> None:
    class Never(Computed[Any]):
        """Computes nothing."""

        def ask(self, key: Any, compute: Any) -> None:
            pass

    client.application.extensions["yesladder"].parts[Targets] = Never(1)
    phase = build.experiment(**PLANNED)
    stage.known = {phase.key: known(phase)}
    stage.show(build.report(of=phase))
    assert "Decision Being computed it takes a moment; reload this page" in words_of("/")


def test_a_refused_file_stands_with_its_key_or_its_name(stage: Any, words_of: Words, build: SimpleNamespace) -> None:
    stage.show(build.report(of=build.experiment(name="In force")))
    stage.keys = {"experiments/form.yaml": "contact-form", "experiments/new.yaml": "brand-new"}
    stage.problems = [
        Problem("experiments/form.yaml", 3, 9, "weight is 60, but was 50", "take the edit back"),
        Problem("experiments/new.yaml", 6, 27, "weight is -1", "write more"),
        Problem("experiments/torn.yaml", 1, 1, "is no YAML", "mend it"),
        Problem("phases.json", 1, 1, "old is running, but no file has its key", "put it back", "warning"),
    ]
    words = words_of("/")
    assert "3 config files are refused." in words
    assert "Its config file is refused" in words[: words.index("Refused 4")]
    listed = words[words.index("Refused 4") :]
    for said in (
        "In force The file is not used: its experiment goes on as it was, running. experiments/form.yaml:3:9 error",
        "brand-new The file is not used: nothing of it is served. experiments/new.yaml:6:27 error weight is -1;",
        "experiments/torn.yaml The file is not used",
        "phases.json It is in force; this is a warning. phases.json:1:1 warning old is running",
    ):
        assert said in re.sub(r"\s+", " ", listed)


def test_a_log_that_was_set_aside_is_told(stage: Any, words_of: Words, build: SimpleNamespace, tmp_path: Path) -> None:
    stage.show(build.report())
    assert "Counts began anew" not in words_of("/")
    stage.database = tmp_path / "yesladder.db"
    (tmp_path / "yesladder.db.corrupt-20261115T101530Z").touch()
    page = stage.app().test_client().get("/", base_url=HERE).text
    assert "Counts began anew" in page
    assert "yesladder.db.corrupt-20261115T101530Z" in page


def test_within_a_minute_the_tables_are_read_once(stage: Any, client: FlaskClient, build: SimpleNamespace) -> None:
    ended = {"status": "stopped", "ended_at": build.NOW - timedelta(days=12)}
    stage.show(build.report(of=build.experiment("runs")), build.report(of=build.experiment("over", **ended)))
    client.get("/", base_url=HERE)
    client.get("/", base_url=HERE)
    assert len(stage.asked) == 2
    assert sorted(stage.asked) == [build.NOW.replace(day=18, hour=1), build.NOW]  # the ended one as of its last seal


def test_over_a_real_site_with_a_lost_a_torn_and_a_changed_file(site_path: Path, build: SimpleNamespace) -> None:
    """The real catalog and store: what was recorded and has no file is archived, what is refused goes on."""
    create_app(site_path, clock=lambda: build.NOW).extensions["yesladder"].close()  # records what runs and what stopped
    files = site_path / "experiments"
    (files / "won.yaml").unlink()
    (files / "torn.yaml").write_text("key: torn\nname: [", "utf-8")
    form = (files / "contact-form.yaml").read_text("utf-8")
    (files / "contact-form.yaml").write_text(form.replace("weight: 50}", "weight: 60}", 1), "utf-8")
    app = create_app(site_path, clock=lambda: build.NOW, open_results=True)
    try:
        page = app.test_client().get("/", base_url=HERE)
        assert page.status_code == 200
        groups = re.split(r'<h2 id="(running|draft|stopped|archived|refused)">', page.text)
        listed = dict(zip(groups[1::2], groups[2::2], strict=True))
        assert list(listed) == ["running", "draft", "archived", "refused"]
        assert 'href="/results/won"' in listed["archived"]
        assert listed["running"].count("Its config file is refused") == 1
        assert "experiments/torn.yaml:" in listed["refused"]
        assert "experiments/contact-form.yaml:" in listed["refused"]
        assert "nobody has come since it started" in listed["running"]
        for key in ("contact-form", "drafted", "won"):
            assert "To plan it, say" in app.test_client().get(f"/plan/{key}", base_url=HERE).text
    finally:
        app.extensions["yesladder"].close()
