"""Hand-made reports in every state, and an app that shows them without a store."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient

from experiments.audit.decision_log import Entry
from experiments.audit.readout import Decided, Readout
from experiments.definition.experiment import Experiment
from experiments.definition.problem import Problem
from experiments.events.cohort import sealed_days
from experiments.planning.baseline import Measurement
from experiments.reporting.commitment_ladder import ladder
from experiments.reporting.comparison import NOTHING_KNOWN, Comparison, Effect, Look
from experiments.reporting.funnel import Funnel
from experiments.reporting.learned_values import learned_values
from experiments.reporting.lift_decomposition import decomposition
from experiments.reporting.report import Report
from experiments.reporting.sample_ratio import SampleRatio
from experiments.reporting.step_report import StepReport, VariantReach
from experiments.reporting.value_per_visitor import value_report
from experiments.site.catalog import Catalog
from stats.tables.patterns import PatternTable
from stats.tables.reach import Exposed, ReachTable, StepReach
from webapp.pages import live, preview
from webapp.pages.experiment import result_routes as results
from webapp.pages.home import home
from webapp.pages.page import prepare
from webapp.pages.plan import plan_routes as plan_page
from webapp.pages.report_cache import Reports
from webapp.pages.time_to_convert import time_to_convert_routes as time_to_convert_page
from webapp.services import access
from webapp.services.errors import register_errors
from webapp.services.services import Services
from webapp.wire.exchange import CONTENT_SECURITY_POLICY

START = datetime(2026, 11, 1, 9, tzinfo=UTC)
NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def experiment(key: str = "contact-form", n_variants: int = 2, n_steps: int = 4, **changes: Any) -> Experiment:
    """A running phase with so many variants and milestones."""
    names = ["single", "multi-step", "pop-up", "quiz", "video", "calculator", "poll", "a-long-name-" + "x" * 48]
    grades = {"form-seen": 1, "form-started": 2, "email-given": 3} | {f"question-{k}": 2 for k in range(1, 13)}
    path = [
        {"step": name, "event": name.replace("-", "_"), "grade": grade, "window": "1 hour"}
        for name, grade in grades.items()
    ][: n_steps - 1]
    values = {
        "key": key,
        "name": "Multi-step vs single contact form",
        "hypothesis": "One easy question first makes more visitors finish the form.",
        "status": "running",
        "started_at": START,
        "variants": [{"key": name, "weight": 50.0} for name in names[:n_variants]],
        "path": [*path, {"step": "job-booked", "event": "job_booked", "value": "price", "grade": 3}],
        "secondary": [{"step": "testimonials-read", "event": "testimonials_viewed", "grade": 1}],
        "window": "7 days",
    }
    return Experiment.model_validate(values | changes)


def looks(lift: float, n: int = 300, width: float = 0.07, fading: bool = False) -> list[Look]:
    """The course of one comparison: an effect that settles (or, `fading`, shrinks), an interval that closes in."""
    answer, low_so_far, high_so_far, p_so_far = [], -math.inf, math.inf, 1.0
    for k in range(1, n + 1):
        here = lift * (1 + 1.6 * math.cos(k / 9) / k**0.8) * (1 if not fading else 1 - 0.75 * (k / n) ** 2)
        half = width * math.sqrt(n / k)
        low_so_far, high_so_far = max(low_so_far, here - half), min(high_so_far, here + half)
        p_so_far = min(p_so_far, math.exp(-1.5 * max(0.0, abs(here) / half)))
        at = START + timedelta(days=1) + (NOW - START - timedelta(days=1)) * k / n
        relative, absolute = (low_so_far, high_so_far), (low_so_far * 0.1, high_so_far * 0.1)
        answer.append(Look(at, 80 * k, Effect(here, relative, here * 0.1, absolute, p_so_far)))
    return answer


def comparison(
    variant: str, state: str, lift: float | None, family: str = "diagnostic", size: int = 4, **changes: Any
) -> Comparison:
    """A comparison that fits its state; `lift` None has no numbers at all."""
    course = [] if lift is None else looks(lift)
    last = course[-1] if course else None
    decided = course[200].at if course and state in ("better", "worse", "equivalent") else None
    effect = last.effect if last else NOTHING_KNOWN
    adjusted = effect.p_value and min(1.0, effect.p_value * size)
    values: dict[str, Any] = {
        "variant": variant,
        "versus": "single",
        "effect": replace(effect, p_value_adjusted=adjusted),
        "decided_at": decided,
        "state": state,
        "reason": "",
        "decides_today": decided is not None,
        "family": family,
        "family_size": size,
        "looks": course,
    }
    return Comparison(**(values | changes))


LIFTS = {"better": 0.21, "worse": -0.18, "undecided": 0.03, "equivalent": 0.002, "collecting": None, "withdrawn": 0.12}


def patterns(phase: Experiment, visitors: int) -> PatternTable:
    """Half of a day's visitors reach step one, 45 of 100 each next one; step two a fifth more in each variant."""
    steps, k = [step.step for step in phase.steps], len(phase.path)
    each, rows = visitors // len(phase.variants) // 22, []
    for day in range(20758, 20780) if each else ():  # 1 to 22 November 2026
        for index in range(len(phase.variants)):
            reached = [each, *(round(each * 0.5 * 0.45**j * (1.2 if index and j else 1)) for j in range(k)), 0]
            for depth, here in enumerate(reached[j] - reached[j + 1] for j in range(k + 1)):
                worth = here * 25_000 if depth == k else 0
                rows.append((day, index, (1 << depth) - 1, here, worth, worth * 25_000))
    days, variant, pattern, counts, sums, squares = np.array(rows, dtype=np.int64).reshape(-1, 6).T
    keys = tuple(one.key for one in phase.variants)
    return PatternTable(keys, tuple(steps), days, variant, pattern, counts, sums, squares)


def levels(phase: Experiment, **visitors: tuple[int, float]) -> dict[str, ReachTable]:
    """level=(visitors a day and variant, relative lift): 5 of 100 of the control's reach the goal."""
    days, keys, tables = np.arange(20758, 20780), [one.key for one in phase.variants], {}
    for level, (each, lift) in visitors.items():
        seen = np.full((len(days), 1, len(keys)), each)
        reached = seen * 5 // 100
        reached[:, :, 1:] = np.round(each * 0.05 * (1 + lift))
        step = StepReach(days, seen, reached)
        everywhere = {one.step: step for one in phase.steps}
        tables[level] = ReachTable(tuple(keys), ("",), Exposed(days * 24, seen[:, 0]), everywhere)
    return tables


def report(state: str = "undecided", of: Experiment | None = None, visitors: int = 24000, **changes: Any) -> Report:
    """A report in this state; `changes` replace fields."""
    phase = of or experiment()
    keys = [variant.key for variant in phase.variants]
    rows: list[StepReport] = []
    lift = LIFTS[state]
    for k, step in enumerate(phase.steps):
        kind = phase.kind_of(step)
        each = visitors // len(keys)
        rate = 0.6 / 2.2 ** min(k, 4) if visitors else None
        cells = {}
        for i, key in enumerate(keys):
            mine = None if rate is None else rate * (1 + (lift or 0) * min(i, 1))
            sealed = each * 2 // 3 if kind == "macro" else each
            cells[key] = VariantReach(
                sealed, round(sealed * (mine or 0)), mine, 0.0, each - sealed, (each - sealed) // 30
            )
        macro, pairs = kind == "macro", len(keys) - 1
        family, size = ("primary", pairs) if macro else ("diagnostic", pairs * (len(phase.steps) - 1))
        states = (state,) * 4 if macro else ("undecided", "better", "worse", "collecting")
        lifts = (lift,) * 4 if macro else (0.01, 0.12, -0.1, None)
        turns = [((k + i) % 4, key) for i, key in enumerate(keys[1:])]
        compared = [comparison(key, states[turn], lifts[turn], family, size) for turn, key in turns]
        rows.append(
            StepReport(step.step, step.event, kind, step.grade, "1 hour" if step.window else "7 days", cells, compared)
        )
    sealed = sealed_days(phase, patterns(phase, visitors), NOW)
    values: dict[str, Any] = {
        "experiment": phase,
        "as_of": NOW,
        "method": "always-valid",
        "method_reason": "The default without a plan.",
        "alpha": 0.05,
        "state": state,
        "reason": "",
        "decided_at": None,
        "exposed": {key: visitors // len(keys) for key in keys},
        "sample_ratio": SampleRatio(0.83 if visitors else None, False, {key: 1 / len(keys) for key in keys}, None),
        "steps": rows,
        "decomposition": decomposition(phase, sealed),
        "value": value_report(phase, sealed),
        "learned_values": learned_values(phase, sealed),
        "ladder": ladder(phase, sealed),
        "ledger": {"bot": {"single": 12, "multi-step": 9}, "late": {"": 4}, "second-variant": {"single": 3}},
    }
    return Report(**(values | changes))


def funnel(one: Report) -> dict[str, Funnel]:
    """Funnels that go with a report: every step of the path keeps 45 of 100."""
    shares = [0.5 * 0.45**k for k in range(len(one.experiment.path))]
    reached = {key: tuple(round(seen * share) for share in shares) for key, seen in one.exposed.items()}
    return {key: Funnel(seen, reached[key], reached[key][-1] * 25_000) for key, seen in one.exposed.items()}


@dataclass
class Stage:
    """What the app under test shows: reports by (key, phase), drafts, segments by attribute, problems, arrivals.

    `keys`: config file -> key. `known`: key -> what was measured. `archived`: keys without a config file.
    `parts`: what stands in for caches of a worker.
    """

    reports: list[Report] = field(default_factory=list)
    drafts: list[Experiment] = field(default_factory=list)
    segments: dict[str, dict[str, ReachTable]] = field(default_factory=dict)
    problems: Sequence[Problem] = ()
    recent: Sequence[Any] = ()
    refused: dict[str, int] = field(default_factory=dict)
    reasons: Sequence[str] = ()
    asked: list[datetime] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)
    known: dict[str, Measurement] = field(default_factory=dict)
    archived: Sequence[str] = ()
    database: Path = Path("nowhere") / "yesladder.db"
    decisions: Sequence[Entry] = ()
    parts: dict[type, Any] = field(default_factory=dict)

    def show(self, *reports: Report) -> None:
        """Show exactly these."""
        self.reports = list(reports)

    def _newest(self) -> dict[str, Experiment]:
        newest = {one.key: one for one in self.drafts}
        for one in sorted(self.reports, key=lambda one: one.experiment.phase):
            newest[one.experiment.key] = one.experiment
        return {key: one for key, one in newest.items() if key not in self.archived}

    def app(self) -> Flask:
        """The app that shows what is on stage."""
        store = SimpleNamespace(
            recent=lambda limit: list(self.recent)[:limit],
            refused=lambda: self.refused,
            tables=lambda phase, _segments=(): SimpleNamespace(
                phase=phase,
                has=lambda _: True,
                by=lambda attribute: self.segments.get(attribute, {}),
                reach=levels(phase, nobody=(0, 0.0))["nobody"],
            ),
            decisions=lambda _: [],
        )
        origins = ["https://doors.example"]
        settings = SimpleNamespace(
            write_key="wk_garage_doors", allowed_origins=origins, time_zone="Europe/Berlin", currency="EUR"
        )
        site: Any = SimpleNamespace(settings=settings, database=self.database)
        log: Any = SimpleNamespace(store=store, health=lambda: list(self.reasons))
        app = Flask("webapp")
        app.extensions["yesladder"] = Services(
            site=site,
            catalog=StagedCatalog(self),
            log=log,
            exposures=SimpleNamespace(lost=0),
            tokens=SimpleNamespace(),
            clock=lambda: NOW,
            open_results=True,
            parts=dict(self.parts),
        )  # type: ignore[arg-type]
        for module in (home, results, time_to_convert_page, plan_page, live, preview, access):
            app.register_blueprint(module.blueprint)
        prepare(app)
        register_errors(app)

        def secure(response: Any) -> Any:
            response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
            return response

        app.after_request(secure)
        return app


class StagedCatalog(Catalog):
    """What is on stage; phases and keys are looked up in it as in a real catalog."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def experiments(self) -> dict[str, Experiment]:
        return self.stage._newest()

    def phases(self) -> list[Experiment]:
        return [one.experiment for one in self.stage.reports]

    def problems(self) -> Sequence[Problem]:
        return self.stage.problems

    def keys(self) -> Any:
        return self.stage.keys


@pytest.fixture
def stage() -> Stage:
    """An empty stage; whatever is asked of the reports is answered from it."""
    stage = Stage()

    def figures(tables: Any, as_of: datetime, _finished: Any) -> Readout:
        stage.asked.append(as_of)
        one = next(one for one in stage.reports if one.experiment == tables.phase)
        known, decided = stage.known.get(tables.phase.key), Decided.of(one.experiment)
        figures = Readout(replace(one, as_of=as_of), funnel(one), decision=decided, known=known)
        return replace(figures, decisions=stage.decisions)

    stage.parts[Reports] = SimpleNamespace(of=figures)
    return stage


@pytest.fixture
def client(stage: Stage) -> FlaskClient:
    """A client of the app on stage."""
    return stage.app().test_client()


@pytest.fixture
def build() -> SimpleNamespace:
    """The makers of this file: build.report(...), build.experiment(...), build.comparison(...)."""
    makers = (report, experiment, comparison, looks, levels, with_effect, with_macro)
    return SimpleNamespace(**{one.__name__: one for one in makers}, NOW=NOW, START=START)


def with_effect(one: Any, **changes: Any) -> Any:
    """The same comparison or look with these numbers of its effect changed."""
    return replace(one, effect=replace(one.effect, **changes))


def with_macro(report: Report, **changes: Any) -> Report:
    """The same report with every comparison at the macro-conversion changed, or numbers of its effect."""
    numbers = {name: changes.pop(name) for name in list(changes) if name in Effect.__dataclass_fields__}
    steps = [
        replace(step, comparisons=[with_effect(replace(one, **changes), **numbers) for one in step.comparisons])
        if step.kind == "macro"
        else step
        for step in report.steps
    ]
    return replace(report, steps=steps)


def without_pictures(markup: str) -> str:
    """The same markup without its SVG elements, which may stand in one another."""
    while (rest := re.sub(r"<svg\b(?:(?!<svg\b).)*?</svg>", "", markup, flags=re.S)) != markup:
        markup = rest
    return markup


@pytest.fixture
def words_of(client: FlaskClient) -> Callable[[str], str]:
    """The words of a page: without tags and pictures, white space made even."""

    def words_of(path: str) -> str:
        response = client.get(path, base_url="http://localhost")
        assert response.status_code == 200, response.text
        words = without_pictures(re.sub(r"<(style|script)\b.*?</\1>", " ", response.text, flags=re.S))
        words = words.replace('<span class="meaning">', " ")
        words = re.sub(r"<wbr>|</?(b|code|span|time|a)\b[^>]*>", "", words)
        return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", words)))

    return words_of
