"""The plan of an experiment as a page and as JSON: visitors and days it needs, when it decides, what it can find."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import Blueprint, Response, jsonify, make_response, request
from markupsafe import Markup
from werkzeug.exceptions import BadRequest

from experiments.definition.definition import Method
from experiments.definition.experiment import Experiment
from experiments.planning.baseline import measured
from experiments.planning.cumulative_power import Course
from experiments.planning.plan import METHODS, StepPlan
from webapp.charts.cumulative_power import Week, chances_chart, weeks
from webapp.charts.line_chart import NARROW, WIDE
from webapp.pages.page import as_data, page, site_formatting, this_minute
from webapp.pages.plan.form import PlanForm, plan_form
from webapp.pages.plan.inputs import Planned, Plans, Question
from webapp.pages.plan.plan_sentences import Given, PlanWords
from webapp.services.access import require_read
from webapp.services.kept import Found
from webapp.services.services import services
from webapp.words.formatting import about, count, lift, percent, rate
from webapp.words.sentences import say, spoken

blueprint = Blueprint("plan", __name__)

PATIENCE_SECONDS = 1.7
DATA_PATIENCE_SECONDS = 8.0
"""So long a page, and a program, waits for a plan that is being computed."""


@dataclass(frozen=True, slots=True)
class PlanPage:
    """Everything the page shows. `words`: None without a plan; `asks`: what must be said for one; `pending`: it is
    being computed. `known_rate`, `known_traffic`: what was measured, as the form's fields write it."""

    experiment: Experiment
    form: PlanForm
    words: PlanWords | None
    asks: Markup | None
    pending: bool
    weeks: Sequence[Week]
    courses: Sequence[Course]
    charts: Sequence[Markup]
    known: Mapping[str, str]
    data_query: str


@blueprint.get("/plan/<key>")
@require_read
def plan_page(key: str) -> Response:
    """The plan with what was measured, or what the form says instead."""
    question = _question(key)
    form, asks = question.form, question.asks()
    until = time.monotonic() + PATIENCE_SECONDS
    found = None if form.errors or asks else question.planned(services().one(Plans), until)
    response = page("plan.html", page=_page(question, found, asks), **_WORDS)
    if form.errors:
        response = make_response(response.get_data(), 400)
    elif found is None and asks is None:
        response.headers["Refresh"] = "1"
        response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/plan/<key>.json")
@require_read
def plan_json(key: str) -> Response:
    """The same numbers for programs, as `yesladder plan --json` prints them."""
    question = _question(key)
    if question.form.errors:
        raise BadRequest("; ".join(f"{field}: {error.striptags()}" for field, error in question.form.errors.items()))
    if (asks := question.asks()) is not None:
        raise BadRequest(f"{asks.striptags()} Give detect, rate and visitors_per_day in the query, such as rate=3%25.")
    found = question.planned(services().one(Plans), time.monotonic() + DATA_PATIENCE_SECONDS)
    if found is None:
        response = jsonify(success=False, code="being-computed", message=say("plan.pending").striptags())
        response.status_code = 503
        response.headers["Retry-After"] = "2"
        return response
    return as_data(jsonify(found.answer.plan.to_json()))


def _question(key: str) -> Question:
    catalog, now = services().catalog, this_minute()
    experiment = catalog.latest(key)
    form = plan_form(request.args.to_dict(flat=False), experiment)
    return Question(experiment, form, measured(services().store, catalog.phases(), experiment, now), now)


def _page(question: Question, found: Found[Planned] | None, asks: Markup | None) -> PlanPage:
    experiment, form, known = question.experiment, question.form, question.known
    words: PlanWords | None = None
    lines: Sequence[Course] = ()
    table: Sequence[Week] = ()
    pictures: list[Markup] = []
    formatting = site_formatting()
    if found is not None:
        given = Given(known, frozenset(form.rates), form.visitors_per_day is not None, "form")
        words = PlanWords(found.answer.plan, given, formatting, say)
        lines = found.answer.courses
        table = weeks(lines)
        if lines:
            name = _name(experiment, lines, table)
            pictures = [chances_chart(lines, size, name) for size in (WIDE, NARROW)]
    goal = known.rates.get(experiment.macro.step) if known else None
    per_day = known.visitors_per_day if known else None
    hints = {
        "detect": percent(experiment.analysis.detect) if experiment.analysis.detect else "",
        "power": percent(form.power),
        "rate": rate(goal.rate) if goal else "",
        "visitors_per_day": count(round(per_day)) if per_day else "",
        "days": "",
    }
    pending = found is None and asks is None and not form.errors
    query = request.query_string.decode("ascii", "replace")
    return PlanPage(experiment, form, words, asks, pending, table, lines, pictures, hints, query)


def _name(experiment: Experiment, lines: Sequence[Course], table: Sequence[Week]) -> str:
    """What a screen reader says instead of the chart."""
    last = table[-1]
    ends = ", ".join(
        f"{percent(round(share, 2))} if the true change is {lift(one.lift) if one.lift else 'nothing'}"
        for one, share in zip(lines, last.found, strict=True)
    )
    return (
        f"Chance that {spoken(experiment.macro.step)} is decided, by week. After {last.number} weeks: {ends}. "
        "The same numbers are in the table after the chart."
    )


def _whole(days: float | None) -> str:
    return "–" if days is None else count(math.ceil(days))


def _found(step: StepPlan, method: Method) -> str:
    found = step.detectable.get(method)
    return "nothing" if found is None else lift(found)


_WORDS: Mapping[str, object] = {
    "METHODS": METHODS,
    "about": about,
    "whole": _whole,
    "found": _found,
}
