"""Svg: makes a drawn chart part of a page: coloured by its CSS, as wide as its place, named for a screen reader."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator

from markupsafe import Markup

_SVG = "http://www.w3.org/2000/svg"
_FUNCTION = re.compile(r"url\(#([^)]+)\)")
_LONG_NUMBER = re.compile(r"(\d+\.\d)\d+")
_DROPPED = {
    "style",
    "font-family",
    "class",
    "role",
    "aria-label",
    "aria-roledescription",
    "aria-hidden",
    "pointer-events",
}


def for_page(drawn: str, paints: dict[str, str], ident: str, name: str, css: str) -> Markup:
    """The SVG element to put into a page.

    `paints`: colour in the drawing -> class suffix; that colour as fill becomes the class `fill-...`, as stroke
    `stroke-...`, and the stylesheet says what it looks like in light and dark. Any other colour but none and
    transparent raises ValueError. `ident`: prefix that keeps ids apart from those of other charts on the page.
    `name`: what a screen reader says. `css`: classes of the element. No attribute that a Content-Security-Policy
    forbids (style) is left.
    """
    ET.register_namespace("", _SVG)
    root = ET.fromstring(drawn)  # our own drawing, not a stranger's
    for element in _tree(root):
        _mend(element, paints, ident)
    width, height = root.attrib.pop("width"), root.attrib.pop("height")
    root.attrib.setdefault("viewBox", f"0 0 {width} {height}")
    root.attrib.update({"class": css, "role": "img", "aria-label": name, "focusable": "false"})
    return Markup(ET.tostring(root, encoding="unicode"))  # serialised by an XML library


def _tree(root: ET.Element) -> Iterator[ET.Element]:
    for parent in list(root.iter()):
        for child in list(parent):
            if child.get("class") == "background" or child.get("display") == "none" or child.get("d") == "":
                parent.remove(child)
    yield from root.iter()


def _mend(element: ET.Element, paints: dict[str, str], ident: str) -> None:
    classes = []
    for name in _DROPPED:
        element.attrib.pop(name, None)
    for paint in ("fill", "stroke"):
        colour = element.get(paint)
        if colour in (None, "none", "transparent"):
            continue
        if colour not in paints:
            raise ValueError(f"the drawing has {paint} {colour!r}, must be one of {', '.join(paints)}")
        del element.attrib[paint]
        classes.append(f"{paint}-{paints[colour]}")
    if classes:
        element.set("class", " ".join(classes))
    if "id" in element.attrib:
        element.set("id", ident + element.attrib["id"])
    for name, value in element.attrib.items():
        if name in ("d", "transform"):
            element.set(name, _LONG_NUMBER.sub(r"\1", value))  # a tenth of a pixel is enough
        elif "url(#" in value:
            element.set(name, _FUNCTION.sub(rf"url(#{ident}\1)", value))
