"""YAML as this project reads it: plain data of YAML 1.2, with the line and column of every key and value."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.definition.experiment import Experiment
from experiments.site.config_file import MAX_BYTES, parse_config, read_config
from experiments.site.validation import validated

BROKEN_SITES = Path(__file__).parents[2] / "broken_sites"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("off", "off"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("null", None),
        ("'null'", "null"),
        ("12", 12),
        ("-3", -3),
        ("010", 10),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("1.0", 1.0),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("12:30", "12:30"),
        ("2026-11-22", "2026-11-22"),
        ("50%", "50%"),
        ('"12"', "12"),
        ("! 12", "12"),
    ],
)
def test_plain_scalars_mean_what_yaml_1_2_says(text: str, value: object) -> None:
    config = parse_config(f"key: {text}\n", "x.yaml")
    assert config.problems == ()
    assert config.data["key"] == value
    assert type(config.data["key"]) is type(value)


def test_keys_are_always_text() -> None:
    config = parse_config("on: {click: a}\n1: b\nnull: c\n", "x.yaml")
    assert config.data == {"on": {"click": "a"}, "1": "b", "null": "c"}


def test_every_place_has_its_mark() -> None:
    config = parse_config('path:\n  - {step: seen, event: "a b"}\n  - step: sold\n    value: 3\n', "x.yaml")
    assert config.mark(("path", 0, "event")) == (2, 25)
    assert config.mark(("path", 0, "event"), on_key=True) == (2, 18)
    assert config.mark(("path", 1, "value")) == (4, 12)
    assert config.mark(("path", 1, "grade")) == (3, 5), "the nearest place around one that is missing"
    assert config.mark(("window",)) == (1, 1)


def test_columns_count_characters_and_the_byte_order_mark_is_none(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes("\ufeffname: {größe: 1, x: 2}\r\nnext: 3\r\n".encode())
    config = read_config(path, "x.yaml")
    assert config.mark(("name", "x"), on_key=True) == (1, 18)
    assert config.mark(("next",)) == (2, 7)


def test_a_key_written_twice_keeps_its_first_value_and_mark() -> None:
    config = parse_config("a: {b: 1}\na: {b: 2, c: 3}\n", "x.yaml")
    assert [str(problem) for problem in config.problems] == [
        "x.yaml:2:1: a is written twice, first in line 1; keep one of the two"
    ]
    assert config.mark(("a", "b")) == (1, 8)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a: .inf\n", ".inf is not a number"),
        ("a: .nan\n", ".nan is not a number"),
        ('a: "\\ud83d\\ude00"\n', "half a character"),
        ("a: 1e999\n", "too large a number"),
        ("a: 123456789012345678901234567890\n", "too large a number"),
        ("? [a, b]\n: c\n", "not a plain word"),
        ("? {a: b}\n: c\n", "not a plain word"),
        ("a: *b\n", "*b is an alias"),
        ("a: !!python/object:os.system x\n", "is a tag"),
        ("a: " + "[" * 60 + "]" * 60 + "\n", "nested more than 40 levels"),
        ("a: " + "{b: " * 60 + "}" * 60 + "\n", "nested more than 40 levels"),
        ("just words\n", "not a mapping"),
        ("# nothing\n", "this file is empty"),
        (" a: 1\nb: 2\n", "indented differently"),
        ("a: - b\n", 'a list cannot begin with "- " on the line of its key'),
        ("a: {b: }}\n", "something follows after the value has ended"),
        ("a: [b,\n- c\n", "- stands where a value should be"),
        ("a: >high\n", "this stands after a | or >"),
        ("a: !<x\n", "this stands after a !"),
        ("a: * star\n", "a value cannot begin with & or * alone"),
    ],
)
def test_what_cannot_be_used_is_named(text: str, what: str) -> None:
    config = parse_config(text, "x.yaml")
    assert config.data == {}
    assert what in config.problems[0].what


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "large.yaml").write_text("#" * (MAX_BYTES + 1))
    for name in ("folder.yaml", "large.yaml", "missing.yaml"):
        [problem] = read_config(tmp_path / name, name).problems
        assert (problem.file, problem.line, problem.column) == (name, 1, 1)


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**15), 10**15)
    | st.text(st.characters(max_codepoint=0xD7FF), max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc<", max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text("abcxyz", min_size=1, max_size=4), JSON_VALUES, min_size=1, max_size=4))
def test_json_is_yaml_and_means_the_same(document: dict[str, object]) -> None:
    text = json.dumps(document)  # with escapes: every character is allowed
    config = parse_config(text, "x.json")
    assert config.problems == ()
    assert config.data == document


@given(st.text(st.sampled_from("ab: -?{}[],&*#!|>'\"%@`~<\n\t0.1\\é\x07"), max_size=40))
def test_any_text_gives_data_or_problems_within_the_text(text: str) -> None:
    config = parse_config(text, "x.yaml")
    assert bool(config.problems) != bool(config.data) or config.data == {}
    lines = text.split("\n")
    for problem in config.problems:
        assert 1 <= problem.line <= len(lines)
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1


EXPERIMENT = (BROKEN_SITES / "traffic-falls-while-running/fixed/experiments/contact-form.yaml").read_text("utf-8")
SCRAPS = [
    "{",
    "}",
    "[",
    "]",
    ": ",
    "\n",
    "\n  ",
    "- ",
    '"',
    "'",
    "#",
    "%",
    "&a ",
    "*a",
    "!",
    "|",
    ">",
    "\t",
    "~",
    "-1",
    "<<: ",
]
EDITS = st.tuples(st.integers(0, len(EXPERIMENT)), st.sampled_from([0, 0, 1, 5, 30]), st.sampled_from(SCRAPS))


@given(st.lists(EDITS, min_size=1, max_size=4))
def test_any_edit_of_a_config_is_an_experiment_or_problems_that_point_into_it(
    edits: list[tuple[int, int, str]],
) -> None:
    text = EXPERIMENT
    for start, length, scrap in edits:
        text = text[:start] + scrap + text[start + length :]
    experiment, problems = validated(Experiment, parse_config(text, "x.yaml"))
    assert (experiment is None) == bool(problems)
    lines = text.split("\n")
    for problem in problems:
        assert 1 <= problem.line <= len(lines)
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1
