"""Unknown: an experiment, a phase or a step was asked for that is not there. The message lists those that are.

Pages answer each with 404, commands with a usage error: both map the classes once, and show the message as it is.
"""

from collections.abc import Iterable


class Unknown(LookupError):
    """What was asked for is not there."""


class UnknownExperiment(Unknown):
    """No experiment of the site has this key."""

    def __init__(self, key: str, known: Iterable[str]) -> None:
        super().__init__(f"There is no experiment {key!r}. Known experiments: {_listed(sorted(known))}.")


class UnknownPhase(Unknown):
    """The experiment has no phase of this number."""

    def __init__(self, key: str, number: int, known: Iterable[int]) -> None:
        super().__init__(f"{key} has no phase {number}. Recorded phases: {_listed(map(str, sorted(known)))}.")


class UnknownStep(Unknown):
    """The experiment has no step of this key."""

    def __init__(self, key: str, step: str, known: Iterable[str]) -> None:
        super().__init__(f"{key} has no step {step!r}; its steps are {_listed(known)}.")


class NotStarted(Exception):
    """The experiment is a draft: nothing of it has been counted."""

    def __init__(self, key: str) -> None:
        super().__init__(f"{key} is a draft: it has not started, so there are no results.")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none yet"
