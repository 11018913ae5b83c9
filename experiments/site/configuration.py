"""Configuration: what a site's config files and its record say together. Pure; the catalog brings the files."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from experiments.definition.experiment import Experiment
from experiments.definition.problem import Fault, Problem, in_order, seen
from experiments.definition.quantity import write_share
from experiments.site.config_file import ConfigFile
from experiments.site.phase_record import PHASES_FILE
from experiments.site.phase_transition import PhaseTransition, transition
from experiments.site.validation import validated

EXPERIMENTS_FOLDER = "experiments"


@dataclass(frozen=True, slots=True)
class Configuration:
    """What is in force on a site, and what is wrong with its files.

    `experiments`: key -> definition in force. `phases`: the record as it should be. `problems`: in the order of files
    and lines. `keys`: file -> key of the experiment it last described. `dated`: keys whose file says when the
    experiment started.
    """

    experiments: Mapping[str, Experiment]
    phases: tuple[Experiment, ...]
    problems: tuple[Problem, ...]
    keys: Mapping[str, str]
    dated: frozenset[str] = frozenset()

    def with_problems(self, more: Sequence[Problem]) -> Configuration:
        """The same with these problems too."""
        return replace(self, problems=in_order([*self.problems, *more]))


def read_definitions(
    configs: Sequence[ConfigFile],
    record: Sequence[Experiment],
    last_good: Mapping[str, Experiment],
    now: datetime,
    known_keys: Mapping[str, str] = MappingProxyType({}),
) -> Configuration:
    """Which definitions are in force, given the files (in the order of their names), the record and what was in
    force before? A file that is refused leaves its experiment as it was, and never touches another one."""
    problems: list[Problem] = []
    keys: dict[str, str] = {}
    good: dict[str, tuple[ConfigFile, PhaseTransition]] = {}
    dated = set()
    for config in configs:
        experiment, found = validated(Experiment, config)
        problems += found
        key = experiment.key if experiment else _readable_key(config) or known_keys.get(config.name)
        if key is None:
            continue
        owner = next((name for name, other in keys.items() if other == key), None)
        keys[config.name] = key
        if owner is not None:
            remedy = "give this experiment a key of its own, or remove one of the two files"
            problems.append(config.problem(Fault(("key",), f"is {seen(key)}, the key of {owner} too", remedy)))
        elif experiment is not None:
            if experiment.started_at:
                dated.add(key)
            following = transition(experiment, [phase for phase in record if phase.key == key], now)
            problems += [config.problem(fault) for fault in following.faults]
            if not following.faults:
                good[key] = config, following
    problems += _take_turns(good, record)
    experiments = _in_force(keys.values(), good, record, last_good)
    problems += _lost(keys.values(), record)
    phases = _recorded(good, record)
    return Configuration(MappingProxyType(experiments), phases, in_order(problems), keys, frozenset(dated))


def _take_turns(good: dict[str, tuple[ConfigFile, PhaseTransition]], record: Sequence[Experiment]) -> Iterator[Problem]:
    """Remove the definitions whose slice of a layer is taken: what runs already has it, then the first file."""
    running = {phase.key: phase for phase in record if phase.status == "running"}
    taken: list[Experiment] = [phase for key, phase in running.items() if phase.exclusive and key not in good]
    for key in sorted(good, key=lambda key: key not in running):
        config, following = good[key]
        experiment = following.in_force
        if experiment is None or experiment.exclusive is None or experiment.status == "stopped":
            continue
        other = next((other for other in taken if _overlap(experiment, other)), None)
        if other is None:
            taken.append(experiment)
            continue
        del good[key]
        yield config.problem(_overlapping(experiment, other, taken))


def _overlap(one: Experiment, other: Experiment) -> bool:
    if one.exclusive is None or other.exclusive is None or one.exclusive.layer != other.exclusive.layer:
        return False
    return one.exclusive.slice[0] < other.exclusive.slice[1] and other.exclusive.slice[0] < one.exclusive.slice[1]


def _overlapping(experiment: Experiment, other: Experiment, taken: Sequence[Experiment]) -> Fault:
    slices = [one.exclusive for one in (experiment, other) if one.exclusive]
    mine, theirs = (f"{write_share(low)} to {write_share(high)}" for low, high in (one.slice for one in slices))
    layer = slices[0].layer
    used = sorted(one.exclusive.slice for one in taken if one.exclusive and one.exclusive.layer == layer)
    what = f"is {mine}, but {seen(other.key)} has {theirs} of the layer {layer}"
    free = []
    end = 0.0
    for low, high in [*used, (1.0, 1.0)]:
        if end < low:
            free.append(f"[{write_share(end)}, {write_share(low)}]")
        end = max(end, high)
    remedy = f"write a slice within {' or '.join(free)}" if free else f"the layer is full: stop {other.key} first"
    return Fault(("exclusive", "slice"), what, remedy)


def _in_force(
    keys: Collection[str],
    good: Mapping[str, tuple[ConfigFile, PhaseTransition]],
    record: Sequence[Experiment],
    last_good: Mapping[str, Experiment],
) -> dict[str, Experiment]:
    recorded = {phase.key: phase for phase in record}
    found: dict[str, Experiment] = {}
    for key in sorted({*keys} | {key for key, phase in recorded.items() if phase.status == "running"}):
        definition = last_good.get(key)
        if key in good:
            definition = good[key][1].in_force
        elif key in recorded and not (definition and definition.phase > recorded[key].phase):  # no newer draft
            definition = recorded[key]
        if definition is not None:
            found[key] = definition
    return found


def _lost(keys: Collection[str], record: Sequence[Experiment]) -> Iterator[Problem]:
    """Running experiments that no file describes any more."""
    for phase in record:
        if phase.status == "running" and phase.key not in keys:
            what = f"{seen(phase.key)} is running, but no readable file in {EXPERIMENTS_FOLDER}/ has its key"
            remedy = "it is served on as recorded; put its file back, with status: stopped to end it"
            yield Problem(PHASES_FILE, 1, 1, what, remedy, "warning")


def _recorded(
    good: Mapping[str, tuple[ConfigFile, PhaseTransition]], record: Sequence[Experiment]
) -> tuple[Experiment, ...]:
    """The record with what follows in it: known phases in their places, new ones at the end."""
    after = {(phase.key, phase.phase): phase for _, following in good.values() for phase in following.phases}
    phases = [after.pop((phase.key, phase.phase), phase) for phase in record]
    return (*phases, *after.values())


def _readable_key(config: ConfigFile) -> str | None:
    key = config.data.get("key")
    return key if isinstance(key, str) else None
