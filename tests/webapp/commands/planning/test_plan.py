"""plan: the answer in words, the same numbers as JSON, and a way out whenever something is not known."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.webapp.commands.conftest import run, simulated_site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with an experiment that has visitors, a draft with its trigger, and one with another."""
    path = simulated_site(tmp_path_factory.mktemp("plan") / "site", 5600, 20, "popup-contact-form")
    shown = (path / "experiments" / "multi-step-form.yaml").read_text()
    follower = shown.replace("key: contact-form", "key: follower").replace("status: running", "status: draft")
    follower = follower.replace("traffic:", "").replace("  planned_visitors:", "  # planned_visitors:")
    (path / "experiments" / "follower.yaml").write_text(f"traffic: 50%\n{follower}")
    bare = follower.replace("key: follower", "key: bare").replace("  detect:", "  # detect:")
    (path / "experiments" / "bare.yaml").write_text(bare)
    return path


def planned(*arguments: object) -> dict[str, object]:
    result = run("plan", *arguments, "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert isinstance(document, dict)
    return document


def test_it_answers_in_words_and_numbers(site: Path) -> None:
    result = run("plan", site, "contact-form", "--days", 28)
    assert result.exit_code == 0, result.output
    text = " ".join(result.output.split())
    assert "visitors are needed to find a change of +20.0% in “job booked”" in text
    assert "80% of the time" in text
    assert "see single and" in text
    assert "expect the decision about" in text
    assert "whole weeks, at least 2 weeks" in text
    assert "Its config plans 36,000 visitors, who find a change of +20.0%" in text
    assert "In 28 days it can find a change of +" in text
    for word in ("planned", "always-valid", "fixed", "form seen", "quote requested", "testimonials read"):
        assert word in text
    assert "Rates: measured in this experiment, all variants together:" in text
    assert "Visitors a day: the last 14 whole days of this experiment." in text
    assert all(len(line) <= 80 for line in result.output.splitlines())


def test_the_json_has_the_measured_rates_and_traffic(site: Path) -> None:
    document = planned(site, "contact-form", "--days", 28)
    results = json.loads(run("results", site, "contact-form", "--json").output)
    macro = next(step for step in document["steps"] if step["kind"] == "macro")  # type: ignore[attr-defined]
    counted = next(step for step in results["steps"] if step["kind"] == "macro")["variants"].values()
    assert macro["rate"] == sum(one["reached"] for one in counted) / sum(one["visitors"] for one in counted)
    assert document["visitors_per_day"] == pytest.approx(280, rel=0.1)
    assert macro["needs"]["planned"]["visitors"] > 10_000
    assert macro["detectable"]["planned"] > 0.2


def test_what_is_said_goes_before_what_was_measured(site: Path) -> None:
    document = planned(
        *(site, "contact-form", "--detect", "10%", "--rate", "3%", "--rate", "email-given=12.5%"),
        *("--visitors-per-day", 900, "--power", 0.9),
    )
    rates = {step["step"]: step["rate"] for step in document["steps"]}  # type: ignore[attr-defined]
    assert (rates["job-booked"], rates["email-given"]) == (0.03, 0.125)
    assert rates["form-seen"] > 0.5
    assert (document["detect"], document["power"], document["visitors_per_day"]) == (0.1, 0.9, 900)
    text = " ".join(run("plan", site, "contact-form", "--rate", "3%", "--visitors-per-day", 9).output.split())
    assert "Rates of job booked: as you said, with --rate." in text
    assert "Visitors a day: as you said, with --visitors-per-day." in text


def test_a_draft_is_planned_with_what_another_experiment_with_its_trigger_measured(site: Path) -> None:
    document = planned(site, "follower")
    source = planned(site, "contact-form")
    assert document["visitors_per_day"] == pytest.approx(source["visitors_per_day"] / 2)  # type: ignore[operator]
    assert document["steps"][0]["rate"] == source["steps"][0]["rate"]  # type: ignore[index]
    text = " ".join(run("plan", site, "follower").output.split())
    assert "measured in contact-form, which has the same trigger" in text
    assert "Write into its config file: `analysis: {detect: 20%, planned_visitors: " in text


def test_a_plan_that_does_not_fit_is_doubted(site: Path) -> None:
    text = " ".join(run("plan", site, "contact-form", "--rate", "0.5%").output.split())
    assert "! planned_visitors is 36,000, but to find a change of 20% takes about 190,000" in text
    assert "probably end undecided" in text
    assert "!" not in run("plan", site, "contact-form", "--rate", "2.5%").output


def test_what_was_known_then(site: Path) -> None:
    began = json.loads((site / "phases.json").read_text())["phases"][0]["started_at"]
    result = run("plan", site, "contact-form", "--as-of", began)
    assert result.exit_code == 2
    assert "how many visitors reach job-booked is not known" in " ".join(result.stderr.split())


def test_what_is_over_is_planned_from_its_own_start(site: Path, tmp_path: Path) -> None:
    """The page asks what it would take to begin anew; who asks the command of a phase gets that phase's plan."""
    over = shutil.copytree(site, tmp_path / "site")
    file = over / "experiments" / "multi-step-form.yaml"
    file.write_text(file.read_text().replace("status: running", "status: stopped"))
    while_it_ran, after = planned(site, "contact-form"), planned(over, "contact-form")
    assert json.loads((over / "phases.json").read_text())["phases"][0]["ended_at"]
    for document in (after, while_it_ran):  # a minute more passed for the second
        document["decision"].pop("expected_at", None)  # type: ignore[attr-defined]
    assert after == while_it_ran


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(("contact",), "Known experiments: bare, contact-form", id="unknown"),
        pytest.param(("popup-contact-form",), "reach job-booked is not known", id="no rate"),
        pytest.param(("popup-contact-form", "--rate", "3%"), "such as --visitors-per-day 500", id="no traffic"),
        pytest.param(("bare",), "does not say which change is worth finding", id="no detect"),
        pytest.param(("contact-form", "--detect", "10"), "'10' is no percentage; write one such as 10%", id="percent"),
        pytest.param(("contact-form", "--detect", "0%"), "more than 0% and at most 100%", id="nothing"),
        pytest.param(("contact-form", "--rate", "sale=3%"), "'sale' is no step; the steps are: form-seen", id="step"),
        pytest.param(("contact-form", "--rate", "email-given="), "'' is no percentage", id="no share"),
        pytest.param(("contact-form", "--rate", "100%"), "at most 99.99%", id="everybody"),
        pytest.param(("contact-form", "--power", "80"), "0.5<=x<=0.99", id="power"),
        pytest.param(("contact-form", "--visitors-per-day", "0"), "x>0", id="nobody"),
    ],
)
def test_what_is_not_known_can_be_said(site: Path, arguments: tuple[str, ...], message: str) -> None:
    result = run("plan", site, *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert "Traceback" not in result.output


def test_a_rate_that_leaves_no_room_is_said_in_words(site: Path) -> None:
    result = run("plan", site, "contact-form", "--rate", "90%")
    assert result.exit_code == 0, result.output
    text = " ".join(result.output.split())
    assert "cannot be planned for" in text
    assert "nearly everybody reaches it already: +20.0% more is impossible" in text


def test_a_folder_that_is_no_site_is_said(tmp_path: Path) -> None:
    result = run("plan", tmp_path, "contact-form")
    assert result.exit_code == 2
    assert "is no site" in result.stderr


def test_check_warns_of_a_plan_that_the_measured_rate_makes_far_too_small(site: Path, tmp_path: Path) -> None:
    """As shipped the plan fits; with a tenth of its visitors `check` says so at its place, and it is no error."""
    fitting = run("check", site)
    assert (fitting.exit_code, "planned_visitors" in fitting.output) == (0, False)
    small = tmp_path / "small"
    shutil.copytree(site, small)
    file = small / "experiments" / "multi-step-form.yaml"
    lines = file.read_text().replace("planned_visitors: 36000", "planned_visitors: 3600").splitlines()
    file.write_text("\n".join(lines))
    (small / "phases.json").unlink()
    (small / "yesladder.db").unlink()
    assert run("simulate", small, "contact-form", "--visitors", 5600, "--days", 20, "--into-site").exit_code == 0
    result = run("check", small)
    assert result.exit_code == 0
    number = next(k for k, line in enumerate(lines, 1) if "planned_visitors" in line)
    assert f"experiments/multi-step-form.yaml:{number}:" in result.output
    assert "is 3,600, but to find a change of 20% takes about" in " ".join(result.output.split())
