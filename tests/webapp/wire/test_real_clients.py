"""The PyPI clients, unmodified, against a site that the real server serves."""

from __future__ import annotations

import fcntl
import logging
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from segment.analytics.client import Client

from experiments.assignment.assignment import assign
from experiments.site.catalog import Catalog
from experiments.site.site import Site
from experiments.store.sqlite.engine import open_store
from webapp.server.app import now_utc

Serve = Callable[..., AbstractContextManager[Any]]


def test_openfeature_gets_what_assign_gives(site_path: Path, serve_site: Serve) -> None:
    """1,000 visitors, four experiments each: text, number, object, and one that most are outside of."""
    experiments = Catalog(site_path, now_utc).experiments()
    with serve_site(workers=2) as served:
        provider = OFREPProvider(served.url)
        api.set_provider(provider)
        client = api.get_client()
        try:
            for visitor in (f"visitor-{number}" for number in range(1_000)):
                context = EvaluationContext(visitor, {"device": "phone"})
                for key in ("contact-form", "phones"):
                    expected = assign(experiments[key], visitor, {"device": "phone"})
                    found = client.get_string_details(key, "default", context)
                    assert (found.value, found.variant) == (expected.variant, expected.variant)
                    assert found.flag_metadata["in_experiment"] == expected.in_experiment
            context = EvaluationContext("visitor-1", {"force": "multi-step"})
            assert client.get_float_value("half", 9.5, context) == 1.0
            assert client.get_object_value("asked", {}, context) == {"steps": [1, 2]}
            assert client.get_string_value("won", "default", EvaluationContext("visitor-1")) == "multi-step"
            unknown = client.get_string_details("nope", "default", context)
            assert (unknown.value, unknown.error_code) == ("default", ErrorCode.FLAG_NOT_FOUND)
            keyless = client.get_string_details("half", "default", EvaluationContext(None, {"country": "FI"}))
            assert keyless.error_code == ErrorCode.TARGETING_KEY_MISSING
            contextless = client.get_string_details("half", "default")
            assert contextless.error_code in (ErrorCode.INVALID_CONTEXT, ErrorCode.TARGETING_KEY_MISSING)
        finally:
            api.clear_providers()
            provider.session.close()
    store = open_store(Site.open(site_path).database, Catalog(site_path, now_utc).phases)
    exposed = Counter(event.experiment for event in store.scan() if event.kind == "exposure")
    store.close()
    assert exposed == {"contact-form": 1_000, "phones": 1_000}


@pytest.mark.parametrize("gzip", [False, True], ids=["plain", "gzip"])
def test_segment_counts_each_event_once_through_503s(
    site_path: Path, serve_site: Serve, caplog: pytest.LogCaptureFixture, gzip: bool
) -> None:
    """Four clients send while nobody can write and the queue takes one batch: most are told 503, and come again."""
    caplog.set_level(logging.DEBUG, "segment")
    failed: list[object] = []
    with serve_site(workers=1, capacity=1) as served:
        clients = [
            Client("wk_test", host=served.url, gzip=gzip, upload_size=5, upload_interval=0.05,
                   on_error=lambda error, items: failed.append((error, items)))
            for _ in range(4)
        ]  # fmt: skip
        with Path(f"{Site.open(site_path).database}.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for number in range(200):
                client = clients[number % 4]
                client.track(anonymous_id=f"v-{number}", event="form_started", properties={"number": number})
            time.sleep(1.5)
        for client in clients:
            client.shutdown()
        assert failed == []
        assert "Rate-limited (status 503)" in caplog.text
        store = open_store(Site.open(site_path).database, Catalog(site_path, now_utc).phases)
        numbers = Counter(event.properties["number"] for event in store.scan())
        assert store.verify() == []
        store.close()
    assert numbers == Counter(range(200))
