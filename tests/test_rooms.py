"""Taking events and assigning variants loads no report and no statistics: counted in a process of its own."""

from __future__ import annotations

import importlib
import json
import pkgutil
import subprocess
import sys

import pytest

HEAVY = ("scipy", "statsmodels", "experiments.reporting", "experiments.audit", "experiments.planning")
OF_STATS = {"stats", "stats.arrays", "stats.tables", "stats.tables.patterns", "stats.tables.reach"}

LOADED = """
import importlib, json, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps(sorted(sys.modules)))
"""


@pytest.mark.parametrize("room", ["experiments.store", "experiments.assignment", "webapp.wire"])
def test_the_log_knows_no_statistics(room: str) -> None:
    names = [one.name for one in pkgutil.walk_packages(importlib.import_module(room).__path__, f"{room}.")]
    assert names
    ran = subprocess.run([sys.executable, "-c", LOADED, *names], capture_output=True, text=True, check=True, timeout=60)
    loaded = set(json.loads(ran.stdout))
    assert not [name for name in loaded if name.startswith(HEAVY)]
    assert {name for name in loaded if name.startswith("stats")} <= OF_STATS
