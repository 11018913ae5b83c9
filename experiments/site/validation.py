"""Validation: pydantic's errors as problems of a config file, in words a marketer understands."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from experiments.definition.problem import Fault, Place, Problem, in_order, nearest, one_of, seen
from experiments.site.config_file import ConfigFile

Model = TypeVar("Model", bound=BaseModel)

_LIST = ("a list", 'write a list: [first, second], or one line beginning with "- " for each')
_MAPPING = ("a mapping", 'write lines such as "key: value", or {key: value}')
_OUGHT = {
    "string_type": ("a text", "write a text; put a number or true and false in quotes"),
    "int_type": ("a whole number", "write a whole number without quotes, such as 1"),
    "float_type": ("a number", "write a number without quotes, such as 50"),
    "bool_type": ("true or false", "write true or false"),
    **dict.fromkeys(("list_type", "tuple_type"), _LIST),
    **dict.fromkeys(("dict_type", "model_type"), _MAPPING),
    "string_too_short": ("a text with something in it", "write at least one character"),
}


def validated(model: type[Model], config: ConfigFile) -> tuple[Model | None, tuple[Problem, ...]]:
    """The config file's data as this model, or None and everything that is wrong with it, in the order of the file."""
    if config.problems:
        return None, config.problems
    problems = [config.problem(fault) for fault in _empty(config, config.data, ())]
    try:
        value = model.model_validate(config.data)
    except ValidationError as error:
        told = {(problem.line, problem.column) for problem in problems}
        found = [config.problem(fault) for fault in faults(model, error)]
        problems += [
            problem for problem in found if (problem.line, problem.column) not in told or "missing" in problem.what
        ]
    if problems:
        return None, in_order(problems)
    return value, ()


def faults(model: type[BaseModel], error: ValidationError) -> Iterator[Fault]:
    """Each of pydantic's errors as a fault: place, what, remedy."""
    for detail in error.errors(include_url=False):
        place = tuple(detail["loc"])
        for fault in _explained(model, place, detail):
            yield Fault((*place, *fault.place), fault.what, fault.remedy, fault.on_key)


def _explained(model: type[BaseModel], place: Place, detail: ErrorDetails) -> Iterator[Fault]:
    kind, value, context = detail["type"], detail["input"], detail.get("ctx", {})
    if kind == "refused":
        yield from context["faults"]
    elif kind == "missing":
        yield Fault((), "is missing", f"add {_example(str(place[-1]))}")
    elif kind == "extra_forbidden":
        known = _known(model, place[:-1])
        meant = nearest(str(place[-1]), known)
        remedy = f"did you mean {meant}?" if meant else f"remove it; known here: {', '.join(known)}"
        yield Fault((), "is not a known key", remedy, on_key=True)
    elif kind == "literal_error":
        choices = re.findall(r"'([^']*)'|(\d+)", context["expected"])
        words = [text or number for text, number in choices]
        meant = nearest(str(value), words) if isinstance(value, str) else None
        hint = f"did you mean {meant}?" if meant else f"write {one_of(words)}"
        if value in words:
            hint = f"write {value} without quotes"
        yield Fault((), f"is {seen(value)}, not {one_of(words)}", hint)
    elif kind in _OUGHT:
        ought, remedy = _OUGHT[kind]
        yield Fault((), f"is {seen(value)}, not {ought}", remedy)
    elif kind == "too_short":
        least = context["min_length"]
        if len(value) >= least:  # pydantic counts only the good items; the bad ones have been named
            return
        yield Fault((), f"is {seen(value)}", f"list {_LISTS.get(place, f'at least {least}')}")
    elif bounds := [(word, context[name]) for name, word in _BOUNDS if name in context]:
        word, bound = bounds[0]
        yield Fault((), f"is {seen(value)}, must be {word} {bound:g}", f"write a number that is {word} {bound:g}")
    else:
        yield Fault((), f"is {seen(value)}: {detail['msg']}", "write it as docs/reference says")


_BOUNDS = (("gt", "above"), ("ge", "at least"), ("lt", "below"), ("le", "at most"))
_LISTS: dict[Place, str] = {
    ("variants",): "the control and at least one more",
    ("path",): "the milestones, the macro-conversion last",
}
_EXAMPLES = {
    "key": "key: contact-form",
    "name": 'name: "Multi-step vs single form"',
    "status": "status: draft",
    "variants": "variants: with a key and a weight for each, the control first",
    "path": "path: with a step and its event for each milestone, the macro-conversion last",
    "window": 'window: "7 days"',
    "weight": "weight: 50",
    "step": "step: form-started",
    "event": "event: form_started",
    "harm": "harm: more (or less: in which direction it hurts)",
    "margin": "margin: 10%",
    "layer": "layer: forms",
    "slice": "slice: [0%, 50%]",
    "write_key": "write_key: followed by a text of your own with at least 16 characters",
}


def _example(key: str) -> str:
    return f"the line {_EXAMPLES[key]}" if key in _EXAMPLES else f"the key {key}"


def _empty(config: ConfigFile, value: Any, place: Place) -> Iterator[Fault]:
    """Keys with nothing behind them; only a variant's `value` may say null."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key != "value" or place[:1] != ("variants",):
                yield from _empty(config, inner, (*place, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _empty(config, inner, (*place, index))
    elif value is None:
        line = config.line(config.mark(place)[0])
        if re.search(r"[:,\[{-]\s+#\S", line):
            yield Fault(place, "is empty, because # begins a comment", 'put it in quotes, such as "#contact"')
        else:
            yield Fault(place, "is empty", "write a value, or remove the line")


def _known(model: type[BaseModel], place: Place) -> list[str]:
    """The keys that the model at this place has."""
    for part in place:
        if isinstance(part, str) and part in model.model_fields:
            model = next(_models(model.model_fields[part].annotation), model)
    return list(model.model_fields)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
