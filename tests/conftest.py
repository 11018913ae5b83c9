"""Which tests need what, and in which order they run; properties are tried on the same examples in every run.

`YESLADDER_STUDY=full` looks for new examples.
"""

import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "yesladder",
    deadline=None,  # the machine may be shared: no test depends on how long it took
    derandomize=os.environ.get("YESLADDER_STUDY") != "full",
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("yesladder")

BROWSER = {"chromium"}
SERVER = {"serve_site", "serve_at", "served", "server", "medium_library"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a browser or a server by the fixtures that it asks for, and put the long files first: two
    workers take a file at a time, and should end together."""
    slow: Counter[str] = Counter()
    for item in items:
        asked = set(getattr(item, "fixturenames", ()))
        if asked & BROWSER:
            item.add_marker("browser")
        if asked & SERVER:
            item.add_marker("server")
        weight = {"slow": 100, "server": 5, "browser": 3}
        slow[item.location[0]] += sum(weight.get(mark.name, 0) for mark in item.iter_markers())
    items.sort(key=lambda item: -slow[item.location[0]])
