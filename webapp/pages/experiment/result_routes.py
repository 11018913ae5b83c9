"""The pages with results: one experiment's verdict, and the same numbers as JSON and CSV."""

from collections.abc import Mapping
from datetime import datetime

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import NotFound

from experiments.audit.readout import DIAGNOSED, Readout, ended
from experiments.definition.experiment import Experiment
from experiments.events.tables import Tables
from experiments.reporting.segments import SegmentReport, segment_attributes, segment_report
from webapp.pages.experiment.csv_tables import TABLES, Shown, as_csv
from webapp.pages.experiment.csv_tables import segments as segment_lines
from webapp.pages.experiment.data_health import lost_log
from webapp.pages.experiment.effect_over_time import chosen_step
from webapp.pages.experiment.result_page import Place, config_text, elapsed, result_page
from webapp.pages.experiment.verdict_sentences import draft_verdict
from webapp.pages.page import as_data, as_file, page, site_formatting, this_minute
from webapp.pages.plan.form import plan_form
from webapp.pages.plan.inputs import Plans, Question
from webapp.pages.query import asked_moment, asked_phase, recorded_phases, started_phase
from webapp.pages.report_cache import Reports
from webapp.services.access import require_read
from webapp.services.services import services
from webapp.words.formatting import interval

blueprint = Blueprint("results", __name__)


@blueprint.get("/results/<key>")
@require_read
def result(key: str) -> Response:
    """One experiment's result page; `?phase=`, `?as_of=`, `?step=` and `?by=` choose what it shows."""
    experiment = asked_phase(key)
    as_of = asked_moment()
    at = as_of or this_minute()
    phase = experiment.phase if "phase" in request.args else None
    asked = request.args.get("step"), request.args.get("by")
    place = Place(recorded_phases(key), phase, as_of, *asked, services().catalog.problems())
    if experiment.started_at is None:
        return page(
            "experiment/draft.html", experiment=experiment, verdict=draft_verdict(), config=config_text(experiment)
        )
    by = _known(experiment, place.by or segment_attributes(experiment)[0])
    tables, figures = _read(experiment, at, by)
    segments = segment_report(experiment, by, tables.by(by), at)
    needed = None if as_of or experiment.ended_at else _still_needed(figures)
    return page(
        "experiment/result.html",
        page=result_page(figures, segments, place.step, site_formatting(), needed),
        place=place,
        length=elapsed(experiment, at),
        experiment=experiment,
        lost=lost_log(services().site.database, experiment, site_formatting()),
        interval=interval,
    )


@blueprint.get("/results/<key>.json")
@require_read
def result_json(key: str) -> Response:
    """The same numbers for programs; `?phase=` and `?as_of=` as on the page."""
    return as_data(jsonify(figures_of(started_phase(key), asked_moment() or this_minute()).to_json()))


@blueprint.get("/results/<key>/<table>.csv")
@require_read
def result_csv(key: str, table: str) -> Response:
    """One table of the page for a spreadsheet; `?phase=`, `?as_of=` and (over time) `?step=` as on the page."""
    experiment = started_phase(key)
    if table not in TABLES:
        raise NotFound(f"There is no table {table!r}; there are {', '.join(TABLES)}.")
    figures = figures_of(experiment, asked_moment() or this_minute())
    step = chosen_step(figures.report, request.args.get("step"))
    return as_file(as_csv(TABLES[table](Shown(figures, step))))


@blueprint.get("/results/<key>/by/<attribute>.json")
@require_read
def segments_json(key: str, attribute: str) -> Response:
    """The macro-conversion among the visitors of each level of an attribute: exploration, no verdict."""
    return as_data(jsonify(_segments(started_phase(key), attribute, asked_moment() or this_minute()).to_json()))


@blueprint.get("/results/<key>/by/<attribute>.csv")
@require_read
def segments_csv(key: str, attribute: str) -> Response:
    """The same for a spreadsheet."""
    return as_file(as_csv(segment_lines(_segments(started_phase(key), attribute, asked_moment() or this_minute()))))


def _segments(experiment: Experiment, attribute: str, as_of: datetime) -> SegmentReport:
    """The segments of one attribute. Raises NotFound naming those there are."""
    tables = services().store.tables(experiment, [_known(experiment, attribute)])
    return segment_report(experiment, attribute, tables.by(attribute), as_of)


def _known(experiment: Experiment, attribute: str) -> str:
    if attribute not in (known := segment_attributes(experiment)):
        raise NotFound(f"{experiment.key} is not split by {attribute!r}; it is by {', '.join(known)}.")
    return attribute


def _still_needed(figures: Readout) -> Mapping[str, int] | None:
    """How many more visitors each step takes. Computed behind the answer: it is there when the page is asked again."""
    experiment = figures.report.experiment
    question = Question(experiment, plan_form({}, experiment), figures.known, figures.report.as_of)
    return question.still_needed(services().one(Plans), until=0.0)


def figures_of(experiment: Experiment, as_of: datetime) -> Readout:
    """The figures of a phase as of this moment; what the decision log lacks is handed over to be written."""
    return _read(experiment, as_of)[1]


def _read(experiment: Experiment, as_of: datetime, *segments: str) -> tuple[Tables, Readout]:
    """Tables of one moment with these segments, and what they say.

    What tells where a sample-ratio mismatch is has many cells, so it is read with all the rest, again, on an alarm.
    """
    tables = services().store.tables(experiment, segments)
    figures = _readout(tables, as_of)
    if figures.report.sample_ratio.alarm and not tables.has(DIAGNOSED):
        tables = services().store.tables(experiment, {*DIAGNOSED, *segments})
        figures = _readout(tables, as_of)
    return tables, figures


def _readout(tables: Tables, as_of: datetime) -> Readout:
    """Decisions are written behind the answer, by the one writer of this worker: no page waits for them or fails."""
    past = ended(services().catalog.phases(), tables.phase)
    figures = services().one(Reports).of(tables, as_of, services().store.decisions(past) if past else ())
    if unwritten := figures.unwritten(services().clock()):
        services().log.record(unwritten)
    return figures
