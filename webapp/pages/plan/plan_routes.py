"""The plan of an experiment as a page and as JSON: visitors and days it needs, when it decides, what it can find."""

import time
from collections.abc import Mapping, Sequence

from flask import Blueprint, Response, jsonify, make_response, request
from werkzeug.exceptions import BadRequest

from experiments.definition.experiment import Experiment
from experiments.planning.baseline import measured
from experiments.planning.cumulative_power import Course
from experiments.planning.plan import METHODS
from webapp.charts.cumulative_power import Week, chances_chart, weeks
from webapp.charts.line_chart import NARROW, WIDE
from webapp.pages.page import as_data, page, site_formatting, this_minute
from webapp.pages.plan.form import plan_form
from webapp.pages.plan.inputs import Planned, Plans, Question
from webapp.pages.plan.plan_sentences import Given, PlanWords
from webapp.services.access import require_read
from webapp.services.services import services
from webapp.words.formatting import about, count, lift, percent, rate
from webapp.words.sentences import say, spoken

blueprint = Blueprint("plan", __name__)

PATIENCE_SECONDS = 1.7
DATA_PATIENCE_SECONDS = 8.0
"""So long a page, and a program, waits for a plan that is being computed."""


@blueprint.get("/plan/<key>")
@require_read
def plan_page(key: str) -> Response:
    """The plan with what was measured, or what the form says instead."""
    question = _question(key)
    form, asks = question.form, question.asks()
    until = time.monotonic() + PATIENCE_SECONDS
    found = None if form.errors or asks else question.planned(services().one(Plans), until)
    response = page(
        "plan.html",
        experiment=question.experiment,
        form=form,
        hints=_hints(question),
        asks=asks,
        pending=found is None and asks is None and not form.errors,
        query=request.query_string.decode("ascii", "replace"),
        METHODS=METHODS,
        about=about,
        **(_answer(question, found.answer) if found else {}),
    )
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


def _answer(question: Question, found: Planned) -> Mapping[str, object]:
    """What the page shows of a plan: its sentences, and the chances over time as lines, pictures and table."""
    form, lines = question.form, found.courses
    given = Given(question.known, frozenset(form.rates), form.visitors_per_day is not None, "form")
    table = weeks(lines)
    name = _name(question.experiment, lines, table) if lines else ""
    return {
        "words": PlanWords(found.plan, given, site_formatting(), say),
        "courses": lines,
        "weeks": table,
        "charts": [chances_chart(lines, size, name) for size in (WIDE, NARROW)] if lines else [],
    }


def _hints(question: Question) -> Mapping[str, str]:
    """What is planned with where a field of the form stays empty, as the field would have it."""
    experiment, known = question.experiment, question.known
    goal = known.rates.get(experiment.macro.step) if known else None
    per_day = known.visitors_per_day if known else None
    return {
        "detect": percent(experiment.analysis.detect) if experiment.analysis.detect else "",
        "power": percent(question.form.power),
        "rate": rate(goal.rate) if goal else "",
        "visitors_per_day": count(round(per_day)) if per_day else "",
    }


def _name(experiment: Experiment, lines: Sequence[Course], table: Sequence[Week]) -> str:
    """What a screen reader says instead of the chart."""
    number, found = table[-1]
    ends = ", ".join(
        f"{percent(round(share, 2))} if the true change is {lift(one.lift) if one.lift else 'nothing'}"
        for one, share in zip(lines, found, strict=True)
    )
    return (
        f"Chance that {spoken(experiment.macro.step)} is decided, by week. After {number} weeks: {ends}. "
        "The same numbers are in the table after the chart."
    )
