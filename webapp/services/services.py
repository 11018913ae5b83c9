"""Services: everything a view needs, made once per worker by `create_app`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from flask import current_app

from experiments.site.catalog import Catalog
from experiments.site.site import Site
from experiments.store.event_log import EventLog
from experiments.store.exposure_queue import ExposureQueue
from experiments.store.group_commit import GroupCommit
from experiments.store.store import Store
from webapp.services.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Services:
    """One site as its views see it. `open_results` True shows results without a token (the demo, on loopback only)."""

    site: Site
    catalog: Catalog
    log: EventLog
    exposures: ExposureQueue
    tokens: Tokens
    clock: Callable[[], datetime]
    open_results: bool

    @property
    def store(self) -> Store:
        """The site's store; what it raises is answered as 503."""
        return self.log.store

    @property
    def group_commit(self) -> GroupCommit:
        """The one writer of this worker."""
        return self.log.group_commit

    def close(self) -> None:
        """Write what waits and let go of the store; the worker ends."""
        self.exposures.close()
        self.log.close()


def services() -> Services:
    """The services of the app that handles this request."""
    found = current_app.extensions["yesladder"]
    assert isinstance(found, Services)
    return found
