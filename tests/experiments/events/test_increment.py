"""Growth: whoever they concern, more events add what the difference of two whole tallies of the former judge says."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.events import increment
from experiments.events.contribution import Contribution, Row, Table
from experiments.events.event import Event, MessageId, VisitorId, distinct
from experiments.events.increment import KEPT_CONTRIBUTIONS, Growth
from experiments.events.journey import Journey, Meaning
from experiments.events.person import people
from experiments.events.tally import Tally, difference
from tests.experiments.cases.any_facts import logs
from tests.experiments.cases.former_judge import tally
from tests.experiments.cases.histories import DAY, PHASE, action, exposure, join, minute, withdrawal

SECOND = PHASE.model_copy(update={"phase": 2, "started_at": minute(20 * DAY), "ended_at": None, "status": "running"})
ADJUSTED = PHASE.model_copy(
    update={"analysis": PHASE.analysis.model_copy(update={"adjust_for": ("device", "tier")})}  # tier is no segment
)
ACTIONS = ["form_viewed", "email_given", "quote_requested", "testimonials_viewed", "form_error", "other"]


def grown(growth: Growth, known: Sequence[Event], fresh: Sequence[Event]) -> Tally:
    return growth.by(list(people(distinct([*known, *fresh]))), {event.message_id for event in fresh})


@st.composite
def persons(draw: st.DrawFn, name: str) -> list[Event]:
    """One of few kinds of people, near the edges of cohorts, windows and seals, so that two are often almost alike."""
    start = draw(st.sampled_from([0, 0, 0, 59, 59, 61, -30, 20 * DAY - 30]))
    attributes = draw(st.sampled_from([{"device": "phone"}, {}, {"plan": "pro"}, {"bot": "true"}]))
    variant = draw(st.sampled_from(["single", "multi"]))
    events = [exposure(name, variant, start, start + draw(delays), attributes=attributes)]
    for _ in range(draw(st.integers(0, 3))):
        at = start + draw(st.sampled_from([0, 1, 60, 61, 170, 180, 181, DAY, DAY + 1]))
        received = at + draw(delays)
        what = draw(st.sampled_from([*ACTIONS, *ACTIONS, "again", "joined", "withdrawn"]))
        if what == "again":
            events.append(exposure(name, draw(st.sampled_from(["single", "multi"])), at, received))
        elif what == "joined":
            events.append(draw(st.sampled_from([join(name, f"{name}2", at, received), _viewed(name, at, received)])))
        elif what == "withdrawn":
            events.append(withdrawal(name, at))
        else:
            events.append(action(name, what, at, received, properties={"amount": draw(st.sampled_from([5, 7, "x"]))}))
    return [dataclasses.replace(one, message_id=MessageId(f"{name}-{i}")) for i, one in enumerate(events)]


delays = st.sampled_from([0, 0, 0, 0, 60, 61, 90, 5 * DAY])


def _viewed(name: str, at: int, received: int) -> Event:
    """An action that says who its visitor is, too."""
    return action(name, "form_viewed", at, received, joined=f"{name}2")


@given(
    history=st.tuples(*(persons(f"v{number}") for number in range(12))),
    splits=st.lists(st.integers(0, 3), min_size=12, max_size=12),
)
@settings(max_examples=150)
def test_what_is_added_is_the_difference_of_two_tallies(history: tuple[list[Event], ...], splits: list[int]) -> None:
    for phase in (PHASE, SECOND):
        growth = Growth(Meaning(phase))
        for events, split in zip(history, splits, strict=True):
            known, fresh = events[:split], events[split:]
            assert grown(growth, known, fresh) == difference(tally(phase, events), tally(phase, known))


@given(log=logs(), number=st.integers(0, 9))
@settings(max_examples=200)
def test_whatever_is_known_and_comes_the_difference_is_added(log: list[Event], number: int) -> None:
    events = distinct(log)
    for phase in (PHASE, SECOND, ADJUSTED):
        change = grown(Growth(Meaning(phase)), events[:number], events[number:])
        assert change == difference(tally(phase, events), tally(phase, events[:number]))


def _alike(
    start: float = 59,
    variant: str = "single",
    step: tuple[str, float, float] = ("form_viewed", 119, 119),
    more: Sequence[Event] = (),
    **attributes: str,
) -> list[Event]:
    sale = action("v", "quote_requested", 300, properties={"amount": attributes.pop("amount", "5")})
    levels = {"device": "phone"} | attributes
    return [exposure("v", variant, start, attributes=levels), action("v", *step), sale, *more]


ALMOST_ALIKE = {
    "first": _alike(),
    "another hour": _alike(start=61),
    "another variant": _alike(variant="multi"),
    "another stratum": _alike(device="tablet"),
    "another stratum that is no segment": _alike(tier="gold"),
    "another level": _alike(plan="pro"),
    "a bot": _alike(bot="true"),
    "of staff": _alike(staff="true"),
    "another step": _alike(step=("testimonials_viewed", 119, 119)),
    "after the step's window": _alike(step=("form_viewed", 119.5, 119.5)),
    "in time for the day only": _alike(step=("form_viewed", 119, 180.5)),
    "another value": _alike(amount="7"),
    "a bad value": _alike(amount="free"),
    "a second variant": _alike(more=[exposure("v", "multi", 200)]),
    "two of them": _alike(more=[exposure("v", "multi", 200), exposure("v", "multi", 201)]),
    "before the start": _alike(more=[exposure("v", "single", -5)]),
    "withdrawn": _alike(more=[withdrawal("v", 400)]),
    "joined": _alike(more=[join("v", "w", 400)]),
    "joined by an action": _alike(more=[exposure("w", "multi", 100), action("v", "form_error", 130, joined="w")]),
    "joined late": _alike(more=[join("v", "w", 9 * DAY), exposure("w", "multi", 0)]),
}


@pytest.mark.parametrize("sold", [True, False])
@pytest.mark.parametrize("first", ALMOST_ALIKE)
def test_people_who_are_almost_alike_are_not_taken_for_each_other(first: str, sold: bool) -> None:
    for name, second in ALMOST_ALIKE.items():
        growth = Growth(Meaning(ADJUSTED))
        for everything in (ALMOST_ALIKE[first], second):
            events = [event for event in everything if sold or event.name != "quote_requested"]
            for last in range(len(events)):
                known, fresh = events[:last], events[last:]
                assert grown(growth, known, fresh) == difference(tally(ADJUSTED, events), tally(ADJUSTED, known)), name


TWO_VARIANTS = [exposure("v", "single", 0), exposure("v", "multi", 1)]
PATHS = [
    # what was known, what comes; is the journey asked, or do rows follow from a contribution
    ("nobody before", [], [exposure("v", "single", 0)], False),
    ("one step more", [exposure("v", "single", 0)], [action("v", "testimonials_viewed", 5)], False),
    ("closure", [exposure("v", "single", 0)], [action("v", "email_given", 5)], False),
    ("a sale", [exposure("v", "single", 0)], [action("v", "quote_requested", 5, properties={"amount": 5})], False),
    ("marked, nobody before", [], TWO_VARIANTS, False),
    ("marked, one step more", TWO_VARIANTS, [action("v", "testimonials_viewed", 5)], False),
    ("marked, closure", TWO_VARIANTS, [action("v", "email_given", 5)], False),
    ("a bot", [], [exposure("v", "single", 0, attributes={"bot": "true"})], False),
    ("acted before exposure", [action("v", "form_viewed", -5)], [exposure("v", "single", 0)], False),
    ("late", [exposure("v", "single", 0)], [action("v", "form_viewed", 5, 9 * DAY)], True),
]


@pytest.mark.parametrize(("known", "fresh", "whole"), [row[1:] for row in PATHS], ids=[r[0] for r in PATHS])
def test_who_is_like_somebody_before_costs_no_judgement_and_no_rows(
    known: list[Event], fresh: list[Event], whole: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged, made = [], []
    journey, rows = Meaning.journey, increment.rows

    def noted(meaning: Meaning, events: Sequence[Event]) -> Journey:
        judged.append(events)
        return journey(meaning, events)

    def counted(one: Contribution, tables: Iterable[Table]) -> Iterator[Row]:
        made.append(one)
        return rows(one, tables)

    monkeypatch.setattr(Meaning, "journey", noted)
    monkeypatch.setattr(increment, "rows", counted)
    growth = Growth(Meaning(PHASE))
    first = grown(growth, known, fresh)
    assert bool(judged) is whole
    assert bool(made) is not whole
    made.clear()
    before, after = (
        [dataclasses.replace(one, visitor=VisitorId("w"), message_id=MessageId(f"{one.message_id}-w")) for one in some]
        for some in (known, fresh)
    )
    assert grown(growth, before, after) == first
    assert not made


@pytest.mark.parametrize(
    ("known", "fresh"),
    [
        ([exposure("v", "single", 0)], [action("v", "other", 5)]),
        ([action("v", "form_viewed", 5)], [action("v", "email_given", 5)]),
    ],
    ids=["no step's name", "not exposed"],
)
def test_what_changes_no_contribution_adds_nothing(known: list[Event], fresh: list[Event]) -> None:
    growth = Growth(Meaning(PHASE))
    assert not grown(growth, known, fresh)
    assert not growth._kept


def test_contributions_do_not_pile_up() -> None:
    growth = Growth(Meaning(PHASE))
    for number in range(KEPT_CONTRIBUTIONS + 500):
        sale = action(f"v{number}", "quote_requested", 5, properties={"amount": number / 100})
        change = grown(growth, [], [exposure(f"v{number}", "single", 0), sale])
        assert change == tally(PHASE, [exposure("v", "single", 0), dataclasses.replace(sale, visitor=VisitorId("v"))])
        assert 0 < len(growth._kept) <= KEPT_CONTRIBUTIONS


def test_an_earlier_sale_takes_a_mark_away() -> None:
    known = [exposure("v", "single", 0), action("v", "quote_requested", 300, properties={"amount": "free"})]
    fresh = [action("v", "quote_requested", 290, 310, properties={"amount": 5})]
    change = grown(Growth(Meaning(PHASE)), known, fresh)
    assert change == difference(tally(PHASE, [*known, *fresh]), tally(PHASE, known))
    assert change[("ledger", "bad-value", "single")] == (-1,)
