"""Sample-ratio mismatch: do the variants get visitors in the planned ratio? Valid at every hour, however often seen.

Lindon & Malek (2022), "Anytime-valid inference for multinomial count data", NeurIPS 35, section 3: a Dirichlet prior
with concentration k around the planned shares theta gives the e-value (marginal likelihood over the null's)

    log E = lnB(k theta + n) - lnB(k theta) - sum n_i ln theta_i,

lnB being the logarithm of the multivariate beta function.
"""

import math
from collections.abc import Sequence

import numpy as np

from stats.arrays import Floats
from stats.tables.reach import Exposed

CONCENTRATION = 1000.0  # k: how close to the planned shares a mismatch is expected to be
ALARM_BELOW = 0.001  # p-value

# A table of counts is small: the standard library saves the third of a second that importing scipy.special takes.
_log_gamma = np.frompyfunc(math.lgamma, 1, 1)


def log_e_values(counts: Floats, shares: Sequence[float], concentration: float = CONCENTRATION) -> Floats:
    """How strong is the evidence against the planned shares after each hour? log E, shape (hours,); formula above.

    `counts`: cumulative visitors, shape (hours, variants); `shares` sum to 1, each > 0; `concentration` > 0.
    Raises ValueError when the shares are not shares or do not fit the counts.
    """
    theta = np.asarray(shares, dtype=np.float64)
    if counts.ndim != 2 or theta.shape != counts.shape[1:]:
        raise ValueError(f"counts have shape {counts.shape}, must be (hours, {len(theta)}) for {len(theta)} shares")
    if (theta <= 0).any() or not math.isclose(theta.sum(), 1, rel_tol=1e-9):
        raise ValueError(f"shares are {list(shares)}, must be > 0 and sum to 1")
    prior = concentration * theta
    posterior = _log_beta(prior + counts) - _log_beta(prior[np.newaxis, :])
    return posterior - counts @ np.log(theta)


def always_valid_p_values(exposed: Exposed, shares: Sequence[float]) -> Floats:
    """How rarely do planned shares look this wrong at any hour so far? Shape (hours,), in (0, 1], never rising.

    min(1, running minimum of 1/E), Lindon & Malek (2022), section 3; the alarm is p < ALARM_BELOW. Raises ValueError
    when the shares are not shares or do not fit the counts.
    """
    log_e = log_e_values(exposed.visitors.cumsum(axis=0).astype(np.float64), shares)
    return np.exp(-np.maximum.accumulate(np.maximum(log_e, 0.0)))


def strongest_span(counts: Floats, shares: Sequence[float]) -> tuple[int, int, float]:
    """In which run of days, one after another, is the mismatch? Its first and last day (inclusive), and its log E.

    `counts`: visitors of each day by itself, shape (days, variants). Of all runs, all days together included, the one
    with the largest e-value of its own visitors. Description, no test: the best of many runs always looks good; see
    `spans`. Raises ValueError as `log_e_values`, and without any day.
    """
    if not len(counts):
        raise ValueError("counts have no day, must have at least one")
    until = np.concatenate([np.zeros((1, counts.shape[1])), counts.cumsum(axis=0)])
    first, last = np.triu_indices(len(counts))
    log_e = log_e_values(until[last + 1] - until[first], shares)
    best = int(np.argmax(log_e))
    return int(first[best]), int(last[best]), float(log_e[best])


def spans(days: int) -> int:
    """How many runs of days there are."""
    return days * (days + 1) // 2


def _log_beta(alpha: Floats) -> Floats:
    logs = np.asarray(_log_gamma(alpha), dtype=np.float64).sum(axis=1)
    totals = np.asarray(_log_gamma(alpha.sum(axis=1)), dtype=np.float64)
    difference: Floats = logs - totals
    return difference
