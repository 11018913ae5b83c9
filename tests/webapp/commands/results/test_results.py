"""results: the verdict in the words of the page, and the numbers as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from experiments.store.sqlite.file import SqliteFile
from tests.webapp.commands.conftest import run, simulated_site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with a running experiment that has visitors, and a draft."""
    return simulated_site(tmp_path_factory.mktemp("results") / "site", 2500, 20, "popup-contact-form")


@pytest.fixture
def decided(tmp_path: Path) -> Path:
    """A site with an experiment that has come to some verdicts, which nobody has looked at yet."""
    return simulated_site(tmp_path / "site", 5000, 20)


def test_the_table_has_the_verdict_every_step_and_the_data(site: Path) -> None:
    result = run("results", site, "contact-form")
    assert result.exit_code == 0, result.output
    text = " ".join(result.output.split())
    found = json.loads(run("results", site, "contact-form", "--json").output)
    assert "Multi-step vs single contact form contact-form, phase 1 · planned at 5%" in text
    assert "“job booked”" in text
    for step in found["steps"]:
        assert step["step"].split("-")[0] in text
        for one in step["variants"].values():
            assert f"{one['reached']:,}/{one['visitors']:,}" in text
    assert "visitors exposed." in text
    assert "Visitors are divided as planned." in text
    assert "Not counted yet, because they still have time for some step:" in text
    assert "Bots (" in text
    assert all(len(line) <= 80 for line in result.output.splitlines())


def test_json_has_the_shape_that_programs_rely_on(site: Path) -> None:
    found = json.loads(run("results", site, "contact-form", "--json").output)
    assert {"experiment", "phase", "as_of", "method", "alpha", "state", "exposed", "sample_ratio", "steps"} <= set(
        found
    )
    assert found["exposed"].keys() == {"single", "multi-step"}


def test_a_past_moment_shows_what_was_known_then(site: Path) -> None:
    now = json.loads(run("results", site, "contact-form", "--json").output)
    began = json.loads((site / "phases.json").read_text())["phases"][0]["started_at"]
    then = json.loads(run("results", site, "contact-form", "--json", "--as-of", began).output)
    assert then["as_of"] == began
    assert sum(one["visitors"] for one in then["steps"][0]["variants"].values()) == 0
    assert sum(one["visitors"] for one in now["steps"][0]["variants"].values()) > 2000


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        pytest.param(("contact",), 2, "Known experiments: contact-form, popup-contact-form", id="unknown"),
        pytest.param(("popup-contact-form",), 1, "is a draft: it has not started", id="draft"),
        pytest.param(
            ("contact-form", "--phase", "2"), 2, "contact-form has no phase 2. Recorded phases: 1", id="phase"
        ),
        pytest.param(
            ("contact-form", "--as-of", "yesterday"),
            2,
            "'yesterday', must be a moment",
            id="no moment",
        ),
        pytest.param(("contact-form", "--as-of", "2026-01-01T10:00"), 2, "has no time zone", id="no zone"),
        pytest.param(("contact-form", "--as-of", "2999-01-01"), 2, "between the year 2000 and now", id="future"),
    ],
)
def test_what_cannot_be_shown_is_said(site: Path, arguments: tuple[str, ...], code: int, message: str) -> None:
    result = run("results", site, *arguments)
    assert result.exit_code == code
    assert message in " ".join(result.stderr.split())
    assert "Traceback" not in result.output


def test_the_decisions_are_listed_and_written(decided: Path) -> None:
    found = json.loads(run("results", decided, "contact-form", "--json").output)["decisions"]
    assert found
    assert {entry["recorded_at"] for entry in found} == {None}  # shown first, then written
    first = run("results", decided, "contact-form").output
    text = " ".join(first[first.index("Decisions") :].split())
    assert text.count("confirmed by") == len(found)
    for entry in found:
        assert entry["decided_at"][:10] in text
        assert f"{entry['visitors']:,}" in text
    assert all(len(line) <= 80 for line in first.splitlines())
    again = json.loads(run("results", decided, "contact-form", "--json").output)["decisions"]
    assert all(entry["recorded_at"] and entry["confirmed"] for entry in again)
    assert [entry | {"recorded_at": None} for entry in again] == found


def test_results_neither_wait_nor_fail_while_another_process_writes(decided: Path) -> None:
    with SqliteFile(decided / "yesladder.db").writing():  # a lock of its own, as another process has it
        for _ in range(2):
            found = json.loads(run("results", decided, "contact-form", "--json").output)["decisions"]
            assert found
            assert {entry["recorded_at"] for entry in found} == {None}


def test_nothing_decided_is_said(tmp_path: Path) -> None:
    run("init", tmp_path / "site")
    assert "No verdict has been reached yet." in run("results", tmp_path / "site", "contact-form").output


def test_an_experiment_without_visitors_waits_for_the_first(tmp_path: Path) -> None:
    run("init", tmp_path / "site")
    result = run("results", tmp_path / "site", "contact-form")
    assert result.exit_code == 0, result.output
    assert "Waiting for the first visitor." in result.output


def test_broken_settings_are_named_and_not_traced(tmp_path: Path) -> None:
    run("init", tmp_path / "site")
    settings = tmp_path / "site" / "yesladder.yaml"
    settings.write_text(settings.read_text().replace("currency: EUR", "currency: EURO"))
    result = run("results", tmp_path / "site", "contact-form")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: yesladder.yaml:5:")


def test_by_explores_the_levels_of_an_attribute(site: Path) -> None:
    result = run("results", site, "contact-form", "--by", "device")
    assert result.exit_code == 0, result.output
    text = " ".join(result.output.split())
    found = json.loads(run("results", site, "contact-form", "--by", "device", "--json").output)
    assert {one["level"] for one in found["comparisons"]} >= {"phone", "desktop"}
    enough = [one for one in found["comparisons"] if one["p_value"] is not None]
    assert (found["kind"], found["attribute"], found["of"]) == ("exploratory", "device", len(enough))
    assert "job booked by device. Exploratory: no verdict." in text
    for one in found["comparisons"]:
        assert one["level"] in text
        for variant, visitors in one["visitors"].items():
            assert f"{one['reached'][variant]:,}/{visitors:,}" in text
    assert "on average at most 5% are false alarms" in text
    assert all(len(line) <= 80 for line in result.output.splitlines())
    unknown = run("results", site, "contact-form", "--by", "colour")
    assert unknown.exit_code == 2
    assert "'colour' is unknown; contact-form is split by device, source, returning, language" in " ".join(
        unknown.output.replace("│", " ").split()
    )
