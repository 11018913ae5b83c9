"""The report: which cohorts count, which state follows, and the document that comes out.

Over 300 lines because verdict, comparison and step report are only seen through the report, by the same few tables.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from experiments.definition.experiment import Experiment
from experiments.reporting.comparison import NOTHING_KNOWN
from experiments.reporting.report import Report, report
from experiments.reporting.step_report import StepReport
from stats.tables.patterns import PatternTable
from stats.tables.reach import Exposed, ReachTable, StepReach
from tests.experiments.cases.experiments import small, variants

ROOT = Path(__file__).parents[3]
START = datetime(2026, 11, 2, tzinfo=UTC)
FIRST = int(START.timestamp()) // 3600
MUCH_LATER = START + timedelta(days=400)
NOBODY = np.zeros(0, dtype=np.int64)

Rows = Sequence[Sequence[int]]


def experiment(arms: int = 2, **changes: Any) -> Experiment:
    """A milestone and a macro-conversion; windows of an hour and of a day."""
    path = [
        {"step": "seen", "event": "form_seen", "grade": 1, "window": "1 hour"},
        {"step": "sold", "event": "sold", "value": 10},
    ]
    return small(**{"variants": variants(*"abcd"[:arms]), "path": path, "window": "1 day"} | changes)


def tables(
    phase: Experiment,
    visitors: Rows,
    reached: dict[str, Rows],
    hours: Sequence[int] | None = None,
    patterns: dict[str, list[int]] | None = None,
) -> tuple[ReachTable, PatternTable]:
    """Hourly cohorts from the start of the phase; steps that are not named were reached by nobody."""
    cohorts = FIRST + np.array(range(len(visitors)) if hours is None else hours, dtype=np.int64)
    counts = np.array(visitors, dtype=np.int64).reshape(len(cohorts), len(phase.variants))
    steps = {}
    for step in phase.steps:
        rows = np.array(reached.get(step.step, np.zeros_like(counts)), dtype=np.int64).reshape(counts.shape)
        steps[step.step] = StepReach(cohorts, counts[:, np.newaxis], rows[:, np.newaxis])
    keys = tuple(variant.key for variant in phase.variants)
    columns = dict.fromkeys(("days", "variant", "pattern", "visitors", "value_sum", "value_sq"), NOBODY)
    columns |= {name: np.array(values, dtype=np.int64) for name, values in (patterns or {}).items()}
    names = tuple(step.step for step in phase.steps)
    return ReachTable(keys, ("",), Exposed(cohorts, counts), steps), PatternTable(keys, names, **columns)


def reported(phase: Experiment, visitors: Rows, reached: dict[str, Rows], as_of: datetime = MUCH_LATER) -> Report:
    return report(phase, *tables(phase, visitors, reached), {}, as_of)


def step_of(result: Report, key: str) -> StepReport:
    return next(step for step in result.steps if step.step == key)


BETTER, WORSE = [[100, 200]], [[200, 100]]  # of 1,000 visitors each: plain either way
LITTLE, SAME = [[2, 3]], [[200, 200]]
THOUSAND = [[1000, 1000]]


class TestDocument:
    def test_it_is_the_one_of_the_readme(self) -> None:
        phase = experiment(guardrails=[{"step": "error", "event": "e", "harm": "more", "margin": "10%"}])
        reach, patterns = tables(phase, THOUSAND, {"seen": BETTER, "sold": BETTER})
        ledger = {"bot": {"a": 2, "b": 1}, "late": {"": 12}}
        document = report(phase, reach, patterns, ledger, datetime(2026, 11, 22, 10, tzinfo=UTC)).to_json()
        assert json.loads(json.dumps(document)) == document
        assert list(document) == [
            "experiment", "phase", "as_of", "method", "method_reason", "alpha", "state", "reason", "decided_at",
            "exposed", "sample_ratio", "steps", "decomposition", "value", "learned_values", "ladder", "ledger",
        ]  # fmt: skip
        steps: Any = document.pop("steps")
        (split,) = cast("Any", document.pop("decomposition"))
        assert (split["variant"], [part["step"] for part in split["steps"]]) == ("b", ["seen", "sold"])
        (learned,) = cast("Any", document.pop("learned_values"))
        assert (learned["step"], learned["badge"]) == ("seen", None)
        value: Any = document.pop("value")
        assert value["comparisons"][0]["reason"] == "no day is sealed yet"
        assert [rung["rung"] for rung in cast("Any", document.pop("ladder"))] == ["grade-1", "macro"]
        assert document == {
            "experiment": "contact-form",
            "phase": 1,
            "as_of": "2026-11-22T10:00:00Z",
            "method": "always-valid",
            "method_reason": "the default without planned_visitors",
            "alpha": 0.05,
            "state": "better",
            "reason": "decided on 2026-11-03",
            "decided_at": "2026-11-03T02:00:00Z",
            "exposed": {"a": 1000, "b": 1000},
            "sample_ratio": {"p_value": 1.0, "alarm": False, "findings": []},
            "ledger": {"bot": 3, "late": 12},
        }
        assert [(step["step"], step["kind"], step["grade"]) for step in steps] == [
            ("seen", "milestone", 1),
            ("sold", "macro", None),
            ("error", "guardrail", None),
        ]
        assert steps[1]["variants"]["a"] == {
            "visitors": 1000, "reached": 100, "rate": 0.1, "value_sum": 0.0, "immature": 0,
        }  # fmt: skip
        (one,) = steps[1]["comparisons"]
        assert set(one) == {
            "variant", "versus", "relative_lift", "relative_interval", "difference", "difference_interval", "p_value",
            "p_value_adjusted", "decided_at", "state", "reason",
        }  # fmt: skip
        assert (one["variant"], one["versus"], one["state"]) == ("b", "a", "better")
        assert (one["relative_lift"], one["difference"]) == (pytest.approx(1.0), pytest.approx(0.1))
        assert one["relative_interval"][0] > 0
        assert one["difference_interval"][0] > 0

    def test_what_is_not_known_is_null(self) -> None:
        document: Any = reported(experiment(), [], {}).to_json()
        assert (document["state"], document["decided_at"], document["sample_ratio"]["p_value"]) == (
            "collecting",
            None,
            None,
        )
        (one,) = document["steps"][1]["comparisons"]
        numbers = ("relative_lift", "relative_interval", "difference", "difference_interval", "p_value")
        assert [one[name] for name in numbers] == [None] * 5
        assert one["p_value_adjusted"] is None
        assert document["steps"][1]["variants"]["a"]["rate"] is None
        assert "no visitor has had time for this step yet" in document["reason"]

    def test_an_unbounded_end_is_null(self) -> None:
        document: Any = reported(experiment(), THOUSAND, {"sold": [[0, 40]]}).to_json()
        (one,) = document["steps"][1]["comparisons"]
        assert one["relative_lift"] is None
        assert one["relative_interval"][0] > 0
        assert one["relative_interval"][1] is None
        assert None not in one["difference_interval"]


class TestSeal:
    """A cohort counts for a step when as_of is after its end, the step's window and an hour of grace."""

    # cohort 0 ends at 01:00; `seen` (one hour) seals at 03:00, `sold` (a day) at 02:00 of the next day
    @pytest.mark.parametrize(
        ("after", "seen", "sold"),
        [
            (timedelta(hours=3), 0, 0),
            (timedelta(hours=3, microseconds=1), 1000, 0),
            (timedelta(hours=4), 1000, 0),
            (timedelta(hours=4, microseconds=1), 1100, 0),
            (timedelta(hours=26), 1100, 0),
            (timedelta(hours=26, microseconds=1), 1100, 1000),
            (timedelta(hours=27, microseconds=1), 1100, 1100),
        ],
        ids=str,
    )
    def test_visitors_count_from_the_seal_on(self, after: timedelta, seen: int, sold: int) -> None:
        phase = experiment()
        visitors, reached = [[1000, 900], [100, 90]], [[300, 310], [20, 30]]
        result = reported(phase, visitors, {"seen": reached, "sold": reached}, START + after)
        for key, expected in (("seen", seen), ("sold", sold)):
            counts = step_of(result, key).variants["a"]
            assert counts.visitors == expected
            assert counts.visitors + counts.immature == 1100
            assert counts.reached + counts.immature_reached == 320

    def test_what_came_after_as_of_is_not_there(self) -> None:
        result = reported(experiment(), [[10, 10], [70, 70]], {}, START + timedelta(minutes=59))
        assert result.exposed == {"a": 10, "b": 10}
        assert step_of(result, "sold").variants["b"].immature == 10

    def test_a_published_number_does_not_change(self) -> None:
        """What a look said then is what the whole table says of it now; a verdict keeps its date."""
        rng = np.random.default_rng(3)
        visitors = rng.poisson(60, size=(240, 2))
        sold = rng.binomial(visitors, (0.1, 0.16))
        phase = experiment()
        whole = step_of(reported(phase, visitors.tolist(), {"sold": sold.tolist()}), "sold").comparisons[0]
        assert whole.state == "better"
        for hours in (60, 120, 200, 265):
            as_of = START + timedelta(hours=hours, minutes=30)
            result = reported(phase, visitors.tolist(), {"sold": sold.tolist()}, as_of)
            then = step_of(result, "sold").comparisons[0]
            for early, late in zip(then.looks, whole.looks, strict=False):
                assert (early.at, early.visitors, early.effect.p_value) == (late.at, late.visitors, late.effect.p_value)
                assert early.effect.relative_interval == pytest.approx(
                    late.effect.relative_interval, rel=1e-7, abs=1e-9
                )
                assert early.at < as_of
            decided = whole.decided_at is not None and whole.decided_at < as_of
            assert then.decided_at == (whole.decided_at if decided else None)

    def test_hours_without_visitors_are_no_look(self) -> None:
        phase = experiment()
        reach, patterns = tables(phase, THOUSAND * 3, {"sold": SAME * 3}, hours=(0, 7, 30))
        looks = step_of(report(phase, reach, patterns, {}, MUCH_LATER), "sold").comparisons[0].looks
        assert [look.at - START for look in looks] == [timedelta(hours=26 + hour) for hour in (0, 7, 30)]
        assert [look.visitors for look in looks] == [2000, 4000, 6000]
        assert looks[-1] == looks[2]
        assert looks[1:] == [looks[1], looks[2]]
        with pytest.raises(IndexError):
            looks[3]

    def test_value_is_of_sealed_days(self) -> None:
        phase = experiment()
        day = FIRST // 24
        reach, patterns = tables(
            phase,
            THOUSAND,
            {"sold": SAME},
            patterns={
                "days": [day, day, day + 1],
                "variant": [0, 1, 1],
                "pattern": [3, 3, 3],
                "visitors": [2, 3, 5],
                "value_sum": [2050, 3000, 5000],
                "value_sq": [0, 0, 0],
            },
        )
        # day 0 ends after 24 hours, the window is a day more, the grace an hour
        for after, values in (((49, 0), (0, 0)), ((49, 1), (20.5, 30)), ((73, 1), (20.5, 80))):
            as_of = START + timedelta(hours=after[0], microseconds=after[1])
            result = report(phase, reach, patterns, {}, as_of)
            assert tuple(one.value_sum for one in step_of(result, "sold").variants.values()) == values
            assert all(one.value_sum == 0 for one in step_of(result, "seen").variants.values())


class TestState:
    @pytest.mark.parametrize(
        ("sold", "detect", "state"),
        [
            ([[100, 200, 200]], None, "better"),
            ([[200, 100, 300]], None, "better"),
            ([[200, 100, 100]], None, "worse"),
            ([[200, 100, 200]], None, "undecided"),
            ([[200, 200, 200]], None, "undecided"),
            ([[200, 200, 200]], "99%", "equivalent"),
            ([[200, 100, 200]], "99%", "undecided"),
            ([[2, 3, 2]], None, "collecting"),
        ],
        ids=["all better", "one better", "all worse", "one worse", "open", "all equivalent", "mixed", "little"],
    )
    def test_of_the_experiment(self, sold: Rows, detect: str | None, state: str) -> None:
        phase = experiment(3, analysis={"detect": detect} if detect else {})
        result = reported(phase, [[1000, 1000, 1000]], {"sold": sold})
        assert result.state == state
        assert (result.decided_at is None) == (state in ("undecided", "collecting"))

    def test_the_goal_decides_and_nothing_else(self) -> None:
        result = reported(experiment(), THOUSAND, {"seen": BETTER, "sold": LITTLE})
        assert step_of(result, "seen").comparisons[0].state == "better"
        assert (result.state, result.decided_at) == ("collecting", None)

    def test_better_since_the_first_that_is_worse_since_the_last(self) -> None:
        visitors = [[1000, 1000, 1000]] * 2
        first, second = timedelta(hours=26), timedelta(hours=27)
        up = reported(experiment(3), visitors, {"sold": [[100, 100, 200], [100, 250, 200]]})
        assert (up.state, up.decided_at) == ("better", START + first)
        down = reported(experiment(3), visitors, {"sold": [[200, 200, 100], [300, 100, 200]]})
        assert (down.state, down.decided_at) == ("worse", START + second)

    def test_a_verdict_of_an_earlier_look_stays_and_today_is_told(self) -> None:
        result = reported(experiment(), THOUSAND * 2, {"sold": [[100, 190], [200, 140]]})
        one = step_of(result, "sold").comparisons[0]
        assert (one.state, one.decided_at, one.decides_today) == ("better", START + timedelta(hours=26), False)
        assert "today's data alone would not decide" in result.reason
        assert result.state == "better"

    def test_today_deciding_the_other_way_is_not_deciding_the_same(self) -> None:
        result = reported(experiment(), THOUSAND * 4, {"sold": [*BETTER, *WORSE * 3]})
        one = step_of(result, "sold").comparisons[0]
        assert (one.state, one.decides_today, one.reason) == ("better", False, "non-stationary")
        assert one.effect.relative_interval is None
        assert one.effect.difference_interval is None
        assert one.looks[-1].effect.relative_interval is None
        assert one.looks[0].effect.relative_interval is not None
        assert one.effect.p_value is not None
        assert one.effect.p_value < 0.05

    def test_equivalent_needs_detect_and_gives_way_to_better(self) -> None:
        same, ahead = SAME * 3, [[200, 200], [200, 260], [200, 260]]
        for detect, sold, state in (
            (None, same, "undecided"),
            ("99%", same, "equivalent"),
            ("99%", ahead, "better"),
        ):
            phase = experiment(analysis={"detect": detect} if detect else {})
            one = step_of(reported(phase, THOUSAND * 3, {"sold": sold}), "sold").comparisons[0]
            assert one.state == state
        assert step_of(reported(phase, THOUSAND, {"sold": same[:1]}), "sold").comparisons[0].state == "equivalent"

    @pytest.mark.parametrize(
        ("sold", "beyond"), [([[200, 170]], 0), ([[170, 200]], 1)], ids=["may be much worse", "may be much better"]
    )
    def test_an_interval_that_leaves_the_band_on_one_side_is_not_equivalent(self, sold: Rows, beyond: int) -> None:
        one = step_of(reported(experiment(analysis={"detect": "30%"}), THOUSAND, {"sold": sold}), "sold").comparisons[0]
        low, high = one.effect.relative_interval or (None, None)
        assert low is not None
        assert high is not None
        assert (abs(low) > 0.3, abs(high) > 0.3) == (beyond == 0, beyond == 1)
        assert one.state == "undecided"

    def test_families_share_alpha_and_guardrails_are_by_themselves(self) -> None:
        phase = experiment(
            3,
            secondary=[{"step": "read", "event": "read"}],
            guardrails=[{"step": "error", "event": "e", "harm": "more", "margin": "10%"}],
        )
        counts = [[100, 130, 160]]
        result = reported(phase, [[1000] * 3], {step.step: counts for step in phase.steps})
        families = {step.step: (step.comparisons[0].family, step.comparisons[0].family_size) for step in result.steps}
        assert families == {
            "seen": ("diagnostic", 4),
            "sold": ("primary", 2),
            "read": ("diagnostic", 4),
            "error": ("guardrail", 1),
        }
        p = {step.step: step.comparisons[0].effect.p_value or 0 for step in result.steps if step.kind != "guardrail"}
        assert len(set(p.values())) == 1  # the evidence is the same, the boundary is not
        for step in result.steps[:3]:
            one = step.comparisons[0]
            assert one.effect.p_value_adjusted == pytest.approx(min(1, one.family_size * p[step.step]))
            excludes_zero = one.effect.relative_interval is not None and (one.effect.relative_interval[0] or 0) > 0
            assert excludes_zero == ((one.effect.p_value_adjusted or 1) <= 0.05)

    @pytest.mark.parametrize(
        ("harm", "counts", "state"),
        [("more", BETTER, "harmed"), ("more", WORSE, "safe"), ("less", BETTER, "safe"), ("less", WORSE, "harmed")],
    )
    def test_a_guardrail_is_harmed_where_its_harm_is(self, harm: str, counts: Rows, state: str) -> None:
        phase = experiment(
            guardrails=[{"step": "error", "event": "e", "harm": harm, "margin": "10%"}], analysis={"detect": "99%"}
        )
        one = step_of(reported(phase, THOUSAND, {"error": counts}), "error").comparisons[0]
        assert one.state == state
        assert one.decided_at is not None
        assert (one.effect.difference or 0) > 0 if counts is BETTER else (one.effect.difference or 0) < 0
        same = step_of(reported(phase, THOUSAND, {"error": SAME}), "error").comparisons[0]
        assert same.state == "undecided"  # never equivalent, and 10 % more or less is still possible
        none = step_of(reported(phase, [[10, 10]], {"error": [[1, 1]]}), "error").comparisons[0]
        assert (none.state, none.effect.p_value) == ("collecting", None)

    def test_an_ended_phase_is_reported_like_any_other(self) -> None:
        phase = experiment(status="stopped", ended_at="2026-11-03T00:00:00Z")
        assert reported(phase, THOUSAND, {"sold": BETTER}).state == "better"


class TestSampleRatio:
    def test_an_alarm_withdraws_the_verdict(self) -> None:
        result = reported(experiment(), [[1000, 1000], [1000, 1400]], {"sold": [[100, 200], [100, 280]]})
        assert (result.state, result.decided_at) == ("withdrawn", None)
        assert result.sample_ratio.alarm
        assert result.sample_ratio.since == START + timedelta(hours=3)
        assert step_of(result, "sold").comparisons[0].state == "better"

    @pytest.mark.parametrize(("minutes", "alarm"), [(180, False), (181, True)])
    def test_an_hour_counts_when_it_and_the_grace_are_over(self, minutes: int, alarm: bool) -> None:
        visitors = [[1000, 1000], [1000, 1400]]
        result = reported(experiment(), visitors, {}, START + timedelta(minutes=minutes))
        assert result.sample_ratio.alarm == alarm

    def test_the_expected_ratio_is_that_of_the_weights(self) -> None:
        phase = experiment(variants=[{"key": "a", "weight": 3}, {"key": "b", "weight": 1}])
        result = reported(phase, [[3000, 1000]], {})
        assert result.sample_ratio.expected == {"a": 0.75, "b": 0.25}
        assert not result.sample_ratio.alarm


FIXED = {"method": "fixed", "planned_visitors": 4000}


class TestFixed:
    def test_nothing_before_the_look(self) -> None:
        result = reported(experiment(analysis=FIXED), THOUSAND, {"sold": BETTER})
        one = step_of(result, "sold").comparisons[0]
        assert (result.method, result.state, one.effect) == ("fixed", "collecting", NOTHING_KNOWN)
        assert result.reason == "one look is planned at 4000 visitors; 2000 are there so far"
        assert list(one.looks) == []

    def test_frozen_after_it(self) -> None:
        phase = experiment(analysis=FIXED)
        sold = [[100, 101], [100, 200], [900, 10]]
        at_look = reported(phase, THOUSAND * 2, {"sold": sold[:2]})
        later = reported(phase, THOUSAND * 3, {"sold": sold})
        assert at_look.state == later.state == "better"
        assert step_of(at_look, "sold").comparisons == step_of(later, "sold").comparisons
        assert later.decided_at == START + timedelta(hours=27)
        assert step_of(later, "sold").comparisons[0].decides_today

    @pytest.mark.parametrize(("sold", "state"), [([[100, 101]] * 2, "undecided"), (LITTLE * 2, "undecided")])
    def test_a_look_that_decides_nothing(self, sold: Rows, state: str) -> None:
        result = reported(experiment(analysis=FIXED), THOUSAND * 3, {"sold": [*sold, [100, 900]]})
        assert (result.state, result.decided_at) == (state, None)
        assert "planned look" in result.reason

    def test_equivalent_at_the_look(self) -> None:
        phase = experiment(analysis={**FIXED, "detect": "99%"})
        assert reported(phase, THOUSAND * 2, {"sold": SAME * 2}).state == "equivalent"


@pytest.mark.parametrize(
    ("analysis", "method", "reason"),
    [
        ({}, "always-valid", "the default without planned_visitors"),
        ({"method": "always-valid"}, "always-valid", "chosen in the config"),
        ({"planned_visitors": 4000}, "planned", "the default with planned_visitors"),
        ({"method": "planned", "planned_visitors": 4000}, "planned", "chosen in the config"),
        ({"method": "always-valid", "planned_visitors": 4000}, "always-valid", "chosen in the config"),
        ({"method": "fixed", "planned_visitors": 4000}, "fixed", "one look, at 4000 visitors"),
    ],
    ids=["default", "chosen", "with-a-plan", "planned", "unplanned", "fixed"],
)
def test_the_report_says_by_which_method_and_why(analysis: dict[str, Any], method: str, reason: str) -> None:
    result = reported(experiment(analysis=analysis), THOUSAND, {})
    assert result.method == method
    assert reason in result.method_reason


def test_tables_of_another_experiment_are_refused() -> None:
    reach, patterns = tables(experiment(3), [], {})
    with pytest.raises(ValueError, match="variants"):
        report(experiment(), reach, patterns, {}, MUCH_LATER)
    with pytest.raises(ValueError, match="lack steps"):
        report(
            experiment(), ReachTable(("a", "b"), ("",), Exposed(NOBODY, np.zeros((0, 2), int)), {}), patterns, {}, START
        )


def test_a_serving_process_does_not_pay_for_scipy() -> None:
    """Without a plan a report imports neither scipy nor statsmodels, which take seconds."""
    program = (
        "import sys, benchmarks.report as b, numpy as np\n"
        "from datetime import timedelta\n"
        "tables = b.drawn_tables(5, 100, np.random.default_rng(1))\n"
        "b.report(b.big_experiment(planned=None), *tables, {}, b.STARTED_AT + timedelta(days=9)).to_json()\n"
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'scipy', 'statsmodels', 'pandas'}))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60, cwd=ROOT
    )
    assert answer.stdout.strip() == "[]"
