"""admit: an exposure's claim is checked against the phase that ran when it happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from experiments.assignment.admission import admit
from experiments.assignment.assignment import place
from experiments.definition.experiment import Experiment
from experiments.events.event import Event, MessageId, Refusal, VisitorId
from tests.experiments.cases.experiments import small, variants

START = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)


def experiment(**changes: Any) -> Experiment:
    made = {"key": "pricing", "name": "Prices", "started_at": None, "variants": variants("monthly", "yearly")}
    return small(**made | {"path": [{"step": "signed-up", "event": "signed_up"}]} | changes)


FIRST = experiment(status="stopped", started_at="2026-03-02T00:00:00Z", ended_at="2026-03-09T00:00:00Z")
SECOND = experiment(phase=2, started_at="2026-03-12T00:00:00Z", audience={"device": ["phone"]})


class Definitions:
    """A catalog with these definitions."""

    def __init__(self, in_force: Sequence[Experiment], phases: Sequence[Experiment]) -> None:
        self._in_force, self._phases = {one.key: one for one in in_force}, phases

    def get(self, key: str) -> Experiment | None:
        return self._in_force.get(key)

    def phases_of(self, key: str) -> Sequence[Experiment]:
        return [phase for phase in self._phases if phase.key == key]

    def experiments(self) -> Mapping[str, Experiment]:
        return self._in_force


CATALOG = Definitions([SECOND, experiment(key="idea", status="draft")], [FIRST, SECOND])


def exposure(visitor: str, variant: str, at: datetime = START, key: str = "pricing") -> Event:
    return Event(MessageId("m-1"), "exposure", VisitorId(visitor), at, max(at, START), experiment=key, variant=variant)


def someone(phase: Experiment, variant: str) -> str:
    """A visitor whom this phase gives this variant."""
    return next(name for name in (f"v{n}" for n in range(1000)) if place(phase, name).variant == variant)


YEARLY = someone(FIRST, "yearly")
SWITCHES = next(f"v{n}" for n in range(1000) if place(FIRST, f"v{n}") != place(SECOND, f"v{n}"))


@pytest.mark.parametrize("claim", ["yearly", "1"], ids=["by key", "by index"])
def test_a_true_claim_is_admitted_with_its_key(claim: str) -> None:
    event = exposure(YEARLY, claim)
    assert admit(event, CATALOG) == replace(event, variant="yearly")


def test_a_key_that_looks_like_an_index_is_a_key() -> None:
    phase = experiment(started_at="2026-03-02T00:00:00Z", variants=[{"key": k, "weight": 1} for k in ("1", "0")])
    visitor = someone(phase, "1")
    admitted = admit(exposure(visitor, "1"), Definitions([phase], [phase]))
    assert isinstance(admitted, Event)
    assert admitted.variant == "1"


@pytest.mark.parametrize(
    "event",
    [
        Event(MessageId("m"), "action", VisitorId("v"), START, START, name="signed_up"),
        Event(MessageId("m"), "join", VisitorId("v"), START, START, joined=VisitorId("w")),
        Event(MessageId("m"), "withdrawal", VisitorId("v"), START, START),
    ],
    ids=lambda event: event.kind,
)
def test_other_events_are_admitted_as_they_are(event: Event) -> None:
    assert admit(event, CATALOG) is event


@pytest.mark.parametrize(
    ("at", "phase"),
    [
        (START - DAY, FIRST),
        (START, FIRST),
        (START + 6 * DAY, FIRST),
        (START + 7 * DAY, FIRST),
        (START + 9 * DAY, FIRST),
        (START + 10 * DAY, SECOND),
        (START + 90 * DAY, SECOND),
    ],
    ids=["before the first", "at its start", "within", "at its end", "between two", "second", "long after"],
)
def test_the_phase_is_that_of_the_event_time(at: datetime, phase: Experiment) -> None:
    right = place(phase, SWITCHES).variant
    wrong = {"monthly": "yearly", "yearly": "monthly"}[right]
    assert isinstance(admit(exposure(SWITCHES, right, at), CATALOG), Event)
    refused = admit(exposure(SWITCHES, wrong, at), CATALOG)
    assert isinstance(refused, Refusal)
    assert refused.reason == "variant-mismatch"
    assert f"phase {phase.phase}" in refused.detail


def test_audience_bot_and_staff_are_not_checked_again() -> None:
    event = replace(exposure(someone(SECOND, "yearly"), "yearly", START + 10 * DAY), attributes={"bot": "true"})
    assert isinstance(admit(event, CATALOG), Event)


def test_a_phase_without_traffic_or_slice_for_the_visitor() -> None:
    for changes, limits in (
        ({"traffic": "0%"}, "outside-traffic of phase 1 (traffic 0%)"),
        (
            {"exclusive": {"layer": "forms", "slice": ["0%", "0.01%"]}},
            "outside-layer of phase 1 (traffic 100%, 0% to 0.01% of forms)",
        ),
    ):
        phase = experiment(started_at="2026-03-02T00:00:00Z", **changes)
        refused = admit(exposure("v1", "monthly"), Definitions([phase], [phase]))
        assert isinstance(refused, Refusal)
        assert refused.reason == "not-in-experiment"
        assert limits in refused.detail


def test_another_tools_assignment_is_trusted_when_the_variant_exists() -> None:
    phase = experiment(started_at="2026-03-02T00:00:00Z", assignment="reported")
    catalog = Definitions([phase], [phase])
    for variant in ("monthly", "yearly"):
        assert isinstance(admit(exposure("v1", variant), catalog), Event)
    assert getattr(admit(exposure("v1", "weekly"), catalog), "reason", None) == "unknown-variant"


@pytest.mark.parametrize(
    ("event", "reason", "detail"),
    [
        (
            exposure("v1", "weekly"),
            "unknown-variant",
            'is "weekly", must be monthly or yearly, or an index from 0 to 1',
        ),
        (exposure("v1", "2"), "unknown-variant", 'variant is "2"'),
        (exposure("v1", "-1"), "unknown-variant", 'variant is "-1"'),
        (exposure("v1", "²"), "unknown-variant", 'variant is "²"'),
        (exposure("v1", "9" * 5000), "unknown-variant", "…"),
        (exposure("v1", ""), "unknown-variant", 'variant is ""'),
        (
            exposure("v1", "a", key="pricnig"),
            "unknown-experiment",
            "which this site does not have; did you mean pricing?",
        ),
        (exposure("v1", "a", key="zzz"), "unknown-experiment", "must be idea or pricing"),
        (exposure("v1", "monthly", key="idea"), "not-in-experiment", '"idea" is a draft'),
        (exposure(YEARLY, "0"), "variant-mismatch", 'variant is "0", must be "yearly", the one assigned to visitor'),
    ],
)
def test_refusals_say_what_would_be_right(event: Event, reason: str, detail: str) -> None:
    refused = admit(event, CATALOG)
    assert isinstance(refused, Refusal)
    assert refused.reason == reason
    assert detail in refused.detail
    assert (refused.message_id, refused.visitor, refused.experiment) == ("m-1", event.visitor, event.experiment)
    assert refused.refused_at == event.received_at


def test_what_stopped_and_lost_its_file_is_still_known() -> None:
    late = exposure(YEARLY, "yearly", START + DAY)
    assert isinstance(admit(late, Definitions([], [FIRST])), Event)


def test_a_site_without_experiments_says_so() -> None:
    refused = admit(exposure("v1", "a"), Definitions([], []))
    assert isinstance(refused, Refusal)
    assert refused.detail.endswith("this site has none")
