"""Computed: once for the same inputs, one at a time, behind whoever asks, and within bounds."""

from __future__ import annotations

import time
from threading import Event

import pytest

from webapp.pages.background import Computed
from webapp.services.kept import Found

SOON = 30.0


def until() -> float:
    """Late enough for anything that is under way."""
    return time.monotonic() + SOON


def test_an_answer_is_computed_once_and_may_be_none() -> None:
    computed: Computed[int | None] = Computed(4)
    calls: list[str] = []
    for _ in range(3):
        computed.ask("key", lambda: calls.append("called"))  # type: ignore[arg-type,func-returns-value]
        assert computed.found("key", until()) == Found(None)
    assert calls == ["called"]


def test_nobody_waits_longer_than_they_said() -> None:
    computed: Computed[int] = Computed(4)
    go = Event()
    computed.ask("slow", lambda: int(go.wait(SOON)))
    assert computed.found("slow") is None
    assert computed.found("never asked", until()) is None
    go.set()
    assert computed.found("slow", until()) == Found(1)


def test_one_is_computed_at_a_time_and_a_crowd_is_turned_away() -> None:
    computed: Computed[int] = Computed(9, waiting=2)
    go, begun = Event(), []

    def work(number: int) -> int:
        begun.append(number)
        go.wait(SOON)
        return number

    for number in (1, 2, 3):
        computed.ask(number, lambda number=number: work(number))  # type: ignore[misc]
    assert computed.found(3, until()) is None  # turned away, so not waited for
    assert len(begun) <= 1
    go.set()
    assert [computed.found(number, until()) for number in (1, 2)] == [Found(1), Found(2)]
    computed.ask(3, lambda: 3)
    assert computed.found(3, until()) == Found(3)


def test_the_oldest_answers_are_forgotten() -> None:
    computed: Computed[int] = Computed(2)
    for number in (1, 2, 1, 3):  # 1 was asked for again, so 2 is the oldest
        computed.ask(number, lambda number=number: number)  # type: ignore[misc]
        computed.found(number, until())
    assert [computed.found(number) for number in (1, 2, 3)] == [Found(1), None, Found(3)]


def test_a_failure_is_told_and_can_be_tried_again() -> None:
    computed: Computed[int] = Computed(2)
    go = Event()

    def fail() -> int:
        go.wait(SOON)
        raise ZeroDivisionError

    computed.ask("key", fail)
    assert computed.found("key") is None
    go.set()
    deadline = until()
    try:
        with pytest.raises(ZeroDivisionError):
            computed.found("key", deadline)
    finally:
        computed.ask("key", lambda: 7)
    assert computed.found("key", until()) == Found(7)
