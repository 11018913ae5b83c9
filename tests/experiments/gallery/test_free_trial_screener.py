"""A real experiment from its published daily counts to a verdict: gallery -> import -> SQLite -> report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from webapp.cli import main

KEY = "free-trial-screener"


def run(*arguments: object) -> str:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with the screener as the gallery has it, and its history imported."""
    path = tmp_path_factory.mktemp("fixed") / "site"
    run("init", path)
    run("new", KEY, path)
    assert "45,739 stored, 0 known already, 0 refused." in run("import", path, path / f"{KEY}.jsonl")
    return path


@pytest.fixture(scope="module")
def always_valid(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second site where the same events are judged by the always-valid test."""
    path = tmp_path_factory.mktemp("always-valid") / "site"
    run("init", path)
    definition = path / "experiments" / f"{KEY}.yaml"
    text = (site / "experiments" / f"{KEY}.yaml").read_text()
    assert text.count("method: fixed") == 1
    definition.write_text(text.replace("method: fixed", "method: always-valid"))
    run("import", path, site / f"{KEY}.jsonl")
    return path


def results(site: Path, *arguments: str) -> Any:
    return json.loads(run("results", site, KEY, "--json", *arguments))


def step(found: Any, key: str) -> Any:
    return next(one for one in found["steps"] if one["step"] == key)


def test_the_published_counts_are_exact(site: Path) -> None:
    found = results(site)
    assert found["exposed"] == {"control": 17_293, "screener": 17_260}
    counts = {
        key: {variant: (one["visitors"], one["reached"], one["immature"]) for variant, one in of["variants"].items()}
        for key, of in ((one["step"], one) for one in found["steps"])
    }
    assert counts == {
        "enrolment": {"control": (17_293, 3_785, 0), "screener": (17_260, 3_423, 0)},
        "payment": {"control": (17_293, 2_033, 0), "screener": (17_260, 1_945, 0)},
    }
    assert not found["sample_ratio"]["alarm"]
    assert found["ledger"] == {}


def test_fixed_finds_enrolments_worse_and_payments_undecided(site: Path) -> None:
    """The intervals of the differences are those published with the data, to their four decimals."""
    found = results(site)
    assert (found["method"], found["state"], found["decided_at"]) == ("fixed", "undecided", None)
    enrolment, payment = step(found, "enrolment")["comparisons"][0], step(found, "payment")["comparisons"][0]
    assert enrolment["state"] == "worse"
    assert payment["state"] == "undecided"
    assert enrolment["difference"] == pytest.approx(-0.0206, abs=5e-5)
    assert enrolment["difference_interval"] == pytest.approx([-0.0291, -0.0120], abs=1e-4)
    assert payment["difference"] == pytest.approx(-0.0049, abs=5e-5)
    assert payment["difference_interval"] == pytest.approx([-0.0116, 0.0019], abs=1e-4)


def test_fixed_says_nothing_before_its_one_look(site: Path) -> None:
    """The last day's cohort seals 14 days and an hour after its first hour: on 16 November at 02:00."""
    before = results(site, "--as-of", "2014-11-16T02:00:00Z")
    after = results(site, "--as-of", "2014-11-16T02:00:01Z")
    assert step(before, "enrolment")["comparisons"][0]["state"] == "collecting"
    assert step(after, "enrolment")["comparisons"][0]["state"] == "worse"


def test_always_valid_judges_payments_worse_since_the_fifteenth_day(always_valid: Path) -> None:
    """The cohort of 25 October, the 15th day, seals on 8 November at 02:00."""
    found = results(always_valid)
    assert (found["method"], found["state"], found["decided_at"]) == ("always-valid", "worse", "2014-11-08T02:00:00Z")
    payment = step(found, "payment")["comparisons"][0]
    assert (payment["state"], payment["decided_at"]) == ("worse", "2014-11-08T02:00:00Z")
    before = results(always_valid, "--as-of", "2014-11-08T02:00:00Z")
    assert step(before, "payment")["comparisons"][0]["state"] == "undecided"


def test_always_valid_says_that_today_alone_would_not_decide(always_valid: Path) -> None:
    text = " ".join(run("results", always_valid, KEY).split())
    assert "screener brings fewer visitors to “payment” than control." in text
    assert "Decided on 8 Nov 2014; today’s data alone would not decide." in text


def test_importing_again_changes_nothing(site: Path) -> None:
    before = results(site, "--as-of", "2026-01-01")
    assert "0 stored, 45,739 known already, 0 refused." in run("import", site, site / f"{KEY}.jsonl")
    assert results(site, "--as-of", "2026-01-01") == before
    assert "All counts agree with the log of 45,739 events, received 2014-10-" in run("verify", site)
