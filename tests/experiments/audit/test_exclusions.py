"""The ledger recounted from the log: the totals of the tables, and the visitors heard of last."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.audit.exclusions import Ledger, Marked
from experiments.events.event import Event, distinct
from experiments.events.journey import concerns
from experiments.events.person import people
from experiments.store.memory import MemoryStore
from tests.experiments.cases.any_facts import facts
from tests.experiments.cases.histories import PHASE, exposure, join, minute, withdrawal


def written(events: list[Event], newest: int = 20) -> Ledger:
    """The ledger of these events, as the command writes it."""
    ledger = Ledger(PHASE, newest)
    for person in people([event for event in distinct(events) if concerns(PHASE, event)]):
        ledger.write(person)
    return ledger


@settings(max_examples=300)
@given(st.lists(facts(), max_size=20, unique_by=lambda event: event.message_id))
def test_the_totals_are_those_of_the_tables(events: list[Event]) -> None:
    store = MemoryStore(lambda: [PHASE])
    store.append(events)
    found = written(events)
    assert found.totals == store.tables(PHASE).ledger
    assert found.visitors.keys() == found.totals.keys()
    ids = {event.visitor for event in events}
    assert all(one.visitor in ids for some in found.visitors.values() for one in some)


def test_the_visitors_heard_of_last_are_kept_newest_first() -> None:
    bots = [exposure(f"bot{n}", "single", n, attributes={"bot": "true"}) for n in range(103)]
    found = written([*bots, exposure("v", "single", 200)], newest=3)
    assert found.totals == {"bot": {"single": 103}}
    assert found.visitors == {"bot": [Marked(bots[n].visitor, minute(n)) for n in (102, 101, 100)]}


def test_a_visitor_is_known_by_the_id_exposed_first() -> None:
    events = [exposure("w", "multi", 5), exposure("v", "single", 0), join("w", "v", 6), withdrawal("w", 7)]
    found = written(events)
    assert {reason: [one.visitor for one in some] for reason, some in found.visitors.items()} == {
        "consent-withdrawn": ["v"],
        "second-variant": ["v"],
    }
