"""visitor, why, ledger: the numbers that `results` shows, explained, over a real SQLite log."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from experiments.events.event import Event, MessageId, Refusal, VisitorId
from experiments.events.tables import Tables
from tests.webapp.commands.conftest import run as in_terminal
from tests.webapp.commands.conftest import simulated_site, store_of

run = partial(in_terminal, columns=100)


def document(*arguments: object) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with an experiment that has three weeks of visitors, bots and late events among them."""
    path = simulated_site(tmp_path_factory.mktemp("explaining") / "site", 2500, 20)
    at = datetime.now(UTC) - timedelta(days=15)
    late, second = at + timedelta(days=9), at + timedelta(minutes=5)
    exposed: dict[str, Any] = {"experiment": "contact-form", "variant": "single"}
    with store_of(path) as store:
        store.append(
            [
                *(event("exposure", visitor, at, **exposed) for visitor in ("late", "two", "poor", "gone")),
                event("action", "late", at, late, name="form_started"),
                event("exposure", "two", second, **exposed | {"variant": "multi-step"}),
                event("action", "poor", second, name="job_booked", properties={"amount": "much"}),
                event("withdrawal", "gone", second),
            ]
        )
    return path


def event(kind: Any, visitor: str, at: datetime, received: datetime | None = None, **more: Any) -> Event:
    return Event(MessageId(f"{kind} {visitor} {at}"), kind, VisitorId(visitor), at, received or at, **more)


@pytest.fixture(scope="module")
def moments(site: Path) -> tuple[str, str]:
    """A week after the start, and a week later."""
    began = datetime.fromisoformat(json.loads((site / "phases.json").read_text())["phases"][0]["started_at"])
    one, other = (began + timedelta(days=days, hours=5) for days in (9, 16))
    return one.isoformat(), other.isoformat()


def test_the_parts_add_up_to_what_results_shows(site: Path, moments: tuple[str, str]) -> None:
    before, after = moments
    found = document("why", site, "contact-form", "--from", before, "--to", after)
    old, new = (document("results", site, "contact-form", "--as-of", moment) for moment in moments)
    grown = 0
    for step, was, now in zip(found["steps"], old["steps"], new["steps"], strict=True):
        for variant, parts in step["variants"].items():
            for name in ("visitors", "reached", "value_sum"):
                assert parts["from"][name] == was["variants"][variant][name]
                assert parts["to"][name] == now["variants"][variant][name]
                sealed = parts["sealed"][name]
                assert parts["from"][name] + sealed == pytest.approx(parts["to"][name], abs=1e-6)
                days = sum(day["variants"][variant][name] for day in step["days"])
                assert days == pytest.approx(sealed, abs=1e-6)
                grown += sealed
    assert grown > 1000
    assert {key: one["to"] for key, one in found["exposed"].items()} == new["exposed"]
    assert found["from"]["state"] == old["state"]


def test_why_says_it_in_words(site: Path, moments: tuple[str, str]) -> None:
    result = run("why", site, "contact-form", "--from", moments[0], "--to", moments[1])
    text = " ".join(result.stdout.split())
    for words in (
        "Multi-step vs single contact form contact-form, phase 1 · from",
        "Step Variant Before + Sealed since = After",
        "New visitors exposed: single ",
        "Sealed since: visitors whose time for the step ran out in between, and its hour of grace.",
        "Value, of the days that were over:",
        "history was imported. Both numbers may have read differently then; by how much is not kept.",
    ):
        assert words in text, text
    assert "by the day the visitors came" not in text


def test_why_of_one_step_goes_day_by_day(site: Path, moments: tuple[str, str]) -> None:
    arguments = ("why", site, "contact-form", "--from", moments[0], "--to", moments[1], "--step", "form-started")
    found = document(*arguments)
    (step,) = found["steps"]
    assert step["step"] == "form-started"
    text = run(*arguments).stdout
    assert "Sealed since, by the day the visitors came" in text
    for day in step["days"]:
        one = day["variants"]["single"]
        assert day["day"] in text
        assert f"{one['reached']}/{one['visitors']}" in text


def test_why_of_no_time_at_all(site: Path, moments: tuple[str, str]) -> None:
    text = " ".join(run("why", site, "contact-form", "--from", moments[0], "--to", moments[0]).stdout.split())
    assert "Nobody’s time for a step ran out in between, so no published number changed." in text


def test_a_revision_is_named_with_what_it_may_have_changed(tmp_path: Path) -> None:
    path = tmp_path / "site"
    run("init", path)
    began = datetime.now(UTC) - timedelta(days=20)
    file = path / "experiments" / "multi-step-form.yaml"
    file.write_text(file.read_text().replace("status: running", f"started_at: {began.isoformat()}\nstatus: running"))
    at = began + timedelta(days=1)
    with store_of(path) as store:
        for kind, visitor, more in (
            ("exposure", "v", {"experiment": "contact-form", "variant": "single"}),
            ("exposure", "w", {"experiment": "contact-form", "variant": "multi-step"}),
        ):
            store.append([event(kind, visitor, at, **more)])
        store.forget(VisitorId("v"))
    found = document("why", path, "contact-form", "--from", (began + timedelta(days=10)).isoformat())
    causes = {one["cause"]: (one["published_before"], one["dated_after"]) for one in found["revisions"]}
    assert causes == {"trusted-import": (True, False), "forgotten": (True, False)}
    text = " ".join(run("why", path, "contact-form", "--from", (began + timedelta(days=10)).isoformat()).stdout.split())
    assert "a visitor was forgotten on request. The earlier number may have read differently then;" in text
    assert "nothing is known of 'v'" in run("visitor", path, "v").output


def test_every_id_of_the_ledger_tells_the_same_of_itself(site: Path) -> None:
    found = document("ledger", site, "contact-form")
    shown = document("results", site, "contact-form")
    assert {reason: one["count"] for reason, one in found.items()} == shown["ledger"]
    assert {"bot", "late", "second-variant", "bad-value", "consent-withdrawn"} <= found.keys()
    for reason, one in found.items():
        assert len(one["newest"]) == min(20, len(set(one["newest"])))
        for visitor in one["newest"][:3]:
            (phase,) = document("visitor", site, visitor)["phases"]
            assert reason in phase["ledger"]


def test_the_ledger_in_words(site: Path) -> None:
    found = document("ledger", site, "contact-form", "--reason", "bot", "--newest", 2)
    assert list(found) == ["bot"]
    assert len(found["bot"]["newest"]) == 2
    result = run("ledger", site, "contact-form", "--reason", "bot", "--newest", 2)
    assert f"Bots ({found['bot']['count']})" in result.stdout
    assert all(visitor in result.stdout for visitor in found["bot"]["newest"])
    assert "Too late" not in result.stdout
    assert result.stderr == ""  # no bar where there is no terminal, and the totals agree


def test_a_ledger_that_differs_from_the_page_says_so(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tables, "ledger", {"bot": {"single": 10_000}})
    assert "The result page has bot 10,000: events came meanwhile" in run("ledger", site, "contact-form").stderr


def test_a_visitor_in_words_and_as_json(site: Path) -> None:
    with store_of(site) as store:
        first = next(one for one in store.scan() if one.kind == "exposure" and not one.attributes.get("bot"))
        events = store.visitor(first.visitor)
        detail = "properties.variation_id is 'x', must be 'single'"
        refusal = Refusal("variant-mismatch", detail, datetime.now(UTC), visitor=first.visitor)
        store.append([], [refusal])
    found = document("visitor", site, first.visitor)
    assert [one["message_id"] for one in found["events"]] == [
        one.message_id for one in sorted(events, key=lambda one: (one.at, one.received_at, one.message_id))
    ]
    assert found["phases"][0]["variant"] == first.variant
    text = " ".join(run("visitor", site, first.visitor).stdout.split())
    for words in (
        f"Visitor {first.visitor}",
        "contact-form, phase 1",
        f"First exposure: {first.variant} from now on, for good.",
        "Everything in order",
        f"Refused, another variant: {detail}",
    ):
        assert words in text, text


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        pytest.param(
            ("visitor", "nobody"), 1, "never came, or was forgotten, or its events expired", id="unknown visitor"
        ),
        pytest.param(("visitor", "x" * 300), 2, "has 300 characters; an id has 1 to 255", id="no id"),
        pytest.param(("visitor", "a\0b"), 1, "nothing is known of", id="nul"),
        pytest.param(("why", "contact-form"), 2, "Missing option '--from'", id="from when"),
        pytest.param(
            ("why", "contact-form", "--from", "2026-03-02", "--to", "2026-03-01"),
            2,
            "the earlier moment comes first",
            id="wrong way round",
        ),
        pytest.param(
            ("why", "contact-form", "--from", "2026-03-02", "--step", "sold"),
            2,
            "contact-form has no step 'sold'; its steps are form-seen,",
            id="unknown step",
        ),
        pytest.param(("why", "no", "--from", "2026-03-02"), 2, "no experiment 'no'", id="unknown experiment"),
        pytest.param(("ledger", "contact-form", "--phase", 7), 2, "has no phase 7", id="unknown phase"),
        pytest.param(
            ("ledger", "contact-form", "--reason", "x"), 2, "'x' is not in the ledger; there is: bad-value", id="reason"
        ),
    ],
)
def test_what_cannot_be_answered_is_said(site: Path, arguments: tuple[str, ...], code: int, message: str) -> None:
    command, *rest = arguments
    result = run(command, site, *rest)
    assert (result.exit_code, message in " ".join(result.output.split())) == (code, True), result.output


def test_a_site_without_events(tmp_path: Path) -> None:
    path = tmp_path / "site"
    run("init", path)
    assert "nothing is known" in run("visitor", path, "v").output
    assert not (path / "yesladder.db").exists()
    assert "Nothing was left out." in run("ledger", path, "contact-form").stdout
    assert run("why", path, "contact-form", "--from", "2026-01-01").exit_code == 0
