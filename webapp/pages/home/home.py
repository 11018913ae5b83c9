"""Home: every experiment of the site at a glance: running, drafts, stopped, archived, and refused config files."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from flask import Blueprint, Response
from markupsafe import Markup

from experiments.definition.experiment import Experiment
from experiments.definition.problem import Problem
from experiments.planning.baseline import Measurement, is_own, measured
from experiments.reporting.comparison import Comparison
from experiments.reporting.report import Report
from webapp.charts.interval_bar import Whisker, whisker
from webapp.pages.experiment import result_routes as results
from webapp.pages.experiment.data_health import lost_log
from webapp.pages.experiment.decision_sentences import made
from webapp.pages.experiment.result_page import elapsed
from webapp.pages.experiment.scorecard import scale
from webapp.pages.experiment.verdict_sentences import is_final
from webapp.pages.home.forecast import Outlook, Targets, asked, final_at, outlook
from webapp.pages.home.site_health import Condition, condition
from webapp.pages.page import page, site_formatting, this_minute
from webapp.services.access import require_read
from webapp.services.kept import Kept
from webapp.services.services import services
from webapp.words.sentences import say

blueprint = Blueprint("home", __name__)

KEPT_GLANCES = 256
PATIENCE_SECONDS = 0.2
"""So long all experiments together wait for decision dates that are being computed."""


@dataclass(frozen=True, slots=True)
class Glance:
    """One experiment that has started. `comparisons`: at the goal, with their pictures.

    `known`: what was measured of its visitors, None when it does not run; `lender`: the phase that told what this one
    does not know yet.
    """

    experiment: Experiment
    report: Report
    known: Measurement | None
    lender: Experiment | None
    comparisons: Sequence[tuple[Comparison, Whisker | None]]
    final: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """One experiment as the page lists it; `glance`, `condition` and `outlook` not of drafts."""

    experiment: Experiment
    glance: Glance | None = None
    condition: Condition | None = None
    outlook: Outlook | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """One config file with problems. `experiment`: the one it should describe, as it is in force; `key` "": unreadable.

    `refused`: it has an error, so that it is not used.
    """

    file: str
    key: str
    experiment: Experiment | None
    refused: bool
    problems: Sequence[Problem]


@blueprint.get("/")
@require_read
def home() -> Response:
    """The list of experiments, running ones first."""
    catalog, now = services().catalog, this_minute()
    in_force, phases = catalog.experiments(), catalog.phases()
    archived = {one.key: one for one in phases if one.key not in in_force}  # the latest phase of each
    groups: dict[str, list[Entry]] = {"running": [], "draft": [], "stopped": [], "archived": []}
    for entry in _entries((*in_force.values(), *archived.values()), now):
        groups["archived" if entry.experiment.key in archived else entry.experiment.status].append(entry)
    for group in ("stopped", "archived"):
        groups[group].sort(key=lambda one: one.experiment.ended_at or now, reverse=True)
    started = [one for one in phases if one.started_at]
    first = min(started, key=lambda one: one.started_at or now, default=None)
    return page(
        "home.html",
        groups={group: some for group, some in groups.items() if some},
        refused=list(_refused(catalog.problems(), catalog.keys(), in_force)),
        lost=lost_log(services().site.database, first, site_formatting()) if first else (),
        now=now,
        elapsed=elapsed,
        made=made,
    )


def _entries(experiments: Sequence[Experiment], now: datetime) -> Iterator[Entry]:
    """These experiments by their names. All together wait `PATIENCE_SECONDS` for what must be computed."""
    kept, targets, formatting = services().one(Glances), services().one(Targets), site_formatting()
    glances = {one.key: kept.of(one, now) for one in experiments if one.started_at}
    for glance in glances.values():
        if (wanted := asked(glance.report, glance.known)) is not None:
            targets.ask(*wanted)
    until = time.monotonic() + PATIENCE_SECONDS
    for one in sorted(experiments, key=lambda one: one.name.lower()):
        if one.key not in glances:
            yield Entry(one)
            continue
        glance = glances[one.key]
        when = outlook(targets, glance.report, glance.known, formatting, until)
        if glance.lender is not None and when.reckoned:
            borrowed = say("outlook.borrowed", lender=glance.lender.key)
            when = replace(when, why=Markup("{}; {}").format(when.why, borrowed))
        yield Entry(one, glance, condition(glance.report, glance.known, now, formatting), when)


def _refused(
    problems: Sequence[Problem], keys: Mapping[str, str], in_force: Mapping[str, Experiment]
) -> Iterator[Refused]:
    """Files with problems, those that are refused first."""
    files: dict[str, list[Problem]] = {}
    for one in problems:
        files.setdefault(one.file, []).append(one)
    for errors in (True, False):
        for file, some in files.items():
            if errors == any(one.severity == "error" for one in some):
                key = keys.get(file, "")
                yield Refused(file, key, in_force.get(key), errors, some)


class Glances(Kept[tuple[str, datetime], Glance]):
    """Experiments at a glance, each read once a minute."""

    def __init__(self) -> None:
        super().__init__(KEPT_GLANCES)

    def of(self, phase: Experiment, now: datetime) -> Glance:
        """This phase as of this minute. Raises StoreUnavailable."""
        return self.get((phase.model_dump_json(), now), lambda: _glance(phase, now))


def _glance(phase: Experiment, now: datetime) -> Glance:
    settled = final_at(phase)  # then its report is the same for ever, and is found by its content
    figures = results.figures_of(phase, now if settled is None else min(now, settled))
    report = figures.report
    comparisons = report.macro.comparisons
    limit = scale(comparisons)
    pictures = [(one, whisker(one.effect, limit)) for one in comparisons]
    known, lender = None, None
    if figures.known is not None and phase.ended_at is None:
        known, lender = _known(phase, figures.known, now)
    return Glance(phase, report, known, lender, pictures, is_final(report))


def _known(phase: Experiment, own: Measurement, now: datetime) -> tuple[Measurement, Experiment | None]:
    """What this phase has measured; what it does not know yet, a comparable one tells, which is named."""
    if phase.macro.step in own.rates and own.visitors_per_day is not None:
        return own, None
    other = measured(services().store, services().catalog.phases(), phase, now)
    if other is None or is_own(other, phase):
        return own, None
    per_day = other.visitors_per_day if own.visitors_per_day is None else own.visitors_per_day
    return replace(own, rates={**other.rates, **own.rates}, visitors_per_day=per_day), other.phase
