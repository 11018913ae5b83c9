"""ServeSettings: what `serve` decides and its workers obey."""

from __future__ import annotations

from dataclasses import dataclass

from experiments.store.event_log import CAPACITY

ENVIRONMENT = "YESLADDER_SERVE"  # the variable that carries ServeSettings, as JSON, from the master to its workers


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """`master`: process id of the master. `capacity`: events that may wait for the disk in one worker.

    `demo_site`: with the demo's pages.
    """

    site_path: str
    master: int
    open_results: bool = False
    capacity: int = CAPACITY
    demo_site: bool = False
