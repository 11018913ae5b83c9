"""Kept: computed once however many ask at once, bounded, and a failure is told and not kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import Any

import pytest

from webapp.services.kept import Found, Kept
from webapp.services.services import Services

SOON = 30.0


def test_many_who_ask_at_once_have_it_computed_once() -> None:
    kept: Kept[str, int] = Kept(4)
    calls, together, go = [], Barrier(8), Event()

    def compute() -> int:
        calls.append(1)
        go.wait(SOON)
        return 7

    def ask() -> int:
        together.wait(SOON)
        return kept.get("key", compute)

    with ThreadPoolExecutor(8) as threads:
        answers = [threads.submit(ask) for _ in range(8)]
        while not calls:
            pass
        assert kept.found("key") is None, "it is under way"
        go.set()
        assert [one.result(SOON) for one in answers] == [7] * 8
    assert len(calls) == 1
    assert kept.found("key") == Found(7)


def test_another_key_does_not_wait() -> None:
    kept: Kept[str, int] = Kept(4)
    go = Event()
    with ThreadPoolExecutor(1) as threads:
        slow = threads.submit(kept.get, "slow", lambda: int(go.wait(SOON)))
        assert kept.get("quick", lambda: 2) == 2
        go.set()
        assert slow.result(SOON) == 1


def test_the_one_asked_for_longest_ago_is_forgotten() -> None:
    kept: Kept[int, int] = Kept(2)
    for number in (1, 2, 1, 3):
        assert kept.get(number, lambda number=number: number) == number  # type: ignore[misc]
    assert [kept.found(number) for number in (1, 2, 3)] == [Found(1), None, Found(3)]


def test_none_is_an_answer() -> None:
    kept: Kept[int, None] = Kept(2)
    calls: list[int] = []
    for _ in range(2):
        kept.get(1, lambda: calls.append(1))
    assert len(calls) == 1


def test_a_failure_is_raised_and_computed_again() -> None:
    kept: Kept[int, int] = Kept(2)
    with pytest.raises(ZeroDivisionError):
        kept.get(1, lambda: 1 // 0)
    assert kept.found(1) is None
    assert kept.get(1, lambda: 5) == 5


def test_a_worker_has_one_of_a_class_and_a_test_may_put_its_own() -> None:
    class Cache:
        """Something that a worker has one of."""

    nothing: Any = None
    first = Services(nothing, nothing, nothing, nothing, nothing, nothing, False)
    second = Services(nothing, nothing, nothing, nothing, nothing, nothing, False)
    assert first.one(Cache) is first.one(Cache)
    assert first.one(Cache) is not second.one(Cache)
    mine = Cache()
    first.parts[Cache] = mine
    assert first.one(Cache) is mine
