"""The browser's side: /yesladder.js and the widgets, minified, for pages of any origin."""

import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from experiments.definition.experiment import Experiment
from webapp.browser.minify import MINIFIED, TESTED
from webapp.services.services import services

blueprint = Blueprint("snippet", __name__)

WIDGETS: Final = frozenset(path.stem for path in MINIFIED.glob("*.js")) - {"yesladder"}
# A page shows what was served up to five minutes ago, and learns of news behind that.
_CACHE_CONTROL: Final = "public, max-age=300, stale-while-revalidate=86400"
_SCRIPT: Final = "text/javascript"
_STYLE: Final = "text/css"


@blueprint.get("/yesladder.js")
def snippet() -> Response:
    """The snippet. It carries what it may hide while it asks: the elements that running experiments change."""
    tested = sorted(set(tested_elements(services().catalog.experiments().values())))
    return _shared(snippet_source(json.dumps(tested, separators=(",", ":"))), _SCRIPT)


@blueprint.get("/widgets/<name>.js")
def widget(name: str) -> Response:
    """A widget, with its style inside: a page that allows this server's scripts needs to allow nothing else."""
    return _shared(_file(f"{_known(name)}.js"), _SCRIPT)


@blueprint.get("/widgets/<name>.css")
def widget_style(name: str) -> Response:
    """A widget's style alone, to read its variables or to load it without waiting."""
    return _shared(_file(f"{_known(name)}.css"), _STYLE)


def tested_elements(experiments: Iterable[Experiment]) -> Iterator[tuple[str, str]]:
    """Which elements may look different from one visitor to the next: (selector, path), path "" is every page."""
    for experiment in experiments:
        if experiment.status == "draft" or (experiment.status == "stopped" and not experiment.serve):
            continue
        for variant in experiment.variants:
            changes = variant.value.get("changes") if isinstance(variant.value, dict) else None
            for change in changes if isinstance(changes, list) else ():
                yield from _element(change, experiment.trigger or {})


def _element(change: object, trigger: dict[str, str]) -> Iterator[tuple[str, str]]:
    if not isinstance(change, dict):
        return
    if isinstance(change.get("select"), str):
        yield change["select"], ""
    elif "redirect" in change and "view" in trigger:
        yield "body", trigger["view"]
    elif "redirect" in change and "visible" in trigger:
        yield trigger["visible"], ""


def snippet_source(tested: str) -> str:
    """The snippet as it is served; `tested` is the JSON list of what it may hide."""
    return _file("yesladder.js").replace(TESTED, tested)


def _known(name: str) -> str:
    if name not in WIDGETS:
        raise NotFound(f"There is no widget {name!r}. Known widgets: {', '.join(sorted(WIDGETS)) or 'none'}.")
    return name


@lru_cache(maxsize=32)
def _file(name: str) -> str:
    return (MINIFIED / name).read_text("utf-8")


@lru_cache(maxsize=64)
def _packed(text: str) -> tuple[bytes, bytes, str]:
    """The text as bytes, the same compressed, and its tag."""
    plain = text.encode()
    return plain, gzip.compress(plain, 9, mtime=0), hashlib.sha256(plain).hexdigest()[:32]


def _shared(text: str, kind: str) -> Response:
    """An answer that any page may use, compressed where the browser takes that, or 304 when it has it."""
    plain, compressed, tag = _packed(text)
    takes_gzip = request.accept_encodings.quality("gzip") > 0
    response = Response(compressed if takes_gzip else plain, content_type=f"{kind}; charset=utf-8")
    if takes_gzip:
        response.headers["Content-Encoding"] = "gzip"
    response.set_etag(f"{tag}-gzip" if takes_gzip else tag)
    response.headers["Cache-Control"] = _CACHE_CONTROL
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.headers["Timing-Allow-Origin"] = "*"
    response.vary.add("Accept-Encoding")
    response.make_conditional(request)
    return response
