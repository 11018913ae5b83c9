"""An event written as a line is read back as the same event."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from experiments.events.event import Event, MessageId, VisitorId
from webapp.wire.segment_reader import EXPOSURE_NAMES, Reception, parse_event
from webapp.wire.segment_writer import USER_AGENTS, segment_line
from webapp.wire.visitor_attributes import AttributeReader

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)

ids = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
times = st.datetimes(datetime(2014, 1, 1), datetime(2026, 1, 1), timezones=st.just(UTC))
attributes = st.fixed_dictionaries(
    {},
    optional={
        "device": st.sampled_from(sorted(USER_AGENTS)),
        "returning": st.sampled_from(["true", "false"]),
        "bot": st.just("true"),
        "staff": st.just("true"),
        "language": st.sampled_from(["en", "de"]),
        "source": st.sampled_from(["google", "newsletter"]),
        "first_seen": st.just("2025-12-31"),
    },
)
values = (
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | ids
)
KINDS = ("exposure", "action", "identify", "alias", "withdrawal")


@st.composite
def events(draw: st.DrawFn) -> Event:
    kind = draw(st.sampled_from(KINDS))
    at = draw(times)
    event = Event(
        message_id=MessageId(draw(ids)),
        kind="action",
        visitor=VisitorId(draw(ids)),
        at=at,
        received_at=at + timedelta(microseconds=draw(st.integers(0, 10**9))),
        name=draw(ids),
        properties=draw(st.dictionaries(ids, values, max_size=3)),
        attributes=draw(attributes),
    )
    joined = VisitorId(f"user of {event.visitor}")
    match kind:
        case "exposure":
            told = {"experiment_id": "form", "variation_id": "two"}
            return replace(
                event, kind="exposure", name=EXPOSURE_NAMES[0], experiment="form", variant="two", properties=told
            )
        case "identify":
            return replace(event, kind="join", name="Identify", joined=joined)
        case "alias":
            return replace(event, kind="join", name="Alias", joined=joined)
        case "withdrawal":
            return replace(event, kind="withdrawal", name="Consent Withdrawn")
    return replace(event, joined=draw(st.sampled_from([None, joined])))


@given(events())
def test_a_line_is_read_back_as_the_event_it_was(event: Event) -> None:
    line = segment_line(event)
    assert "\n" not in line
    read = parse_event(json.loads(line), Reception(NOW, trusted=True), AttributeReader(frozenset()))
    assert read == event
