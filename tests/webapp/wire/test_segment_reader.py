"""From Segment's JSON to one Event: every rule a row, and no input that is neither an event nor a clean refusal."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.events.event import Event
from webapp.wire.segment_reader import Reception, Unacceptable, parse_event
from webapp.wire.visitor_attributes import AttributeReader

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
PLAIN = AttributeReader(frozenset())
TRACK: dict[str, Any] = {"type": "track", "event": "form_started", "anonymousId": "a-1", "messageId": "m-1"}


def parsed(item: Any, receipt: Reception = Reception(NOW), attributes: AttributeReader = PLAIN) -> Event:  # noqa: B008  # frozen
    return parse_event(item, receipt, attributes)


@pytest.mark.parametrize(
    ("item", "kind", "name", "visitor", "joined"),
    [
        pytest.param({}, "action", "form_started", "a-1", None, id="track"),
        pytest.param({"userId": "u-1"}, "action", "form_started", "a-1", "u-1", id="both-ids-join"),
        pytest.param({"userId": "a-1"}, "action", "form_started", "a-1", None, id="same-id-twice"),
        pytest.param({"anonymousId": None, "userId": "u-1"}, "action", "form_started", "u-1", None, id="user-only"),
        pytest.param({"anonymousId": "", "userId": "u-1"}, "action", "form_started", "u-1", None, id="empty-is-absent"),
        pytest.param({"event": "Consent Withdrawn"}, "withdrawal", "Consent Withdrawn", "a-1", None, id="withdrawal"),
        pytest.param({"type": "identify", "userId": "u-1"}, "join", "Identify", "a-1", "u-1", id="identify"),
        pytest.param({"type": "identify"}, "action", "Identify", "a-1", None, id="identify-one-id"),
        pytest.param({"type": "group", "groupId": "g"}, "action", "Group", "a-1", None, id="group"),
        pytest.param({"type": "page", "name": "Home"}, "action", "Viewed Home Page", "a-1", None, id="page"),
        pytest.param({"type": "page"}, "action", "Viewed Page", "a-1", None, id="page-unnamed"),
        pytest.param({"type": "page", "properties": {"name": "X"}}, "action", "Viewed X Page", "a-1", None, id="title"),
        pytest.param({"type": "screen", "name": "Cart"}, "action", "Viewed Cart Screen", "a-1", None, id="screen"),
        pytest.param(
            {"type": "alias", "anonymousId": None, "previousId": "a-1", "userId": "u-1"},
            "join", "Alias", "a-1", "u-1", id="alias",
        ),
    ],
)  # fmt: skip
def test_what_an_item_means(item: dict[str, Any], kind: str, name: str, visitor: str, joined: str | None) -> None:
    event = parsed(TRACK | item)
    assert (event.kind, event.name, event.visitor, event.joined) == (kind, name, visitor, joined)


@pytest.mark.parametrize(
    ("properties", "claim"),
    [
        pytest.param({"experiment_id": "x", "variation_id": "b"}, "b", id="segment"),
        pytest.param({"experiment_id": "x", "variation_id": 1, "variation_key": "b"}, "b", id="key-leads"),
        pytest.param({"experimentId": "x", "variationId": 1}, "1", id="growthbook-js-index"),
        pytest.param({"experiment_id": "x", "variation_id": 0}, "0", id="index-zero"),
    ],
)
@pytest.mark.parametrize("name", ["Experiment Viewed", "$$experiment_viewed"])
def test_an_exposure_carries_its_claim(properties: dict[str, Any], claim: str, name: str) -> None:
    event = parsed(TRACK | {"event": name, "properties": properties})
    assert (event.kind, event.experiment, event.variant, event.name) == ("exposure", "x", claim, "Experiment Viewed")


@pytest.mark.parametrize(
    ("item", "detail"),
    [
        pytest.param("text", "the event is 'text', must be an object", id="no-object"),
        pytest.param({"type": "tracks"}, "type is 'tracks', must be one of track, identify", id="type"),
        pytest.param({"type": []}, "type is list, must be one of", id="type-unhashable"),
        pytest.param({"anonymousId": None}, "anonymousId and userId are both missing", id="no-id"),
        pytest.param({"anonymousId": 12}, 'anonymousId is 12, must be a string such as "12"', id="number-as-id"),
        pytest.param({"userId": {"id": 1}}, "userId is dict, must be a string", id="object-as-id"),
        pytest.param({"messageId": 7}, "messageId is 7, must be a string", id="number-as-message-id"),
        pytest.param({"anonymousId": "x" * 256}, "anonymousId has 256 characters, must have 1 to 255", id="long-id"),
        pytest.param({"event": "x" * 300}, "event has 300 characters, must have 1 to 255", id="long-name"),
        pytest.param({"event": None}, "event is None, must be the name of what happened", id="nameless"),
        pytest.param({"properties": [1]}, "properties is list, must be an object", id="properties"),
        pytest.param({"context": "x"}, "context is 'x', must be an object", id="context"),
        pytest.param({"timestamp": "yesterday"}, "timestamp is 'yesterday', must be a time", id="no-time"),
        pytest.param({"timestamp": 1795336110}, "timestamp is 1795336110, must be a time", id="epoch"),
        pytest.param({"timestamp": "2026-11-22T10:00:00"}, "must be a time with a zone", id="no-zone"),
        pytest.param({"timestamp": "0001-01-01T00:00:00+14:00"}, "must be a time", id="before-time"),
        pytest.param({"properties": {"price": float("nan")}}, "event.properties.price is nan, must be", id="nan"),
        pytest.param({"properties": {"p": [float("-inf")]}}, "event.properties.p[0] is -inf, must be", id="inf"),
        pytest.param({"properties": {"n": 2**63}}, "must fit in 64 bits", id="huge-integer"),
        pytest.param({"properties": {"t": "\ud800"}}, "must not have half a surrogate pair", id="lone-surrogate"),
        pytest.param({"properties": {"\udfff": 1}}, "must not have half a surrogate pair", id="surrogate-in-key"),
        pytest.param({"anonymousId": "a\0b"}, "must not have a NUL character", id="nul"),
        pytest.param({"event": "Experiment Viewed"}, "properties.experiment_id is missing", id="no-experiment"),
        pytest.param(
            {"event": "Experiment Viewed", "properties": {"experiment_id": "x"}},
            "properties.variation_id is missing", id="no-variant",
        ),
        pytest.param(
            {"event": "Experiment Viewed", "properties": {"experiment_id": True, "variation_id": 1}},
            "properties.experiment_id is True, must be a key", id="bool-as-experiment",
        ),
        pytest.param({"type": "alias", "userId": "a-1"}, "previousId and userId, two different", id="alias-of-itself"),
        pytest.param({"context": {"first_seen": "soon"}}, "first_seen is 'soon', must be a date", id="first-seen"),
    ],
)  # fmt: skip
def test_what_is_refused_and_in_which_words(item: Any, detail: str) -> None:
    with pytest.raises(Unacceptable) as refused:
        parsed(TRACK | item if isinstance(item, dict) else item)
    assert detail in refused.value.detail
    assert refused.value.reason == "invalid"


def test_too_large_and_too_deep_are_refused() -> None:
    with pytest.raises(Unacceptable, match="must have at most 32768") as refused:
        parsed(TRACK | {"properties": {"text": "x" * 32768}})
    assert refused.value.reason == "too-large"
    deep: Any = 1
    for _ in range(500):
        deep = [deep]
    with pytest.raises(Unacceptable, match="nested deeper than 32 levels"):
        parsed(TRACK | {"properties": {"deep": deep}})


@pytest.mark.parametrize(
    ("times", "at", "received_at"),
    [
        pytest.param({}, 0, 0, id="no-clock"),
        pytest.param({"timestamp": -60}, -60, 0, id="as-told"),
        pytest.param({"timestamp": 60}, 0, 0, id="clamped-to-receipt"),
        pytest.param({"timestamp": 3540, "sentAt": 3600}, -60, 0, id="fast-clock-corrected"),
        pytest.param({"timestamp": -90000, "sentAt": -86400}, -3600, 0, id="slow-clock-corrected"),
        pytest.param({"timestamp": 10, "sentAt": 0}, 0, 0, id="sent-before-it-happened"),
        pytest.param({"timestamp": -60, "receivedAt": -9999}, -60, 0, id="receipt-of-a-stranger-is-ignored"),
    ],
)
def test_event_time_is_the_clients_corrected_and_clamped(
    times: dict[str, float], at: float, received_at: float
) -> None:
    event = parsed(TRACK | iso(times))
    assert event.at == NOW + timedelta(seconds=at)
    assert event.received_at == NOW + timedelta(seconds=received_at)


def test_the_batch_says_when_it_was_sent_unless_the_item_does() -> None:
    item = TRACK | iso({"timestamp": 3540})
    assert parsed(item, Reception(NOW, sent_at=iso({"s": 3600})["s"])).at == NOW - timedelta(seconds=60)
    with pytest.raises(Unacceptable, match="sentAt is 5, must be a time"):
        parsed(item, Reception(NOW, sent_at=5))


@pytest.mark.parametrize(
    ("times", "at", "received_at"),
    [
        pytest.param({"timestamp": -9000}, -9000, -9000, id="timestamp-is-receipt"),
        pytest.param({"timestamp": -9000, "receivedAt": -8000}, -9000, -8000, id="own-receipt"),
        pytest.param({"timestamp": -7000, "receivedAt": -8000}, -8000, -8000, id="clamped-to-own-receipt"),
        pytest.param({"timestamp": -400, "sentAt": -300, "receivedAt": -8000}, -8100, -8000, id="corrected-then"),
        pytest.param({}, 0, 0, id="no-times"),
    ],
)
def test_trusted_history_keeps_its_times(times: dict[str, float], at: float, received_at: float) -> None:
    event = parsed(TRACK | iso(times), Reception(NOW, sent_at=NOW.isoformat(), trusted=True))
    assert event.at == NOW + timedelta(seconds=at)
    assert event.received_at == NOW + timedelta(seconds=received_at)


def test_trusted_history_is_not_of_the_future() -> None:
    with pytest.raises(Unacceptable, match="is in the future"):
        parsed(TRACK | iso({"receivedAt": 60}), Reception(NOW, trusted=True))


def test_without_a_message_id_the_same_event_has_the_same_one() -> None:
    bare = {key: value for key, value in TRACK.items() if key != "messageId"} | {"properties": {"a": 1, "b": 2}}
    again = bare | {"sentAt": NOW.isoformat(), "properties": {"b": 2, "a": 1}}
    other = bare | {"properties": {"a": 1, "b": 3}}
    ids = [parsed(item).message_id for item in (bare, again, other)]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        pytest.param({"context": {"locale": "en-US"}}, {"language": "en"}, id="language"),
        pytest.param({"context": {"campaign": {"source": "mail"}}}, {"source": "mail"}, id="campaign"),
        pytest.param(
            {"context": {"page": {"url": "https://a.example/x", "referrer": "https://b.example/?q"}}},
            {"source": "b.example"}, id="referrer",
        ),
        pytest.param(
            {"context": {"page": {"url": "https://a.example/x", "referrer": "https://a.example/"}}},
            {"source": "direct"}, id="own-page",
        ),
        pytest.param({"context": {"page": {"referrer": ""}}}, {"source": "direct"}, id="direct"),
        pytest.param({"context": {"page": {"referrer": "https://[bad"}}}, {"source": "direct"}, id="no-url"),
        pytest.param(
            {"context": {"userAgent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Mobile/15E148"}},
            {"device": "phone"}, id="device",
        ),
        pytest.param(
            {"context": {"userAgent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"}},
            {"bot": "true"}, id="bot",
        ),
        pytest.param(
            {"context": {"bot": True, "staff": True, "returning": False, "first_seen": "2026-11-01"}},
            {"bot": "true", "staff": "true", "returning": "false", "first_seen": "2026-11-01"}, id="flags",
        ),
        pytest.param({"properties": {"plan": "pro", "other": "x"}}, {"plan": "pro"}, id="named-property"),
        pytest.param({"context": {"traits": {"plan": 3}}}, {"plan": "3"}, id="named-trait"),
        pytest.param({"traits": {"plan": True}}, {"plan": "true"}, id="trait-of-identify"),
        pytest.param({"properties": {"plan": ["x"]}}, {}, id="no-level"),
        pytest.param(
            {"context": {"locale": "de"}, "properties": {"language": "en"}}, {"language": "de"}, id="context-leads"
        ),
    ],
)  # fmt: skip
def test_attributes_are_those_of_the_context_and_the_named_ones(item: dict[str, Any], expected: dict[str, str]) -> None:
    assert parsed(TRACK | item, attributes=AttributeReader(frozenset({"plan", "language"}))).attributes == expected


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["\ud800", "a\0", "", "2026-11-22T10:00:00Z", "track", "Experiment Viewed"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)
KEYS = ("type", "event", "anonymousId", "userId", "previousId", "messageId", "timestamp", "sentAt", "receivedAt",
        "name", "properties", "traits", "context")  # fmt: skip


@given(st.dictionaries(st.sampled_from(KEYS), JSON), st.booleans())
def test_any_json_is_an_event_or_a_clean_refusal(noise: dict[str, Any], trusted: bool) -> None:
    told: str
    try:
        told = parsed(TRACK | noise, Reception(NOW, trusted=trusted), AttributeReader(frozenset({"plan"}))).canonical()
    except Unacceptable as refused:
        told = json.dumps(refused.detail, ensure_ascii=False)
    assert json.loads(told.encode())
    assert len(told) < 2_000


def iso(times: dict[str, float]) -> dict[str, str]:
    return {key: (NOW + timedelta(seconds=seconds)).isoformat() for key, seconds in times.items()}
