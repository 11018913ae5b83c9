"""Experiment: what a config file may say, what it means when it says nothing, and how it is recorded."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from experiments.definition.definition import MAX_VALUE_CAP
from experiments.definition.experiment import Experiment
from experiments.definition.problem import dotted
from experiments.site.json_schema import experiment_schema, settings_schema
from experiments.site.validation import faults

SMALLEST: dict[str, Any] = {
    "key": "pricing",
    "name": "Prices",
    "status": "draft",
    "variants": [{"key": "monthly", "weight": 50}, {"key": "yearly", "weight": 50}],
    "path": [{"step": "signed-up", "event": "signed_up"}],
    "window": "7 days",
}
FULL: dict[str, Any] = {
    **SMALLEST,
    "hypothesis": "Yearly first makes more visitors sign up.",
    "labels": {"owner": "marketing"},
    "status": "stopped",
    "phase": 3,
    "started_at": "2026-03-02T09:30:00Z",
    "ended_at": "2026-03-16T09:30:00+02:00",
    "traffic": "33.3333%",
    "variants": [
        {"key": "monthly", "weight": 50, "value": {"price": 1.0, "text": None}},
        {"key": "yearly", "weight": 0.5, "value": [1, "x"]},
    ],
    "trigger": {"view": "/pricing"},
    "audience": {"device": ["desktop"], "returning": True, "plan": ["free", True], "source": "ads"},
    "exclusive": {"layer": "prices", "slice": ["25%", "75%"]},
    "path": [
        {"step": "seen", "event": "prices_seen", "grade": 1, "window": "30 minutes", "on": {"visible": "#prices"}},
        {"step": "started", "event": "form_started", "grade": 2, "window": "1 day", "value": 3.5},
        {"step": "signed-up", "event": "signed_up", "value": "amount"},
    ],
    "secondary": [{"step": "faq", "event": "faq_opened", "window": "2 weeks"}],
    "guardrails": [{"step": "error", "event": "form_error", "harm": "more", "margin": "10%"}],
    "window": "30 days",
    "value_cap": 99.99,
    "analysis": {
        "alpha": 0.01,
        "method": "fixed",
        "detect": "7%",
        "planned_visitors": 40000,
        "at_least": "0 days",
        "adjust_for": ["device"],
    },
    "exposure": "explicit",
    "segments": ["source", "language"],
    "serve": "yearly",
}


def found(document: dict[str, Any]) -> list[str]:
    """Places and texts of everything that is wrong with it."""
    with pytest.raises(ValidationError) as error:
        Experiment.model_validate(document)
    return [f"{dotted(fault.place)} {fault.what}; {fault.remedy}" for fault in faults(Experiment, error.value)]


def test_defaults() -> None:
    one = Experiment.model_validate(SMALLEST)
    assert (one.phase, one.traffic, one.assignment, one.exposure, one.value_cap) == (1, 1.0, "hash", "auto", 10_000)
    assert (one.analysis.alpha, one.analysis.method, one.analysis.detect) == (0.05, None, None)
    assert (one.analysis.at_least, one.analysis.adjust_for, one.path[0].grade) == (timedelta(0), (), None)


@pytest.mark.parametrize("document", [SMALLEST, FULL], ids=["smallest", "full"])
def test_the_record_holds_everything(document: dict[str, Any]) -> None:
    one = Experiment.model_validate(document)
    recorded = json.loads(json.dumps(one.model_dump(mode="json")))
    assert Experiment.model_validate(recorded) == one
    assert set(recorded) == set(Experiment.model_fields)


def test_types_of_json_survive_the_record() -> None:
    one = Experiment.model_validate(FULL)
    [price, nothing] = Experiment.model_validate(one.model_dump(mode="json")).control.value.values()
    assert (type(price), nothing) == (float, None)


def test_roles_of_steps() -> None:
    one = Experiment.model_validate(FULL)
    assert [(step.step, one.kind_of(step)) for step in one.steps] == [
        ("seen", "milestone"),
        ("started", "milestone"),
        ("signed-up", "macro"),
        ("faq", "secondary"),
        ("error", "guardrail"),
    ]
    assert [one.window_of(step).days for step in one.steps] == [0, 1, 30, 14, 30]
    assert one.macro.step == "signed-up"
    assert one.control.key == "monthly"
    assert one.variant("yearly") is one.variants[1]
    assert one.variant("weekly") is None
    assert one.started_at == datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    assert one.ended_at == datetime(2026, 3, 16, 7, 30, tzinfo=UTC)


def test_nothing_changes_after_it_is_made() -> None:
    one = Experiment.model_validate(SMALLEST)
    with pytest.raises(ValidationError):
        one.name = "other"  # type: ignore[misc]  # that it is refused is what the test shows


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"name": ""}, 'name is "", not a text with something in it; write at least one character'),
        ({"phase": 0}, "phase is 0, must be at least 1; write a number that is at least 1"),
        ({"phase": 1.5}, "phase is 1.5, not a whole number; write a whole number"),
        ({"labels": ["a"]}, 'labels is a list of 1, not a mapping; write lines such as "key: value", or {key: value}'),
        ({"key": "-a"}, 'such as "a"'),
        ({"key": "x" * 65}, f'such as "{"x" * 64}"'),
        ({"key": True}, 'key is true, not a key; put it in quotes: "true"'),
        ({"trigger": {"visible": ""}}, 'trigger.visible is "", not a text; write a CSS selector in quotes'),
        ({"trigger": {"view": 1}}, 'trigger.view is 1, not a text; write a path, such as "/contact"'),
        ({"trigger": "#contact"}, "not one moment and what it happens to; write one of visible, view, click,"),
        (
            {"trigger": {"swipe": "#x"}},
            "trigger.swipe is not a known moment; use visible, view, click, focus, change or submit",
        ),
        ({"audience": {"returning": "no"}}, 'audience.returning is "no", not true or false; write true or false'),
        ({"audience": {"device": []}}, "audience.device is an empty list; list at least 1"),
        ({"audience": {"plan": 3}}, "audience.plan is 3, not a level of an attribute; write a text, true or false"),
        ({"audience": {"plan": []}}, "audience.plan is an empty list, not a level of an attribute"),
        ({"segments": ["first name"]}, 'segments[0] is "first name", not the name of an attribute'),
        ({"segments": ["device", "device"]}, 'segments[1] is "device" a second time; name each attribute once'),
        ({"exclusive": {"layer": "a", "slice": ["0%"]}}, "exclusive.slice is a list of 1, not a beginning and an end"),
        ({"exclusive": {"layer": "a", "slice": [0, 50]}}, "exclusive.slice[1] is 50, not a percentage"),
        ({"exclusive": {"layer": "a", "slice": ["5%", "5%"]}}, "exclusive.slice is from 5% to 5%, which holds nobody"),
        ({"value_cap": 0}, "value_cap is 0, must be at least 0.01"),
        ({"value_cap": True}, "value_cap is true, not a number"),
        ({"value_cap": "5,000"}, 'value_cap is "5,000", not a number; write a number without quotes'),
        ({"path": [{"step": "a", "event": " a"}]}, 'path[0].event is " a", with a space'),
        ({"path": [{"step": "a", "event": "Consent Withdrawn"}]}, "it removes a visitor's data"),
        ({"path": [{"step": "a", "event": "a", "value": -1}]}, "path[0].value is -1, neither an amount"),
        ({"path": [{"step": "a", "event": "a", "value": "120"}]}, 'path[0].value is "120", neither an amount'),
        ({"path": [{"step": "a", "event": "a", "value": True}]}, "path[0].value is true, neither an amount"),
        ({"path": [{"step": "a", "event": "a", "value": {}}]}, "path[0].value is a mapping, neither an amount"),
        (
            {"secondary": [{"step": "b", "event": "signed_up"}]},
            'secondary[0].event is "signed_up", the event of path[0]',
        ),
        ({"analysis": {"alpha": 0}}, "analysis.alpha is 0, must be above 0"),
        (
            {"analysis": {"at_least": 7}},
            'analysis.at_least is 7, not a duration; write a number and a unit, such as "7',
        ),
        ({"analysis": {"planned_visitors": "40k"}}, 'analysis.planned_visitors is "40k", not a whole number'),
        ({"analysis": {"method": "bayes"}}, 'analysis.method is "bayes", not planned, always-valid or fixed'),
        ({"assignment": "reported", "exclusive": {"layer": "a", "slice": ["0%", "5%"]}}, "exclusive has no effect"),
        ({"ended_at": "2026-03-02T09:30:00Z"}, "ended_at is given, but the status is draft; remove it, or set status"),
    ],
)
def test_what_is_refused(change: dict[str, Any], expected: str) -> None:
    assert any(expected in text for text in found({**SMALLEST, **change})), found({**SMALLEST, **change})


def test_everything_wrong_is_named_at_once() -> None:
    texts = found({**SMALLEST, "window": "7d", "traffic": 50, "variants": [{"key": "a"}, {"key": "b", "weight": 0}]})
    assert [text.split(" ")[0] for text in texts] == ["traffic", "variants[0].weight", "variants[1].weight", "window"]


def test_a_guardrail_may_watch_an_event_of_the_path() -> None:
    guardrail = {"step": "not-fewer", "event": "signed_up", "harm": "less", "margin": "5%"}
    assert Experiment.model_validate({**SMALLEST, "guardrails": [guardrail]}).guardrails[0].harm == "less"


def test_steps_may_have_equal_windows_and_the_last_one_the_experiments() -> None:
    path = [{"step": f"s{n}", "event": f"e{n}", "window": w} for n, w in enumerate(["1 hour", "60 minutes", "7 days"])]
    Experiment.model_validate({**SMALLEST, "path": path})
    path[2]["window"] = "59 minutes"
    assert any("path[2].window is 59 minutes, shorter" in text for text in found({**SMALLEST, "path": path}))


@given(st.floats(0.01, MAX_VALUE_CAP), st.floats(0.0001, 0.4999), st.integers(1, 10**9))
def test_numbers_survive_the_record(value_cap: float, alpha: float, planned: int) -> None:
    analysis = {"alpha": alpha, "planned_visitors": planned}
    one = Experiment.model_validate({**SMALLEST, "value_cap": value_cap, "analysis": analysis})
    assert Experiment.model_validate(json.loads(json.dumps(one.model_dump(mode="json")))) == one


def test_the_schema_knows_every_key_and_no_other() -> None:
    schema = experiment_schema()
    assert schema["properties"].keys() == Experiment.model_fields.keys()
    assert schema["additionalProperties"] is False
    assert set(schema["required"]) == {"key", "name", "status", "variants", "path", "window"}
    assert json.loads(json.dumps(schema)) == schema
    assert settings_schema()["required"] == ["write_key"]
