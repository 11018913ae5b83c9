"""The examples in the docstrings of the public doors are real calls with real answers."""

from __future__ import annotations

import doctest
import importlib

import pytest

# A module is added here with its first example.
WITH_EXAMPLES = [
    "experiments.assignment.assignment",
    "experiments.events.journey",
    "experiments.reporting.report",
    "experiments.simulation.simulate",
    "stats.power",
]


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_the_examples_say_what_happens(module: str) -> None:
    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted > 0, f"{module} is listed as having an example in a docstring, and has none"
    assert result.failed == 0, f"an example in {module} says something else than what happens; the difference is above"
