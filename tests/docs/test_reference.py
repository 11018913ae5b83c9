"""The reference is the code's: made from it, with a row for every key, setting, command, option, route and table."""

from __future__ import annotations

import json
import re
import runpy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest
from ruamel.yaml import YAML

from experiments.audit.readout import Readout
from experiments.definition.definition import Analysis, Guardrail, Step, Variant
from experiments.definition.experiment import Experiment
from experiments.reporting.report import report
from experiments.site.site import Settings
from experiments.store.memory import MemoryStore
from tests.docs.pages import DOCS, page
from webapp.cli import COMMANDS as KNOWN
from webapp.server.app import create_app

REFERENCE = runpy.run_path(str(DOCS / "reference.py"))
ROOMS = runpy.run_path(str(DOCS / "rooms.py"))
EXPERIMENT, SETTINGS, COMMANDS, ROUTES = (
    page(f"docs/reference/{name}.md").text for name in ("experiment-yaml", "settings", "commands", "routes")
)

NAMED = [
    *(
        (f"| `{name}` |", EXPERIMENT, "key")
        for model in (Experiment, Analysis, Variant, Step, Guardrail)
        for name in model.model_fields
    ),
    *((f"| `{name}` |", SETTINGS, "setting") for name in Settings.model_fields),
    *((f"## {command}\n", COMMANDS, "command") for command in KNOWN),
]
OPTIONS = [
    pytest.param(name, option, id=f"{name} {option.opts[0]}")
    for name, command in REFERENCE["known_commands"]().items()
    for option in command.params
    if isinstance(option, click.Option)
]


def test_the_pages_are_what_the_code_makes_of_them() -> None:
    """Else: make reference, and read what it changed."""
    for path, text in REFERENCE["pages"]().items():
        assert path.read_text("utf-8") == text, f"make reference would change {path.name}"


def test_the_picture_of_the_rooms_is_that_of_the_imports() -> None:
    """Else: make reference, and look at docs/architecture.svg."""
    for path, text in ROOMS["made"]().items():
        assert path.read_text("utf-8") == text, f"make reference would change {path.name}"


def test_a_circle_of_rooms_is_named() -> None:
    heights: Any = ROOMS["heights"]
    assert heights({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == {"a": 2, "b": 1, "c": 0}
    with pytest.raises(ValueError, match="in a circle: a -> b -> a"):
        heights({"a": {"b"}, "b": {"a"}})


def test_an_arrow_that_follows_from_others_is_left_out() -> None:
    reduced: Any = ROOMS["reduced"]
    graph = {"a": frozenset("bc"), "b": frozenset("c"), "c": frozenset("")}
    assert reduced(graph) == {"a": frozenset("b"), "b": frozenset("c"), "c": frozenset()}


@pytest.mark.parametrize(("row", "text", "kind"), NAMED, ids=[f"{kind} {row}" for row, _, kind in NAMED])
def test_everything_has_its_row(row: str, text: str, kind: str) -> None:
    assert row in text, f"the {kind} {row} is not in the reference"


@pytest.mark.parametrize(("command", "option"), OPTIONS)
def test_every_option_has_its_row_and_says_what_it_does(command: str, option: click.Option) -> None:
    section = re.split(r"^## ", COMMANDS, flags=re.MULTILINE)
    own = next(part for part in section if part.startswith(f"{command}\n"))
    row = next(line for line in own.splitlines() if line.startswith("| ") and f"`{option.opts[0]}`" in line)
    assert row.split(" | ")[1].strip(), row


def test_every_route_has_its_row(tmp_path: Path) -> None:
    (tmp_path / "yesladder.yaml").write_text("write_key: abc\n")
    (tmp_path / "experiments").mkdir()
    for rule in create_app(tmp_path, demo_site=True).url_map.iter_rules():
        assert REFERENCE["address"](rule.rule) in ROUTES, rule.rule
        calls = re.findall(r"any\((.*?)\)", rule.rule)
        for call in calls[0].split(",") if calls else ():
            assert f"`{call.strip()}`" in ROUTES


@pytest.mark.parametrize(
    ("names", "message"),
    [(["a", "b"], "does not say what b mean"), (["a"], None), ([], "has a, which the code does not")],
)
def test_a_name_without_a_meaning_and_a_meaning_without_a_name_are_errors(
    names: list[str], message: str | None
) -> None:
    rows: Any = REFERENCE["rows"]
    if message is None:
        assert rows(names, "any", {"a": "said"}) == [("a", "said")]
    else:
        with pytest.raises(ValueError, match=message):
            rows(names, "any", {"a": "said"})


def test_the_results_document_shown_is_the_one_answered() -> None:
    results, first = page("docs/reference/results-json.md"), page("docs/start/first-experiment.md")
    shown = json.loads(results.blocks_of("json")[0])
    config = YAML(typ="safe").load(first.blocks_of("yaml")[0])
    phase = Experiment.model_validate(config | {"started_at": "2026-11-01T00:00:00Z"})
    tables, as_of = MemoryStore(lambda: [phase]).tables(phase), datetime(2026, 11, 22, tzinfo=UTC)
    answered = report(phase, tables.reach, tables.patterns, {}, as_of).to_json()
    assert _shape(shown) == _shape(json.loads(json.dumps(answered)))


@pytest.mark.parametrize("number", [0, 1, 2])
def test_every_name_that_the_results_page_shows_is_in_the_schema(number: int) -> None:
    """Also where no example that is computed here has anything: the record and the log of decisions."""
    schema = Readout.json_schema()
    known = {name for part in (schema, *schema["$defs"].values()) for name in part["properties"]}
    shown = json.loads(page("docs/reference/results-json.md").blocks_of("json")[number])
    assert set(shown) <= set(schema["properties"])
    named = {name for part in ("decision", "decisions", "steps", "value", "ladder") for name in _names(shown.get(part))}
    assert named - {"single", "multi-step"} <= known


def _names(document: Any) -> set[str]:
    """Every name in a document, however deep."""
    inner = document.values() if isinstance(document, dict) else document if isinstance(document, list) else ()
    return set(document if isinstance(document, dict) else ()).union(*(_names(one) for one in inner))


def _shape(document: dict[str, Any]) -> list[list[str]]:
    step = document["steps"][0]
    split, value, learned = document["decomposition"][0], document["value"], document["learned_values"][0]
    parts = (
        *(document, document["sample_ratio"], step, step["variants"]["single"], step["comparisons"][0]),
        *(split, split["steps"][0], value, value["variants"]["single"], value["comparisons"][0]),
        *(learned, learned["pooled"], learned["variants"]["single"]),
        *(document["ladder"][0], document["ladder"][0]["variants"]["single"]),
    )
    return [list(part) for part in parts]
