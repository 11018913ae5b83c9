"""Document: a value as programs get it in JSON. The fields of its class say both its shape and its JSON Schema.

A field is written under its own name, in the order of the class, unless its annotation says otherwise:

- `HIDDEN`: it is not written;
- `Flat()`: its own fields stand in its place;
- `Written(function)`: what the function makes of it is written, with the schema of its return type;
- `Field(serialization_alias=...)` of pydantic: it is written under another name.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, get_type_hints

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema
from pydantic_core.core_schema import (
    SerializerFunctionWrapHandler,
    any_schema,
    plain_serializer_function_ser_schema,
    wrap_serializer_function_ser_schema,
)

from experiments.definition.experiment import Experiment

DIALECT = "https://json-schema.org/draft/2020-12/schema"
HIDDEN = Field(exclude=True)
_FLAT = "flat"  # the mark in a schema under way


@dataclass(frozen=True)
class Flat:
    """Marks a field whose own fields stand in its place: those with these names, or all without names."""

    names: tuple[str, ...] = ()

    def of(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Those of the fields that are written."""
        return {name: value for name, value in fields.items() if not self.names or name in self.names}


@dataclass(frozen=True)
class Written:
    """Marks a field of which a document has what this function makes of it: a `kind`, else what its annotation says."""

    function: Callable[[Any], Any]
    kind: Any = None

    def __get_pydantic_core_schema__(self, _source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        kind = handler.generate_schema(self.kind or get_type_hints(self.function)["return"])
        return any_schema(serialization=plain_serializer_function_ser_schema(self.function, return_schema=kind))


class Document:
    """What a frozen dataclass inherits in order to be a document, or a part of one."""

    __slots__ = ()

    def to_json(self) -> dict[str, Any]:
        """The document: dictionaries, lists, texts, numbers, booleans and None; moments are texts in ISO 8601."""
        found: dict[str, Any] = _adapter(type(self)).dump_python(self, mode="json", by_alias=True)
        return found

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """The JSON Schema of what `to_json` gives. Every name is always there; what has no number is null."""
        return {"$schema": DIALECT, **_unfolded(_adapter(cls).json_schema(mode="serialization"))}

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema, flat = handler(source), _flat(cls)

        def flattened(value: Any, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
            written: dict[str, Any] = {}
            for name, one in write(value).items():
                written |= flat[name].of(one) if name in flat else {name: one}
            return written

        if flat:
            resolved: Any = handler.resolve_ref_schema(schema)
            resolved["serialization"] = wrap_serializer_function_ser_schema(flattened)
        return schema

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        found = handler(schema)
        properties = handler.resolve_ref_schema(found)["properties"]
        for name, mark in _flat(cls).items():
            properties[name][_FLAT] = mark
        return found


def _unfolded(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with the fields of what is flat in its place, every name required, and no definition left over."""
    definitions = schema.get("$defs", {})

    def unfold(document: dict[str, Any]) -> dict[str, Any]:
        properties: dict[str, Any] = {}
        for name, one in document["properties"].items():
            mark = one.pop(_FLAT, None)
            one.pop("default", None)
            inner = definitions[one["$ref"].rpartition("/")[2]] if mark and "$ref" in one else one
            properties |= mark.of(unfold(inner)) if mark else {name: one}
        document |= {"properties": properties, "required": list(properties)}
        return properties

    for document in (schema, *definitions.values()):
        if "properties" in document:
            unfold(document)
    while unused := [name for name in definitions if f'"#/$defs/{name}"' not in json.dumps(schema)]:
        for name in unused:
            del definitions[name]
    return schema


@dataclass(frozen=True, slots=True)
class PhaseName:
    """Which phase of which experiment a document is about."""

    experiment: str
    phase: int


Hundredths = Annotated[int, Written(lambda hundredths: hundredths / 100, float)]
"""An amount of money in hundredths of the currency unit, written in whole units."""

NamedPhase = Annotated[Experiment, Written(lambda phase: PhaseName(phase.key, phase.phase), PhaseName), Flat()]
"""A phase that its document tells by its key and number."""


_adapters: dict[type, TypeAdapter[Any]] = {}  # takes some milliseconds to make, so it is made when it is first needed


def _adapter(document: type) -> TypeAdapter[Any]:
    if document not in _adapters:
        _adapters[document] = TypeAdapter(document)
    return _adapters[document]


def _flat(document: type) -> Mapping[str, Flat]:
    hints = get_type_hints(document, include_extras=True)
    marks = {name: getattr(hint, "__metadata__", ()) for name, hint in hints.items()}
    return {name: mark for name, found in marks.items() for mark in found if isinstance(mark, Flat)}
