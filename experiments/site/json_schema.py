"""JsonSchema: the JSON Schema of the config files, with which editors complete keys and mark mistakes."""

from typing import Any

from experiments.definition.document import DIALECT
from experiments.definition.experiment import Experiment
from experiments.site.site import Settings


def experiment_schema() -> dict[str, Any]:
    """The schema of experiments/*.yaml."""
    return {"$schema": DIALECT, **Experiment.model_json_schema()}


def settings_schema() -> dict[str, Any]:
    """The schema of yesladder.yaml."""
    return {"$schema": DIALECT, **Settings.model_json_schema()}
