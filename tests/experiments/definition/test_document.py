"""One class says how a document is written and what its JSON Schema is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import pytest
from pydantic import Field

from experiments.definition.document import DIALECT, HIDDEN, Document, Flat, Written
from tests.experiments.cases.json_schema import misfits


@dataclass(frozen=True, slots=True)
class Inner:
    low: float | None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    this: int
    next: int


def _both(number: int) -> Pair:
    return Pair(number, number + 1)


@dataclass(frozen=True, slots=True)
class Part(Document):
    name: str
    inner: Annotated[Inner, Flat(("high",))]
    after: bool = False


@dataclass(frozen=True, slots=True)
class Whole(Document):
    """A whole."""

    part: Annotated[Part, Flat()]
    at: datetime | None
    made: Annotated[int, Written(_both), Flat()]
    secret: Annotated[Sequence[int], HIDDEN]
    count: Annotated[int, Field(serialization_alias="of")]
    parts: Mapping[str, Part]


def whole(**changes: Any) -> Whole:
    part = Part("a", Inner(1.0, 2.5))
    values = {"at": None, "made": 3, "secret": range(3), "count": 4, "parts": {"b": part}}
    return Whole(part, **(values | changes))


def test_fields_are_written_in_order_hidden_flat_or_under_another_name() -> None:
    written = whole(at=datetime(2026, 11, 22, 10, tzinfo=UTC)).to_json()
    part = {"name": "a", "high": 2.5, "after": False}
    told = part | {"at": "2026-11-22T10:00:00Z", "this": 3, "next": 4, "of": 4, "parts": {"b": part}}
    assert json.dumps(written) == json.dumps(told)


def test_the_schema_is_of_what_is_written() -> None:
    schema = Whole.json_schema()
    assert (schema["$schema"], schema["description"]) == (DIALECT, "A whole.")
    assert (
        schema["required"]
        == list(schema["properties"])
        == [*("name", "high", "after", "at", "this", "next", "of", "parts")]
    )
    assert list(schema["$defs"]) == ["Part"]
    assert misfits(whole().to_json(), schema) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"of": "4"}, "$.of is '4', not integer"),
        ({"after": 1}, "$.after is 1, not boolean"),
        ({"high": "much"}, "$.high is 'much', none of 2"),
        ({"parts": {"b": {"name": "a"}}}, "$.parts.b has ['name'], not ['name', 'high', 'after']"),
        ({"more": 1}, "$ has "),
    ],
)
def test_what_does_not_fit_is_found(change: dict[str, Any], said: str) -> None:
    (found,) = misfits(whole().to_json() | change, Whole.json_schema())
    assert found.startswith(said)
