"""init, new, check, schema: real folders, and what a person reads."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.site.catalog import Catalog, check
from experiments.site.site import Site
from tests.webapp.commands.conftest import run
from webapp.server.app import now_utc


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_init_makes_a_site_that_runs(site: Path) -> None:
    assert sorted(files(site)) == [".gitignore", "experiments/multi-step-form.yaml", "yesladder.yaml"]
    assert check(site) == ()
    assert "\nstatus: running" in (site / "experiments" / "multi-step-form.yaml").read_text()
    assert len(Site.open(site).settings.write_key) == 32


def test_every_site_has_a_write_key_of_its_own(site: Path, tmp_path: Path) -> None:
    run("init", tmp_path / "other")
    assert Site.open(site).settings.write_key != Site.open(tmp_path / "other").settings.write_key


def test_init_overwrites_nothing(site: Path) -> None:
    before = files(site)
    result = run("init", site)
    assert result.exit_code == 2
    assert "is a site already" in result.output
    assert files(site) == before


def test_the_log_and_the_secrets_are_not_for_version_control(site: Path) -> None:
    subprocess.run(["git", "init", "-q", site], check=True)
    for name in ("yesladder.db", "yesladder.db-wal", "yesladder.db.lock", "phases.json.lock", "tokens.json", "a.jsonl"):
        (site / name).touch()
    (site / "phases.json").touch()
    shown = subprocess.run(
        ["git", "-C", site, "status", "--short", "-uall"], check=True, capture_output=True, text=True
    ).stdout
    assert sorted(line.removeprefix("?? ") for line in shown.splitlines()) == [
        ".gitignore",
        "experiments/multi-step-form.yaml",
        "phases.json",
        "yesladder.yaml",
    ]


@pytest.mark.parametrize(
    ("name", "written"),
    [
        pytest.param("popup-contact-form", ["experiments/popup-contact-form.yaml"], id="one to be run"),
        pytest.param(
            "free-trial-screener",
            ["experiments/free-trial-screener.yaml", "free-trial-screener.jsonl"],
            id="one that was run, with its history",
        ),
    ],
)
def test_new_copies_from_the_gallery(site: Path, name: str, written: list[str]) -> None:
    before = files(site)
    result = run("new", name, site)
    assert result.exit_code == 0
    assert "Next: " in result.output
    assert sorted(files(site).keys() - before.keys()) == written
    assert check(site) == ()


def test_new_overwrites_nothing(site: Path) -> None:
    before = files(site)
    result = run("new", "multi-step-form", site)
    assert result.exit_code == 2
    assert "multi-step-form.yaml exists already. Nothing was changed." in result.output
    assert files(site) == before


def test_new_names_what_the_gallery_has(site: Path) -> None:
    result = run("new", "pop-up", site)
    assert result.exit_code == 2
    assert (
        "the gallery has no 'pop-up'; it has free-trial-screener, multi-step-form, popup-contact-form" in result.output
    )


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("new", "multi-step-form"), id="new"),
        pytest.param(("check",), id="check"),
        pytest.param(("serve",), id="serve"),
        pytest.param(("verify",), id="verify"),
        pytest.param(("token",), id="token"),
    ],
)
def test_a_folder_that_is_no_site_is_told_how_to_become_one(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    result = run(*arguments, tmp_path)
    assert result.exit_code == 2
    assert f"{tmp_path} is no site" in " ".join(result.output.split())
    assert "yesladder init" in result.output


def test_check_is_content_with_a_good_site(site: Path) -> None:
    result = run("check", site)
    assert (result.exit_code, result.output) == (0, "All is well.\n")


def test_check_prints_every_problem_with_its_place_and_fails(site: Path) -> None:
    path = site / "experiments" / "multi-step-form.yaml"
    path.write_text(path.read_text().replace("window: 7 days", "window: 7 dys").replace("alpha: 0.05", "alpa: 0.05"))
    result = run("check", site)
    assert result.exit_code == 1
    problems = check(site)
    assert len(problems) == 2
    assert result.stdout.splitlines() == [str(problem) for problem in problems]
    assert result.stderr == "Error: 2 mistakes to mend\n"
    assert "phases.json" not in files(site)


def test_a_warning_alone_is_no_failure(site: Path) -> None:
    Catalog(site, now_utc)  # records that it runs
    (site / "experiments" / "multi-step-form.yaml").unlink()
    result = run("check", site)
    assert result.exit_code == 0
    assert "phases.json:" in result.stdout
    assert "1 to think about" in result.stderr


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        pytest.param((), {"key", "variants", "path", "analysis"}, id="experiment"),
        pytest.param(("--settings",), {"write_key", "currency", "time_zone"}, id="settings"),
        pytest.param(("--results",), {"state", "steps", "decisions"}, id="results"),
    ],
)
def test_schema_is_json_schema_that_knows_the_keys(options: tuple[str, ...], keys: set[str]) -> None:
    schema = json.loads(run("schema", *options).output)
    assert keys <= schema["properties"].keys()


def test_help_is_quick_because_nothing_heavy_is_imported() -> None:
    heavy = "numpy", "scipy", "statsmodels", "pandas", "pydantic", "ruamel", "flask", "sqlite_utils", "granian", "rich"
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom webapp.cli import main\n"
        "print(CliRunner().invoke(main, ['--help']).output)\n"
        f"print('imported:', sorted(set({heavy!r}) & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert "imported: []" in shown
    listed = [line.split()[0] for line in shown.split("Commands:")[1].splitlines() if re.match(r"  \S", line)]
    assert listed == [
        *(
            "demo",
            "init",
            "new",
            "check",
            "plan",
            "serve",
            "results",
            "time-to-convert",
            "why",
            "visitor",
            "ledger",
            "simulate",
        ),
        *("calibrate", "import", "export", "verify", "backup", "forget", "expire", "token", "schema"),
    ]
