"""Services: everything a view needs, made once per worker by `create_app`."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar, cast

from flask import current_app

from experiments.site.catalog import Catalog
from experiments.site.site import Site
from experiments.store.event_log import EventLog
from experiments.store.exposure_queue import ExposureQueue
from experiments.store.store import Store
from webapp.services.tokens import Tokens

Kind = TypeVar("Kind")

_logger = logging.getLogger("yesladder")


@dataclass(frozen=True, slots=True)
class Services:
    """One site as its views see it. `open_results` True shows results without a token (the demo, on loopback only).

    `parts`: what `one` has made; a test puts its own there.
    """

    site: Site
    catalog: Catalog
    log: EventLog
    exposures: ExposureQueue
    tokens: Tokens
    clock: Callable[[], datetime]
    open_results: bool
    parts: dict[type, object] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        """The site's store; what it raises is answered as 503."""
        return self.log.store

    def one(self, kind: type[Kind]) -> Kind:
        """What this worker has one of, such as the cache of its reports: made when first asked for, by its class."""
        return cast(Kind, self.parts.get(kind) or self.parts.setdefault(kind, kind()))

    def refresh_catalog(self) -> None:
        """Take up changed config files. When the record of phases cannot be written, what was in force stays so."""
        try:
            self.catalog.refresh()
        except OSError:
            _logger.exception("changed config files are not in force: the record of phases cannot be written")

    def close(self) -> None:
        """Write what waits and let go of the store; the worker ends."""
        self.exposures.close()
        self.log.close()


def services() -> Services:
    """The services of the app that handles this request."""
    found = current_app.extensions["yesladder"]
    assert isinstance(found, Services)
    return found
