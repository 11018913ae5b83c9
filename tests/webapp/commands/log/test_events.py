"""import, verify, simulate: files of events into a real SQLite log, and nothing half done."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from experiments.assignment.assignment import assign
from experiments.site.catalog import Catalog
from tests.webapp.commands.conftest import run, store_of
from webapp.commands.log import events as event_log
from webapp.server.app import now_utc


def exposure(site: Path, visitor: str, **changes: Any) -> dict[str, Any]:
    experiment = Catalog(site, now_utc).get("contact-form")
    assert experiment is not None
    variant = assign(experiment, visitor, {}).variant
    return {
        "type": "track",
        "event": "Experiment Viewed",
        "anonymousId": visitor,
        "timestamp": "2026-03-01T10:00:00Z",
        "messageId": f"exposure of {visitor}",
        "properties": {"experiment_id": "contact-form", "variation_id": variant},
    } | changes


def write(tmp_path: Path, *items: object) -> Path:
    path = tmp_path / "events.jsonl"
    path.write_text("".join((item if isinstance(item, str) else json.dumps(item)) + "\n" for item in items))
    return path


def results(site: Path, *arguments: str) -> Any:
    result = run("results", site, "contact-form", "--json", *arguments)
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_history_is_counted_from_its_earliest_exposure(site: Path, tmp_path: Path) -> None:
    """The phase began when it was first seen, which is after all these events; importing them moves its start."""
    booked = {"type": "track", "event": "job_booked", "anonymousId": "v1", "timestamp": "2026-03-02T10:00:00Z"}
    booked["properties"] = {"amount": 310.5}  # type: ignore[assignment]  # JSON
    early = {"timestamp": "2026-02-27T09:30:00Z", "receivedAt": "2026-02-27T09:30:05Z"}
    file = write(tmp_path, exposure(site, "v1"), "", booked, exposure(site, "v2", **early))
    result = run("import", site, file)
    assert (result.exit_code, result.stdout) == (0, "3 stored, 0 known already, 0 refused.\n")
    phases = json.loads((site / "phases.json").read_text())["phases"]
    assert [phase["started_at"] for phase in phases] == ["2026-02-27T09:30:00Z"]
    found = results(site)
    macro = next(step for step in found["steps"] if step["kind"] == "macro")
    assert sum(found["exposed"].values()) == 2
    assert sum(one["reached"] for one in macro["variants"].values()) == 1
    assert sum(one["value_sum"] for one in macro["variants"].values()) == 310.5
    assert found["ledger"] == {}


def test_own_receipt_times_are_believed(site: Path, tmp_path: Path) -> None:
    """A booking that was received after its cohort had sealed is late, though it happened in time."""
    booked = {"type": "track", "event": "job_booked", "anonymousId": "v1", "timestamp": "2026-03-02T10:00:00Z"}
    file = write(tmp_path, exposure(site, "v1"), booked | {"receivedAt": "2026-03-20T10:00:00Z"})
    assert run("import", site, file).exit_code == 0
    found = results(site)
    assert sum(one["reached"] for one in found["steps"][-3]["variants"].values()) == 0
    assert sum(found["ledger"]["late"].values() if isinstance(found["ledger"]["late"], dict) else [1]) == 1


def refused_lines(site: Path, tmp_path: Path) -> Path:
    return write(
        tmp_path,
        exposure(site, "v1"),
        "{not json",
        {"type": "track", "event": "form_viewed", "timestamp": "2026-03-01T10:00:01Z"},
        exposure(site, "v2", properties={"experiment_id": "contact-from", "variation_id": "single"}),
        "[1]",
        exposure(site, "v3", timestamp="3026-03-01T10:00:00Z"),
    )


def test_one_refused_line_and_nothing_is_stored(site: Path, tmp_path: Path) -> None:
    result = run("import", site, refused_lines(site, tmp_path))
    assert result.exit_code == 1
    told = result.stderr.splitlines()
    assert [line.split(":")[0] for line in told] == ["line 2", "line 3", "line 4", "line 5", "line 6", "Error"]
    assert "no JSON" in told[0]
    assert "anonymousId and userId are both missing" in told[1]
    assert "did you mean contact-form?" in told[2]
    assert "must be an object" in told[3]
    assert "in the future" in told[4]
    assert told[5] == "Error: 5 lines are refused, so nothing was stored. Mend them, or skip them: --skip-refused"
    assert not (site / "yesladder.db").exists()


def test_refused_lines_are_skipped_when_asked_and_kept_in_the_log(site: Path, tmp_path: Path) -> None:
    result = run("import", site, refused_lines(site, tmp_path), "--skip-refused")
    assert (result.exit_code, result.stdout) == (0, "1 stored, 0 known already, 5 refused.\n")
    with store_of(site) as store:
        assert sum(store.refused().values()) == 5


def test_many_refused_lines_are_counted_and_not_all_told(site: Path, tmp_path: Path) -> None:
    result = run("import", site, write(tmp_path, *["{"] * 30))
    assert result.exit_code == 1
    assert sum(line.startswith("line ") for line in result.stderr.splitlines()) == 20
    assert "... and 10 more; in all: 30 invalid" in result.stderr


def test_an_import_that_was_interrupted_is_finished_by_doing_it_again(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path, *(exposure(site, f"v{number}") for number in range(10)))
    monkeypatch.setattr(event_log, "BATCH", 4)
    from experiments.store.sqlite.engine import SqliteStore  # noqa: PLC0415 - patched here only

    append = SqliteStore.append
    calls: list[int] = []

    def interrupted(self: SqliteStore, *arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return append(self, *arguments)

    monkeypatch.setattr(SqliteStore, "append", interrupted)
    result = run("import", site, file)
    assert result.exit_code == 1
    assert "Run it again to finish: no event is counted twice" in result.stderr
    monkeypatch.setattr(SqliteStore, "append", append)
    assert run("import", site, file).stdout == "6 stored, 4 known already, 0 refused.\n"
    assert sum(results(site)["exposed"].values()) == 10


def test_verify_agrees_then_finds_what_was_tampered_with(site: Path, tmp_path: Path) -> None:
    assert run("verify", site).stdout == "There are no events yet.\n"
    days = (exposure(site, f"v{number}", timestamp=f"2026-03-0{number + 1}T10:0{number}:00Z") for number in range(5))
    run("import", site, write(tmp_path, *days))
    assert run("verify", site).stdout == (
        "All counts agree with the log of 5 events, received 2026-03-01 10:00 to 2026-03-05 10:04 UTC.\n"
    )
    from sqlite_utils import Database  # noqa: PLC0415 - for tampering only

    database = Database(site / "yesladder.db")
    with database.conn:
        database.execute("UPDATE exposed SET visitors = visitors + 1")
    database.close()
    result = run("verify", site)
    assert result.exit_code == 1
    assert "contact-form phase 1: exposed/" in result.stdout
    assert "differ from the log of 5 events" in result.stderr


def test_verify_reaches_every_decision_again(site: Path) -> None:
    result = simulate(site, "--visitors", 5000, "--into-site")
    assert result.exit_code == 0, result.output
    decided = [entry for entry in results(site)["decisions"] if entry["confirmed"]]
    assert decided
    counted = f"{len(decided)} decision{'s' if len(decided) > 1 else ''}"
    assert f"The decision log agrees, too: {counted}.\n" in run("verify", site).stdout
    one = decided[-1]
    with store_of(site) as store:
        exposed = [event for event in store.scan() if event.variant == one["variant"] and "bot" not in event.attributes]
        store.forget(exposed[0].visitor)
    result = run("verify", site)
    assert result.exit_code == 0, result.output
    assert f"contact-form phase 1: {one['variant']} was {one['state']} at {one['step']} since " in result.stdout
    assert "were revised later; they" in result.stdout
    assert "(a dated revision explains it)" in result.stdout
    assert f" of {counted} differ, and dated revisions explain it.\n" in result.stdout


@pytest.mark.parametrize(
    ("tampering", "says"),
    [
        pytest.param("p_value = 0.0499", "from the same counts, this version", id="the number"),
        pytest.param("tables = replace(tables, '0', '1')", "were revised later", id="the fingerprint"),
        pytest.param("state = 'worse'", "from the same counts, this version says", id="the verdict"),
    ],
)
def test_verify_finds_a_decision_that_nothing_explains(site: Path, tampering: str, says: str) -> None:
    simulate(site, "--visitors", 5000, "--into-site")
    results(site)
    from sqlite_utils import Database  # noqa: PLC0415 - for tampering only

    database = Database(site / "yesladder.db")
    with database.conn:
        database.execute("DELETE FROM revisions")
        database.execute(f"UPDATE decisions SET {tampering} WHERE state = 'better'")
    database.close()
    result = run("verify", site)
    assert result.exit_code == 1
    assert says in result.stdout
    assert "cannot be explained" in result.stderr


def simulate(site: Path, *arguments: object) -> Result:
    return run("simulate", site, "contact-form", "--visitors", 300, "--days", 21, *arguments)


def test_simulated_lines_are_what_import_reads(site: Path, tmp_path: Path) -> None:
    printed = simulate(site)
    assert printed.exit_code == 0
    assert "single: form-seen 0.77" in printed.stderr
    assert simulate(site, "--seed", 1).stdout == printed.stdout
    assert simulate(site, "--seed", 2).stdout != printed.stdout
    file = tmp_path / "simulated.jsonl"
    file.write_text(printed.stdout)
    result = run("import", site, file)
    assert (result.exit_code, result.stdout) == (
        0,
        f"{len(printed.stdout.splitlines()):,} stored, 0 known already, 0 refused.\n",
    )
    found = results(site)
    assert sum(found["exposed"].values()) == 300
    assert set(found["ledger"]) <= {"bot"}


def test_into_site_gives_the_same_result_as_import(site: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    run("init", other)
    file = tmp_path / "simulated.jsonl"
    file.write_text(simulate(site).stdout)
    run("import", site, file)
    result = simulate(other, "--into-site")
    assert result.exit_code == 0, result.output
    assert results(site)["steps"] == results(other)["steps"]


@pytest.mark.parametrize(
    ("edit", "arguments", "message"),
    [
        pytest.param(
            None, ("--truth", "truth.yaml"), "variants are a, must be single, multi-step", id="truth of another"
        ),
        pytest.param(("status: running", "status: draft"), (), "contact-form is draft", id="draft"),
        pytest.param(
            ("status: running", "started_at: 2026-11-01T00:00:00Z\nstatus: running"),
            ("--into-site", "--days", "366"),
            "contact-form began at 2026-11-01 00:00 UTC, as its config file says",
            id="before the start",
        ),
    ],
)
def test_what_cannot_be_simulated_is_refused(
    site: Path, edit: tuple[str, str] | None, arguments: tuple[str, ...], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(site)
    Path("truth.yaml").write_text("variants: {a: {rates: [.5]}}")
    path = site / "experiments" / "multi-step-form.yaml"
    if edit:
        path.write_text(path.read_text().replace(*edit))
    result = run("simulate", site, "contact-form", *arguments)
    assert result.exit_code == 1
    assert message in result.stderr


def test_an_unknown_experiment_is_named_with_the_known_ones(site: Path) -> None:
    result = run("simulate", site, "contact")
    assert result.exit_code == 2
    assert "Known experiments: contact-form" in " ".join(result.stderr.split())


def test_a_reader_that_has_seen_enough_is_no_error(site: Path) -> None:
    code = "from webapp.cli import main; main(prog_name='yesladder')"
    command = [sys.executable, "-c", code, "simulate", site, "contact-form", "--visitors", "3000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["event"] == "Experiment Viewed"
        process.stdout.close()
        told = process.stderr.read()
    assert "Error" not in told
    assert "Traceback" not in told
