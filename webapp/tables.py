"""Tables: the numbers of a result page as CSV, one file per table, unformatted: shares in [0, 1], times in UTC."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from experiments.report import Report
from experiments.segments import SegmentReport

Line = Mapping[str, object]


def as_csv(lines: Iterator[Line] | list[Line]) -> str:
    """The lines as CSV with the first one's names on top; nothing at all without lines.

    What has no number is an empty cell. A text that a spreadsheet would take for a formula gets an apostrophe.
    """
    rows = list(lines)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\r\n")
    if rows:
        writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def steps(report: Report) -> Iterator[Line]:
    """Every step and variant: counts, and the comparison with the control."""
    for step in report.steps:
        compared = {one.variant: one.to_json() for one in step.comparisons}
        counts: Any = step.to_json()["variants"]
        for key, cells in counts.items():
            row = {"step": step.step, "kind": step.kind, "grade": step.grade, "window": step.window, "variant": key}
            yield row | cells | _compared(compared.get(key, {}), *_EFFECT, "decided_at", "state", "reason")


def ladder(report: Report) -> Iterator[Line]:
    """Every rung and variant."""
    for rung in report.ladder:
        document: Any = rung.to_json()
        for key, cells in document["variants"].items():
            yield {"rung": document["rung"], "variant": key, **cells}


def decomposition(report: Report) -> Iterator[Line]:
    """Every variant's steps, and the whole under the step ""."""
    for one in report.decomposition:
        document: Any = one.to_json()
        for part in [*document["steps"], {**document, "step": "", "share": None}]:
            row = {"variant": one.variant, "versus": one.versus, "step": part["step"], "log_lift": part["log_lift"]}
            yield row | _compared(part, "relative_lift", "relative_interval", "share", "reason")


def value(report: Report) -> Iterator[Line]:
    """Every variant: what it earned, and the comparison with the control."""
    document: Any = report.value.to_json()
    compared = {one["variant"]: one for one in document["comparisons"]}
    for key, cells in document["variants"].items():
        yield {"variant": key} | cells | _compared(compared.get(key, {}), *_EFFECT, "reason")


def learned_values(report: Report) -> Iterator[Line]:
    """Every micro-conversion, pooled under the variant "" and by variant."""
    for one in report.learned_values:
        document: Any = one.to_json()
        for key, learned in {"": document["pooled"], **document["variants"]}.items():
            row = {name: document[name] for name in ("step", "kind", "declared", "badge")}
            yield row | {"variant": key} | _compared(learned, "value", "interval", "reached", "without", "reason")


def segments(report: SegmentReport) -> Iterator[Line]:
    """Every level of the attribute and variant; both arms' counts as control and variant."""
    document: Any = report.to_json()
    for one in document["comparisons"]:
        row = {"attribute": report.attribute, "kind": report.kind, **{key: one[key] for key in ("level", "step")}}
        for arm, key in (("control", one["versus"]), ("variant", one["variant"])):
            row |= {arm: key} | {f"{arm}_{name}": one[name][key] for name in ("visitors", "reached")}
            row[f"{arm}_rate"] = one["rates"][key]
        yield row | _compared(one, *_EFFECT, "stands", "reason")


TABLES: Mapping[str, Callable[[Report], Iterator[Line]]] = {
    "steps": steps,
    "ladder": ladder,
    "decomposition": decomposition,
    "value": value,
    "learned-values": learned_values,
}
_EFFECT = (
    "relative_lift",
    "relative_interval",
    "difference",
    "difference_interval",
    "p_value",
    "p_value_adjusted",
)


def _compared(document: Mapping[str, Any], *names: str) -> dict[str, object]:
    """These of the document's values; an interval becomes two columns."""
    row: dict[str, object] = {}
    for name in names:
        found = document.get(name)
        if name.endswith("interval"):
            row[f"{name}_low"], row[f"{name}_high"] = found or (None, None)
        else:
            row[name] = found
    return row


def _cell(value: object) -> object:
    return "'" + value if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
