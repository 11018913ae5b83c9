"""One person: all ids that joins connect, whichever way and in whatever order; and where they are named."""

from __future__ import annotations

import dataclasses
import itertools

import pytest

from experiments.events.event import Refusal, VisitorId
from experiments.events.person import ids_in, ids_of, mentions, people
from tests.experiments.cases.histories import action, exposure, join, minute

EVENTS = [
    action("u", "form_viewed", 0),
    exposure("v", "single", 1),
    action("w", "form_viewed", 2, joined="v"),
    join("x", "w", 3),
    action("x", "email_given", 4),
    join("y", "y", 5),
    join("z", "nobody-else", 6),
]


def test_joins_connect_people_and_each_keeps_the_order() -> None:
    for events in itertools.islice(itertools.permutations(EVENTS), 0, 5_040, 61):
        found = list(people(events))
        assert {frozenset(event.visitor for event in person) for person in found} == set(
            map(frozenset, ["u", "vwx", "y", "z"])
        )
        for person in found:
            assert person == [event for event in events if event in person]


def test_the_ids_of_a_person_are_those_that_sent_something_and_those_that_are_joined() -> None:
    assert ids_in(EVENTS) == {*"uvwxyz", "nobody-else"}
    assert ids_of(VisitorId("a"), EVENTS[3:4]) == {"a", "w", "x"}
    assert not ids_in([])


MENTIONS = [
    ("its own", {"visitor": "v1"}, True),
    ("in the detail", {"detail": "visitor 'v1' is not assigned"}, True),
    ("as part of a message id", {"message_id": "v1-exposed"}, True),
    ("in the name", {"name": "hello v1"}, True),
    ("within a longer id", {"visitor": "v11", "detail": "visitor 'v11'"}, False),
    ("somebody else", {"visitor": "v2"}, False),
    ("escaped as JSON", {"detail": "userId is 'v\\u00fc'"}, True),
    ("escaped as a refusal has it", {"detail": "userId is 'v\\xfc'"}, True),
]


@pytest.mark.parametrize(("changes", "expected"), [row[1:] for row in MENTIONS], ids=[row[0] for row in MENTIONS])
def test_mentions(changes: dict[str, str], expected: bool) -> None:
    refusal = dataclasses.replace(Refusal("invalid", "", minute(0)), **changes)  # type: ignore[arg-type]  # texts only
    assert mentions(refusal, {VisitorId("v1"), VisitorId("vü")}) is expected
