"""Crossing: with what chance does a test that is looked at again and again cross its boundary?

By the recursion of Armitage, McPherson & Rowe (1969), JRSS A 132, eq. 2, over the density of those paths that have not
crossed yet.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from stats.arrays import Floats


def crossing_probabilities(boundary: Floats, drift: float, spread: float = 1.0) -> Floats:
    """With what chance has |z| reached the boundary by each look? Ascending, shape (looks,).

    `boundary`: |z| at equally spaced looks, infinite where nothing is decided, shape (looks,). `drift`: mean of z at
    the last look; `spread`: standard deviation of z at every look. Armitage, McPherson & Rowe (1969), eq. 2,
    by the trapezoidal rule, which is exact for Gaussian kernels but for the edges: the error is below 1e-3.
    """
    looks = len(boundary)
    step = spread / math.sqrt(looks)
    times = np.arange(1, looks + 1) / looks
    edges = np.minimum(boundary, 1e6) * np.sqrt(times)  # of z sqrt(t), which is the Brownian motion
    likely = abs(drift) * times + 8.5 * spread * np.sqrt(times)
    width = min(step / 6, 0.02)
    side = int(min(edges.max(), likely.max()) / width) + 2
    reach = int((7 * step + abs(drift) / looks) / width) + 1
    places = np.arange(-side, side + 1) * width
    kernel = _gaussian(np.arange(-reach, reach + 1) * width - drift / looks, step) * width
    mass = _gaussian(places - drift / looks, step) * width
    crossed = np.empty(looks)
    for k, edge in enumerate(edges):
        if k:
            mass = np.convolve(mass, kernel)[reach:-reach]
        if edge < places[-1] + width:
            mass = mass * np.clip((edge - np.abs(places)) / width + 0.5, 0.0, 1.0)
        crossed[k] = 1 - mass.sum()
    return np.maximum.accumulate(np.clip(crossed, 0.0, 1.0))


def _gaussian(places: npt.NDArray[np.floating[Any]], sd: float) -> Floats:
    density: Floats = np.exp(-((places / sd) ** 2) / 2) / (sd * math.sqrt(2 * math.pi))
    return density
