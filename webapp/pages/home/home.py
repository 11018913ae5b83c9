"""Home: every experiment of the site at a glance: running, drafts, stopped, archived, and refused config files."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

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
from webapp.pages.experiment.result_page import elapsed
from webapp.pages.experiment.scorecard import scale
from webapp.pages.experiment.verdict_sentences import is_final
from webapp.pages.home.forecast import Outlook, Targets, asked, final_at, outlook
from webapp.pages.home.site_health import Condition, condition
from webapp.pages.page import page, site_formatting, this_minute
from webapp.services.access import require_read
from webapp.services.kept import Kept
from webapp.services.services import services
from webapp.words.formatting import Formatting
from webapp.words.sentences import name, say

blueprint = Blueprint("home", __name__)

KEPT_GLANCES = 256
PATIENCE_SECONDS = 0.2
"""So long all experiments together wait for decision dates that are being computed."""


@dataclass(frozen=True, slots=True)
class Glance:
    """One experiment that has started. `comparisons`: at the goal, with their pictures. `visitors`: before exclusions.

    `known`: what was measured of its visitors, None when it does not run; `lender`: the phase that told what this one
    does not know yet.
    """

    experiment: Experiment
    report: Report
    known: Measurement | None
    lender: Experiment | None
    comparisons: Sequence[tuple[Comparison, Whisker | None]]
    final: bool

    @property
    def visitors(self) -> int:
        """Everybody who was shown a variant."""
        return sum(self.report.exposed.values())


@dataclass(frozen=True, slots=True)
class Entry:
    """One experiment as the page lists it; `problems`: of its file. `glance`, `condition`, `outlook`: not of drafts."""

    experiment: Experiment
    length: timedelta
    glance: Glance | None
    condition: Condition | None
    outlook: Outlook | None
    problems: int

    @property
    def decision(self) -> Markup:
        """What people decided, in words; empty when it is not written down."""
        record, control = self.experiment.decision, self.experiment.control.key
        if record is None:
            return Markup()
        return say(f"record.{record.made}", shipped=name(self.experiment.shipped or ""), control=name(control))


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


@dataclass(frozen=True, slots=True)
class Home:
    """Everything the page shows. `groups`: name of the group -> its experiments, without empty groups."""

    groups: Mapping[str, Sequence[Entry]]
    refused: Sequence[Refused]
    lost: Sequence[Markup]
    now: datetime


@blueprint.get("/")
@require_read
def home() -> Response:
    """The list of experiments, running ones first."""
    return page("home.html", page=_home(this_minute(), site_formatting()))


def _home(now: datetime, formatting: Formatting) -> Home:
    catalog = services().catalog
    in_force, phases = catalog.experiments(), catalog.phases()
    archived = {one.key: one for one in phases if one.key not in in_force}  # the latest phase of each
    refused = list(_refused(catalog.problems(), catalog.keys(), in_force))
    faults = {one.key: len(one.problems) for one in refused if one.refused}
    kept, targets = services().one(Glances), services().one(Targets)
    glances = {one.key: kept.of(one, now) for one in (*in_force.values(), *archived.values()) if one.started_at}
    for glance in glances.values():
        if (wanted := asked(glance.report, glance.known)) is not None:
            targets.ask(*wanted)
    until = time.monotonic() + PATIENCE_SECONDS
    entries = {
        one.key: _entry(one, glances.get(one.key), faults.get(one.key, 0), now, formatting, targets, until)
        for one in sorted((*in_force.values(), *archived.values()), key=lambda one: one.name.lower())
    }
    groups: dict[str, list[Entry]] = {"running": [], "draft": [], "stopped": [], "archived": []}
    for key, entry in entries.items():
        groups["archived" if key in archived else entry.experiment.status].append(entry)
    for group in ("stopped", "archived"):
        groups[group].sort(key=lambda one: one.experiment.ended_at or now, reverse=True)
    started = [one for one in phases if one.started_at]
    first = min(started, key=lambda one: one.started_at or now, default=None)
    lost = lost_log(services().site.database, first, formatting) if first else ()
    return Home({group: some for group, some in groups.items() if some}, refused, lost, now)


def _entry(
    experiment: Experiment,
    glance: Glance | None,
    problems: int,
    now: datetime,
    formatting: Formatting,
    targets: Targets,
    until: float,
) -> Entry:
    if glance is None:
        return Entry(experiment, timedelta(), None, None, None, problems)
    health = condition(glance.report, glance.known, now, formatting)
    when = outlook(targets, glance.report, glance.known, formatting, until)
    if glance.lender is not None and when.reckoned:
        borrowed = say("outlook.borrowed", lender=glance.lender.key)
        when = replace(when, why=Markup("{}; {}").format(when.why, borrowed))
    return Entry(experiment, elapsed(experiment, now), glance, health, when, problems)


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
