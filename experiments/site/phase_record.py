"""PhaseRecord: the site's record, phases.json, of every phase that ever started, complete and in order."""

import fcntl
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from experiments.definition.experiment import Experiment
from experiments.definition.problem import Fault, Place, Problem, SiteError, seen
from experiments.site.config_file import parse_config
from experiments.site.validation import faults
from experiments.site.whole_file import write_whole

PHASES_FILE = "phases.json"
FORMAT = 1

Phases = tuple[Experiment, ...]

_RESTORE = "restore it from a backup; yesladder never overwrites a record that it cannot read"


def read_phases(path: Path) -> Phases:
    """Every recorded phase in the order of recording; none when the file does not exist.

    Raises SiteError naming the place when the record cannot be trusted: not JSON, not a phase, two phases of one
    number, a phase that begins before the one before it ended.
    """
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise SiteError([Problem(PHASES_FILE, 1, 1, f"this record cannot be read: {error}", _RESTORE)]) from error
    try:
        document = json.loads(text, parse_constant=_not_json)
    except (ValueError, RecursionError) as error:
        line, column = getattr(error, "lineno", 1), getattr(error, "colno", 1)
        what = f"this record is not JSON ({getattr(error, 'msg', error)})"
        raise SiteError([Problem(PHASES_FILE, line, column, what, _RESTORE)]) from error
    found = _phases(document)
    broken = [fault for fault in found if isinstance(fault, Fault)]
    if broken:
        config = parse_config(text, PHASES_FILE)
        raise SiteError([config.problem(fault) for fault in broken])
    return tuple(phase for phase in found if isinstance(phase, Experiment))


def write_phases(path: Path, phases: Sequence[Experiment]) -> None:
    """Replace the record at once and for good: whoever reads sees the old one or the new one, also after a crash."""
    document = {"format": FORMAT, "phases": [phase.model_dump(mode="json") for phase in phases]}
    write_whole(path, json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the record's lock: of several processes one at a time reads, decides and writes."""
    with path.with_name(f"{path.name}.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # released when the file is closed, also by a crash
        yield


def _phases(document: Any) -> list[Experiment | Fault]:
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        given = seen(document.get("format") if isinstance(document, dict) else document)
        what = f"this record's format is {given}, not {FORMAT}"
        return [Fault((), what, "use the version of yesladder that wrote it, or restore it from a backup")]
    if not isinstance(document.get("phases"), list):
        return [Fault((), f"this record's phases are {seen(document.get('phases'))}, not a list", _RESTORE)]
    found: list[Experiment | Fault] = []
    latest: dict[str, Experiment] = {}
    for index, item in enumerate(document["phases"]):
        place: Place = ("phases", index)
        try:
            phase = Experiment.model_validate(item)
        except ValidationError as error:
            found += [Fault((*place, *one.place), one.what, _RESTORE, one.on_key) for one in faults(Experiment, error)]
            continue
        found += _out_of_order(place, phase, latest.get(phase.key))
        latest[phase.key] = phase
        found.append(phase)
    return found


def _out_of_order(place: Place, phase: Experiment, before: Experiment | None) -> list[Fault]:
    if phase.started_at is None or (phase.status == "stopped") != (phase.ended_at is not None):
        return [Fault(place, f"is {phase.status} without the times that belong to it", _RESTORE)]
    if before is None:
        return []
    if phase.phase <= before.phase:
        return [Fault((*place, "phase"), f"is {phase.phase}, after phase {before.phase} of {phase.key}", _RESTORE)]
    if before.ended_at is None or phase.started_at < before.ended_at:
        what = f"is before phase {before.phase} of {phase.key} ended"
        return [Fault((*place, "started_at"), what, _RESTORE)]
    return []


def _not_json(constant: str) -> None:
    raise ValueError(f"{constant} is not a JSON value")
