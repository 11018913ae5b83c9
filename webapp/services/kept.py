"""Kept: the last answers by what was asked, each computed once however many ask for it at the same time."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import Event, RLock
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Found(Generic[Value]):
    """An answer that is there; it may be None."""

    answer: Value


@dataclass(slots=True)
class Work(Generic[Value]):
    """An answer that is there, on its way, or failed: `done` is set with `found` or `error`."""

    done: Event = field(default_factory=Event)
    found: Found[Value] | None = None
    error: BaseException | None = None

    def do(self, compute: Callable[[], Value]) -> None:
        """Compute the answer; what that raises is kept for whoever waits."""
        try:
            self.found = Found(compute())
        except BaseException as error:  # raised where it is asked for
            self.error = error
        self.done.set()


class Kept(Generic[Key, Value]):
    """Keeps the `most` answers that were asked for last. Safe to share between threads."""

    def __init__(self, most: int) -> None:
        self._works: OrderedDict[Key, Work[Value]] = OrderedDict()
        self._most = most
        self._lock = RLock()

    def get(self, key: Key, compute: Callable[[], Value]) -> Value:
        """The answer for this key: kept, waited for while another thread computes it, or else computed here.

        Raises what `compute` raises, to everybody who waited for it; then the next who asks computes it again.
        """
        work, begun = self._begin(key)
        if begun:
            work.do(compute)
        work.done.wait()
        return self._taken(key, work).answer

    def found(self, key: Key, until: float = 0.0) -> Found[Value] | None:
        """The answer, waited for until this moment of `time.monotonic`; None when it is not there (by then).

        Raises what computing it raised; then it can be computed again.
        """
        with self._lock:
            work = self._works.get(key)
            if work is not None:
                self._works.move_to_end(key)
        if work is None or not work.done.wait(max(0.0, until - time.monotonic())):
            return None
        return self._taken(key, work)

    def _begin(self, key: Key) -> tuple[Work[Value], bool]:
        """The work for this key, and whether it is new, so that whoever asked must do it."""
        with self._lock:
            work = self._works.get(key)
            if work is not None:
                self._works.move_to_end(key)
                return work, False
            work = self._works[key] = Work()
            if len(self._works) > self._most:
                self._works.popitem(last=False)
            return work, True

    def _taken(self, key: Key, work: Work[Value]) -> Found[Value]:
        if work.error is not None:
            with self._lock:
                if self._works.get(key) is work:
                    del self._works[key]
            raise work.error
        assert work.found is not None
        return work.found
