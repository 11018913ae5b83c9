"""Every table of the result page for a spreadsheet, and the decision log among them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from flask.testing import FlaskClient

from experiments.audit.decision_log import Entry
from experiments.events.decision import Decision

HERE = "http://localhost"
PAGE = "/results/contact-form"
DECISION = Decision(
    *("contact-form", 1, "form-seen", "multi-step", "single", "better"),
    *(datetime(2026, 11, 15, 23, 30, tzinfo=UTC), 900, 0.001, 0.004, (0.1, 0.3), "always-valid", 0.05, "diagnostic"),
    tables="0" * 64,
    recorded_at=datetime(2026, 11, 16, 9, tzinfo=UTC),
)


def section(client: FlaskClient, heading: str, path: str = PAGE) -> str:
    """The words and addresses of one section of the page."""
    text = client.get(path, base_url=HERE).text
    [found] = re.findall(rf'<section aria-labelledby="{heading}">.*?</section>', text, flags=re.S)
    return re.sub(r"\s+", " ", re.sub(r"<(?!a )[^>]*>", " ", str(found).replace("<wbr>", "")))


@pytest.mark.parametrize(
    ("table", "starts"),
    [
        ("goal", "variant,step,exposed,visitors,reached,rate,immature\r\nsingle,job-booked,12000,8000,"),
        ("steps", "step,kind,grade,window,variant,visitors,reached,rate,value_sum,immature,immature_reached,"),
        (
            "funnel",
            "step,variant,visitors,reached,lost_before,share_of_step_before\r\n"
            "form-seen,single,12000,6000,6000,0.5\r\nform-seen,multi-step,12000,6000,6000,0.5\r\n"
            "form-started,single,12000,2700,3300,0.45\r\n",
        ),
        ("guardrails", "step,harm,margin,variant,versus,relative_lift,relative_interval_low,"),
        ("over-time", "step,variant,versus,at,visitors,relative_lift,relative_interval_low,relative_interval_high,"),
        ("decisions", "step,variant,versus,state,decided_at,visitors,p_value,"),
        ("divisions", "variant,visitors,planned_share,actual_share,p_value,alarm\r\nsingle,12000,0.5,0.5,0.83,False"),
        ("ledger", "reason,variant,count\r\nbot,single,12\r\nbot,multi-step,9\r\nlate,,4\r\n"),
        ("ladder", "rung,variant,visitors,reached,share\r\ngrade-1,single,7630,"),
        ("decomposition", "variant,versus,step,log_lift,relative_lift,relative_interval_low,relative_interval_high,"),
        ("value", "variant,visitors,orders,value_sum,mean,"),
        ("learned-values", "step,kind,declared,badge,variant,value,interval_low,interval_high,"),
        ("by/device", "attribute,kind,level,step,control,control_visitors,"),
    ],
)
def test_every_table_is_there_for_a_spreadsheet(
    stage: Any, client: FlaskClient, build: SimpleNamespace, table: str, starts: str
) -> None:
    guarded = build.experiment(guardrails=[{"step": "error", "event": "error", "harm": "more", "margin": "10%"}])
    stage.show(build.report(of=guarded))
    stage.decisions = [Entry(DECISION)]
    stage.segments = {"device": build.levels(build.experiment(), **{"=cmd()": (900, 0.8)})}
    answer = client.get(f"{PAGE}/{table}.csv", base_url=HERE)
    assert answer.status_code == 200
    assert answer.mimetype == "text/csv"
    assert answer.text.startswith(starts)
    assert "None" not in answer.text
    assert f"{PAGE}/{table}.csv" in client.get(PAGE, base_url=HERE).text
    if table == "by/device":
        assert "device,exploratory,'=cmd()," in answer.text


def test_an_unknown_table_says_which_there_are(stage: Any, client: FlaskClient, build: SimpleNamespace) -> None:
    stage.show(build.report())
    answer = client.get(PAGE + "/nothing.csv", base_url=HERE)
    assert answer.status_code == 404
    assert (
        "there are goal, steps, funnel, guardrails, ladder, decomposition, over-time, value, learned-values, decisions"
        in (answer.text)
    )


def test_moments_of_the_decision_log_are_told_in_the_sites_time(
    stage: Any, client: FlaskClient, build: SimpleNamespace
) -> None:
    stage.show(build.report())
    stage.decisions = [Entry(DECISION, "its counts were revised later; they give it on 2026-11-16 23:30 UTC", True)]
    said = section(client, "decisions")
    assert "16 Nov 2026 Form seen multi-step" in said
    assert "Its counts were revised later; they give it on 17 Nov 2026, 00:30" in said


def test_a_table_of_looks_is_that_of_the_step_that_is_shown(
    stage: Any, client: FlaskClient, build: SimpleNamespace
) -> None:
    stage.show(build.report())
    assert "form-started,multi-step," in client.get(f"{PAGE}/over-time.csv?step=form-started", base_url=HERE).text
    assert f"{PAGE}/over-time.csv?step=form-started" in section(client, "over-time", f"{PAGE}?step=form-started")
    missing = client.get(f"{PAGE}/over-time.csv?step=nothing", base_url=HERE)
    assert missing.status_code == 404
    assert "its steps are form-seen, form-started" in missing.text
