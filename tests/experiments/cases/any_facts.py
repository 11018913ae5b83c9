"""Anything that may be in the log about up to three ids, for properties that hold of every history."""

from __future__ import annotations

from hypothesis import strategies as st

from experiments.events.event import Event
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
