"""Assignment: bit-exact with GrowthBook's vectors, frozen by our own, and with the properties a test relies on.

Over 300 lines because the reference vectors stand here as tables.
"""

from __future__ import annotations

import itertools
import json
import random
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from experiments.assignment.assignment import (
    Assignment,
    assign,
    bucket_ranges,
    choose,
    fnv1a_32,
    hash_bucket,
    in_range,
    layer_seed,
    place,
    seed,
)
from experiments.definition.experiment import Experiment

VECTORS = Path(__file__).with_name("assignment_vectors.json")


def experiment(**changes: Any) -> Experiment:
    return Experiment.model_validate(
        {
            "key": "contact-form",
            "name": "Contact form",
            "status": "running",
            "variants": [{"key": "single", "weight": 50}, {"key": "multi-step", "weight": 50}],
            "path": [{"step": "sent", "event": "form_sent"}],
            "window": "7 days",
            **changes,
        }
    )


def visitors(count: int, of: str = "visitor") -> list[str]:
    return [f"{of}-{index}" for index in range(count)]


# --- GrowthBook's own vectors, spec 0.8.0 (MIT): packages/sdk-js/test/cases.json; all those that are lawful here.

HASH_V2 = [
    ("seed", "a", 0.0505),
    ("seed", "b", 0.2696),
    ("foo", "ab", 0.2575),
    ("foo", "def", 0.2019),
    ("89123klj", "8952klfjas09ujkasdf", 0.124),
    ("90850943850283058242805", "123", 0.7516),
    ("()**(%$##$%#$#", '___)((*":&', 0.0128),
]
HASH_V1 = [
    ("", "a", 0.22),
    ("", "b", 0.077),
    ("b", "a", 0.946),
    ("ef", "d", 0.652),
    ("asdf", "8952klfjas09ujk", 0.549),
    ("", "123", 0.011),
    ("", '___)((*":&', 0.563),
]


@pytest.mark.parametrize(("seed", "value", "bucket"), HASH_V2, ids=str)
def test_hash_version_2(seed: str, value: str, bucket: float) -> None:
    assert hash_bucket(seed, value) == bucket


def version_1(seed: str, value: str) -> float:
    """GrowthBook's first version, which this project does not use; it shows that the 32-bit hash inside is the same."""
    return fnv1a_32(value + seed) % 1000 / 1000


@pytest.mark.parametrize(("seed", "value", "bucket"), HASH_V1, ids=str)
def test_the_hash_inside_is_theirs(seed: str, value: str, bucket: float) -> None:
    assert version_1(seed, value) == bucket


RANGES = [
    ("normal 50/50", [0.5, 0.5], 1, [(0, 0.5), (0.5, 1)]),
    ("reduced coverage", [0.5, 0.5], 0.5, [(0, 0.25), (0.5, 0.75)]),
    ("zero coverage", [0.5, 0.5], 0, [(0, 0), (0.5, 0.5)]),
    ("4 variations", [0.25] * 4, 1, [(0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1)]),
    ("uneven weights", [0.4, 0.6], 1, [(0, 0.4), (0.4, 1)]),
    ("uneven weights, 3 variations", [0.2, 0.3, 0.5], 1, [(0, 0.2), (0.2, 0.5), (0.5, 1)]),
    ("uneven weights, reduced coverage", [0.2, 0.3, 0.5], 0.2, [(0, 0.04), (0.2, 0.26), (0.5, 0.6)]),
    ("weights sum almost equals 1", [0.4, 0.5999], 1, [(0, 0.4), (0.4, 0.9999)]),
]


@pytest.mark.parametrize(("shares", "coverage", "ranges"), [row[1:] for row in RANGES], ids=[row[0] for row in RANGES])
def test_bucket_ranges(shares: list[float], coverage: float, ranges: list[tuple[float, float]]) -> None:
    assert [bound for one in bucket_ranges(shares, coverage) for bound in one] == pytest.approx(
        [bound for one in ranges for bound in one], abs=1e-12
    )


@pytest.mark.parametrize(
    ("shares", "coverage"),
    [
        ([0.5, 0.5], -0.2),
        ([0.5, 0.5], 1.5),
        ([0.4, 0.1], 1),
        ([0.7, 0.6], 1),
        ([0.4, 0.4, 0.1], 1),
        ([1.2, -0.2], 1),
        ([1.0, 0.0], 1),
        ([], 1),
    ],
)
def test_where_growthbook_repairs_we_refuse(shares: list[float], coverage: float) -> None:
    with pytest.raises(ValueError, match=r"must be"):
        bucket_ranges(shares, coverage)


EVEN, REDUCED, ZERO = [(0, 0.5), (0.5, 1)], [(0, 0.25), (0.5, 0.75)], [(0, 0.5), (0.5, 0.5), (0.5, 1)]


@pytest.mark.parametrize(
    ("bucket", "ranges", "index"),
    [
        (0.2, EVEN, 0),
        (0.4, EVEN, 0),
        (0.6, EVEN, 1),
        (0.8, EVEN, 1),
        (0, EVEN, 0),
        (0.5, EVEN, 1),
        (0.2, REDUCED, 0),
        (0.4, REDUCED, None),
        (0.6, REDUCED, 1),
        (0.8, REDUCED, None),
        (0.25, REDUCED, None),
        (0.5, REDUCED, 1),
        (0.5, ZERO, 2),
    ],
)
def test_choose(bucket: float, ranges: list[tuple[float, float]], index: int | None) -> None:
    assert choose(bucket, ranges) == index


@pytest.mark.parametrize(
    ("visitor", "namespace", "lower"),
    [
        (v, n, low)
        for v, n, low in zip("11223344", ["namespace1", "namespace2"] * 4, [0, 0, 0, 0, 0, 1, 0, 1], strict=True)
    ],
)
def test_layers_seed_is_that_of_a_namespace(visitor: str, namespace: str, lower: int) -> None:
    """`lower`: is the visitor in the slice [0, .4) of the namespace (else in [.4, 1))?"""
    bucket = version_1(layer_seed(namespace), visitor)
    assert in_range(bucket, (0, 0.4)) == bool(lower)
    assert in_range(bucket, (0.4, 1)) != bool(lower)


# --- UTF-16 code units, as JavaScript's charCodeAt gives them


def by_code_units(text: str) -> int:
    """The hash again, from its definition: h = (h xor unit) * prime, one round for each UTF-16 code unit."""
    digest = 2166136261
    for character in text:
        point = ord(character)
        units = [point] if point < 0x10000 else [0xD800 + (point - 0x10000 >> 10), 0xDC00 + (point - 0x10000 & 0x3FF)]
        for unit in units:
            digest = ((digest ^ unit) * 16777619) % 2**32
    return digest


@pytest.mark.parametrize(
    ("text", "digest"),
    [("", 2166136261), ("a", 3826002220), ("foobar", 3214735720)],
)
def test_known_digests(text: str, digest: int) -> None:
    """The offset basis, and two of the algorithm's published test vectors (Fowler, Noll, Vo)."""
    assert fnv1a_32(text) == digest


@given(st.text(max_size=20))
def test_any_text_is_hashed_by_code_units(text: str) -> None:
    assert fnv1a_32(text) == by_code_units(text)


def test_a_lone_surrogate_is_a_unit_like_any_other() -> None:
    assert fnv1a_32("\ud83d") == by_code_units("\ud83d")


UNITS = st.text(st.sampled_from("aZ9:é€😀\ud83d\ude00\0"), max_size=8)


@given(UNITS, UNITS)
def test_a_seed_that_was_hashed_before_is_the_beginning_of_the_same_text(seed: str, value: str) -> None:
    assert hash_bucket(seed, value) == fnv1a_32(str(by_code_units(seed + value))) % 10_000 / 10_000


# --- Our own frozen vectors: a row that changes moves visitors of a running experiment


def vector_experiment(row: Mapping[str, Any]) -> Experiment:
    return experiment(
        key=row["key"],
        phase=row["phase"],
        traffic=row["traffic"],
        variants=[{"key": f"v{index}", "weight": weight} for index, weight in enumerate(row["weights"])],
        **({"exclusive": {"layer": row["layer"], "slice": row["slice"]}} if "layer" in row else {}),
    )


FROZEN = json.loads(VECTORS.read_text("utf-8"))["rows"] if VECTORS.exists() else []


@pytest.mark.parametrize("row", FROZEN, ids=lambda row: f"{row['key']}:{row['phase']}-{row['visitor']}")
def test_frozen_vectors(row: Mapping[str, Any]) -> None:
    found = assign(vector_experiment(row), row["visitor"], {})
    assert (found.variant, found.reason) == (row["variant"], row["reason"])


def test_vectors_cover_every_place_of_the_hash() -> None:
    assert len(FROZEN) >= 50
    assert {row["reason"] for row in FROZEN} == {"split", "outside-traffic", "outside-layer"}


def write_vectors() -> None:
    """Make the file of vectors anew; only for a new version of the hash."""
    settings: list[dict[str, Any]] = [
        {"key": "contact-form", "phase": 1, "traffic": "100%", "weights": [50, 50]},
        {"key": "contact-form", "phase": 2, "traffic": "100%", "weights": [50, 50]},
        {"key": "pricing", "phase": 1, "traffic": "37.5%", "weights": [90, 10]},
        {"key": "a", "phase": 12, "traffic": "100%", "weights": [1, 1, 1]},
        {
            "key": "quiz_2",
            "phase": 1,
            "traffic": "80%",
            "weights": [5, 3, 2],
            "layer": "forms",
            "slice": ["25%", "75%"],
        },
    ]
    names = [
        "1",
        "visitor-1",
        "550e8400-e29b-41d4-a716-446655440000",
        "müller@example.com",
        "Ωmega",
        "訪問者",
        "🙂",
        "🙂🚪",
    ]
    names += ["a b", " ", '"', "\\"]
    rows = []
    for setting, name in itertools.product(settings, names):
        found = assign(vector_experiment(setting), name, {})
        rows.append({**setting, "visitor": name, "variant": found.variant, "reason": found.reason})
    made_by = "python tests/experiments/assignment/test_assignment.py write-vectors"
    lines = ",\n".join(f"  {json.dumps(row, ensure_ascii=False)}" for row in rows)
    VECTORS.write_text(f'{{\n "made_by": "{made_by}",\n "rows": [\n{lines}\n ]\n}}\n', "utf-8")


# --- Reasons

FORCED = {"force": "multi-step"}


@pytest.mark.parametrize(
    ("changes", "attributes", "expected"),
    [
        ({}, {}, None),
        ({}, FORCED, Assignment("multi-step", "forced")),
        ({"status": "draft"}, FORCED, Assignment("multi-step", "forced")),
        ({}, {"force": "unknown"}, Assignment("single", "forced")),
        ({"status": "draft"}, {}, Assignment("single", "not-running")),
        ({"status": "stopped"}, {}, Assignment("single", "not-running")),
        ({"status": "stopped", "serve": "multi-step"}, {"bot": True}, Assignment("multi-step", "served")),
        ({"assignment": "reported"}, {}, Assignment("single", "not-running")),
        ({}, {"consent": False, "bot": True}, Assignment("single", "no-consent")),
        ({}, {"consent": True}, None),
        ({}, {"bot": True}, Assignment("single", "bot")),
        ({}, {"bot": "true"}, Assignment("single", "bot")),
        ({}, {"bot": False}, None),
        ({"audience": {"device": ["phone"]}}, {"device": "desktop"}, Assignment("single", "outside-audience")),
        ({"audience": {"device": ["phone"]}}, {}, Assignment("single", "outside-audience")),
        ({"audience": {"device": ["phone"]}}, {"device": "phone"}, None),
        ({"audience": {"returning": False}}, {"returning": True}, Assignment("single", "outside-audience")),
        ({"audience": {"returning": False}}, {"returning": "false"}, None),
        ({"audience": {"returning": False}}, {}, Assignment("single", "outside-audience")),
        ({"audience": {"plan": ["free", "trial"]}}, {"plan": "trial", "device": "phone"}, None),
        ({"audience": {"plan": "free"}}, {"plan": "trial"}, Assignment("single", "outside-audience")),
        (
            {"audience": {"plan": "free", "device": ["phone"]}},
            {"plan": "free"},
            Assignment("single", "outside-audience"),
        ),
        ({"traffic": "0%"}, {}, Assignment("single", "outside-traffic")),
        ({"exclusive": {"layer": "forms", "slice": ["0%", "0.01%"]}}, {}, Assignment("single", "outside-layer")),
    ],
)
def test_reasons(changes: dict[str, Any], attributes: dict[str, str | bool], expected: Assignment | None) -> None:
    """`expected` None: the visitor is split."""
    found = assign(experiment(**changes), "visitor-1", attributes)
    assert found == (expected or place(experiment(), "visitor-1"))
    assert found.in_experiment == (expected is None)


# --- Properties. Ids are fixed, so the numbers are too: each limit is a chance of 1 in 1,000 for a fair hash.


@pytest.mark.parametrize(
    "weights", [(50, 50), (90, 10), (1, 1, 1), (5, 3, 2)], ids=lambda weights: "/".join(map(str, weights))
)
@pytest.mark.parametrize("traffic", ["100%", "30%"])
@pytest.mark.parametrize("of", ["visitor", "5f1c", "ü"])
def test_variants_get_their_shares(weights: tuple[int, ...], traffic: str, of: str) -> None:
    one = experiment(traffic=traffic, variants=[{"key": f"v{i}", "weight": w} for i, w in enumerate(weights)])
    counts = Counter(assign(one, visitor, {}) for visitor in visitors(10_000, of))
    share = one.traffic
    expected = [10_000 * share * weight / sum(weights) for weight in weights]
    observed = [counts[Assignment(f"v{index}", "split")] for index in range(len(weights))]
    if share < 1:
        expected.append(10_000 * (1 - share))
        observed.append(counts[Assignment("v0", "outside-traffic")])
    assert scipy.stats.chisquare(observed, expected).pvalue > 0.001


def test_buckets_are_uniform() -> None:
    counts = Counter(int(hash_bucket("contact-form:1", visitor) * 100) for visitor in visitors(50_000))
    assert scipy.stats.chisquare([counts[bucket] for bucket in range(100)]).pvalue > 0.001


@pytest.mark.parametrize(
    "other",
    [{"key": "pricing"}, {"phase": 2}, {"phase": 11}, {"key": "contact-form1"}],
    ids=["another experiment", "the next phase", "a later phase", "a similar key"],
)
def test_experiments_and_phases_split_independently(other: dict[str, Any]) -> None:
    one, two = experiment(), experiment(**other)
    pairs = Counter((place(one, visitor).variant, place(two, visitor).variant) for visitor in visitors(10_000))
    keys = ("single", "multi-step")
    table = [[pairs[first, second] for second in keys] for first in keys]
    assert scipy.stats.chi2_contingency(table).pvalue > 0.001


def test_the_split_does_not_depend_on_the_place_in_a_layer() -> None:
    in_layer = experiment(exclusive={"layer": "forms", "slice": ["0%", "50%"]})
    counts = Counter(assign(in_layer, visitor, {}) for visitor in visitors(20_000))
    observed = [counts[Assignment(key, "split")] for key in ("single", "multi-step")]
    assert scipy.stats.chisquare([*observed, 20_000 - sum(observed)], [5_000, 5_000, 10_000]).pvalue > 0.001


@given(
    st.lists(st.integers(1, 1000), min_size=2, max_size=6).filter(lambda weights: min(weights) * 1000 > sum(weights)),
    st.tuples(st.integers(0, 10_000), st.integers(0, 10_000)).map(sorted),
    st.text(min_size=1, max_size=12),
)
def test_raising_traffic_moves_nobody_who_is_in(weights: list[int], traffic: list[int], visitor: str) -> None:
    low, high = (
        experiment(
            traffic=f"{hundredths / 100:.2f}%",
            variants=[{"key": f"v{index}", "weight": weight} for index, weight in enumerate(weights)],
        )
        for hundredths in traffic
    )
    before = assign(low, visitor, {})
    if before.in_experiment:
        assert assign(high, visitor, {}) == before


@given(
    st.lists(st.integers(1, 1000), min_size=2, max_size=6).filter(lambda weights: min(weights) * 1000 > sum(weights))
)
def test_full_traffic_leaves_no_gap(weights: list[int]) -> None:
    shares = [weight / sum(weights) for weight in weights]
    ranges = bucket_ranges(shares, 1.0)
    assert all(one[1] == two[0] for one, two in itertools.pairwise(ranges))
    assert choose(0.0, ranges) == 0
    assert choose(0.9999, ranges) == len(weights) - 1


@given(
    st.lists(st.integers(0, 10_000), min_size=3, max_size=5, unique=True).map(sorted), st.text(min_size=1, max_size=12)
)
def test_slices_of_a_layer_never_share_a_visitor(bounds: list[int], visitor: str) -> None:
    slices = [
        experiment(key=f"e{low}", exclusive={"layer": "forms", "slice": [f"{low / 100}%", f"{high / 100}%"]})
        for low, high in itertools.pairwise(bounds)
    ]
    inside = [assign(one, visitor, {}).reason != "outside-layer" for one in slices]
    assert sum(inside) <= 1
    assert any(inside) == in_range(hash_bucket("__forms", visitor), (bounds[0] / 10_000, bounds[-1] / 10_000))


def test_every_experiment_has_the_ranges_of_its_own_weights_and_traffic() -> None:
    one = experiment()
    variants = one.variants
    others = [
        one,
        one.model_copy(update={"variants": variants[::-1]}),
        one.model_copy(update={"variants": (variants[0].model_copy(update={"weight": 10.0}), variants[1])}),
        one.model_copy(update={"variants": (variants[0], variants[1].model_copy(update={"weight": 10.0}))}),
        one.model_copy(update={"traffic": 0.3}),
    ]
    for other, visitor in itertools.product(others * 2, visitors(200)):
        total = sum(variant.weight for variant in other.variants)
        ranges = bucket_ranges([variant.weight / total for variant in other.variants], other.traffic)
        index = choose(hash_bucket("contact-form:1", visitor), ranges)
        expected = None if index is None else other.variants[index].key
        found = place(other, visitor)
        assert (found.variant if found.in_experiment else None) == expected


def test_seeds() -> None:
    assert seed(experiment(phase=3)) == "contact-form:3"
    assert layer_seed("forms") == "__forms"


def test_assignment_reads_nothing_but_its_arguments() -> None:
    random.seed(1)
    first = [assign(experiment(), visitor, {}) for visitor in visitors(100)]
    random.seed(2)
    assert [assign(experiment(), visitor, {}) for visitor in visitors(100)] == first


if __name__ == "__main__" and sys.argv[1:] == ["write-vectors"]:
    write_vectors()
