"""The normal mixture: how strong is the evidence against "no effect" when one may look at any time?

Robbins (1970), Ann. Math. Stat. 41, eq. 2.7; as a confidence sequence Howard, Ramdas, McAuliffe & Sekhon (2021), Ann.
Stat. 49, eq. 14: a normal prior with variance tau^2 on the effect, whose estimate has variance V. With g = tau^2 / V:
E is an e-value, 1 / E an always-valid p-value, and |z| <= c(g, alpha) at all looks with probability 1 - alpha.
"""

import numpy as np

from stats.arrays import Floats


def log_e_value(z: Floats, g: Floats) -> Floats:
    """How strong is the evidence against "no effect" at each look? log E, above 0 where it is against it.

    log E = -1/2 log(1 + g) + 1/2 z^2 g / (1 + g), Robbins (1970), eq. 2.7. `z` and `g` >= 0 have one shape, the
    answer's. Without information (g = 0) it is 0.
    """
    return -np.log1p(g) / 2 + z**2 * (g / (1 + g)) / 2


def critical_value(g: Floats, alpha: float) -> Floats:
    """From which |z| on may "no effect" be rejected, at any look? The |z| at which E = 1/alpha, shape of `g`.

    c = sqrt((1 + 1/g)(log(1 + g) + 2 log(1/alpha))), Howard et al. (2021), eq. 14; `alpha` in (0, 1), two-sided.
    Without information (g = 0) it is infinite.
    """
    with np.errstate(divide="ignore"):
        critical: Floats = np.sqrt((1 + 1 / g) * (np.log1p(g) - 2 * np.log(alpha)))
    return critical


def p_value_of(log_e: Floats) -> Floats:
    """How rarely is the evidence this strong by chance at any look? min(1, 1/E) of each look by itself, in (0, 1].

    Shape of `log_e`. By Ville's (1939) inequality its running minimum is an always-valid p-value.
    """
    p: Floats = np.exp(-np.maximum(log_e, 0.0))
    return p
