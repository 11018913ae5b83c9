"""PageChanges: what a variant's value may ask the browser snippet to do to a page, and what of it could never work.

    changes:
      - {select: "#offer", text: Book today}
      - {select: "#offer", attribute: {title: Book today, rel: null}, class: {add: [big, red], remove: small}}
      - {select: "#ad", hide: true}
      - {select: "#contact", widget: multi-step-form, options: {next: Go on}}
      - {redirect: /contact-short}

A value without the key `changes` is the site's own affair.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from experiments.definition.definition import Definition
from experiments.definition.problem import Fault, Place, nearest, one_of, seen

ACTIONS: Final = ("text", "attribute", "class", "hide", "redirect", "widget")
_KNOWN: Final = ("select", *ACTIONS, "options")
_WIDGET: Final = re.compile(r"[a-z0-9][a-z0-9-]*")
_NAME: Final = re.compile(r"[^\s]+")


def unworkable(experiment: Definition) -> Iterator[Fault]:
    """Which changes of which variants cannot be made, and when is nothing said about the moment to make them?"""
    for index, variant in enumerate(experiment.variants):
        if not isinstance(variant.value, dict) or "changes" not in variant.value:
            continue
        place = ("variants", index, "value", "changes")
        changes = variant.value["changes"]
        if not isinstance(changes, list):
            yield Fault(place, f"is {seen(changes)}, not a list", 'write [{select: "#offer", text: Book today}]')
            continue
        if changes and experiment.trigger is None:
            remedy = 'add trigger: {visible: "#offer"} with what is tested, the same for every variant'
            yield Fault(place, "are given, but no trigger says when a visitor meets them", remedy)
        for number, change in enumerate(changes):
            yield from _faults(change, (*place, number))


def _faults(change: Any, place: Place) -> Iterator[Fault]:
    if not isinstance(change, dict):
        yield Fault(place, f"is {seen(change)}, not a change", 'write {select: "#offer", text: Book today}')
        return
    for name in change:
        if name not in _KNOWN:
            meant = nearest(str(name), _KNOWN)
            remedy = f"did you mean {meant}?" if meant else f"use {one_of(_KNOWN)}"
            yield Fault((*place, name), "is not known of a change", remedy, on_key=True)
    if not any(action in change for action in ACTIONS):
        yield Fault(place, "changes nothing", f"add one of {one_of(ACTIONS)}")
    if set(change) - {"redirect"} and not _is_text(change.get("select")):
        remedy = 'write a CSS selector in quotes, such as select: "#offer"'
        yield Fault(place, "does not say which element it changes", remedy)
    for name, (what, remedy, fits) in _SHAPES.items():
        if name in change and not fits(change[name]):
            yield Fault((*place, name), f"is {seen(change[name])}, not {what}", remedy)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_redirect(value: object) -> bool:
    return isinstance(value, str) and re.match(r"(https?://|/|\?|\.)", value) is not None


def _is_attributes(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(name, str)
        and not re.match(r"on|srcdoc$", name, re.IGNORECASE)
        and isinstance(one, str | int | float | None)
        and not re.match(r"(javascript|data):", re.sub(r"[\0- ]", "", str(one)), re.IGNORECASE)
        for name, one in value.items()
    )


def _is_classes(value: object) -> bool:
    return isinstance(value, dict) and all(
        name in ("add", "remove")
        and all(
            isinstance(one, str) and _NAME.fullmatch(one) for one in (listed if isinstance(listed, list) else [listed])
        )
        for name, listed in value.items()
    )


# key -> what it must be, the remedy, and whether a value is that
_SHAPES: Final[Mapping[str, tuple[str, str, Callable[[Any], bool]]]] = {
    "text": ("a text", "put it in quotes", lambda value: isinstance(value, str)),
    "attribute": (
        "attributes with texts that bring in no script",
        "write {title: Book today}; null removes an attribute",
        _is_attributes,
    ),
    "class": ("names of classes to add or remove", "write {add: big, remove: [small, red]}", _is_classes),
    "hide": ("true", "write true, or remove it", lambda value: value is True),
    "redirect": ("an address", "write a path or an address, such as /contact-short", _is_redirect),
    "widget": (
        "the name of a widget",
        "write it in lower case, such as multi-step-form",
        lambda value: isinstance(value, str) and _WIDGET.fullmatch(value) is not None,
    ),
    "options": ("a mapping", "write {next: Go on}", lambda value: isinstance(value, dict)),
}
