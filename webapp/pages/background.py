"""Computed: answers that take seconds, computed behind the request, once for the same inputs, and kept."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Found(Generic[Answer]):
    """An answer that is there; it may be None."""

    answer: Answer


@dataclass(slots=True)
class _Work(Generic[Answer]):
    done: Event = field(default_factory=Event)
    found: Found[Answer] | None = None
    error: Exception | None = None


class Computed(Generic[Answer]):
    """Computes one answer at a time in a thread of its own; keeps the last `kept`. Safe to share between threads.

    At most `waiting` answers are computed or wait for it; who asks for more is told that there is none yet.
    """

    def __init__(self, kept: int, waiting: int = 16) -> None:
        self._works: OrderedDict[Hashable, _Work[Answer]] = OrderedDict()
        self._kept = kept
        self._waiting = waiting
        self._under_way = 0
        self._lock = Lock()
        self._one_at_a_time = Lock()

    def ask(self, key: Hashable, compute: Callable[[], Answer]) -> None:
        """Have the answer computed, unless it is there or on its way. `compute` may use no request."""
        with self._lock:
            if key in self._works:
                self._works.move_to_end(key)
                return
            if self._under_way >= self._waiting:
                return
            self._under_way += 1
            work: _Work[Answer] = _Work()
            self._works[key] = work
            if len(self._works) > self._kept:
                self._works.popitem(last=False)
        Thread(target=self._compute, args=(work, compute), daemon=True).start()

    def get(self, key: Hashable, until: float = 0.0) -> Found[Answer] | None:
        """The answer asked for, waited for until this moment of `time.monotonic`; None: it is not there yet.

        Raises what computing it raised; then it can be asked for again.
        """
        with self._lock:
            work = self._works.get(key)
        if work is None or not work.done.wait(max(0.0, until - time.monotonic())):
            return None
        if work.error is not None:
            with self._lock:
                if self._works.get(key) is work:
                    del self._works[key]
            raise work.error
        return work.found

    def _compute(self, work: _Work[Answer], compute: Callable[[], Answer]) -> None:
        try:
            with self._one_at_a_time:
                work.found = Found(compute())
        except Exception as error:  # told to whoever asked
            work.error = error
        with self._lock:
            self._under_way -= 1
        work.done.set()
