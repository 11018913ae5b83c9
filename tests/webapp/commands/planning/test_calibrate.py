"""calibrate: wrong verdicts, power and days beside naive peeking, on the experiment's own path and visitors."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.webapp.commands.conftest import run

CONFIG = """\
key: offer
name: A clearer offer
status: running
variants: [{key: as-it-is, weight: 50}, {key: clear, weight: 50}]
path:
  - {step: seen, event: seen}
  - {step: booked, event: booked}
window: 1 hour
analysis: {detect: 20%, planned_visitors: 3000}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with a short path, so that a replication is quick, and a draft."""
    path = tmp_path_factory.mktemp("calibrate") / "site"
    run("init", path)
    run("new", "popup-contact-form", path)
    (path / "experiments" / "offer.yaml").write_text(CONFIG)
    result = run("simulate", path, "offer", "--visitors", 3000, "--days", 10, "--into-site")
    assert result.exit_code == 0, result.output
    return path


def calibrated(*arguments: object) -> dict[str, Any]:
    result = run("calibrate", *arguments, "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert isinstance(document, dict)
    return document


def test_the_table_says_what_is_promised_and_what_happened(site: Path) -> None:
    result = run("calibrate", site, "offer", "--runs", 4)
    assert result.exit_code == 0, result.output
    text = " ".join(result.output.split())
    assert "4 experiments without any difference" in text
    assert "at most 5%" in text
    assert "naive peeking" in text
    assert "4 experiments with a difference, +20.0% from “booked” on" in text
    assert "nothing to find" in text  # at the step before
    assert "measured in this experiment on" in text
    assert re.search(r"3,000 visitors in 1\d days, then 1 hour for the last ones", text)
    assert all(len(line) <= 80 for line in result.output.splitlines())


def test_the_same_seed_gives_the_same_numbers_in_one_process_and_in_several(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    several = calibrated(site, "offer", "--runs", 22, "--seed", 7, "--days", 5)
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    assert calibrated(site, "offer", "--runs", 22, "--seed", 7, "--days", 5) == several
    other = calibrated(site, "offer", "--runs", 22, "--seed", 8, "--days", 5)
    assert (other["no_effect"], other["effect"]) != (several["no_effect"], several["effect"])


def test_the_numbers_are_this_experiments_own(site: Path) -> None:
    document = calibrated(site, "offer", "--runs", 2)
    assert (document["method"], document["alpha"], document["visitors"]) == ("planned", 0.05, 3000)
    assert document["days"] == pytest.approx(10, abs=1)  # at the measured traffic
    assert [one["kind"] for one in document["no_effect"]] == ["macro", "diagnostic"]
    assert [(one["step"], round(one["true_lift"], 9)) for one in document["effect"]] == [("seen", 0), ("booked", 0.2)]
    assert all(set(one["found"]) == {"happened", "of", "share", "interval"} for one in document["effect"])


def test_the_difference_may_arise_earlier_and_be_a_loss(site: Path) -> None:
    document = calibrated(site, "offer", "--runs", 2, "--step", "seen", "--effect", "-30%", "--visitors", 6000)
    assert [round(one["true_lift"], 9) for one in document["effect"]] == [-0.3, -0.3]
    assert document["days"] == pytest.approx(20, abs=2)
    assert all(one["found"]["happened"] == 2 for one in document["effect"])


def test_a_truth_file_brings_its_own_difference(site: Path, tmp_path: Path) -> None:
    truth = tmp_path / "truth.yaml"
    truth.write_text("variants: {as-it-is: {rates: [0.5, 0.5]}, clear: {rates: [0.5, 0.6]}}\n")
    own = calibrated(site, "offer", "--runs", 2, "--truth", truth)
    assert [round(one["true_lift"], 9) for one in own["effect"]] == [0, 0.2]
    other = calibrated(site, "offer", "--runs", 2, "--truth", truth, "--effect", "40%")
    assert [round(one["true_lift"], 9) for one in other["effect"]] == [0, 0.4]
    alike = "variants: {as-it-is: {rates: [0.5, 0.5]}, clear: {rates: [0.5, 0.5]}}\n"
    truth.write_text(alike)
    result = run("calibrate", site, "offer", "--runs", 2, "--truth", truth)
    assert "there is nothing to find" in " ".join(result.output.split())


def test_a_draft_needs_a_rate_and_then_nothing_else(site: Path) -> None:
    document = calibrated(site, "popup-contact-form", "--runs", 1, "--rate", "3%", "--visitors", 3000, "--days", 5)
    assert document["effect"][-2]["step"] == "job-booked"
    assert (document["visitors"], document["days"]) == (3000, 5)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        pytest.param(("offers",), 2, "Known experiments: contact-form, offer", id="unknown"),
        pytest.param(("popup-contact-form",), 2, "such as --rate 3%, or describe the visitors", id="draft"),
        pytest.param(("offer", "--step", "read"), 2, "'read' is no milestone of the path; they are: seen", id="step"),
        pytest.param(("offer", "--effect", "ten"), 2, "'ten' is no percentage", id="effect"),
        pytest.param(("offer", "--rate", "50%", "--effect", "60%"), 2, "Give a smaller --effect", id="too much"),
        pytest.param(("offer", "--visitors", 900_000), 2, "a day, and at most 366 can be simulated", id="too long"),
        pytest.param(("offer", "--truth", "TRUTH", "--rate", "3%"), 2, "give one of them", id="both"),
        pytest.param(("offer", "--truth", "TRUTH"), 1, "variants are other, must be as-it-is, clear", id="misfit"),
        pytest.param(("offer", "--truth", "BROKEN"), 1, "variants: Field required", id="broken"),
    ],
)
def test_what_cannot_be_simulated_is_said(
    site: Path, tmp_path: Path, arguments: tuple[object, ...], code: int, message: str
) -> None:
    files = {"TRUTH": "variants: {other: {rates: [0.5, 0.5]}}\n", "BROKEN": "hours: 3\n"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    given = [tmp_path / one if one in files else one for one in arguments]
    result = run("calibrate", site, *given)
    assert result.exit_code == code
    assert message in " ".join(result.stderr.split())
    assert "Traceback" not in result.output


def test_ctrl_c_ends_in_a_sentence(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("webapp.commands.planning.calibrate.replications", interrupted)
    result = run("calibrate", site, "offer", "--runs", 2)
    assert result.exit_code == 1
    assert "interrupted; nothing was counted" in result.stderr
