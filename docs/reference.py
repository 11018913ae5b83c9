"""The tables of docs/reference, made from the code: every key, setting, command, route, table and call has its row.

    python docs/reference.py [--check]

A page says where a table stands: from `<!-- made: NAME -->` to `<!-- end -->`. Names, values and defaults come from the
code, meanings from reference.toml (of commands: from their help). A name without a meaning, or a meaning without a
name, is an error. With --check nothing is written, and pages that would change end it with exit code 1.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

import click
import sqlite_utils
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from werkzeug.routing import Rule

from experiments.audit.readout import Readout
from experiments.definition.decision_record import DecisionRecord
from experiments.definition.definition import Analysis, Audience, Exclusive, Guardrail, Step, Variant
from experiments.definition.experiment import Experiment
from experiments.definition.fields import MOMENTS
from experiments.definition.page_changes import _KNOWN as CHANGE_KEYS
from experiments.definition.quantity import read_share, write_duration, write_share
from experiments.site.site import Settings, Staff
from experiments.store.sqlite.schema import SCHEMA
from webapp.cli import COMMANDS, main
from webapp.pages.experiment.csv_tables import TABLES as CSV_TABLES
from webapp.server.app import create_app

DOCS: Final = Path(__file__).parent
BROWSER: Final = DOCS.parent / "webapp" / "browser"
MEANINGS: Final[Mapping[str, Any]] = tomllib.loads((DOCS / "reference.toml").read_text("utf-8"))
MADE: Final = re.compile(r"(<!-- made: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def rows(names: Iterable[str], section: str, meanings: Mapping[str, Any] | None = None) -> list[tuple[str, Any]]:
    """Each name with its meaning, in the order of the code. Raises ValueError where one has no other."""
    known = MEANINGS[section] if meanings is None else meanings
    listed = list(names)
    if missing := [name for name in listed if name not in known]:
        raise ValueError(f"docs/reference.toml: [{section}] does not say what {', '.join(missing)} mean")
    if gone := [name for name in known if name not in listed]:
        raise ValueError(f"docs/reference.toml: [{section}] has {', '.join(gone)}, which the code does not know")
    return [(name, known[name]) for name in listed]


def table(head: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    """A table in Markdown."""
    columns = list(head)
    written = [columns, ["---"] * len(columns), *lines]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in written)


def model(section: str, of: type[BaseModel], but: type[BaseModel] | None = None) -> str:
    """Every key of a model: what it may be, what it means, its default. `but`: without the keys of that one."""
    fields = {name: field for name, field in of.model_fields.items() if not but or name not in but.model_fields}
    lines = []
    for name, meaning in rows(fields, section):
        said, default = (meaning["is"], meaning["default"]) if isinstance(meaning, dict) else (meaning, None)
        values = literals(fields[name].annotation)
        choice = f"{listing(f'`{value}`' for value in values)}; " if values else ""
        if fields[name].is_required():
            default = "required"
        lines.append((f"`{name}`", choice + said, default or written(fields[name])))
    return table(("key", "meaning", "default"), lines)


def literals(annotation: Any) -> list[str]:
    """The texts that a field may be; none when it may be any."""
    if get_origin(annotation) is Literal:
        return [str(one) for one in get_args(annotation)]
    return [value for inner in get_args(annotation) for value in literals(inner) if inner is not type(None)]


def listing(words: Iterable[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def written(field: FieldInfo) -> str:
    """A default as people write it in the file."""
    default = field.get_default(call_default_factory=True)
    if default in (None, (), {}, ""):
        return "none"
    if isinstance(default, timedelta):
        return write_duration(default)
    if any(getattr(one, "func", None) is read_share for one in field.metadata):
        return write_share(default)
    return f"{default:g}" if isinstance(default, float) else str(default)


def known_commands() -> dict[str, click.Command]:
    """Every command by its name."""
    context = click.Context(main)
    return {name: command for name in COMMANDS if (command := main.get_command(context, name))}


def commands() -> str:
    """Every command: how it is called, its help, its options."""
    return "\n".join(_command(name, command) for name, command in known_commands().items())


def _command(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=f"yesladder {name}")
    usage = " ".join(("yesladder", name, *command.collect_usage_pieces(context)))
    text = f"## {name}\n\n```text\n{usage}\n```\n\n{_help(command.help or '')}\n"
    options = [one for one in command.params if isinstance(one, click.Option) and not one.hidden]
    if not options:
        return text
    lines = []
    for option in options:
        called = ", ".join(f"`{one}`" for one in (*option.opts, *option.secondary_opts))
        value = "" if option.is_flag else f" {_metavar(option, context)}"
        shown = option.default if isinstance(option.default, str | int | float) and option.default != "" else None
        default = "" if option.is_flag or shown is None else f"`{shown}`"
        lines.append((called + value, option.help or "", default))
    return f"{text}\n{table(('option', 'meaning', 'default'), lines)}"


def _metavar(option: click.Option, context: click.Context) -> str:
    """What an option takes: "INTEGER RANGE" is a number to whoever types it."""
    return re.sub(r"(INTEGER|FLOAT)( RANGE)?", "NUMBER", option.make_metavar(context))


def _help(text: str) -> str:
    """A command's help as paragraphs; what click leaves as it is (after a backspace) is a block."""
    blocks = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(f"```text{one[1:]}\n```" if one.startswith("\b") else one for one in blocks)


def routes(section: str) -> str:
    """The routes of one section, as clients write them."""
    rules = _rules()
    known = [rule for part in MEANINGS["routes"].values() for rule in part]
    rows(rules, "routes", dict.fromkeys(known, ""))
    lines = []
    for rule, meaning in MEANINGS["routes"][section].items():
        said = meaning.replace("{tables}", ", ".join(f"`{one}`" for one in CSV_TABLES))
        lines.append((", ".join(f"`{one} {address(rule)}`" for one in sorted(rules[rule])) + _calls(rules[rule]), said))
    return table(("route", "answers"), lines)


def _rules() -> dict[str, dict[str, Rule]]:
    """Each rule of the application, without its converters, and by its methods what Flask knows of it."""
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder)
        (site / "yesladder.yaml").write_text("write_key: abc\n", "utf-8")
        (site / "experiments").mkdir()
        found: list[Rule] = list(create_app(site, demo_site=True).url_map.iter_rules())
    rules: dict[str, dict[str, Rule]] = {}
    for rule in found:
        methods = ", ".join(sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}))
        rules.setdefault(plain(rule.rule), {})[methods] = rule
    return rules


def plain(rule: str) -> str:
    """`/visitor/<path:visitor>` as `/visitor/<visitor>`."""
    return re.sub(r"<[^<>]*:(\w+)>", r"<\1>", rule)


def address(rule: str) -> str:
    """`/results/<key>` as `/results/{experiment}`."""
    return re.sub(r"<(\w+)>", r"{\1}", plain(rule)).replace("{key}", "{experiment}").replace("{filename}", "{file}")


def _calls(rules: Mapping[str, Rule]) -> str:
    """The words that may stand in a rule, long ones first."""
    named = re.search(r"any\(([^)]*)\)", "".join(rule.rule for rule in rules.values()))
    words = sorted(named[1].split(","), key=lambda one: len(one) == 1) if named else []
    return f", call: {', '.join(f'`{one.strip()}`' for one in words)}" if words else ""


def tables(views: bool) -> str:
    """Every table (or view) of the database, with its columns; its key is in bold."""
    database = sqlite_utils.Database(memory=True)
    SCHEMA.apply(database)
    found = database.view_names() if views else [one for one in database.table_names() if not one.startswith("_")]
    lines = []
    for name, meaning in rows(sorted(found), "views" if views else "tables"):
        columns = database[name].columns
        lines.append((f"`{name}`", meaning, ", ".join(f"**{one.name}**" if one.is_pk else one.name for one in columns)))
    return table(("view" if views else "table", "holds", "columns"), lines)


def results() -> str:
    """Every part of the results document with its names, from its JSON Schema."""
    schema = Readout.json_schema()
    parts = {"Readout": schema, **schema["$defs"]}
    order = _parts_in_order(schema, parts)
    known, used, tables_of = MEANINGS["results"], set(), []
    for part, title in rows(order, "parts"):
        lines = []
        for name, one in parts[part]["properties"].items():
            key = f"{part}.{name}" if f"{part}.{name}" in known else name
            used.add(key)
            lines.append((f"`{name}`", kind(one), known.get(key, "")))
        tables_of.append(f"### {title}\n\n{table(('name', 'is', 'meaning'), lines)}")
    rows(sorted(used), "results")
    return "\n".join(tables_of)


def _parts_in_order(schema: Mapping[str, Any], parts: Mapping[str, Any]) -> list[str]:
    """The parts in the order in which the document comes to them."""
    order = ["Readout"]
    for name in order:  # grows while it is walked
        found = re.findall(r"#/\$defs/(\w+)", json.dumps(parts[name]["properties"]))
        order += [one for one in dict.fromkeys(found) if one not in order]
    return order


_KINDS: Final = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "null": "null",
    "array": "list",
    "object": "object, by name",
    "date-time": "moment",
    "date": "day",
}


def kind(schema: Mapping[str, Any]) -> str:
    """What a value of the document is, in words."""
    if "anyOf" in schema:
        return listing(kind(one) for one in schema["anyOf"])
    if values := schema.get("enum", [schema["const"]] if "const" in schema else []):
        return listing(f"`{one}`" for one in values)
    if "prefixItems" in schema:
        return "[low, high]"
    return "object" if "$ref" in schema else _KINDS[schema.get("format", schema["type"])]


def script(part: str) -> str:
    """The readable source of a part of the snippet."""
    return (BROWSER / "snippet" / f"{part}.js").read_text("utf-8")


def moments() -> str:
    """Moments of triggers and steps, each with the attribute that says the same on the page."""
    lines = [(f"`{name}`", f'`data-yes-{name}="event"`', said) for name, said in rows(MOMENTS, "moments")]
    return table(("moment", "attribute on the page", "when"), lines)


def page_attributes() -> str:
    lines = [(f"`{name}`", said) for name, said in rows(["data-yes-properties"], "page-attributes")]
    return table(("attribute", "meaning"), lines)


def tag() -> str:
    """What the script tag may say: whatever a part of the snippet reads off it."""
    sources = "".join(path.read_text("utf-8") for path in sorted((BROWSER / "snippet").glob("*.js")))
    read = dict.fromkeys(re.findall(r"\btag\.dataset\.(\w+)", sources))
    names = ["data-" + re.sub("[A-Z]", lambda one: f"-{one[0].lower()}", name) for name in read]
    return table(("attribute", "meaning"), [(f"`{name}`", said) for name, said in rows(names, "tag")])


def calls() -> str:
    """What a page's scripts may call: the members of the interface."""
    interface = re.search(r"const api = \{\n(.*?)\n\};", script("interface"), re.DOTALL)
    assert interface, "webapp/browser/snippet/interface.js has no `const api = {...}`"
    names = re.findall(r"^  (\w+)[(:,]", interface[1], re.MULTILINE)
    return table(("call", "meaning"), [(f"`{name}`", said) for name, said in rows(names, "calls")])


def changes() -> str:
    return table(("key", "does"), [(f"`{name}`", said) for name, said in rows(CHANGE_KEYS, "changes")])


def widgets() -> str:
    """Each widget with its options and their defaults, as its script has them."""
    lines = []
    sources = {path.stem: path.read_text("utf-8") for path in sorted((BROWSER / "widgets").glob("*.js"))}
    for name, said in rows(sources, "widgets"):
        options = re.search(r"Object\.assign\(\{ (.*?) \}, options\)", sources[name])
        assert options, f"webapp/browser/widgets/{name}.js has no `Object.assign({{...}}, options)`"
        pairs = re.findall(r'(\w+): ("[^"]*"|\d+)', options[1])
        defaults = ", ".join(f"`{key}` ({json_or_words(value)})" for key, value in pairs)
        lines.append((f"`{name}`", said, defaults))
    return table(("widget", "`select`", "options (default)"), lines)


def json_or_words(value: str) -> str:
    return value.strip('"') or "the link's text"


MAKERS: Final[Mapping[str, Callable[[], str]]] = {
    "experiment": lambda: model("experiment", Experiment),
    "variant": lambda: model("variant", Variant),
    "step": lambda: model("step", Step),
    "guardrail": lambda: model("guardrail", Guardrail, but=Step),
    "audience": lambda: model("audience", Audience),
    "exclusive": lambda: model("exclusive", Exclusive),
    "analysis": lambda: model("analysis", Analysis),
    "decision": lambda: model("decision", DecisionRecord),
    "settings": lambda: model("settings", Settings),
    "staff": lambda: model("staff", Staff),
    "commands": commands,
    **{f"routes-{section}": lambda section=section: routes(section) for section in MEANINGS["routes"]},
    "tables": lambda: tables(views=False),
    "views": lambda: tables(views=True),
    "results": results,
    "moments": moments,
    "page-attributes": page_attributes,
    "tag": tag,
    "calls": calls,
    "changes": changes,
    "widgets": widgets,
}


def made(page: str) -> str:
    """This page with its tables as the code has them now."""
    return MADE.sub(lambda found: found[1] + MAKERS[found[2]]() + found[3], page)


def pages() -> Mapping[Path, str]:
    """Every page that has tables, as it should be. Raises ValueError when a table stands in no page, or in two."""
    texts = {path: path.read_text("utf-8") for path in sorted((DOCS / "reference").glob("*.md"))}
    placed = [found[2] for text in texts.values() for found in MADE.finditer(text)]
    if sorted(placed) != sorted(MAKERS):
        raise ValueError(
            f"pages of docs/reference have the tables {sorted(placed)}, must be once each {sorted(MAKERS)}"
        )
    return {path: made(text) for path, text in texts.items()}


if __name__ == "__main__":
    changed = {path: text for path, text in pages().items() if text != path.read_text("utf-8")}
    if "--check" in sys.argv[1:] and changed:
        sys.exit(f"make reference would change {', '.join(path.name for path in changed)}")
    for path, text in changed.items():
        path.write_text(text, "utf-8")
