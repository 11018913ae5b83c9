"""Does a document fit its published JSON Schema? Stricter than the standard: every name, in order, and no other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,), "null": (type(None),),
    "array": (list,), "object": (dict,),
}  # fmt: skip
FORMATS = {"date-time": datetime.fromisoformat, "date": date.fromisoformat}


def misfits(document: Any, schema: Mapping[str, Any]) -> list[str]:
    """Where does it not fit, and why? Raises KeyError for a word of JSON Schema that is not known here."""
    return list(_misfits(document, schema, schema.get("$defs", {}), "$"))


def _misfits(value: Any, schema: Mapping[str, Any], known: Mapping[str, Any], where: str) -> Iterator[str]:
    if "$ref" in schema:
        yield from _misfits(value, known[schema["$ref"].removeprefix("#/$defs/")], known, where)
        return
    if "anyOf" in schema:
        tried = [list(_misfits(value, one, known, where)) for one in schema["anyOf"]]
        if all(tried):
            yield f"{where} is {value!r}, none of {len(tried)}: {tried}"
        return
    types = TYPES[schema["type"]]
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        yield f"{where} is {value!r}, not {schema['type']}"
    elif value not in schema.get("enum", [value]) or value != schema.get("const", value):
        yield f"{where} is {value!r}, not one of {schema}"
    elif "format" in schema:
        FORMATS[schema["format"]](value)
    elif isinstance(value, list | dict):
        if "properties" in schema and not list(schema["properties"]) == schema["required"] == list(value):
            yield f"{where} has {list(value)}, not {list(schema['properties'])}"
        for name, one in value.items() if isinstance(value, dict) else enumerate(value):
            if (inner := _inner(schema, name)) and inner is not True:
                yield from _misfits(one, inner, known, f"{where}.{name}")


def _inner(schema: Mapping[str, Any], name: Any) -> Any:
    """The schema of what has this name, or this place, in an object or a list."""
    if "properties" in schema:
        return schema["properties"].get(name)
    if "prefixItems" in schema:
        return schema["prefixItems"][name]
    return schema["items"] if schema["type"] == "array" else schema["additionalProperties"]
