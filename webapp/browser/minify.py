"""minify: from the readable sources to what is served, by `make snippet`; a test holds the two against each other."""

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
MINIFIED: Final = HERE / "minified"
PARTS: Final = ("tag", "visitor", "outbox", "curtain", "changes", "assignment", "moments", "interface")
TESTED: Final = '"TESTED"'  # stands where the server writes the list of tested elements


def minified() -> Mapping[str, str]:
    """File name -> minified text, of the snippet and of every widget. Needs the minifier of the dev dependencies."""
    parts = "\n".join((HERE / "snippet" / f"{part}.js").read_text("utf-8") for part in PARTS)
    # the last catch: where the browser lacks something that we need, the page goes on without us
    files = {"yesladder.js": _small(f'(function (tested) {{ "use strict"; try {{ {parts} }} catch {{}} }})({TESTED});')}
    for script in sorted((HERE / "widgets").glob("*.js")):
        style = script.with_suffix(".css")
        files[style.name] = _small(style.read_text("utf-8"), "text/css")
        # with its style inside: a page that allows this server's scripts needs to allow nothing else
        files[script.name] = f"yesladder.style({json.dumps(files[style.name])});{_small(script.read_text('utf-8'))}"
    return files


def _small(source: str, kind: str = "text/javascript") -> str:
    return str(importlib.import_module("minify").string(kind, source))


if __name__ == "__main__":
    MINIFIED.mkdir(exist_ok=True)
    for name, text in minified().items():
        (MINIFIED / name).write_text(text, "utf-8")
