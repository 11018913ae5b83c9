"""en.toml and the code that uses it: no key too many or too few, and every sentence gets the values that it names."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

import webapp
from webapp.words import vocabulary
from webapp.words.sentences import SENTENCES
from webapp.words.texts import TEXTS

WEBAPP = Path(webapp.__file__).parent
SOURCES = sorted(WEBAPP.rglob("*.py"))
TEMPLATES = "\n".join(path.read_text("utf-8") for path in sorted(WEBAPP.rglob("*.html")))
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
FILLS = ("say", "plain")
"""The functions and methods that fill a sentence; its key is their first argument."""


@dataclass(frozen=True)
class Use:
    """A place that fills sentences: a pattern of their keys, and the values given (None: not to be seen here)."""

    place: str
    pattern: str
    given: frozenset[str] | None

    @cached_property
    def keys(self) -> set[str]:
        """The sentences that may be meant."""
        return {key for key in SENTENCES if re.fullmatch(self.pattern, key)}


def pattern(node: ast.expr) -> str | None:
    """A pattern of the texts that an expression may be, None when it may be anything."""
    match node:
        case ast.Constant(value=str(text)):
            return re.escape(text)
        case ast.JoinedStr(values=parts):
            return "".join(pattern(part) or ".*" for part in parts)
        case ast.BinOp(left=left, op=ast.Add(), right=right) if pattern(left):
            return f"{pattern(left)}{pattern(right) or '.*'}"
        case ast.IfExp(body=body, orelse=other) if pattern(body) and pattern(other):
            return f"(?:{pattern(body)}|{pattern(other)})"
    return None


def chosen(name: str, function: ast.AST) -> str | None:
    """A pattern of the texts that a name in this function may stand for, by what is assigned to it."""
    found: list[str] = []
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                found.append(pattern(value) or ".*")
            case ast.AugAssign(target=ast.Name(id=target), value=value) if target == name:
                found = [f"{one}(?:{pattern(value) or '.*'})?" for one in found]
    return "|".join(found) or None


def uses() -> Iterator[Use]:
    """Every place in the code where a sentence is filled, if the key, or a pattern of it, stands near it."""
    for path in SOURCES:
        functions = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, FUNCTIONS)]
        for function, node in [(one, node) for one in functions for node in ast.walk(one)]:
            if not isinstance(node, ast.Call) or not node.args:
                continue
            called, key = node.func, node.args[0]
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            found = chosen(key.id, function) if isinstance(key, ast.Name) else pattern(key)
            if name in FILLS and found:
                named = [one.arg for one in node.keywords]
                given = None if None in named else frozenset(one for one in named if one)
                yield Use(f"{path.relative_to(WEBAPP)}:{node.lineno}", found, given)
    for template in re.finditer(r'\bsay\("([^"]+)"([^}"]*)', TEMPLATES):
        yield Use("templates", re.escape(template[1]), frozenset(re.findall(r", (\w+)=", template[2])))


USES = list(uses())
WRITTEN = {
    node.value
    for path in SOURCES
    for node in ast.walk(ast.parse(path.read_text("utf-8")))
    if isinstance(node, ast.Constant) and isinstance(node.value, str)
}
"""Every text in the code: a key may be chosen in one line and filled in the next."""


def fields(text: str) -> set[str]:
    """The values that a sentence names."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_the_code_is_read() -> None:
    assert len(USES) > 100
    assert any(use.place == "templates" and use.given for use in USES)


def test_what_is_said_is_in_the_file() -> None:
    assert [f"{use.place}: {use.pattern}" for use in USES if not use.keys] == []


def test_a_place_gives_every_value_that_its_sentence_names() -> None:
    for use in USES:
        if use.given is not None and ".*" not in use.pattern:
            for key in use.keys:
                assert fields(SENTENCES[key]) <= use.given, f"{use.place}: {key}"


@pytest.mark.parametrize("key", SENTENCES)
def test_a_sentence_names_no_value_that_nobody_gives(key: str) -> None:
    given = [use.given for use in USES if key in use.keys]
    if given and None not in given:
        assert fields(SENTENCES[key]) <= set().union(*(one or () for one in given))


def test_every_sentence_of_the_file_is_said_somewhere() -> None:
    said = set().union(*(use.keys for use in USES)) | (WRITTEN & set(SENTENCES))
    assert set(SENTENCES) - said == set()


def test_every_part_of_the_file_is_read() -> None:
    assert set(TEXTS) == {"sentences", "words", "glossary"}
    code = (WEBAPP / "words" / "vocabulary.py").read_text("utf-8")
    assert {name for name in TEXTS["words"] if f'"{name}"' not in code} == set()
    assert set(re.findall(r'terms\("(\w+)"\)', TEMPLATES)) == set(vocabulary.TERMS)


def test_a_meaning_that_several_labels_share_is_used_and_nothing_else_is_one_word() -> None:
    shared, meanings = TEXTS["glossary"]["shared"], set()
    for section, terms in TEXTS["glossary"].items():
        if section != "shared":
            meanings |= set(terms.values())
    assert set(shared) <= meanings
    assert {text for text in meanings if " " not in text} == set(shared), "a mistyped name of a shared meaning"


def test_no_text_has_markup() -> None:
    texts = [*SENTENCES.values(), *(text for terms in vocabulary.TERMS.values() for text in terms.values())]
    assert [text for text in texts if re.search(r"[<>&]", text)] == []
