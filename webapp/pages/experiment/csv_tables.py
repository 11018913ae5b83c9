"""CSV tables: the numbers of a result page as CSV, one file per table, unformatted: shares in [0, 1], times in UTC."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from experiments.audit.readout import Readout
from experiments.definition.quantity import iso
from experiments.reporting.report import Report
from experiments.reporting.segments import SegmentReport
from experiments.reporting.step_report import StepReport

CsvRow = Mapping[str, object]


def as_csv(lines: Iterator[CsvRow] | list[CsvRow]) -> str:
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


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page shows: the figures of a phase, and the step that it shows over time."""

    figures: Readout
    step: StepReport

    @property
    def report(self) -> Report:
        """The report among the figures."""
        return self.figures.report


def goal(shown: Shown) -> Iterator[CsvRow]:
    """Every variant: everybody who came, and what became of them at the goal."""
    macro = shown.report.macro
    for key, one in macro.variants.items():
        counts = {"visitors": one.visitors, "reached": one.reached, "rate": one.rate, "immature": one.immature}
        yield {"variant": key, "step": macro.step, "exposed": shown.report.exposed[key]} | counts


def steps(shown: Shown) -> Iterator[CsvRow]:
    """Every step and variant: counts, and the comparison with the control."""
    for step in shown.report.steps:
        compared = {one.variant: one.to_json() for one in step.comparisons}
        counts: Any = step.to_json()["variants"]
        for key, cells in counts.items():
            row = {"step": step.step, "kind": step.kind, "grade": step.grade, "window": step.window, "variant": key}
            row |= cells | {"immature_reached": step.variants[key].immature_reached}
            yield row | _compared(compared.get(key, {}), *_EFFECT, "decided_at", "state", "reason")


def funnel(shown: Shown) -> Iterator[CsvRow]:
    """Every step of the path and variant: who got there, who was lost before it. Description, no test."""
    for k, step in enumerate(shown.report.experiment.path):
        for key, one in shown.figures.funnels.items():
            row = {"step": step.step, "variant": key, "visitors": one.visitors, "reached": one.reached[k]}
            yield row | {"lost_before": one.lost(k), "share_of_step_before": one.rate_of_previous(k)}


def guardrails(shown: Shown) -> Iterator[CsvRow]:
    """Every guardrail and compared variant; the margin is relative, as the config has it."""
    config = {one.step: one for one in shown.report.experiment.guardrails}
    for step in shown.report.steps:
        for one in step.comparisons if step.step in config else ():
            row = {"step": step.step, "harm": config[step.step].harm, "margin": config[step.step].margin}
            names = ("relative_lift", "relative_interval", "p_value", "decided_at", "state", "reason")
            yield row | {"variant": one.variant, "versus": one.versus} | _compared(one.to_json(), *names)


def over_time(shown: Shown) -> Iterator[CsvRow]:
    """Every look at the step that is shown over time, with the running interval and the running p-value."""
    for one in shown.step.comparisons:
        for look in one.looks:
            row = {"step": shown.step.step, "variant": one.variant, "versus": one.versus}
            names = ("relative_lift", "relative_interval", "difference", "difference_interval", "p_value")
            found = {name: getattr(look.effect, name) for name in names}
            yield row | {"at": iso(look.at), "visitors": look.visitors} | _compared(found, *names)


def ladder(shown: Shown) -> Iterator[CsvRow]:
    """Every rung and variant."""
    for rung in shown.report.ladder:
        document: Any = rung.to_json()
        for key, cells in document["variants"].items():
            yield {"rung": document["rung"], "variant": key, **cells}


def decomposition(shown: Shown) -> Iterator[CsvRow]:
    """Every variant's steps, and the whole under the step ""."""
    for one in shown.report.decomposition:
        document: Any = one.to_json()
        for part in [*document["steps"], {**document, "step": "", "share": None}]:
            row = {"variant": one.variant, "versus": one.versus, "step": part["step"], "log_lift": part["log_lift"]}
            yield row | _compared(part, "relative_lift", "relative_interval", "share", "reason")


def value(shown: Shown) -> Iterator[CsvRow]:
    """Every variant: what it earned, and the comparison with the control."""
    document: Any = shown.report.value.to_json()
    compared = {one["variant"]: one for one in document["comparisons"]}
    for key, cells in document["variants"].items():
        yield {"variant": key} | cells | _compared(compared.get(key, {}), *_EFFECT, "reason")


def learned_values(shown: Shown) -> Iterator[CsvRow]:
    """Every micro-conversion, pooled under the variant "" and by variant."""
    for one in shown.report.learned_values:
        document: Any = one.to_json()
        for key, learned in {"": document["pooled"], **document["variants"]}.items():
            row = {name: document[name] for name in ("step", "kind", "declared", "badge")}
            yield row | {"variant": key} | _compared(learned, "value", "interval", "reached", "without", "reason")


def decisions(shown: Shown) -> Iterator[CsvRow]:
    """Every line of the decision log."""
    for entry in shown.figures.decisions:
        document = entry.to_json()
        yield _compared(document, *document)


def divisions(shown: Shown) -> Iterator[CsvRow]:
    """Every variant's part of the visitors, planned and actual, before anybody is left out."""
    ratio, total = shown.report.sample_ratio, sum(shown.report.exposed.values())
    whole = sum(ratio.expected.values())
    for key, seen in shown.report.exposed.items():
        row = {"variant": key, "visitors": seen, "planned_share": ratio.expected[key] / whole}
        yield row | {"actual_share": seen / total if total else None, "p_value": ratio.p_value, "alarm": ratio.alarm}


def ledger(shown: Shown) -> Iterator[CsvRow]:
    """Every reason for which visitors or events were left out or marked, by variant ("" where there is none)."""
    for reason, counts in shown.report.ledger.items():
        for key, number in counts.items():
            yield {"reason": reason, "variant": key, "count": number}


def segments(report: SegmentReport) -> Iterator[CsvRow]:
    """Every level of the attribute and variant; both arms' counts as control and variant."""
    document: Any = report.to_json()
    for one in document["comparisons"]:
        row = {"attribute": report.attribute, "kind": report.kind, **{key: one[key] for key in ("level", "step")}}
        for arm, key in (("control", one["versus"]), ("variant", one["variant"])):
            row |= {arm: key} | {f"{arm}_{name}": one[name][key] for name in ("visitors", "reached")}
            row[f"{arm}_rate"] = one["rates"][key]
        yield row | _compared(one, *_EFFECT, "stands", "reason")


TABLES: Mapping[str, Callable[[Shown], Iterator[CsvRow]]] = {
    "goal": goal,
    "steps": steps,
    "funnel": funnel,
    "guardrails": guardrails,
    "ladder": ladder,
    "decomposition": decomposition,
    "over-time": over_time,
    "value": value,
    "learned-values": learned_values,
    "decisions": decisions,
    "divisions": divisions,
    "ledger": ledger,
}
_EFFECT = ("relative_lift", "relative_interval", "difference", "difference_interval", "p_value", "p_value_adjusted")


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
