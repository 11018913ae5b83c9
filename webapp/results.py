"""The pages with results: the list of experiments, one experiment's verdict, and the same numbers as JSON."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import Blueprint, Response, jsonify, request
from flask.blueprints import BlueprintSetupState
from werkzeug.exceptions import BadRequest, NotFound

from experiments.decision import Decision
from experiments.definition import Experiment
from experiments.report import Comparison, Report
from experiments.segments import SegmentReport, segment_attributes, segment_report
from webapp.access import require_read
from webapp.charts import Charts
from webapp.drawing import drawing
from webapp.formatting import interval
from webapp.pages import page, prepare, site_formatting
from webapp.reports import Figures, Reports
from webapp.result_page import Place, config_text, elapsed, result_page
from webapp.scorecard import scale
from webapp.services import services
from webapp.tables import TABLES, as_csv
from webapp.tables import segments as segment_lines
from webapp.verdict import draft_verdict, is_final, macro_step
from webapp.whisker import Whisker, whisker

blueprint = Blueprint("results", __name__)

_reports = Reports()
_charts = Charts(drawing())
_PHASE = re.compile("[0-9]{1,6}")
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Listed:
    """One experiment in the list. `report` None: it has not started. `comparisons`: at the goal, with their pictures.

    `final`: no data that could change the verdict will come.
    """

    experiment: Experiment
    report: Report | None
    length: timedelta
    comparisons: Sequence[tuple[Comparison, Whisker | None]]
    final: bool


@blueprint.record_once
def _prepare(state: BlueprintSetupState) -> None:
    prepare(state)


@blueprint.get("/")
@require_read
def experiments() -> Response:
    """The list of experiments, running ones first."""
    now = _now()
    found = services().catalog.experiments().values()
    order = {"running": 0, "draft": 1, "stopped": 2}
    listed = [_listed(one, now) for one in sorted(found, key=lambda one: (order[one.status], one.name.lower()))]
    return page("experiments.html", experiments=listed, problems=services().catalog.problems(), now=now)


@blueprint.get("/results/<key>")
@require_read
def result(key: str) -> Response:
    """One experiment's result page; `?phase=`, `?as_of=`, `?step=` and `?by=` choose what it shows."""
    experiment = _phase(key)
    as_of = _as_of()
    at = as_of or _now()
    phase = experiment.phase if "phase" in request.args else None
    asked = request.args.get("step"), request.args.get("by")
    place = Place(_phases(key), phase, as_of, *asked, services().catalog.problems())
    if experiment.started_at is None:
        return page("draft.html", experiment=experiment, verdict=draft_verdict(), config=config_text(experiment))
    figures = _figures(experiment, at)
    segments = _segments(experiment, place.by or segment_attributes(experiment)[0], at)
    shown = result_page(figures, segments, place.step, _charts, site_formatting())
    if shown is None:
        known = ", ".join(step.step for step in experiment.steps)
        raise NotFound(f"{key} has no step {place.step!r}; its steps are {known}.")
    length = elapsed(experiment, shown.report.as_of)
    values = {"page": shown, "place": place, "length": length, "experiment": experiment}
    return page("result.html", **values, decisions=figures.decisions, interval=interval)


@blueprint.get("/results/<key>.json")
@require_read
def result_json(key: str) -> Response:
    """The same numbers for programs; `?phase=` and `?as_of=` as on the page."""
    return _data(jsonify(_figures(_started(key), _as_of() or _now()).to_json()))


@blueprint.get("/results/<key>/<table>.csv")
@require_read
def result_csv(key: str, table: str) -> Response:
    """One table of the page for a spreadsheet; `?phase=` and `?as_of=` as on the page."""
    experiment = _started(key)
    if table not in TABLES:
        raise NotFound(f"There is no table {table!r}; there are {', '.join(TABLES)}.")
    return _csv(as_csv(TABLES[table](_figures(experiment, _as_of() or _now()).report)))


@blueprint.get("/results/<key>/by/<attribute>.json")
@require_read
def segments_json(key: str, attribute: str) -> Response:
    """The macro-conversion among the visitors of each level of an attribute: exploration, no verdict."""
    return _data(jsonify(_segments(_started(key), attribute, _as_of() or _now()).to_json()))


@blueprint.get("/results/<key>/by/<attribute>.csv")
@require_read
def segments_csv(key: str, attribute: str) -> Response:
    """The same for a spreadsheet."""
    return _csv(as_csv(segment_lines(_segments(_started(key), attribute, _as_of() or _now()))))


def _data(response: Response) -> Response:
    """Numbers that are asked about each time, and sent only when they changed."""
    response.headers["Cache-Control"] = "private, no-cache"
    response.add_etag()
    response.make_conditional(request)  # changes it in place
    return response


def _csv(text: str) -> Response:
    return _data(Response(text, mimetype="text/csv"))


def _started(key: str) -> Experiment:
    """The phase that the request asks for. Raises NotFound for a draft."""
    experiment = _phase(key)
    if experiment.started_at is None:
        raise NotFound(f"{key} is a draft: it has not started, so there are no results.")
    return experiment


def _segments(experiment: Experiment, attribute: str, as_of: datetime) -> SegmentReport:
    """The segments of one attribute. Raises NotFound naming those there are."""
    if attribute not in (known := segment_attributes(experiment)):
        raise NotFound(f"{experiment.key} is not split by {attribute!r}; it is by {', '.join(known)}.")
    return segment_report(experiment, attribute, services().store.segment_reach(experiment, attribute), as_of)


def _listed(experiment: Experiment, now: datetime) -> Listed:
    if experiment.started_at is None:
        return Listed(experiment, None, timedelta(), (), False)
    report = _figures(experiment, now).report
    comparisons = macro_step(report).comparisons
    limit = scale(comparisons)
    pictures = [(one, whisker(one, limit)) for one in comparisons]
    return Listed(experiment, report, elapsed(experiment, now), pictures, is_final(report))


def _figures(experiment: Experiment, as_of: datetime) -> Figures:
    figures = _reports.figures(experiment, services().store, as_of, services().catalog.phases())
    figures.keep_decisions(services().clock(), _record)
    return figures


def _record(decisions: Sequence[Decision]) -> None:
    """Behind the answer, by the one writer of this worker: no page waits for the decision log or fails with it."""
    services().group_commit.record(decisions)


def _phases(key: str) -> list[Experiment]:
    """The recorded phases of an experiment, newest first."""
    phases = [one for one in services().catalog.phases() if one.key == key]
    return sorted(phases, key=lambda one: one.phase, reverse=True)


def _phase(key: str) -> Experiment:
    """The phase that the request asks for. Raises NotFound or BadRequest, saying what there is."""
    asked = request.args.get("phase")
    current = services().catalog.get(key)
    phases = _phases(key)
    if current is None and not phases:
        known = ", ".join(sorted(services().catalog.experiments())) or "none yet"
        raise NotFound(f"There is no experiment {key!r}. Known experiments: {known}.")
    if asked is None:
        return current or phases[0]
    if not _PHASE.fullmatch(asked):
        raise BadRequest(f"phase is {asked!r}, must be a whole number such as 1.")
    for one in [*phases, *([current] if current else [])]:
        if one.phase == int(asked):
            return one
    known = ", ".join(str(one.phase) for one in reversed(phases)) or "none yet"
    raise NotFound(f"{key} has no phase {asked}. Recorded phases: {known}.")


def _as_of() -> datetime | None:
    """The moment that the request asks for, None for now. Raises BadRequest in words."""
    asked = request.args.get("as_of")
    if asked is None:
        return None
    example = "a moment with its time zone, such as 2026-11-22T10:00:00Z (write a + as %2B)"
    try:
        moment = datetime.fromisoformat(asked)
    except ValueError as error:
        raise BadRequest(f"as_of is {asked!r}, must be {example}.") from error
    if moment.tzinfo is None:
        raise BadRequest(f"as_of is {asked!r}, which has no time zone; must be {example}.")
    if not _EARLIEST <= moment <= services().clock():
        raise BadRequest(f"as_of is {asked!r}, must be between the year 2000 and now; nobody knows later numbers yet.")
    return moment.astimezone(UTC)


def _now() -> datetime:
    """This minute: reloading within it finds the same page, and what was received before it is on disk by now."""
    return services().clock().replace(second=0, microsecond=0)
