"""Changes: what the snippet can do passes, what it could never do is told with the place and the remedy."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from experiments.definition.experiment import Experiment


def made(changes: Any, **more: Any) -> Experiment:
    """An experiment whose second variant has these changes."""
    values = {
        "key": "offer",
        "name": "Offer",
        "status": "draft",
        "variants": [{"key": "a", "weight": 1.0}, {"key": "b", "weight": 1.0, "value": {"changes": changes}}],
        "trigger": {"visible": "#offer"},
        "path": [{"step": "bought", "event": "bought"}],
        "window": "1 day",
    }
    return Experiment.model_validate(values | more)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"select": "#a", "text": ""}, id="text"),
        pytest.param({"select": "#a", "attribute": {"title": "x", "rel": None, "width": 5}}, id="attribute"),
        pytest.param({"select": "#a", "class": {"add": "big", "remove": ["small", "red"]}}, id="class"),
        pytest.param({"select": "#a", "hide": True, "text": "both"}, id="two-actions"),
        pytest.param({"redirect": "/short"}, id="redirect"),
        pytest.param({"redirect": "https://other.example/"}, id="redirect-elsewhere"),
        pytest.param({"select": "#a", "widget": "multi-step-form", "options": {"next": "Go on"}}, id="widget"),
    ],
)
def test_what_the_snippet_can_do(change: dict[str, Any]) -> None:
    assert made([change]).variants[1].value == {"changes": [change]}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        pytest.param({"a": 1}, "value.changes is a mapping with a, not a list", id="no-list"),
        pytest.param(["x"], 'changes[0] is "x", not a change', id="no-change"),
        pytest.param(
            [{"select": "#a", "txt": "x"}], "changes[0].txt is not known of a change; did you mean text?", id="key"
        ),
        pytest.param([{"select": "#a"}], "changes[0] changes nothing; add one of text, attribute", id="nothing"),
        pytest.param([{"text": "x"}], "changes[0] does not say which element it changes", id="no-select"),
        pytest.param([{"select": "#a", "text": 5}], "changes[0].text is 5, not a text", id="text"),
        pytest.param([{"select": "#a", "attribute": {"onclick": "x"}}], "bring in no script", id="handler"),
        pytest.param([{"select": "#a", "attribute": {"href": "java\nscript:x"}}], "bring in no script", id="script"),
        pytest.param([{"select": "#a", "class": {"add": "two words"}}], "not names of classes", id="class"),
        pytest.param([{"select": "#a", "hide": "yes"}], 'hide is "yes", not true', id="hide"),
        pytest.param([{"redirect": "javascript:x"}], "not an address", id="redirect"),
        pytest.param([{"select": "#a", "widget": "../x"}], "not the name of a widget", id="widget"),
        pytest.param([{"select": "#a", "widget": "x", "options": 5}], "options is 5, not a mapping", id="options"),
    ],
)
def test_what_it_could_never_do(changes: Any, told: str) -> None:
    with pytest.raises(ValidationError) as refused:
        made(changes)
    assert told in str(refused.value)


def test_changes_need_a_moment() -> None:
    with pytest.raises(ValidationError, match="no trigger says when a visitor meets them; add trigger"):
        made([{"select": "#a", "text": "x"}], trigger=None)


@pytest.mark.parametrize("value", [None, "text", 5, ["changes"], {"color": "red"}, {"changes": []}])
def test_another_value_is_the_site_s_own(value: Any) -> None:
    variants = [{"key": "a", "weight": 1.0}, {"key": "b", "weight": 1.0, "value": value}]
    assert made([], variants=variants, trigger=None).variants[1].value == value
