"""The rules of journey.py, one case each: what happened, and what it means. Times are minutes after the phase began.

Windows: seen and praise 1 hour, email 3 hours, quote and error 1 day. So of an exposure in hour 0 the reach of seen
seals at minute 180, of email at 300, of quote at 1560; the patterns of day 0 seal at 2940.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from experiments.definition.experiment import Experiment
from experiments.events.event import Event
from experiments.events.journey import Journey
from experiments.events.tally import Tally, add
from tests.experiments.cases.histories import DAY, action, exposure, join, withdrawal

TICK = 1 / 60_000  # a millisecond
FIRST_DAY = 20_759  # 2026-11-02 in days since 1970
FIRST_HOUR = 24 * FIRST_DAY

Rows = Mapping[tuple[int, str], tuple[int, ...]]  # (cohort counted from the phase's first, variant) -> counts


@dataclass(frozen=True)
class Case:
    """`reach`: step -> rows of the main table; `patterns`: (day, variant, pattern) -> (visitors, value, square)."""

    name: str
    events: tuple[Event, ...]
    variant: str | None = "single"
    reached: frozenset[str] = frozenset()
    value: int = 0
    excluded: str | None = None
    late: frozenset[str] = frozenset()
    ledger: Mapping[tuple[str, str], int] = field(default_factory=dict)
    exposed: Rows | None = None
    reach: Mapping[str, Rows] = field(default_factory=dict)
    patterns: Mapping[tuple[int, str, int], tuple[int, int, int]] | None = None
    cells: Mapping[tuple[Any, ...], tuple[int, ...]] = field(default_factory=dict)


def failures(case: Case, phase: Experiment, journey: Callable[[Experiment, Iterable[Event]], Journey]) -> list[str]:
    """Everything in which the journey of this case is not what it should be."""
    found = journey(phase, case.events)
    cells: Tally = {}
    add(cells, found.rows)
    tables: dict[str, dict[tuple[int, str], tuple[int, ...]]] = {"exposed": {}}
    patterns = {}
    ledger = {}
    for cell, counts in cells.items():
        match cell:
            case ("exposed", int(hour), str(variant)):
                tables["exposed"][hour - FIRST_HOUR, variant] = counts
            case ("reach", str(step), "", "", int(hour), _, str(variant)):
                tables.setdefault(step, {})[hour - FIRST_HOUR, variant] = counts
            case ("patterns", "", "", int(day), str(variant), int(pattern)):
                patterns[day - FIRST_DAY, variant, pattern] = counts
            case ("ledger", str(reason), str(variant)):
                ledger[reason, variant] = counts[0]
    expected: list[tuple[str, object, object]] = [
        ("variant", found.variant, case.variant),
        ("reached", set(found.reached), set(case.reached)),
        ("value", found.value, case.value),
        ("excluded", found.excluded, case.excluded),
        ("late", set(found.late), set(case.late)),
        ("ledger", ledger, dict(case.ledger)),
        *((f"reach of {step}", tables.get(step, {}), dict(rows)) for step, rows in case.reach.items()),
        *((f"cell {cell}", cells.get(cell), counts) for cell, counts in case.cells.items()),
    ]
    if case.exposed is not None:
        expected.append(("exposed", tables["exposed"], dict(case.exposed)))
    if case.patterns is not None:
        expected.append(("patterns", patterns, dict(case.patterns)))
    return [f"{what} is {seen!r}, must be {right!r}" for what, seen, right in expected if seen != right]


def sale(
    at: float, amount: object = 100, received: float | None = None, visitor: str = "v", message: str = ""
) -> Event:
    properties = {} if amount is None else {"amount": amount}
    return action(visitor, "quote_requested", at, received, message, properties=properties)


ALL = frozenset({"seen", "email", "quote"})
E = exposure("v", "single", 0)
LATER = exposure("v", "multi", 90)
HOUR_0, HOUR_1 = (0, "single"), (1, "multi")

CASES = [
    # exposure
    Case("never exposed: nothing counts", (action("v", "form_viewed", 1), sale(2)), variant=None, exposed={}, patterns={}),
    Case("exposed, nothing done", (E,), exposed={HOUR_0: (1,)}, reach={"seen": {HOUR_0: (1, 0)}, "quote": {HOUR_0: (1, 0)}},
         patterns={(0, "single", 0): (1, 0, 0)}),
    Case("the exposure of another experiment is none", (exposure("v", "single", 0, experiment="other"),), variant=None, exposed={}),
    Case("an exposure to a variant that is none of ours is none", (exposure("v", "triple", 0),), variant=None, exposed={}),
    Case("cohorts are UTC hours and days", (exposure("v", "single", 119), action("v", "form_viewed", 121)),
         reached=frozenset({"seen"}), exposed={(1, "single"): (1,)}, reach={"seen": {(1, "single"): (1, 1)}}),
    Case("the last minute of a day", (exposure("v", "single", DAY - 1),), exposed={(23, "single"): (1,)},
         patterns={(0, "single", 0): (1, 0, 0)}),
    Case("the first exposure decides for good", (E, LATER, action("v", "form_viewed", 100)), reached=frozenset({"seen"}),
         ledger={("second-variant", "multi"): 1}, exposed={HOUR_0: (1,)}, reach={"seen": {HOUR_0: (1, 0)}}),
    Case("the earliest leads, though received last", (exposure("v", "multi", 50), exposure("v", "single", 0, 115)),
         ledger={("second-variant", "multi"): 1}, exposed={HOUR_0: (1,)}, reach={"seen": {HOUR_0: (1, 0)}}),
    Case("the earliest leads, though received last, and nothing is late", (exposure("v", "multi", 50), exposure("v", "single", 0, 55)),
         ledger={("second-variant", "multi"): 1}, exposed={HOUR_0: (1,)}),
    Case("every exposure to a second variant is told", (E, LATER, exposure("v", "multi", 95)), ledger={("second-variant", "multi"): 2}),
    Case("a tie in time: received first leads", (exposure("v", "multi", 5, 7), exposure("v", "single", 5, 6)),
         ledger={("second-variant", "multi"): 1}),
    Case("the same variant again is no second variant", (E, exposure("v", "single", 90))),
    # the phase
    Case("before the start", (exposure("v", "multi", -TICK),), variant=None, ledger={("before-start", "multi"): 1}, exposed={}),
    Case("at the start", (E,), exposed={HOUR_0: (1,)}),
    Case("before the start does not lead", (exposure("v", "multi", -5), E), ledger={("before-start", "multi"): 1}),
    Case("just before the end", (exposure("v", "single", 20 * DAY - TICK),), exposed={(479, "single"): (1,)}),
    Case("at the end", (exposure("v", "multi", 20 * DAY),), variant=None, ledger={("after-end", "multi"): 1}, exposed={}),
    Case("a step may come after the end", (exposure("v", "single", 20 * DAY - 1), action("v", "form_viewed", 20 * DAY + 5)),
         reached=frozenset({"seen"})),
    # steps
    Case("at the moment of exposure", (E, action("v", "form_viewed", 0)), reached=frozenset({"seen"}), reach={"seen": {HOUR_0: (1, 1)}}),
    Case("before exposure", (exposure("v", "single", 10), action("v", "form_viewed", 10 - TICK)), reach={"seen": {HOUR_0: (1, 0)}}),
    Case("at the end of the window", (E, action("v", "form_viewed", 60)), reached=frozenset({"seen"}), reach={"seen": {HOUR_0: (1, 1)}}),
    Case("after the step's window, within the experiment's", (E, action("v", "form_viewed", 60 + TICK)),
         reached=frozenset({"seen"}), reach={"seen": {HOUR_0: (1, 0)}}, patterns={(0, "single", 1): (1, 0, 0)}),
    Case("at the end of the experiment's window", (E, sale(DAY)), reached=ALL, value=10_000,
         reach={"quote": {HOUR_0: (1, 1)}}, patterns={(0, "single", 7): (1, 10_000, 10_000**2)}),
    Case("after the experiment's window", (E, sale(DAY + TICK)), reach={"quote": {HOUR_0: (1, 0)}}, patterns={(0, "single", 0): (1, 0, 0)}),
    Case("order of the steps does not matter", (E, sale(5), action("v", "form_viewed", 9)), reached=ALL, value=10_000),
    Case("once per visitor and step", (E, action("v", "form_viewed", 1), action("v", "form_viewed", 2)),
         reached=frozenset({"seen"}), reach={"seen": {HOUR_0: (1, 1)}}),
    Case("a later milestone makes the earlier ones", (E, action("v", "email_given", 10)), reached=frozenset({"seen", "email"}),
         reach={"seen": {HOUR_0: (1, 1)}, "email": {HOUR_0: (1, 1)}, "quote": {HOUR_0: (1, 0)}}, patterns={(0, "single", 3): (1, 0, 0)}),
    Case("an earlier milestone makes no later one", (E, action("v", "form_viewed", 10)), reached=frozenset({"seen"}),
         reach={"email": {HOUR_0: (1, 0)}, "quote": {HOUR_0: (1, 0)}}),
    Case("a later milestone makes the earlier ones within their own windows", (E, sale(100)), reached=ALL, value=10_000,
         reach={"seen": {HOUR_0: (1, 0)}, "email": {HOUR_0: (1, 1)}, "quote": {HOUR_0: (1, 1)}}, patterns={(0, "single", 7): (1, 10_000, 10_000**2)}),
    Case("secondary actions stand alone", (E, action("v", "testimonials_viewed", 10)), reached=frozenset({"praise"}),
         reach={"praise": {HOUR_0: (1, 1)}, "seen": {HOUR_0: (1, 0)}}, patterns={(0, "single", 8): (1, 0, 0)}),
    Case("the path makes no secondary action and no guardrail", (E, sale(10)), reached=ALL, value=10_000,
         reach={"praise": {HOUR_0: (1, 0)}, "error": {HOUR_0: (1, 0)}}),
    Case("guardrails stand alone", (E, action("v", "form_error", 10)), reached=frozenset({"error"}),
         reach={"error": {HOUR_0: (1, 1)}, "praise": {HOUR_0: (1, 0)}}, patterns={(0, "single", 16): (1, 0, 0)}),
    # value
    Case("the value is the first sale's by time, though received last", (E, sale(20, 300, 21), sale(10, 7.25, 30)), reached=ALL, value=725),
    Case("a second sale adds nothing", (E, sale(10, 1), sale(20, 2)), reached=ALL, value=100),
    Case("no value: the sale counts with 0", (E, sale(10, None)), reached=ALL, ledger={("bad-value", "single"): 1},
         reach={"quote": {HOUR_0: (1, 1)}}),
    *(Case(f"value {amount!r} is none", (E, sale(10, amount)), reached=ALL, ledger={("bad-value", "single"): 1})
      for amount in ("a lot", -1, True, [1], float("nan"), float("inf"), "")),
    Case("a number in quotes is a number", (E, sale(10, "39.90")), reached=ALL, value=3_990),
    Case("value 0 is a value", (E, sale(10, 0)), reached=ALL),
    Case("value to the cent", (E, sale(10, 0.1 + 0.2)), reached=ALL, value=30),
    Case("value is capped per visitor", (E, sale(10, 1000.01)), reached=ALL, value=100_000,
         patterns={(0, "single", 7): (1, 100_000, 10**10)}),
    Case("of two bad and good values the first sale's counts", (E, sale(10, None), sale(20, 5)), reached=ALL, ledger={("bad-value", "single"): 1}),
    # exclusions
    *(Case(f"a {flag} at first exposure is excluded after the sample ratio", (exposure("v", "single", 0, attributes={flag: "true"}), sale(5)),
           reached=ALL, value=10_000, excluded=flag, ledger={(flag, "single"): 1}, exposed={HOUR_0: (1,)}, reach={"seen": {}, "quote": {}}, patterns={})
      for flag in ("bot", "staff")),
    Case("a bot later is not excluded", (E, exposure("v", "single", 5, attributes={"bot": "true"})), reach={"seen": {HOUR_0: (1, 0)}}),
    Case("not a bot", (exposure("v", "single", 0, attributes={"bot": "false"}),), reach={"seen": {HOUR_0: (1, 0)}}),
    Case("consent withdrawn: excluded after the sample ratio", (E, sale(5), withdrawal("v", 900)), reached=ALL, value=10_000,
         excluded="consent-withdrawn", ledger={("consent-withdrawn", "single"): 1}, exposed={HOUR_0: (1,)}, reach={"quote": {}}, patterns={}),
    Case("consent withdrawn under a joined id", (E, withdrawal("w", 900), join("v", "w", 3000)),
         excluded="consent-withdrawn", ledger={("consent-withdrawn", "single"): 1}, exposed={HOUR_0: (1,)}, reach={"quote": {}}, patterns={}),
    # seals
    Case("received at the seal", (E, action("v", "form_viewed", 10, 180)), reached=frozenset({"seen"}), reach={"seen": {HOUR_0: (1, 1)}}),
    Case("received after the step's seal: counts for the others", (E, action("v", "form_viewed", 10, 180 + TICK, "x")), reached=frozenset({"seen"}),
         late=frozenset({"x"}), ledger={("late", ""): 1}, reach={"seen": {HOUR_0: (1, 0)}}, patterns={(0, "single", 1): (1, 0, 0)}),
    Case("late, but it changes nothing", (E, action("v", "form_viewed", 10), action("v", "form_viewed", 20, 999)), reached=frozenset({"seen"}),
         reach={"seen": {HOUR_0: (1, 1)}}),
    Case("the pattern's seal", (E, sale(10, 100, 2940)), reached=ALL, value=10_000, late=frozenset({"action-v-quote_requested-10"}),
         ledger={("late", ""): 1}, reach={"quote": {HOUR_0: (1, 0)}}, patterns={(0, "single", 7): (1, 10_000, 10**8)}),
    Case("after the pattern's seal", (E, sale(10, 100, 2940 + TICK, message="x")), late=frozenset({"x"}), ledger={("late", ""): 1},
         patterns={(0, "single", 0): (1, 0, 0)}),
    Case("a sale too late to be the first", (E, sale(20, 5), sale(10, 9, 2941, message="x")), reached=ALL, value=500, late=frozenset({"x"}),
         ledger={("late", ""): 1}),
    Case("a second sale, late: it changes nothing", (E, sale(10, 5), sale(20, 9, 2941)), reached=ALL, value=500),
    Case("a sale in time to be the first", (E, sale(20, 5), sale(10, 9, 2940)), reached=ALL, value=900),
    Case("an exposure received at its hour's close counts for the sample ratio", (exposure("v", "single", 0, 120),), exposed={HOUR_0: (1,)}),
    Case("an exposure received later counts for what is not sealed", (exposure("v", "single", 0, 180 + TICK, "x"),), late=frozenset({"x"}),
         ledger={("late", ""): 1}, exposed={}, reach={"seen": {}, "email": {HOUR_0: (1, 0)}}),
    Case("an earlier exposure that came too late does not lead", (LATER, exposure("v", "single", 0, 301, "x"), action("v", "form_viewed", 100)),
         reached=frozenset({"seen"}), late=frozenset({"x"}), ledger={("late", ""): 1, ("second-variant", "multi"): 1},
         reach={"seen": {HOUR_1: (1, 1)}, "email": {HOUR_1: (1, 0)}, "quote": {HOUR_0: (1, 0)}}),
    # joins
    Case("a join lends the other id's steps", (E, action("w", "form_viewed", 5), join("v", "w", 6)), reached=frozenset({"seen"}),
         reach={"seen": {HOUR_0: (1, 1)}}),
    Case("an action with both ids joins them", (E, action("w", "form_viewed", 5, joined="v")), reached=frozenset({"seen"}),
         reach={"seen": {HOUR_0: (1, 1)}}),
    Case("without a join they are two", (E, action("w", "form_viewed", 5)), reach={"seen": {HOUR_0: (1, 0)}}),
    Case("a join of two variants: the earliest leads, nobody is dropped", (E, exposure("w", "multi", 70), join("v", "w", 80)),
         ledger={("second-variant", "multi"): 1}, exposed={HOUR_0: (1,)}, reach={"quote": {HOUR_0: (1, 0)}}),
    Case("a join at the seal", (E, action("w", "form_viewed", 5), join("v", "w", 180)), reached=frozenset({"seen"}), reach={"seen": {HOUR_0: (1, 1)}}),
    Case("a join after the seal that it would change", (E, action("w", "form_viewed", 5), join("v", "w", 180 + TICK, message="j")),
         reached=frozenset({"seen"}), late=frozenset({"j"}), ledger={("late", ""): 1}, reach={"seen": {HOUR_0: (1, 0)}},
         patterns={(0, "single", 1): (1, 0, 0)}),
    Case("a join after the first seal that only changes the open cohort", (E, exposure("w", "multi", 190), join("v", "w", 200)),
         ledger={("second-variant", "multi"): 1}, exposed={HOUR_0: (1,)}, reach={"seen": {HOUR_0: (1, 0)}}),
    Case("a join after all seals: two visitors stay two", (E, exposure("w", "multi", 70), join("v", "w", 4 * DAY, message="j")),
         late=frozenset({"j"}), ledger={("late", ""): 1}, exposed={HOUR_0: (1,), HOUR_1: (1,)},
         reach={"quote": {HOUR_0: (1, 0), HOUR_1: (1, 0)}}, patterns={(0, "single", 0): (1, 0, 0), (0, "multi", 0): (1, 0, 0)}),
    Case("a join that adds no more than a mark to a sealed cohort is in time", (E, exposure("w", "multi", 3 * DAY), join("v", "w", 3 * DAY + 10)),
         ledger={("second-variant", "multi"): 1}, exposed={HOUR_0: (1,)}, patterns={(0, "single", 0): (1, 0, 0)}),
    Case("two who are excluded are one after all seals, but for the sample ratio",
         (exposure("v", "single", 0, attributes={"bot": "true"}), exposure("w", "multi", 70, attributes={"bot": "true"}), join("v", "w", 4 * DAY, message="j")),
         excluded="bot", late=frozenset({"j"}), ledger={("late", ""): 1, ("bot", "single"): 1, ("second-variant", "multi"): 1},
         exposed={HOUR_0: (1,), HOUR_1: (1,)}, patterns={}),
    Case("a join before any exposure is in time", (join("v", "w", 0), exposure("w", "single", 900), exposure("v", "multi", 950)),
         ledger={("second-variant", "multi"): 1}, exposed={(15, "single"): (1,)}),
    Case("joins chain", (E, join("w", "x", 4), action("x", "form_viewed", 5), join("v", "w", 6)), reached=frozenset({"seen"})),
    Case("joins are judged in order of receipt", (E, action("x", "form_viewed", 5), join("v", "w", 6, 181, "j"), join("w", "x", 7, 8)),
         reached=frozenset({"seen"}), late=frozenset({"j"}), ledger={("late", ""): 1}, reach={"seen": {HOUR_0: (1, 0)}}),
    # duplicates
    Case("of duplicates the one received first counts", (E, sale(10, 5, 40, message="x"), sale(10, 7, 30, message="x")), reached=ALL, value=700),
    Case("duplicates received together: the smaller text counts", (E, sale(10, 7, 30, message="x"), sale(10, 5, 30, message="x")), reached=ALL, value=500),
    # attributes at first exposure
    Case("strata and segments are what was known at first exposure",
         (exposure("v", "single", 0, attributes={"device": "phone", "plan": "pro"}), exposure("v", "single", 5, attributes={"device": "desktop"})),
         cells={("reach", "seen", "", "", FIRST_HOUR, "device=phone", "single"): (1, 0),
                ("reach", "seen", "device", "phone", FIRST_DAY, "", "single"): (1, 0),
                ("reach", "seen", "plan", "pro", FIRST_DAY, "", "single"): (1, 0),
                ("reach", "seen", "source", "unknown", FIRST_DAY, "", "single"): (1, 0),
                ("patterns", "device", "phone", FIRST_DAY, "single", 0): (1, 0, 0)}),
    Case("returning: first seen before the phase", (exposure("v", "single", 0, attributes={"first_seen": "2026-11-01"}),),
         cells={("reach", "seen", "returning", "true", FIRST_DAY, "", "single"): (1, 0)}),
    Case("new: first seen when the phase began", (exposure("v", "single", 0, attributes={"first_seen": "2026-11-02"}),),
         cells={("reach", "seen", "returning", "false", FIRST_DAY, "", "single"): (1, 0)}),
    Case("segments seal by the day", (E, action("v", "form_viewed", 10, DAY + 120, "x")), reached=frozenset({"seen"}), late=frozenset({"x"}),
         ledger={("late", ""): 1}, reach={"seen": {HOUR_0: (1, 0)}},
         cells={("reach", "seen", "device", "unknown", FIRST_DAY, "", "single"): (1, 1)}),
]  # fmt: skip
