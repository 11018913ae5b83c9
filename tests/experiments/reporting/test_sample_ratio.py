"""The sample ratio of a phase, and where a mismatch is: in which days, devices or sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.definition.experiment import Experiment
from experiments.reporting.sample_ratio import DAYS, FINDINGS, Diagnosis, FindingKind, diagnosis, sample_ratio
from experiments.store.memory import MemoryStore
from stats.multinomial import ALARM_BELOW
from stats.tables.reach import Exposed, ReachTable, StepReach
from tests.experiments.cases.experiments import two_steps, variants
from tests.experiments.cases.histories import PHASE, exposure, minute

START = datetime(2026, 11, 2, tzinfo=UTC)
FIRST = int(START.timestamp()) // 3600
Rows = Sequence[Sequence[int]]


def experiment(weights: Sequence[float] = (1, 1), **changes: Any) -> Experiment:
    return two_steps(**{"started_at": START, "variants": variants(*"abc", weights=weights)} | changes)


def exposed(days: Rows) -> Exposed:
    """Each row a day, its visitors divided over two hours of it."""
    counts = np.array(days)
    hours = np.stack([counts // 2, counts - counts // 2], axis=1).reshape(-1, counts.shape[1])
    cohorts = FIRST + np.arange(len(counts)).repeat(2) * 24 + np.tile([3, 15], len(counts))
    return Exposed(cohorts, hours)


def table(days: Rows, first: int = 0) -> ReachTable:
    counts = np.array(days)[:, np.newaxis]
    cohorts = FIRST // 24 + first + np.arange(len(days))
    none = np.zeros_like(counts)
    steps = {"seen": StepReach(cohorts, counts, none), "sold": StepReach(cohorts[:0], counts[:0], none[:0])}
    return ReachTable(tuple("abc"[: counts.shape[2]]), ("",), Exposed(cohorts[:0], counts[:0, 0]), steps)


def diagnosed(segments: Mapping[str, Mapping[str, Rows]], days: Rows | None = None, **more: Any) -> Diagnosis:
    """Days before exclusions are those of the first attribute's levels together, if not given."""
    together = days or np.sum([np.array(rows) for rows in next(iter(segments.values())).values()], axis=0).tolist()
    tables = {key: {level: table(rows) for level, rows in levels.items()} for key, levels in segments.items()}
    end = START + timedelta(days=len(together))
    return diagnosis(more.get("phase", experiment()), exposed(together), tables, more.get("as_of", end))


def kinds(found: Diagnosis) -> list[tuple[str, str, str]]:
    return [(one.kind, one.attribute, one.level) for one in found.findings]


class TestAlarm:
    @pytest.mark.parametrize(("minutes", "alarm"), [(18 * 60 - 60, False), (18 * 60 - 59, True)])
    def test_an_hour_counts_when_it_and_the_grace_are_over(self, minutes: int, alarm: bool) -> None:
        """The second hour with visitors is from 15 to 16 o'clock."""
        visitors = Exposed(FIRST + np.array([3, 15]), np.array([[1000, 1000], [1000, 1400]]))
        found = sample_ratio(experiment(), visitors, START + timedelta(minutes=minutes))
        assert found.alarm == alarm
        assert found.since == (START + timedelta(hours=17) if alarm else None)
        assert (found.p_value is not None and found.p_value < ALARM_BELOW) == alarm

    def test_before_the_first_closed_hour_there_is_no_number(self) -> None:
        found = sample_ratio(experiment(), exposed([[5, 5]]), START)
        assert (found.p_value, found.alarm, found.since) == (None, False, None)

    def test_the_expected_ratio_is_that_of_the_weights(self) -> None:
        found = sample_ratio(experiment((3, 1)), exposed([[3000, 1000]]), START + timedelta(days=1))
        assert found.expected == {"a": 0.75, "b": 0.25}
        assert not found.alarm


FINE, ILL = [500, 500], [594, 406]
ONES = [[1000, 1000]] * 6


class TestWhere:
    def test_in_one_device(self) -> None:
        found = diagnosed(
            {"device": {"desktop": ONES, "phone": [[594, 406]] * 2 + [[0, 0]] * 4, "tablet": [[9, 7]] * 6}}
        )
        assert kinds(found)[0] == ("level", "device", "phone")
        assert found.findings[0].text == "the mismatch is in device phone: b has 812 of 2,000 instead of 1,000"
        assert [one.level for one in found.levels["device"]] == ["phone", "tablet", "desktop"]
        phone = found.levels["device"][0]
        assert phone.visitors == {"a": 1188, "b": 812}
        assert phone.shares == {"a": 0.594, "b": 0.406}
        assert phone.p_value < phone.p_value_adjusted < ALARM_BELOW
        assert found.levels["device"][1].p_value_adjusted == 1

    def test_in_two_devices(self) -> None:
        found = diagnosed({"device": {"desktop": ONES, "phone": [ILL] * 6, "tablet": [ILL] * 6}})
        assert kinds(found)[:2] == [("level", "device", "phone"), ("level", "device", "tablet")]

    def test_in_two_devices_that_balance_each_other_without_any_alarm(self) -> None:
        found = diagnosed({"device": {"desktop": [[600, 400]] * 6, "phone": [[400, 600]] * 6}})
        assert kinds(found) == [("level", "device", "desktop"), ("level", "device", "phone")]

    def test_in_every_device_alike(self) -> None:
        found = diagnosed({"device": {"desktop": [[1100, 900]] * 6, "phone": [[550, 450]] * 6}})
        assert kinds(found)[0] == ("alike", "device", "")
        assert found.findings[0].text == FINDINGS["alike"].format(attribute="device")

    def test_one_device_has_nearly_all_visitors_so_the_others_cannot_tell(self) -> None:
        found = diagnosed({"device": {"desktop": [[1100, 900]] * 6, "phone": [[5, 4]] * 6}})
        assert kinds(found)[0] == ("unclear", "device", "")

    def test_in_the_visitors_who_are_left_out(self) -> None:
        """Bots got the variant only; those who count are divided as planned. Said once, not per attribute."""
        levels = {"desktop": [FINE] * 6, "phone": [FINE] * 6}
        found = diagnosed({"device": levels, "source": levels}, days=[[1000, 1300]] * 6)
        assert kinds(found) == [("excluded", "", ""), ("every-day", DAYS, "")]

    def test_in_those_who_count_and_in_those_who_do_not(self) -> None:
        found = diagnosed({"device": {"desktop": ONES, "phone": [ILL] * 6}}, days=[[1594, 1900]] * 6)
        assert kinds(found)[0] == ("level", "device", "phone")

    def test_a_few_visitors_of_whom_nothing_is_known_do_not_blur_it(self) -> None:
        levels = {"desktop": [[750, 700]] * 6, "phone": [[750, 700]] * 6, "unknown": [[6, 4]] * 6}
        assert kinds(diagnosed({"device": levels}))[0] == ("alike", "device", "")

    def test_several_attributes_each_by_itself(self) -> None:
        """The mismatch is in one source; every device has its share of that source."""
        devices = {"desktop": [[800, 700]] * 6, "phone": [[800, 700]] * 6}
        sources = {"ads": [[600, 400]] * 6, "search": [[1000, 1000]] * 6}
        found = diagnosed({"device": devices, "source": sources})
        assert kinds(found)[:2] == [("alike", "device", ""), ("level", "source", "ads")]

    def test_three_variants_name_the_one_that_lacks_most(self) -> None:
        phase = experiment((2, 1, 1))
        good, bad = [[1000, 500, 500]] * 6, [[700, 500, 500]] * 6
        found = diagnosed({"device": {"desktop": good, "phone": bad}}, phase=phase)
        first = found.findings[0]
        assert (first.kind, first.level, first.variant) == ("level", "phone", "a")
        assert (first.seen, first.total, first.expected) == (4200, 10200, 5100)

    def test_without_a_mismatch_nothing_is_found(self) -> None:
        found = diagnosed({"device": {"desktop": ONES, "phone": [FINE] * 6}})
        assert list(found.findings) == []
        assert [one.p_value_adjusted for one in found.levels[DAYS]] == [1.0] * 6

    def test_an_attribute_that_nobody_has_says_nothing(self) -> None:
        found = diagnosed({"device": {"unknown": [ILL] * 6}})
        assert kinds(found) == [("every-day", DAYS, "")]
        assert diagnosed({"device": {}}, days=[[0, 0]]).findings == []

    def test_before_the_first_visitor(self) -> None:
        found = diagnosis(experiment(), exposed([[9, 9]]), {}, START - timedelta(days=1))
        assert (found.levels, found.findings) == ({}, [])


class TestWhen:
    @pytest.mark.parametrize(
        ("days", "kind", "first", "last", "text"),
        [
            ([FINE] * 3 + [ILL] * 5, "began", 5, 9, "it began on 2026-11-05: look at what changed then"),
            (
                [ILL] * 2 + [FINE] * 6,
                "ended",
                2,
                3,
                "it ended on 2026-11-03: visitors since then are divided as planned",
            ),
            ([FINE] * 3 + [ILL] * 2 + [FINE] * 3, "between", 5, 6, "it lasted from 2026-11-05 to 2026-11-06"),
            ([FINE] * 3 + [[700, 300]] + [FINE] * 3, "one-day", 5, 5, "it is on 2026-11-05 alone"),
            ([FINE] * 3 + [[700, 300]], "began", 5, 5, "it began on 2026-11-05: look at what changed then"),
            ([ILL] * 14, "every-day", None, None, "it has been there on every day alike, since the first"),
            (
                [ILL] * 2,
                "unclear",
                None,
                None,
                "whether every day has the mismatch alike, the visitors so far cannot tell",
            ),
        ],
        ids=["began", "ended", "between", "one day", "today", "every day", "too early"],
    )
    def test_days(self, days: Rows, kind: FindingKind, first: int | None, last: int | None, text: str) -> None:
        (found,) = diagnosed({}, days=days).findings
        between = [None if day is None else date(2026, 11, day) for day in (first, last)]
        assert (found.kind, found.attribute, [found.first, found.last]) == (kind, DAYS, between)
        assert found.text == text

    def test_the_day_under_way_is_in_and_later_ones_are_not(self) -> None:
        days = [FINE] * 2 + [[1400, 600]]
        morning = START + timedelta(days=2, hours=4)
        assert kinds(diagnosed({}, days=days, as_of=morning)) == [("began", DAYS, "")]
        assert kinds(diagnosed({}, days=days, as_of=START + timedelta(days=1, hours=23))) == []
        levels = {"device": {"desktop": days, "phone": [FINE] * 3}}
        found = diagnosed(levels, as_of=morning)
        assert found.levels["device"][0].visitors == {"a": 2400, "b": 1600}
        assert diagnosed(levels, as_of=START).levels["device"][0].visitors == {"a": 500, "b": 500}


@given(st.integers(0, 500), st.booleans())
def test_the_names_of_levels_and_variants_change_nothing_but_the_names(seed: int, ill: bool) -> None:
    rng = np.random.default_rng(seed)
    rows = {level: rng.poisson([120, 90 if ill else 120], size=(5, 2)) for level in ("x", "y")}
    days = sum(rows.values()).tolist()
    one = diagnosed({"device": {key: value.tolist() for key, value in rows.items()}}, days=days)
    turned = {"device": {f"other-{key}": value[:, ::-1].tolist() for key, value in rows.items()}}
    other = diagnosed(turned, days=np.array(days)[:, ::-1].tolist())
    assert [kind for kind, _, _ in kinds(one)] == [kind for kind, _, _ in kinds(other)]
    for mine, theirs in zip(one.levels["device"], other.levels["device"], strict=True):
        assert theirs.level == f"other-{mine.level}"
        assert theirs.visitors == {"a": mine.visitors["b"], "b": mine.visitors["a"]}
        assert theirs.p_value_adjusted == pytest.approx(mine.p_value_adjusted, rel=1e-9)


def test_the_tables_of_a_store_are_what_it_reads() -> None:
    """From events: phones that should have got `multi` never arrive."""
    events = []
    for number in range(700):
        device, variant = ("phone", "desktop")[number % 2], ("single", "multi")[number // 2 % 2]
        if (device, variant) != ("phone", "multi"):
            events.append(exposure(f"v{number}", variant, number, attributes={"device": device}))
    store = MemoryStore(lambda: [PHASE])
    store.append(events)
    as_of = minute(800)
    tables = {"device": store.tables(PHASE, ["device"]).by("device")}
    found = diagnosis(PHASE, store.tables(PHASE).reach.exposed, tables, as_of)
    assert sample_ratio(PHASE, store.tables(PHASE).reach.exposed, as_of).alarm
    assert [one.text for one in found.findings] == ["the mismatch is in device phone: multi has 0 of 175 instead of 88"]
