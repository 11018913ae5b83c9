"""Experiment: a definition whose parts fit together. Frozen, validated, made from a config file.

A *phase* is an Experiment with `started_at` set: the catalog hands out nothing else for experiments that have run.
"""

from __future__ import annotations

from pydantic import model_validator

from experiments.definition.definition import Definition
from experiments.definition.problem import refused
from experiments.definition.rules import inconsistencies


class Experiment(Definition):
    """One test as its config file describes it. With `started_at` set it is a phase: what `journey` judges by."""

    @model_validator(mode="after")
    def _consistent(self) -> Experiment:
        if faults := list(inconsistencies(self)):
            raise refused(*faults)
        return self
