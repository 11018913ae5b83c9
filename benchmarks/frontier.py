"""What does a boundary give, and what does it cost? The choices for a planned test side by side, computed exactly.

    python benchmarks/frontier.py

Brownian motion instead of counts: 200 looks to the plan (fraction 1), then steps of 1 % to 64 times it. The effect
is one that a single look at the plan finds with power .789; the big effect is 6.39 standard errors at the plan, as .1
to .12 with 20,000 visitors per arm. n is per arm, if the plan is 20,000. `level used` is the probability of ever
rejecting where there is nothing: what is missing to .05 is given away, what is above it is not valid.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import scipy.optimize
from scipy.special import ndtr, ndtri

from stats.arrays import Floats
from stats.boundaries.alpha_spending import hwang_shih_decani
from stats.boundaries.mixture import critical_value

ALPHA, PLAN = 0.05, 20_000
EFFECT, BIG = ndtri(0.975) + ndtri(0.789), 6.39  # in standard errors at the plan
G = 7.78  # tau^2 / V at the plan, as in a well-planned test
TO_PLAN = np.arange(1, 201) / 200
FRACTIONS = np.concatenate((TO_PLAN, 1.01 ** np.arange(1, 419)))
COLUMNS = ("level by plan", "used", "power by plan", "by 2 x plan", "n, effect", "n, big effect")

Tail = Callable[[float], float]
Choose = Callable[[int, Tail], float]
Spending = Callable[[Floats], Floats]


@lru_cache
def legendre(nodes: int) -> tuple[Floats, Floats]:
    return np.polynomial.legendre.leggauss(nodes)


def crossings(fractions: Floats, choose: Choose, drifts: tuple[float, ...]) -> tuple[Floats, Floats]:
    """Probability of first crossing at each look, shape (drifts, looks), and the boundary, shape (looks,).

    Armitage, McPherson & Rowe (1969), JRSS A 132, eq. 2; other drifts by the likelihood ratio. `choose` gets the look's
    index and the probability of first exceeding any |z| at it without drift, and answers the boundary.
    """
    nodes, mass, before = np.zeros(1), np.ones(1), 0.0
    crossed, boundary = np.zeros((len(drifts), len(fractions))), np.empty(len(fractions))
    for k, now in enumerate(fractions):
        step, scale = np.sqrt(now - before), np.sqrt(now)

        def tail(critical: float, drift: float = 0.0) -> float:
            weight = mass * np.exp(drift * nodes - drift**2 * before / 2)  # noqa: B023 - used within this look only
            move, edge = drift * (now - before), critical * scale  # noqa: B023
            return float(weight @ (ndtr((nodes + move - edge) / step) + ndtr((-nodes - move - edge) / step)))  # noqa: B023

        boundary[k] = choose(k, tail)
        crossed[:, k] = [tail(boundary[k], drift) for drift in drifts]
        widest = min(boundary[k], 9.0) * scale
        points, weights = legendre(16 + 16 * int(widest / step / 4))
        after = points * widest
        density = np.exp(-(((after[:, np.newaxis] - nodes) / step) ** 2) / 2) / step / np.sqrt(2 * np.pi)
        nodes, mass, before = after, weights * widest * (density @ mass), now
    return crossed, boundary


def spent_so(spending: Spending, fractions: Floats) -> Choose:
    """The boundary that spends the level by this function of the fraction."""
    gains = np.diff(ALPHA * spending(fractions), prepend=0.0)

    def choose(k: int, tail: Tail) -> float:
        if gains[k] <= 0 or tail(9.0) >= gains[k]:
            return np.inf if gains[k] <= 0 else 9.0
        return float(scipy.optimize.brentq(lambda z: np.log(max(tail(z), 1e-300) / gains[k]), 0.1, 9.0, xtol=1e-8))

    return choose


def gamma_family(gamma: float) -> Spending:
    return lambda t: hwang_shih_decani(np.minimum(t, 1), 1.0, gamma)


def power_family(exponent: float) -> Spending:
    return lambda t: np.minimum(t, 1) ** exponent


def obrien_fleming(t: Floats) -> Floats:
    return 2 * ndtr(ndtri(0.45 * ALPHA) / np.sqrt(np.minimum(t, 1))) / (0.9 * ALPHA)


def with_lump(spending: Spending, share: float) -> Spending:
    """This share is kept for the look at the plan."""
    return lambda t: (1 - share) * spending(t) + share * (t >= 1)


def with_burst(spending: Spending, share: float, by: float) -> Spending:
    """This share is spent by an early fraction, for big effects."""
    return lambda t: share * np.minimum(t / by, 1) ** 2 + (1 - share) * spending(t)


def and_always_valid(spending: Spending, spent: float, kept: float, g: float = G) -> Choose:
    """A share of the level is spent by the plan; the always-valid test has another one."""
    sized: Spending = lambda t: spent * spending(t)  # noqa: E731
    _, boundary = crossings(TO_PLAN, spent_so(sized, TO_PLAN), (0.0,))
    always = critical_value(g * FRACTIONS, kept * ALPHA) if kept else np.full(len(FRACTIONS), np.inf)
    critical = np.minimum(always, np.append(boundary, np.full(len(FRACTIONS) - len(boundary), np.inf)))
    return lambda k, _: float(critical[k])


def for_ever(spending: Spending, spent: float, exponent: float) -> Choose:
    """The rest is spent after the plan, on and on: 1 - 1 / t^exponent of it by the fraction t."""
    return spent_so(lambda t: spent * spending(t) + (1 - spent) * (1 - np.maximum(t, 1) ** -exponent), FRACTIONS)


def choices() -> dict[str, Choose]:
    """What was tried."""
    hsd, always = gamma_family, critical_value(G * FRACTIONS, ALPHA)
    tried: dict[str, Choose] = {"always-valid alone": lambda k, _: float(always[k])}
    for spent, kept in ((0.9, 0.1), (0.95, 0.05), (0.85, 0.15), (0.95, 0.1), (0.9, 0.2)):
        tried[f"gamma -4, {spent} + {kept} always-valid"] = and_always_valid(hsd(-4), spent, kept)
    for g in (1.0, 3.0, 20.0, 41.0):
        tried[f"gamma -4, .9 + .1 always-valid at g {g:g}"] = and_always_valid(hsd(-4), 0.9, 0.1, g)
    shapes = {f"gamma {gamma:g}": hsd(gamma) for gamma in (-2, -3, -3.5, -5, -6)}
    shapes |= {f"power family {exponent:g}": power_family(exponent) for exponent in (1.5, 2, 3)}
    shapes |= {"O'Brien-Fleming type": obrien_fleming}
    shapes |= {f"gamma -2, {lump} at the plan": with_lump(hsd(-2), lump) for lump in (0.2, 0.4)}
    shapes |= {f"gamma {g}, {e} by {by}": with_burst(hsd(g), e, by) for g, e, by in ((-4, 0.1, 0.2), (-8, 0.2, 0.3))}
    tried |= {f"{name}, .9 + .1 always-valid": and_always_valid(shape, 0.9, 0.1) for name, shape in shapes.items()}
    for spent, exponent in ((0.9, 2), (0.95, 1), (0.95, 2)):
        tried[f"gamma -4, {spent}, then 1 - 1/t^{exponent} for ever"] = for_ever(hsd(-4), spent, exponent)
    return tried


def main() -> None:
    """Print the table."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    print(f"{'':46}" + "".join(f"{column:>15}" for column in COLUMNS))
    for name, choose in choices().items():
        crossed, _ = crossings(FRACTIONS, choose, (0.0, EFFECT, BIG))
        total, at_plan = crossed.cumsum(axis=1), len(TO_PLAN) - 1
        twice = int(np.searchsorted(FRACTIONS, 2.0, side="right")) - 1
        early = crossed[:, : at_plan + 1]
        n = PLAN * (early @ TO_PLAN + 1 - early.sum(axis=1))
        shares = (total[0, at_plan], total[0, -1], total[1, at_plan], total[1, twice])
        print(f"{name:46}" + "".join(f"{share:15.4f}" for share in shares) + f"{n[1]:15,.0f}{n[2]:15,.0f}", flush=True)


if __name__ == "__main__":
    main()
