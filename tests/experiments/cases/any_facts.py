"""Anything that may be in the log about up to three ids, for properties that hold of every history."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

from hypothesis import strategies as st

from experiments.events.event import Event, VisitorId
from tests.experiments.cases.histories import DAY, action, exposure, join, withdrawal

WHEN = st.one_of(st.integers(-30, 400), st.integers(-30, 4 * DAY), st.integers(19 * DAY, 21 * DAY))
DELAY = st.one_of(st.just(0), st.integers(0, 300), st.integers(0, 3 * DAY))
NAMES = ["form_viewed", "email_given", "quote_requested", "testimonials_viewed", "form_error", "nothing_asked_for"]
AMOUNTS = st.one_of(st.integers(0, 1500), st.none(), st.just("a lot"))
KINDS = ["exposure", "exposure", "action", "action", "action", "join", "withdrawal"]


@st.composite
def facts(draw: st.DrawFn) -> Event:
    """Anything that may be in the log about up to three ids."""
    at, visitor, message = draw(WHEN), draw(st.sampled_from("uvw")), draw(st.uuids()).hex
    received = at + draw(DELAY)
    match draw(st.sampled_from(KINDS)):
        case "exposure":
            attributes = draw(st.sampled_from([{}, {}, {"bot": "true"}, {"staff": "true"}, {"device": "phone"}]))
            variant = draw(st.sampled_from(["single", "multi", "single", "multi", "third"]))
            return exposure(visitor, variant, at, received, message, attributes=attributes)
        case "action":
            properties = {"amount": draw(AMOUNTS)}
            return action(visitor, draw(st.sampled_from(NAMES)), at, received, message, properties=properties)
        case "join":
            return join(visitor, draw(st.sampled_from("uvw")), at, received, message)
        case _:
            return withdrawal(visitor, at)


@st.composite
def logs(draw: st.DrawFn) -> list[Event]:
    """Any log about them: half of them without a late fact, some with facts that join, and with duplicates."""
    prompt = draw(st.booleans())
    log = []
    for fact in draw(st.lists(facts(), max_size=9)):
        received = min(fact.received_at, fact.at + timedelta(hours=1)) if prompt else fact.received_at
        joins = fact.kind in ("exposure", "action") and draw(st.integers(0, 9)) == 0
        joined = VisitorId(draw(st.sampled_from("uvw"))) if joins else fact.joined
        event = dataclasses.replace(fact, received_at=received, joined=joined)
        log.append(event)
        if draw(st.integers(0, 9)) == 0:
            earlier = max(event.at, event.received_at - timedelta(minutes=draw(st.integers(0, 200))))
            log.append(dataclasses.replace(event, received_at=earlier))
    return log
