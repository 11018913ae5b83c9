"""ConfigFile: one YAML file as plain data, with the line and column of every key and value."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from experiments.definition.problem import Fault, Place, Problem, dotted, in_order
from experiments.site.yaml_errors import syntax_problem

MAX_BYTES = 256_000
MAX_DEPTH = 40

Mark = tuple[int, int]  # line and column, counted from 1

# The core schema of YAML 1.2 (section 10.3.2): what a plain scalar means.
_WORDS: dict[str, bool | None] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS |= {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_HALF = re.compile("[\ud800-\udfff]")
_PLAIN = (None, "")  # the styles of a scalar without quotes
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """What does this file say, and where? `data` is empty when `problems` is not: the file cannot be used then.

    `name` is relative to the site. `values` and `keys` hold the mark of every value and of every key.
    """

    name: str
    data: Mapping[str, Any]
    values: Mapping[Place, Mark]
    keys: Mapping[Place, Mark]
    problems: tuple[Problem, ...] = ()
    text: str = ""

    def line(self, number: int) -> str:
        """The line with this number, counted from 1, as it stands in the file."""
        lines = self.text.split("\n")
        return lines[number - 1] if number <= len(lines) else ""

    def mark(self, place: Place, on_key: bool = False) -> Mark:
        """Line and column of this place; of the nearest one around it when the file does not have it."""
        marks = self.keys if on_key else self.values
        while place and place not in marks:
            place, marks = place[:-1], self.values
        return marks.get(place, (1, 1))

    def problem(self, fault: Fault, severity: Literal["error", "warning"] = "error") -> Problem:
        """The fault as a problem of this file, named by its place."""
        line, column = self.mark(fault.place, fault.on_key)
        what = f"{dotted(fault.place)} {fault.what}".lstrip()
        return Problem(self.name, line, column, what, fault.remedy, severity)


def read_config(path: Path, name: str) -> ConfigFile:
    """The file's data and marks, or its problems: not readable, not UTF-8, not YAML, not one mapping."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        return _unusable(name, 1, 1, f"this file cannot be read: {reason}", "make it a file that this user may read")
    if len(raw) > MAX_BYTES:
        what = f"this file has {len(raw):,} bytes"
        return _unusable(name, 1, 1, what, f"a config file has at most {MAX_BYTES:,}")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = len(raw[raw.rfind(b"\n", 0, error.start) + 1 : error.start].decode("utf-8", "replace")) + 1
        what = f"byte 0x{raw[error.start]:02x} is not UTF-8"
        return _unusable(name, line, column, what, "save the file with the encoding UTF-8")
    return parse_config(text, name)


def parse_config(text: str, name: str) -> ConfigFile:
    """The same for a text."""
    reader = _YamlReader(name)
    try:
        data = reader.document(YAML(typ="safe", pure=True).parse(text))
    except _TooDeepError:
        data = None
    except MarkedYAMLError as error:
        return ConfigFile(name, {}, {}, {}, (syntax_problem(name, text, error),))
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        column = error.position - text.rfind("\n", 0, error.position)
        what = f"character U+{ord(text[error.position]):04X} is not allowed in YAML"
        return _unusable(name, line, column, what, "remove it")
    if not reader.problems and not isinstance(data, dict):
        line, column = reader.values.get((), (1, 1))
        what = "this file is empty" if data is None else "this file is not a mapping of keys to values"
        reader.problems.append(Problem(name, line, column, what, 'write lines such as "key: value"'))
    if reader.problems:
        return ConfigFile(name, {}, reader.values, reader.keys, in_order(reader.problems))
    return ConfigFile(name, data, reader.values, reader.keys, text=text)


def _unusable(name: str, line: int, column: int, what: str, remedy: str) -> ConfigFile:
    return ConfigFile(name, {}, {}, {}, (Problem(name, line, column, what, remedy),))


class _YamlReader:
    """Makes plain data of the events of ruamel.yaml's parser; where each value stands, and what is wrong, is kept."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.values: dict[Place, Mark] = {}
        self.keys: dict[Place, Mark] = {}
        self.problems: list[Problem] = []

    def document(self, events: Iterator[Event]) -> Any:
        """The data of the first document in the file, None when it is empty. A second one becomes a problem."""
        data: Any = None
        documents = 0
        for event in events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents == 2:
                    remedy = 'remove the line "---", or move what follows to a file of its own'
                    self._refuse(event, "a second document begins here", remedy)
                if event.version is not None and tuple(event.version) != (1, 2):
                    what = f"this document asks for YAML {'.'.join(map(str, event.version))}, but is read as YAML 1.2"
                    self._refuse(event, what, "remove the line before it that begins with %YAML")
            elif isinstance(event, ScalarEvent | MappingStartEvent | SequenceStartEvent | AliasEvent):
                value = self._node(event, events, ())
                data = value if documents == 1 else data
        return data

    def _node(self, event: Event, events: Iterator[Event], place: Place) -> Any:
        self.values[place] = _mark(event)
        if len(place) > MAX_DEPTH:
            self._refuse(event, f"this is nested more than {MAX_DEPTH} levels deep", "make it flatter")
            raise _TooDeepError
        if isinstance(event, AliasEvent):
            self._refuse(event, f"*{event.anchor} is an alias, which is not read here", "write the value out")
            return None
        tag = str(getattr(event, "ctag", None) or "!")
        if tag != "!":
            what = f"{tag} is a tag, which is not read here"
            self._refuse(event, what, "remove it; put text that begins with ! in quotes")
        if isinstance(event, MappingStartEvent):
            return self._mapping(events, place)
        if isinstance(event, SequenceStartEvent):
            items: list[Any] = []
            while not isinstance(item := next(events), SequenceEndEvent):
                items.append(self._node(item, events, (*place, len(items))))
            return items
        return self._scalar(event) if isinstance(event, ScalarEvent) else None

    def _mapping(self, events: Iterator[Event], place: Place) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        while not isinstance(key := next(events), MappingEndEvent):
            if not isinstance(key, ScalarEvent):
                self._refuse(key, "this key is not a plain word", 'write "key: value"; put a key with { or [ in quotes')
                self._node(key, events, (*place, "?"))
                self._node(next(events), events, (*place, "?"))
                continue
            name = key.value
            self._refuse_halves(key)
            if name == "<<" and key.style in _PLAIN:
                self._refuse(key, "<< is a merge key, which is not read here", "write the merged keys out")
            elif name in mapping:
                first = self.keys[*place, name][0]
                what = f"{dotted((*place, name))} is written twice, first in line {first}"
                self._refuse(key, what, "keep one of the two")
            else:
                self.keys[*place, name] = _mark(key)
            known = mapping.get(name)
            marks = dict(self.values) if name in mapping else None
            value = next(events)
            mapping[name] = self._node(value, events, (*place, name))
            if mapping[name] is None and not getattr(value, "value", ""):  # its own mark is that of the next line
                self.values[*place, name] = _mark(key)
            if marks is not None:  # the first of two stays the one that further messages speak of
                self.values, mapping[name] = marks, known
        return mapping

    def _scalar(self, event: ScalarEvent) -> Any:
        text: str = event.value
        self._refuse_halves(event)
        if event.style not in _PLAIN or str(event.ctag) == "!":
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INT.fullmatch(text) and len(text) < 19:
            return int(text)
        if _FLOAT.fullmatch(text):
            number = float(text)
            if number in (float("inf"), float("-inf")) or _INT.fullmatch(text):
                self._refuse(event, f"{text[:40]} is too large a number", "put it in quotes if it is meant as text")
            return number
        if _NOT_FINITE.fullmatch(text):
            self._refuse(event, f"{text} is not a number that can be used here", "write a finite number")
            return None
        return text

    def _refuse_halves(self, event: ScalarEvent) -> None:
        if _HALF.search(event.value):
            self._refuse(event, "an escape here is half a character, a surrogate", "write the character itself")

    def _refuse(self, event: Event, what: str, remedy: str) -> None:
        self.problems.append(Problem(self.name, *_mark(event), what, remedy))


class _TooDeepError(Exception):
    """Stops the reading; the problem has been noted."""


def _mark(event: Event) -> Mark:
    return event.start_mark.line + 1, event.start_mark.column + 1
