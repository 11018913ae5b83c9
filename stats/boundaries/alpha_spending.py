"""Spending: the boundary of a planned test that may be looked at all the time, and p-values that agree with it.

Lan & DeMets (1983), Biometrika 70: the level is spent as information comes in, so that by the fraction t of the plan
alpha(t) of it is gone. Spending function: Hwang, Shih & DeCani (1990), Statistics in Medicine 9, eq. 1. The boundary
comes from the recursion of Armitage, McPherson & Rowe (1969), JRSS A 132, eq. 2: the density of the score process among
those paths that have not crossed yet. It depends on no data, so each is computed once; those that every p-value needs
would take each process some seconds, so they are a file beside this one: `make boundaries` writes it, a test compares.
"""

import statistics
from functools import lru_cache
from importlib import resources

import numpy as np
import numpy.typing as npt

from stats.arrays import Floats

GRID = 200  # looks at which something is spent: at 1/200, 2/200, ... of the planned information
RECENT = 0.2  # share of the weight so far, over which it is seen how fast information comes now
GAMMA = -4.0  # little is spent early: most of the power of a single look is left at the plan
# Of repeated p-values; between them log level is nearly linear in z^2, least so where it is large.
_LEVELS = np.append(np.geomspace(1e-10, 0.05, 16), np.arange(1, 10) / 10)
_NODES_PER_STEP = 1.5  # nodes of integration for each standard deviation of one increment: eleven digits


def hwang_shih_decani(fraction: Floats, level: float, gamma: float = GAMMA) -> Floats:
    """How much of the level is spent when this fraction (in [0, 1]) of the planned information is there?

    Shape of `fraction`; `level` in (0, 1). Hwang, Shih & DeCani (1990), eq. 1; gamma is not 0. Negative values keep the
    level for the end.
    """
    spent: Floats = level * np.expm1(-gamma * fraction) / np.expm1(-gamma)
    return spent


def boundary(fractions: Floats, spent: Floats) -> Floats:
    """At which |z| of each look is "no effect" rejected, so that by then just `spent` of the level is gone?

    `fractions`: of the planned information, ascending in (0, 1], shape (K,). `spent`: two-sided and cumulative,
    ascending in (0, 1), shape (K,). The same boundary above and below, shape (K,), infinite where nothing is spent.
    Raises ValueError when fractions or spent do not ascend.
    """
    steps, gains = np.sqrt(np.diff(fractions, prepend=0.0)), np.diff(spent, prepend=0.0)
    if not (np.diff(fractions, prepend=0.0) > 0).all() or (gains < 0).any():
        raise ValueError(f"fractions are {fractions} and spent {spent}, must ascend from above 0")
    edges = np.empty_like(fractions)  # of |score process|, which is |z| sqrt(fraction)
    values, mass = np.zeros(1), np.ones(1)  # where the paths are that have not crossed: |score process|, probability
    for k, (step, gain) in enumerate(zip(steps, gains, strict=True)):
        scale = np.sqrt(fractions[k])
        edges[k] = _edge(values / step, mass, gain, scale / step) * step
        widest = min(edges[k], 9 * scale)
        points, weights = _legendre(int(_NODES_PER_STEP * widest / step) + 12)
        after = (points + 1) / 2 * widest
        mass = weights / 2 * widest * (_density(after / step, values / step) @ mass) / step
        values = after
    return edges / np.sqrt(fractions)


@lru_cache(maxsize=256)
def grid_boundary(level: float) -> Floats:
    """The boundary at the fractions 1/GRID, 2/GRID, ... of the plan, shape (GRID,), at a two-sided level in (0, 1)."""
    fractions = np.arange(1, GRID + 1) / GRID
    edges = boundary(fractions, hwang_shih_decani(fractions, level))
    edges.flags.writeable = False
    return edges


def repeated_p_values(z: Floats, points: npt.NDArray[np.intp], level: float) -> Floats:
    """The smallest level at which the boundary is crossed at each look: the repeated p-value.

    Jennison & Turnbull (2000), Group Sequential Methods, section 9.5. `z`: shape (looks,). `points`: the look's place
    on the grid, 1 .. GRID; 0 where the look is at none, whose p-value is 1. `level` in (0, 1) is computed exactly:
    p <= level just where |z| >= grid_boundary(level). Between levels it is interpolated; 1e-10 is the smallest.
    """
    answer = np.ones(z.shape)
    at = np.flatnonzero(points > 0)
    columns, size = points[at] - 1, np.abs(z[at])
    table = _shipped_boundaries()[:, columns]
    crossed = (size >= table).sum(axis=0)  # the levels ascend, so the boundaries fall
    lower = np.clip(len(_LEVELS) - 1 - crossed, 0, len(_LEVELS) - 2)
    looks = np.arange(len(at))
    here, there = table[lower, looks] ** 2, table[lower + 1, looks] ** 2
    share = np.clip((here - size**2) / (here - there), 0, 1)
    log_levels = np.log(_LEVELS)
    p = np.exp(log_levels[lower] + share * (log_levels[lower + 1] - log_levels[lower]))
    p = np.where(crossed > 0, p, 1.0)
    rejects = size >= grid_boundary(level)[columns]
    answer[at] = np.where(rejects, np.minimum(p, level), np.maximum(p, np.nextafter(level, 1)))
    return answer


def grid_points(fractions: Floats) -> npt.NDArray[np.intp]:
    """Which looks are at a point of the grid that no look was at before, and which, 1 .. GRID? 0 at all others.

    `fractions`: information at each look over its planned value, not falling, shape (looks,), or (..., looks) for many
    tests at once. Who passes several points at once is at the last of them: what could have been spent at the others
    is forfeited. From the plan on nothing is spent any more.
    """
    passed = np.minimum(np.floor(fractions * GRID + 1e-9), GRID).astype(np.intp)
    return np.where(np.diff(passed, prepend=0) > 0, passed, 0)


def log_haste(weight: Floats, information: Floats) -> Floats:
    """By how much does information come faster now than the plan takes for granted? log, at least 0, shape (looks,).

    `weight`, `information`: cumulative, at each look. The boundary is made for information that grows like the weight.
    When the rate rises in all variants it grows faster: looks are less alike, and the boundary is crossed more often,
    about in proportion to the growth of log information. So the growth of information over the last RECENT of the
    weight, relative to that of the weight, is how many times too fast the level is spent just now. Adding its log to
    the boundary's square takes that back, as tails fall like exp(-z^2 / 2); leading order would be twice the log, and
    that once is enough was found by simulation (tests/study has rates that double and triple). It sees pooled counts
    only.
    """
    before = np.maximum(np.searchsorted(weight, (1 - RECENT) * weight, side="right") - 1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        haste = (1 - information[before] / information) / (1 - weight[before] / weight)
    answer: Floats = np.log(np.maximum(np.where(np.isfinite(haste), haste, 1.0), 1.0))
    return answer


def boundaries_of_levels() -> Floats:
    """What is in the file: the boundary at each level between which p-values are interpolated, shape (levels, GRID)."""
    return np.array([grid_boundary(float(level)) for level in _LEVELS])


@lru_cache(maxsize=1)
def _shipped_boundaries() -> Floats:
    with resources.files("stats.boundaries").joinpath("boundaries_of_levels.npy").open("rb") as file:
        table: Floats = np.load(file)
    return table


@lru_cache(maxsize=512)
def _legendre(nodes: int) -> tuple[Floats, Floats]:
    return np.polynomial.legendre.leggauss(nodes)


def _density(to: Floats, values: Floats) -> Floats:
    """Of |value + a standard normal|, shape (to, values)."""
    difference, total = to[:, np.newaxis] - values, to[:, np.newaxis] + values
    density: Floats = (np.exp(-(difference**2) / 2) + np.exp(-(total**2) / 2)) / np.sqrt(2 * np.pi)
    return density


def _edge(values: Floats, mass: Floats, gain: float, scale: float) -> float:
    """Where |value + a standard normal| is exceeded with this probability; `scale` is its standard deviation.

    Newton's method on the logarithm, which is concave: from the right it comes down to the root and never passes it.
    """
    import scipy.special  # noqa: PLC0415 - a third of a second to import

    if gain <= 0:
        return float("inf")
    edge = -statistics.NormalDist().inv_cdf(gain / 2) * scale  # exceeded less often: some paths are gone
    for _ in range(100):
        beyond = mass @ (scipy.special.ndtr(values - edge) + scipy.special.ndtr(-values - edge))
        if beyond <= 0:
            edge *= 0.95
            continue
        change = np.log(beyond / gain) * beyond / (_density(np.array([edge]), values) @ mass)[0]
        edge += change
        if abs(change) <= 1e-12 * edge:
            break
    return float(edge)
