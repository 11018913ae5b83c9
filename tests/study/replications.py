"""Replications: many runs of a world, the same numbers however many processes count them."""

from __future__ import annotations

import os
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from typing import Protocol, TypeVar

import numpy as np

FULL = os.environ.get("YESLADDER_STUDY") == "full"


class Named(Protocol):
    """What can be replicated: its name seeds it, so that a new world leaves all others as they are."""

    @property
    def name(self) -> str: ...


W = TypeVar("W", bound=Named)


def generator(name: str, replication: int) -> np.random.Generator:
    """The randomness of this world from this replication on."""
    return np.random.default_rng([zlib.crc32(name.encode()), replication])


def counted(
    count: Callable[[W, range], Counter[str]], replications: Mapping[W, int], chunk: int
) -> dict[str, Counter[str]]:
    """World's name -> what `count` counted over its replications, and how many `replications` they were.

    Whole chunks are counted at a time. `count` is a function of an importable module. The full study counts on all
    cores; the reduced one here, as two new processes would need as long to start as it takes.
    """
    work = [
        (world, range(first, first + chunk))
        for world, wanted in replications.items()
        for first in range(0, wanted, chunk)
    ]
    sums: dict[str, Counter[str]] = {world.name: Counter() for world in replications}
    with ExitStack() as stack:
        at_once: Callable[..., Iterable[Counter[str]]] = map
        if FULL:
            pool = ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn"))
            at_once = stack.enter_context(pool).map
        for (world, some), happened in zip(work, at_once(count, *zip(*work, strict=True)), strict=True):
            sums[world.name].update(happened)
            sums[world.name]["replications"] += len(some)
    return sums
