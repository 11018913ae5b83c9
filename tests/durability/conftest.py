"""A small site, the real server that serves it, and a look into its log when it is closed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from experiments.assignment.assignment import assign
from experiments.site.catalog import Catalog
from experiments.site.site import Site
from experiments.store.sqlite.engine import SqliteStore, open_store
from tests.durability.client import WRITE_KEY
from tests.durability.medium import compiled
from tests.durability.server import StoreAt
from webapp.server.app import now_utc

EXPERIMENT = """\
key: contact-form
name: Multi-step vs single contact form
status: running
started_at: 2026-01-01T00:00:00Z
variants:
  - {key: single, weight: 50}
  - {key: multi-step, weight: 50}
path:
  - {step: form-started, event: form_started, window: 1 hour}
  - {step: quote-requested, event: quote_requested, value: revenue}
window: 7 days
"""


@pytest.fixture(scope="session")
def make_site() -> Callable[..., Path]:
    """Write a site with one experiment into this folder: `make_site(folder, durability="normal")`."""

    def make(folder: Path, durability: str = "full") -> Path:
        (folder / "experiments").mkdir(parents=True)
        (folder / "yesladder.yaml").write_text(f"write_key: {WRITE_KEY}\ndurability: {durability}\n", "utf-8")
        (folder / "experiments" / "contact-form.yaml").write_text(EXPERIMENT, "utf-8")
        return folder

    return make


@pytest.fixture
def site(tmp_path: Path, make_site: Callable[..., Path]) -> Path:
    return make_site(tmp_path / "site")


@pytest.fixture
def variant_of(site: Path) -> Callable[[str], str]:
    """The variant of a visitor, by the hash alone."""
    experiment = Catalog(site, now_utc).experiments()["contact-form"]
    return lambda visitor: assign(experiment, visitor, {}).variant


@pytest.fixture(scope="session")
def store_at() -> StoreAt:
    """The store of a site whose server does not run: `with store_at(folder) as store`."""

    @contextmanager
    def opened(folder: Path) -> Iterator[SqliteStore]:
        site = Site.open(folder)
        store = open_store(site.database, Catalog(folder, now_utc).phases, site.settings.durability)
        try:
            yield store
        finally:
            store.close()

    return opened


@pytest.fixture(scope="session")
def medium_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The medium that fails on demand, compiled."""
    return compiled(tmp_path_factory.mktemp("medium"))
