"""Tally: in how many of these replications did it happen? One function for each kind of world; they run anywhere."""

from __future__ import annotations

from collections import Counter

import numpy as np
import scipy.stats

from stats.arrays import Flags
from tests.study import asymptotic
from tests.study.looks import METHODS, Looks, first_look
from tests.study.worlds import LOOKS_TO_PLAN, MACRO, STEPS, Counts, Ladder, World


def of_two_arms(world: World, replications: range) -> Counter[str]:
    """Rejections of "no effect" and intervals that miss the true effect, at any look up to twice the plan.

    `naive` believes |z| of each look by itself, from the same gate to the plan.
    """
    looks = Looks(world.drawn(replications), world.design(), world.planned_weight)
    z = {"lift missed": looks.z, "difference missed": looks.z}  # without an effect both are z(0), exactly
    if not world.is_null:
        z["lift missed"] = looks.z_lift(world.true_lift)
        z["difference missed"] = looks.z_difference(world.rates[1] - world.rates[0])
    counted = Counter(naive=_often(_naive(looks)))
    for method in METHODS:
        critical = looks.critical(method)
        rejects = np.abs(looks.z) >= critical
        counted[f"{method} verdict"] = _often(rejects)
        counted[f"{method} verdict by the plan"] = _often(rejects[:, :LOOKS_TO_PLAN])
        for event, statistic in z.items():
            counted[f"{method} {event}"] = _often(np.abs(statistic) > critical)
    return counted


def of_ladder(world: Ladder, replications: range) -> Counter[str]:
    """Any rejection in each family, at any look up to twice the plan, at any of its steps and variants."""
    visitors, reached = world.drawn(replications)
    counted: Counter[str] = Counter()
    rejected: dict[str, list[Flags]] = {}
    for step in STEPS:
        family = "macro" if step == MACRO else "diagnostic"
        for variant in range(1, len(world.weights)):
            a, b = (visitors[..., 0], reached[step][..., 0]), (visitors[..., variant], reached[step][..., variant])
            looks = Looks(Counts.of(*a, *b), world.design(step, variant), world.planned_weight(variant))
            for method in METHODS:
                ever = (np.abs(looks.z) >= looks.critical(method)).any(axis=1)
                rejected.setdefault(f"{method} {family} verdict", []).append(ever)
            rejected.setdefault(f"naive {family}", []).append(_naive(looks).any(axis=1))
    for event, comparisons in rejected.items():
        counted[event] = int(np.logical_or.reduce(comparisons).sum())
    return counted


ENGINES = {"GrowthBook, lift": True, "GrowthBook, difference": False}  # does its interval tell the relative lift?


def of_power(world: World, replications: range) -> Counter[str]:
    """Who has decided by the plan, and after how many visitors per arm (at the plan if not at all).

    `<method>` and `<method> by twice the plan` are replications; `<method> n` and `<method> n^2` are sums.
    """
    counts = world.drawn(replications)
    looks = Looks(counts, world.design(), world.planned_weight)
    decides: dict[str, Flags] = {method: np.abs(looks.z) >= looks.critical(method) for method in METHODS}
    decides["naive peeking"] = _naive(looks)
    decides["one fixed look"] = decides["naive peeking"] & (np.arange(looks.z.shape[1]) == LOOKS_TO_PLAN - 1)
    for engine, relative in ENGINES.items():
        lower, upper = asymptotic.interval(counts.pair(), relative=relative)
        decides[engine] = ((lower > 0) | (upper < 0)).reshape(looks.z.shape)
    counted: Counter[str] = Counter()
    for method, flags in decides.items():
        n = world.planned_visitors // 2 // LOOKS_TO_PLAN * (first_look(flags[:, :LOOKS_TO_PLAN], LOOKS_TO_PLAN - 1) + 1)
        counted[method] = _often(flags[:, :LOOKS_TO_PLAN])
        counted[f"{method} by twice the plan"] = _often(flags)
        counted[f"{method} n"], counted[f"{method} n^2"] = int(n.sum()), int((n**2).sum())
    return counted


def _often(flags: Flags) -> int:
    """In how many replications at any look?"""
    return int(flags.any(axis=1).sum())


def _naive(looks: Looks) -> Flags:
    significant = np.abs(looks.z) >= scipy.stats.norm.isf(looks.design.alpha / 2)
    return significant & looks.open & (np.arange(looks.z.shape[1]) < LOOKS_TO_PLAN)
