"""assign: which variant does this visitor get, and why? A pure hash, no memory.

GrowthBook's bucketing (spec 0.8.0, hash version 2), so that its SDKs come to the same answer. Version 1 is not
offered: it is biased between experiments. Changing anything here needs a new version, never an edit: it would move
visitors between variants.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from experiments.definition.experiment import Experiment
from experiments.definition.fields import Attributes, level

Reason = Literal[
    "split",
    "served",
    "forced",
    "outside-traffic",
    "outside-audience",
    "outside-layer",
    "not-running",
    "bot",
    "no-consent",
]

BUCKETS = 10_000

_FNV_OFFSET = 0x811C9DC5
_FNV_PRIME = 0x01000193
_TOLERANCE = 0.01  # how far GrowthBook lets the sum of weights be from 1


@dataclass(frozen=True, slots=True)
class Assignment:
    """A decision and its reason. Who is not in the experiment has the control's key as `variant`, except that
    `forced` and `served` show another one without counting."""

    variant: str
    reason: Reason

    @property
    def in_experiment(self) -> bool:
        """Does this visitor count? Only a split does."""
        return self.reason == "split"


def assign(experiment: Experiment, visitor: str, attributes: Attributes) -> Assignment:
    """Which variant does this visitor get, and why?

    `attributes`: what is known of the visitor: those the audience names, and `force` (a variant's key, for previews;
    of a key that is no variant comes the control, not counted), `bot` (True), `consent` (False: refused).

    >>> phase = Experiment.model_validate({
    ...     "key": "form", "name": "Short or long?", "status": "running", "window": "7 days",
    ...     "variants": [{"key": "short", "weight": 50}, {"key": "long", "weight": 50}],
    ...     "path": [{"step": "sent", "event": "form_sent"}],
    ... })
    >>> assign(phase, "ann", {})
    Assignment(variant='long', reason='split')
    >>> assign(phase, "ann", {"force": "short"})
    Assignment(variant='short', reason='forced')
    >>> assign(phase, "ann", {"consent": False}).in_experiment
    False
    """
    control = experiment.control.key
    force = str(attributes.get("force") or "")
    if force:
        return Assignment(force if experiment.variant(force) else control, "forced")
    if experiment.status == "stopped" and experiment.serve:
        return Assignment(experiment.serve, "served")
    outside = _outside(experiment, attributes)
    return Assignment(control, outside) if outside else place(experiment, visitor)


def _outside(experiment: Experiment, attributes: Attributes) -> Reason | None:
    """Why the hash is not even asked, or None."""
    if experiment.status != "running" or experiment.assignment == "reported":
        return "not-running"
    if level(attributes.get("consent")) == "false":
        return "no-consent"
    if level(attributes.get("bot")) == "true":
        return "bot"
    if experiment.audience and not experiment.audience.admits(attributes):
        return "outside-audience"
    return None


def place(experiment: Experiment, visitor: str) -> Assignment:
    """Where does the hash alone put this visitor: layer, traffic and split, whatever the status and the audience?

    It is what an incoming exposure is checked against.
    """
    exclusive = experiment.exclusive
    if exclusive and not in_range(hash_bucket(layer_seed(exclusive.layer), visitor), exclusive.slice):
        return Assignment(experiment.control.key, "outside-layer")
    ranges = _ranges(tuple([variant.weight for variant in experiment.variants]), experiment.traffic)
    index = choose(hash_bucket(seed(experiment), visitor), ranges)
    if index is None:
        return Assignment(experiment.control.key, "outside-traffic")
    return Assignment(experiment.variants[index].key, "split")


def seed(experiment: Experiment) -> str:
    """What makes two phases of two experiments split independently: "contact-form:1"."""
    return f"{experiment.key}:{experiment.phase}"


def layer_seed(layer: str) -> str:
    """The layer's own seed, "__forms"; no experiment's seed begins with an underscore."""
    return f"__{layer}"


def hash_bucket(seed: str, value: str) -> float:
    """The visitor's place in [0, 1), a multiple of 1/10,000: GrowthBook's hash, version 2."""
    return fnv1a_32(str(fnv1a_32(value, _seed_digest(seed)))) % BUCKETS / BUCKETS


@lru_cache(maxsize=256)
def _seed_digest(seed: str) -> int:
    """Where the hash of a text that begins with this seed stands after the seed: few seeds, many visitors."""
    return fnv1a_32(seed)


def fnv1a_32(text: str, digest: int = _FNV_OFFSET) -> int:
    """The 32-bit FNV-1a hash over UTF-16 code units, as JavaScript's charCodeAt gives them.

    Each unit is one round, also where it is wider than a byte. A lone surrogate is a unit like any other. `digest`:
    of the text before this one, where this goes on with it.
    """
    if text.isascii():
        for byte in text.encode("ascii"):
            digest = (digest ^ byte) * _FNV_PRIME & 0xFFFFFFFF
        return digest
    encoded = text.encode("utf-16-le", "surrogatepass")
    for low, high in zip(encoded[::2], encoded[1::2], strict=True):
        digest = (digest ^ (high << 8 | low)) * _FNV_PRIME & 0xFFFFFFFF
    return digest


@lru_cache(maxsize=256)
def _ranges(weights: tuple[float, ...], traffic: float) -> list[tuple[float, float]]:
    """The ranges of an experiment's variants; nobody changes the list."""
    total = sum(weights)
    return bucket_ranges([weight / total for weight in weights], traffic)


def bucket_ranges(shares: Sequence[float], coverage: float) -> list[tuple[float, float]]:
    """Each variant's range of places: it begins where the shares before it end, and is filled by `coverage`.

    So a larger coverage lengthens every range at its end and moves nobody who is in. Where GrowthBook replaces wrong
    shares by equal ones, this raises ValueError: shares above 0 whose sum is 1 (within 0.01), coverage in [0, 1].
    """
    if not 0 <= coverage <= 1:
        raise ValueError(f"coverage is {coverage}, must be from 0 to 1")
    if not shares or any(share <= 0 for share in shares) or abs(sum(shares) - 1) > _TOLERANCE:
        raise ValueError(f"shares are {list(shares)}, must be above 0 with the sum 1")
    starts = [0.0, *itertools.accumulate(shares)]
    return [(start, start + coverage * share) for start, share in zip(starts, shares, strict=False)]


def choose(bucket: float, ranges: Sequence[tuple[float, float]]) -> int | None:
    """The index of the range that holds this place, or None."""
    for index, bounds in enumerate(ranges):
        if in_range(bucket, bounds):
            return index
    return None


def in_range(bucket: float, bounds: tuple[float, float]) -> bool:
    """Is this place in the half-open range?"""
    return bounds[0] <= bucket < bounds[1]
