"""Daily counts are read strictly, and expand into events that give exactly these counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.definition.experiment import Experiment
from experiments.events.tally import reach_table, tally
from experiments.gallery.daily_counts import DailyCounts, expand, read_daily_counts
from tests.experiments.cases.experiments import as_step, small, variants

DAY = datetime(2014, 10, 11, tzinfo=UTC)


def experiment() -> Experiment:
    path = [as_step("seen"), as_step("enrolled"), as_step("paid")]
    return small(started_at=DAY, variants=variants(*"ab"), assignment="reported", path=path, window="14 days")


rows = st.builds(
    lambda day, variant, counts: DailyCounts(DAY + timedelta(days=day), variant, counts[0], tuple(counts[1:])),
    st.integers(0, 3),
    st.sampled_from("ab"),
    st.lists(st.integers(0, 12), min_size=4, max_size=4).map(lambda counts: sorted(counts, reverse=True)),
)


@given(st.lists(rows, max_size=6, unique_by=lambda row: (row.day, row.variant)))
def test_expanded_events_give_exactly_the_counts(counts: list[DailyCounts]) -> None:
    phase = experiment()
    events = list(expand(phase, counts))
    assert [event.received_at for event in events] == sorted(event.received_at for event in events)
    assert len({event.message_id for event in events}) == len(events)
    table = reach_table(phase, tally(phase, events))
    days = sorted({row.day for row in counts if row.exposed})
    assert list(table.exposed.cohorts) == [int(day.timestamp()) // 3600 for day in days]
    for k, step in enumerate(("seen", "enrolled", "paid")):
        reach = table.steps[step]
        for i, day in enumerate(days):
            for j, variant in enumerate("ab"):
                row = next((row for row in counts if (row.day, row.variant) == (day, variant)), None)
                assert reach.visitors[i, 0, j] == (row.exposed if row else 0)
                assert reach.reached[i, 0, j] == (row.reached[k] if row else 0)


def test_counts_may_not_rise_along_the_path() -> None:
    with pytest.raises(ValueError, match=r"2014-10-11 a: counts are 10 and \(3, 4\), must not rise along the path"):
        DailyCounts(DAY, "a", 10, (3, 4))


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "counts.csv"
    path.write_text(text)
    return path


def test_notes_are_skipped_and_other_columns_ignored(tmp_path: Path) -> None:
    path = write(tmp_path, "# a note\ndate,variant,views,clicks,paid\n2014-10-11,a,99,10,3\n")
    assert read_daily_counts(path, "clicks", ("paid",)) == [DailyCounts(DAY, "a", 10, (3,))]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        pytest.param("2014-10-11,a,10,", r"counts.csv:3: invalid literal for int", id="missing count"),
        pytest.param("11.10.2014,a,10,1", r"counts.csv:3: Invalid isoformat", id="date"),
        pytest.param("2014-10-11,a,10,11", r"counts.csv:3: .*must not rise", id="rising"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, row: str, message: str) -> None:
    path = write(tmp_path, f"# a note\ndate,variant,clicks,paid\n{row}\n")
    with pytest.raises(ValueError, match=message):
        read_daily_counts(path, "clicks", ("paid",))


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, "date,variant,clicks\n2014-10-11,a,10\n")
    with pytest.raises(ValueError, match=r"counts.csv:2: 'paid'"):
        read_daily_counts(path, "clicks", ("paid",))
