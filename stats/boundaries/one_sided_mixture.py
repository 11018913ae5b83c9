"""The one-sided normal mixture: how strong is the evidence for an effect in one direction, when one may look any time?

Howard, Ramdas, McAuliffe & Sekhon (2021), Ann. Stat. 49, proposition 5 (Robbins 1970, Ann. Math. Stat. 41, mixes in the
same way over all effects): a half-normal prior of scale tau on an effect in the direction asked for, whose estimate has
variance V. With g = tau^2 / V, z counted in that direction, and x = z sqrt(g / (1 + g)),

    log E = log 2 - 1/2 log(1 + g) + h(x),    h(x) = x^2 / 2 + log Phi(x).

E is an e-value against "no effect, or one in the other direction"; z >= c(g, alpha) at any look at all has then at most
probability alpha. h grows and is convex, and h'(x) = x + exp(-h(x)) / sqrt(2 pi).
"""

import math

import numpy as np

from stats.arrays import Floats

_LOG_2 = math.log(2)
_LOG_ROOT_2_PI = math.log(2 * math.pi) / 2
_FAR = 25.0  # further out erfc leaves the range of floats; there the asymptotic series has all digits
_ROUNDS = 60  # Newton from above needs 3 to 6
_CLOSE = 1e-8

# scipy.special takes a third of a second to import, which a page that shows a few thousand looks need not wait for.
_erfc = np.frompyfunc(math.erfc, 1, 1)


def log_e_value(z: Floats, g: Floats) -> Floats:
    """How strong is the evidence for an effect in the direction asked for, at each look? log E, shape of `z`.

    `z` is positive in that direction, `g` >= 0. Without information (g = 0) it is 0.
    """
    return _LOG_2 - np.log1p(g) / 2 + _log_half_mixture(z * np.sqrt(g / (1 + g)))


def critical_value(g: Floats, alpha: float) -> Floats:
    """From which z on, in the direction asked for, may "no effect" be rejected? The z at which E = 1 / alpha.

    Positive, shape of `g`; without information (g = 0) infinite.

    Newton's steps on the convex h, begun above the root: h(x) >= x^2 / 2 - log 2 there, so they come down to it and
    never pass it. Raises ValueError when `alpha` is no level.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha}, must be in (0, 1)")
    wanted = np.log1p(g) / 2 - math.log(alpha) - _LOG_2
    x = np.sqrt(2 * (wanted + _LOG_2))
    for _ in range(_ROUNDS):
        value = _log_half_mixture(x)
        step = (value - wanted) / (x + np.exp(-value - _LOG_ROOT_2_PI))
        x = x - step
        if (step <= _CLOSE * x).all():  # the next step would be about its square
            break
    with np.errstate(divide="ignore"):
        critical: Floats = x / np.sqrt(g / (1 + g))
    return critical


def _log_half_mixture(x: Floats) -> Floats:
    """h(x) = x^2 / 2 + log Phi(x), with all its digits at both ends: nothing large is ever subtracted."""
    middle = np.minimum(np.maximum(x, -_FAR), _FAR)
    tail = np.asarray(_erfc(np.abs(middle) / math.sqrt(2)), dtype=np.float64) / 2  # Phi(-|x|)
    near = middle**2 / 2 + np.where(middle < 0, np.log(tail), np.log1p(-tail))
    low = np.minimum(x, -_FAR)
    with np.errstate(over="ignore"):
        inverse, above = 1 / low**2, x**2 / 2
    series = inverse * (-1 + inverse * (3 + inverse * (-15 + inverse * (105 + inverse * (-945 + inverse * 10395)))))
    below = np.log1p(series) - np.log(-low) - _LOG_ROOT_2_PI  # Mills' ratio: Abramowitz & Stegun 26.2.12
    return np.where(x < -_FAR, below, np.where(x > _FAR, above, near))
