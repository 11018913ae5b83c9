"""The page of its own that says how long visitors take to reach each step; the same as JSON and CSV."""

from collections.abc import Iterator
from datetime import datetime

from flask import Blueprint, Response, jsonify, request
from markupsafe import Markup

from experiments.definition.experiment import Experiment
from experiments.reporting.time_to_convert import StepTimes, TimeToConvert
from webapp.charts.charts import reached_by_time
from webapp.charts.line_chart import NARROW, WIDE
from webapp.pages.experiment.csv_tables import CsvRow, as_csv
from webapp.pages.page import as_data, as_file, page, this_minute
from webapp.pages.query import asked_moment, asked_phase, started_phase
from webapp.pages.time_to_convert.scan import MOST_SECONDS, MOST_VISITORS, NoTimes, TimeScans
from webapp.services.access import require_read
from webapp.services.errors import RequestRefused
from webapp.services.services import services
from webapp.words.formatting import count, rate, span
from webapp.words.sentences import say, spoken

blueprint = Blueprint("time_to_convert", __name__)

_STATUS = {"gone": 410, "many": 503, "slow": 503, "busy": 503}
_QUARTERS = ("quarter_within", "half_within", "three_quarters_within")


@blueprint.get("/results/<key>/time-to-convert")
@require_read
def shown(key: str) -> Response:
    """How long visitors take; `?phase=`, `?as_of=` and `?step=` (shown as a curve) as on the result page."""
    experiment = started_phase(key)
    at = asked_moment() or this_minute()
    asked = experiment.step(request.args.get("step") or experiment.macro.step).step
    place = {name: request.args[name] for name in ("phase", "as_of") if name in request.args}
    values = {"experiment": experiment, "as_of": at, "place": place, "span": span}
    try:
        found = services().one(TimeScans).times(experiment, services().store, at)
    except NoTimes as why:
        return page("time_to_convert.html", no_times=refusal(why, experiment), **values)
    step = next(one for one in found.steps if one.step == asked)
    drawn = [reached_by_time(step, found.points, size, _name(step, found)) for size in (WIDE, NARROW)]
    charts = [one for one in drawn if one is not None]
    return page("time_to_convert.html", found=found, step=step, charts=charts, **values)


@blueprint.get("/results/<key>/time-to-convert.json")
@require_read
def document(key: str) -> Response:
    """The same for programs."""
    return as_data(jsonify(_times(started_phase(key), asked_moment() or this_minute()).to_json()))


@blueprint.get("/results/<key>/time-to-convert.csv")
@require_read
def spreadsheet(key: str) -> Response:
    """The same for a spreadsheet: a row for each step, variant and time of the curve; times are in seconds."""
    return as_file(as_csv(_lines(_times(started_phase(key), asked_moment() or this_minute()))))


def refusal(why: NoTimes, experiment: Experiment) -> Markup:
    """Why there are no times, and what to do instead."""
    key = asked_phase(experiment.key).phase == experiment.phase
    command = f"yesladder time-to-convert SITE {experiment.key}" + ("" if key else f" --phase {experiment.phase}")
    return say(f"time.{why.why}", command=command, visitors=count(MOST_VISITORS), seconds=f"{MOST_SECONDS:g}")


def _times(experiment: Experiment, as_of: datetime) -> TimeToConvert:
    """For programs. Raises RequestRefused in words."""
    try:
        return services().one(TimeScans).times(experiment, services().store, as_of)
    except NoTimes as why:
        words = refusal(why, experiment).striptags()
        raise RequestRefused(_STATUS[why.why], f"times-{why.why}", words) from why


def _name(step: StepTimes, found: TimeToConvert) -> str:
    """What a screen reader says instead of the chart."""
    ends = ", ".join(f"{key} {rate(one.share(one.reached))}" for key, one in step.variants.items())
    return (
        f"Share of visitors who had reached {spoken(step.step)}, by time since their first exposure. After "
        f"{span(found.durations[-1])}: {ends}. The same numbers are in the table after the chart."
    )


def _lines(found: TimeToConvert) -> Iterator[CsvRow]:
    for step in found.steps:
        for key, one in step.variants.items():
            row: dict[str, object] = {"step": step.step, "kind": step.kind, "variant": key}
            row |= {"visitors": one.visitors, "reached": one.reached}
            for name, length in zip(_QUARTERS, one.quartiles or (None, None, None), strict=True):
                row[name] = None if length is None else int(length.total_seconds())
            for point in one.curve:
                seconds = int(point.within.total_seconds())
                yield row | {"within": seconds, "reached_within": point.reached, "share_within": point.share}
