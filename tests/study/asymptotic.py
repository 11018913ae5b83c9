"""What GrowthBook's sequential engine says, from its formula: the rival in the table of power.

Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (2023), arXiv 2103.06476v7: the asymptotic confidence sequence of eq. 9,
with rho of eq. 161. As in gbstats 0.8.0, the library in which GrowthBook's servers do it: the variance is unpooled,
that of the relative lift by the delta method, and an arm without conversions, or with nothing else, gives no answer.
"""

from __future__ import annotations

import numpy as np

from stats.arrays import Floats
from stats.proportions.score import Pair

ALPHA = 0.05
TUNING = 5_000.0  # GrowthBook's default


def interval(
    pair: Pair, *, relative: bool = True, alpha: float = ALPHA, tuning: float = TUNING
) -> tuple[Floats, Floats]:
    """Lower and upper end at each look, shape (looks,); nan where there is no answer. One stratum."""
    n_a, n_b = pair.n_a[0], pair.n_b[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        rate_a, rate_b = pair.s_a[0] / n_a, pair.s_b[0] / n_b
        variance_a, variance_b = rate_a * (1 - rate_a) / n_a, rate_b * (1 - rate_b) / n_b
        if relative:
            estimate = rate_b / rate_a - 1
            variance = variance_b / rate_a**2 + variance_a * rate_b**2 / rate_a**4
        else:
            estimate = rate_b - rate_a
            variance = variance_b + variance_a
    rho_squared = (-2 * np.log(alpha) + np.log(-2 * np.log(alpha) + 1)) / tuning
    intrinsic = (n_a + n_b) * rho_squared
    width = np.sqrt(2 * variance * (intrinsic + 1) / intrinsic * np.log(np.sqrt(intrinsic + 1) / alpha))
    silent = (variance_a == 0) | (variance_b == 0)
    return np.where(silent, np.nan, estimate - width), np.where(silent, np.nan, estimate + width)
