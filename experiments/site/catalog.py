"""Catalog: which definitions are in force? Read from the config files, hot, and frozen by the record of phases."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from experiments.definition.experiment import Experiment
from experiments.definition.problem import Fault, Problem, SiteError, in_order
from experiments.definition.unknown import UnknownExperiment, UnknownPhase
from experiments.site.config_file import ConfigFile, read_config
from experiments.site.configuration import EXPERIMENTS_FOLDER, Configuration, read_definitions
from experiments.site.phase_record import PHASES_FILE, Phases, locked, read_phases, write_phases
from experiments.site.site import read_settings

Signature = tuple[int, int, int]

_INTERVAL = timedelta(seconds=1)


def check(
    site_path: Path,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    doubts: Callable[[Phases, Sequence[Experiment]], Mapping[str, Fault]] = lambda *_: {},
) -> Sequence[Problem]:
    """Everything wrong with a site's files, in the order of files and lines. Writes nothing to them.

    `doubts`: from the recorded phases and the experiments in force to what is doubtful about some of them (key ->
    fault), by what only a caller knows, such as measured rates; each becomes a warning.
    """
    _, problems = read_settings(site_path)
    phases: Phases = ()
    try:
        phases = read_phases(site_path / PHASES_FILE)
    except SiteError as error:
        problems += error.problems
    configs = [read_config(site_path / name, name) for name in _config_names(_signatures(site_path))]
    configuration = read_definitions(configs, phases, {}, clock())
    doubtful = doubts(phases, list(configuration.experiments.values()))
    keys = [(config, configuration.keys.get(config.name, "")) for config in configs]
    warnings = [config.problem(doubtful[key], "warning") for config, key in keys if key in doubtful]
    found = (*problems, *_folder_problems(site_path), *configuration.problems, *warnings)
    return in_order(found)


class Catalog:
    """The definitions of one site, current within a second. Safe for many threads, and many processes on one site.

    Reads what is there when made. A file that cannot be used leaves the last good definition of its experiment in
    force and is named by `problems`; so is a record that cannot be read or written. Nothing is raised for them.
    """

    def __init__(self, site_path: Path, clock: Callable[[], datetime]) -> None:
        self._path = site_path
        self._clock = clock
        self._lock = threading.Lock()
        self._configs: dict[str, tuple[Signature, ConfigFile]] = {}
        self._signatures: Mapping[str, Signature] = {}
        self._configuration = Configuration({}, (), (), {})
        self._looked_at = clock()
        self._read()

    def is_due(self) -> bool:
        """Is it time to look at the files again?"""
        return not timedelta(0) <= self._clock() - self._looked_at < _INTERVAL

    def refresh(self) -> None:
        """Take up what changed on disk. Cheap: looks at most once a second, and one thread at a time."""
        if self.is_due() and self._lock.acquire(blocking=False):
            try:
                self._looked_at = self._clock()
                if self._signatures != _signatures(self._path):
                    self._read()
            finally:
                self._lock.release()

    def experiments(self) -> Mapping[str, Experiment]:
        """Key -> definition in force: drafts, and the latest phase of what runs or has a file saying it stopped."""
        return self._configuration.experiments

    def get(self, key: str) -> Experiment | None:
        """The definition in force of this experiment."""
        return self.experiments().get(key)

    def require(self, key: str) -> Experiment:
        """The definition in force of this experiment. Raises UnknownExperiment, naming those there are."""
        found = self.get(key)
        if found is None:
            raise UnknownExperiment(key, self.experiments())
        return found

    def latest(self, key: str) -> Experiment:
        """The definition in force, else the last phase of what no file describes any more. Raises UnknownExperiment."""
        phases = self.phases_of(key)
        return phases[-1] if phases and self.get(key) is None else self.require(key)

    def phase(self, key: str, number: int) -> Experiment:
        """The phase of this number, be it a draft. Raises UnknownExperiment or UnknownPhase, naming those there are."""
        recorded = self.phases_of(key)
        found = next((one for one in (*recorded, self.latest(key)) if one.phase == number), None)
        if found is None:
            raise UnknownPhase(key, number, [one.phase for one in recorded])
        return found

    def phases(self) -> Sequence[Experiment]:
        """Every phase ever recorded, in the order of recording."""
        return self._configuration.phases

    def phases_of(self, key: str) -> Sequence[Experiment]:
        """The recorded phases of one experiment, oldest first."""
        return [phase for phase in self.phases() if phase.key == key]

    def problems(self) -> Sequence[Problem]:
        """Errors and warnings of the last reading, in the order of files and lines."""
        return self._configuration.problems

    def keys(self) -> Mapping[str, str]:
        """File, relative to the site -> key of the experiment that it describes, or should; without unreadable ones."""
        return self._configuration.keys

    def backdate(self, key: str, earliest: datetime) -> None:
        """Let the first phase of imported history begin with its earliest receipt.

        Does nothing when the phase began no later, or when its config file says when it started. Raises KeyError for
        an experiment that has no phase.
        """
        with self._lock:
            with locked(self._path / PHASES_FILE):
                phases = read_phases(self._path / PHASES_FILE)
                index = next((at for at, phase in enumerate(phases) if phase.key == key), None)
                if index is None:
                    raise KeyError(key)
                started = phases[index].started_at
                if key not in self._configuration.dated and started is not None and earliest < started:
                    earlier = phases[index].model_copy(update={"started_at": earliest.astimezone(UTC)})
                    write_phases(self._path / PHASES_FILE, (*phases[:index], earlier, *phases[index + 1 :]))
            self._read()

    def _read(self) -> None:
        """Read what changed; record what is new under the lock, so that the first of several processes wins."""
        record_path = self._path / PHASES_FILE
        try:
            record, configuration = self._understood()
            if configuration.phases != record:
                with locked(record_path):
                    record, configuration = self._understood()  # another process was here, or files are newer
                    if configuration.phases != record:
                        write_phases(record_path, configuration.phases)
                written = _signatures(self._path).get(PHASES_FILE)
                self._signatures = {**self._signatures, **({PHASES_FILE: written} if written else {})}
            self._configuration = configuration
        except SiteError as error:  # the record cannot be trusted: nothing changes until it can
            self._configuration = replace(self._configuration, problems=error.problems)
        except OSError as error:  # the disk refuses the record: what is in force goes on, and the next look tries again
            what = f"this record cannot be written: {error.strerror or error}"
            remedy = "make room, or make the site's folder writable; until then no experiment starts or stops"
            self._configuration = replace(self._configuration, problems=(Problem(PHASES_FILE, 1, 1, what, remedy),))
            self._signatures = {}

    def _understood(self) -> tuple[Phases, Configuration]:
        self._signatures = _signatures(self._path)
        names = _config_names(self._signatures)
        self._configs = {name: (self._signatures[name], self._config(name)) for name in names}
        configs = [config for _, config in self._configs.values()]
        record = read_phases(self._path / PHASES_FILE)
        now, before = self._clock(), self._configuration
        configuration = read_definitions(configs, record, before.experiments, now, before.keys)
        return record, configuration.with_problems(_folder_problems(self._path))

    def _config(self, name: str) -> ConfigFile:
        known = self._configs.get(name)
        return known[1] if known and known[0] == self._signatures[name] else read_config(self._path / name, name)


def _config_names(signatures: Iterable[str]) -> Sequence[str]:
    """The config files among these, sorted so that pricing.yaml comes before pricing-copy.yaml."""
    return sorted((name for name in signatures if name != PHASES_FILE), key=lambda name: name.removesuffix(".yaml"))


def _signatures(site_path: Path) -> dict[str, Signature]:
    """File, relative to the site -> what changes when it is written: of every config file, and of the record."""
    found = {}
    for path in (*(site_path / EXPERIMENTS_FOLDER).glob("*.yaml"), site_path / PHASES_FILE):
        with suppress(OSError):
            if not path.name.startswith("."):  # editors keep hidden copies
                status = path.stat()
                found[str(path.relative_to(site_path))] = status.st_mtime_ns, status.st_size, status.st_ino
    return found


def _folder_problems(site_path: Path) -> list[Problem]:
    """Files that look like experiments and are not read."""
    folder = site_path / EXPERIMENTS_FOLDER
    if not folder.is_dir():
        what = "this folder is missing, so the site has no experiments"
        return [Problem(EXPERIMENTS_FOLDER, 1, 1, what, "make it, and put one file into it for each experiment")]
    problems = []
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in (".yml", ".yaml", ".json") and path.suffix != ".yaml":
            what = "this file is not read, because its name does not end in .yaml"
            name = f"{EXPERIMENTS_FOLDER}/{path.name}"
            problems.append(Problem(name, 1, 1, what, f"rename it to {path.with_suffix('.yaml').name}"))
    return problems
