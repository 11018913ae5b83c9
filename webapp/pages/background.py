"""Computed: answers that take seconds: computed in a thread, once for the same inputs, and kept for who asks next."""

from collections.abc import Callable, Hashable
from threading import Lock, Thread

from webapp.services.kept import Kept, Value


class Computed(Kept[Hashable, Value]):
    """Computes one answer at a time in a thread of its own; keeps the last `most`. Safe to share between threads.

    At most `waiting` answers are computed or wait for it; who asks for more is told that there is none yet.
    """

    def __init__(self, most: int, waiting: int = 16) -> None:
        super().__init__(most)
        self._waiting = waiting
        self._under_way = 0
        self._one_at_a_time = Lock()

    def ask(self, key: Hashable, compute: Callable[[], Value]) -> None:
        """Have the answer computed, unless it is there or on its way; `found` has it. `compute` may use no request."""
        with self._lock:
            if key not in self._works and self._under_way >= self._waiting:
                return
            work, begun = self._begin(key)
            self._under_way += begun
        if begun:
            Thread(target=work.do, args=(lambda: self._alone(compute),), daemon=True).start()

    def _alone(self, compute: Callable[[], Value]) -> Value:
        try:
            with self._one_at_a_time:
                return compute()
        finally:
            with self._lock:
                self._under_way -= 1
