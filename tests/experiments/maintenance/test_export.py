"""Events and counts as rows: every one, in the same order, with nothing a spreadsheet would run."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Collection
from datetime import timedelta

import pytest

from experiments.definition.experiment import Experiment
from experiments.events.event import Event
from experiments.events.tables import Tables
from experiments.maintenance.export import COUNT_COLUMNS, EVENT_COLUMNS, chosen, count_rows, event_row, spreadsheet
from experiments.store.memory import MemoryStore
from tests.experiments.cases.histories import DAY, PHASE, action, all_cells, exposure, join, withdrawal

OTHER = PHASE.model_copy(update={"key": "popup"})
HISTORY = [
    exposure("v", "single", 0, attributes={"device": "phone"}),
    action("v", "form_viewed", 5),
    action("v", "quote_requested", 9, properties={"amount": 12.5}),
    exposure("w", "multi", 2 * DAY),
    exposure("w", "multi", 50, attributes={"bot": "true"}),
]


def test_an_event_is_a_row() -> None:
    event = action("v", "form_viewed", 5, 6.5, properties={"a": ["ü", 1]}, attributes={"device": "phone"})
    assert event_row(event) == {
        "received_at": "2026-11-02T00:06:30Z",
        "happened_at": "2026-11-02T00:05:00Z",
        "kind": "action",
        "name": "form_viewed",
        "visitor": "v",
        "same_person_as": "",
        "experiment": "",
        "variant": "",
        "properties": '{"a":["ü",1]}',
        "attributes": '{"device":"phone"}',
        "message_id": "action-v-form_viewed-5",
    }
    assert event_row(join("v", "w", 1))["same_person_as"] == "w"
    assert tuple(event_row(event)) == EVENT_COLUMNS


CHOSEN = [
    ("its exposure", exposure("v", "single", 0), True),
    ("another's exposure", exposure("v", "single", 0, experiment="popup"), False),
    ("its step", action("v", "email_given", 0), True),
    ("its guardrail", action("v", "form_error", 0), True),
    ("what no step names", action("v", "scrolled", 0), False),
    ("a join", join("v", "w", 0), True),
    ("a withdrawal", withdrawal("v", 0), True),
    ("an action that joins", action("v", "scrolled", 0, joined="w"), True),
]


@pytest.mark.parametrize(("event", "expected"), [row[1:] for row in CHOSEN], ids=[row[0] for row in CHOSEN])
def test_which_events_an_experiment_counts_by(event: Event, expected: bool) -> None:
    assert list(chosen([event], [PHASE])) == [event] * expected


def test_every_count_is_a_row_in_the_same_order() -> None:
    store = MemoryStore(lambda: [PHASE, OTHER])
    store.append(HISTORY)
    rows = list(count_rows(store, [PHASE, OTHER]))
    assert len(rows) == len(all_cells(store, PHASE))
    assert {name for row in rows for name in row} == set(COUNT_COLUMNS)
    backwards = Backwards(store.phases)
    backwards.append(HISTORY)
    assert list(count_rows(backwards, [PHASE, OTHER])) == rows


class Backwards(MemoryStore):
    """A store that gives its cells in another order."""

    def tables(self, experiment: Experiment, segments: Collection[str] | None = ()) -> Tables:
        found = super().tables(experiment, segments)
        return dataclasses.replace(found, cells=dict(reversed(found.cells.items())))


WHERE = [
    ({"table": "exposed", "variant": "single"}, "2026-11-02T00:00:00Z", {"visitors": 1}),
    (
        {"table": "reach", "step": "seen", "attribute": "", "variant": "single"},
        "2026-11-02T00:00:00Z",
        {"visitors": 1, "reached": 1, "stratum": "device=phone"},
    ),
    (
        {"table": "reach", "step": "seen", "attribute": "device", "level": "phone"},
        "2026-11-02T00:00:00Z",
        {"visitors": 1, "reached": 1},
    ),
    (
        {"table": "patterns", "attribute": "", "variant": "single"},
        "2026-11-02T00:00:00Z",
        {"visitors": 1, "pattern": 7, "value_sum": 1250, "value_sq": 1562500},
    ),
]


@pytest.mark.parametrize(("where", "cohort", "expected"), WHERE, ids=["exposed", "reach", "segment", "patterns"])
def test_cohorts_are_moments(where: dict[str, str], cohort: str, expected: dict[str, object]) -> None:
    """The hours of reach and the days of segments and patterns, all at the moment they begin."""
    store = MemoryStore(lambda: [PHASE])
    store.append(HISTORY)
    later = MemoryStore(lambda: [PHASE])
    later.append([_moved(event) for event in HISTORY])
    (row,) = [row for row in count_rows(store, [PHASE]) if where.items() <= row.items()]
    assert row["cohort"] == cohort
    assert expected.items() <= row.items()
    (row,) = [row for row in count_rows(later, [PHASE]) if where.items() <= row.items()]
    hourly = where["table"] == "exposed" or where == WHERE[1][0]
    assert row["cohort"] == ("2026-11-02T07:00:00Z" if hourly else cohort)


def _moved(event: Event) -> Event:
    by = timedelta(hours=7)
    return dataclasses.replace(event, at=event.at + by, received_at=event.received_at + by)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@x", "'@x"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("a=b", "a=b"),
        ("", ""),
        (-1, -1),
        ('quo"te, new\nline', 'quo"te, new\nline'),
    ],
)
def test_no_cell_is_a_formula(value: str | int, expected: str | int) -> None:
    assert spreadsheet({"name": value}, ["name", "not there"]) == [expected, ""]
    file = io.StringIO()
    csv.writer(file).writerow(spreadsheet({"name": value}, ["name", "x"]))
    (read,) = csv.reader(io.StringIO(file.getvalue(), newline=""))
    assert read == [str(expected), ""]
    assert json.dumps(value)
