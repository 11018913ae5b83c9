"""Daily counts: published daily counts of another tool's experiment, as the events that it must have seen."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from experiments.definition.experiment import Experiment
from experiments.events.event import Event, MessageId, VisitorId


@dataclass(frozen=True, slots=True)
class DailyCounts:
    """One variant on one day (UTC): `exposed` visitors, and how many of *them* took each milestone of the path.

    Raises ValueError where a milestone has more visitors than the one before it: nobody pays without enrolling, and
    closure (a later milestone implies the earlier ones) would then count more enrolments than were published.
    """

    day: datetime
    variant: str
    exposed: int
    reached: tuple[int, ...]

    def __post_init__(self) -> None:
        if any(after > before for before, after in zip((self.exposed, *self.reached), self.reached, strict=False)):
            raise ValueError(
                f"{self.day:%Y-%m-%d} {self.variant}: counts are {self.exposed} and {self.reached}, "
                "must not rise along the path"
            )


def read_daily_counts(path: Path, exposed: str, reached: Sequence[str]) -> list[DailyCounts]:
    """What does this CSV say? `exposed` and `reached` name its columns; lines that begin with # are notes.

    Raises ValueError naming the line when a count is missing or wrong.
    """
    rows: list[DailyCounts] = []
    with path.open(encoding="utf-8", newline="") as file:
        lines = [(number, line) for number, line in enumerate(file, 1) if not line.startswith("#")]
    for (number, _), row in zip(lines[1:], csv.DictReader(line for _, line in lines), strict=True):
        try:
            day = datetime.fromisoformat(row["date"]).replace(tzinfo=UTC)
            counts = tuple(int(row[column]) for column in reached)
            rows.append(DailyCounts(day, row["variant"], int(row[exposed]), counts))
        except (KeyError, ValueError) as error:
            raise ValueError(f"{path}:{number}: {error}") from None
    return rows


def expand(experiment: Experiment, counts: Sequence[DailyCounts]) -> Iterator[Event]:
    """Which events give exactly these counts? In order of receipt, and always the same ones.

    Every visitor of a day is exposed in the day's first hour, so that a day is one cohort and one look. Which of
    them went on was not published; the first ones are taken, and no count depends on it. The first milestone follows
    a minute after exposure, the last one an hour before the experiment's window ends, those between evenly.
    Each event is received the moment it happens, well before its cohort seals.
    """
    events: list[Event] = []
    last = max(len(experiment.path) - 1, 1)
    span = experiment.window - timedelta(hours=1)
    for row in counts:
        for i in range(row.exposed):
            visitor = VisitorId(f"{row.day:%Y-%m-%d}-{row.variant}-{i + 1}")
            at = row.day + timedelta(hours=1) * i / row.exposed
            exposed = MessageId(f"{visitor}-exposed")
            events.append(Event(exposed, "exposure", visitor, at, at, experiment=experiment.key, variant=row.variant))
            for k, (step, reached) in enumerate(zip(experiment.path, row.reached, strict=True)):
                if i < reached:
                    then = at + max(timedelta(minutes=1), span * k / last)
                    events.append(Event(MessageId(f"{visitor}-{step.step}"), "action", visitor, then, then, step.event))
    events.sort(key=lambda event: event.received_at)
    yield from events
