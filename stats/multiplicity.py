"""Multiplicity: after many questions to the same visitors, which findings stand, and how wide are their intervals?"""

import numpy as np

from stats.arrays import Floats


def benjamini_yekutieli(p_values: Floats) -> Floats:
    """Which of these findings stand when, on average, at most the share alpha of those that do may be false?

    Adjusted p-values in [0, 1], in the order given, shape (m,): those at or below alpha stand. They hold however the
    p-values depend on each other, so also for levels that share a control or steps that share visitors.

    Benjamini & Yekutieli (2001), Ann. Stat. 29, theorem 1.3: Benjamini and Hochberg's step-up procedure at the level
    alpha / (1 + 1/2 + ... + 1/m); the adjusted p-value of the i-th smallest is the minimum over j >= i of
    m (1 + ... + 1/m) p_(j) / j. Always-valid p-values may be used at any time one looks, as they are p-values then.
    Raises ValueError when a p-value is outside [0, 1].
    """
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"p_values are {p_values!r}, must be in one row, each in [0, 1]")
    order = np.argsort(p, kind="stable")
    ranks = np.arange(1, len(p) + 1)
    steps = p[order] * (len(p) * _harmonic(len(p))) / ranks
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.minimum.accumulate(steps[::-1])[::-1], 1)
    return adjusted


def selected_level(adjusted: Floats, alpha: float) -> float:
    """At which level must each interval be, so that of those whose finding stands at most the share alpha miss?

    `adjusted`: all adjusted p-values, shape (m,). The false coverage-statement rate of Benjamini & Yekutieli (2005),
    J. Am. Stat. Assoc. 100, definition 1 and theorem 4 (any dependence): alpha R / (m (1 + ... + 1/m)) with R of m
    findings standing. With R = 0 that of one. Made so, an interval of the same test excludes "no effect" exactly
    where the adjusted p-value is at most alpha.
    Raises ValueError when there are no p-values or alpha is not in (0, 1).
    """
    if not len(adjusted) or not 0 < alpha < 1:
        raise ValueError(f"{len(adjusted)} p-values at alpha {alpha}, must be at least one, alpha in (0, 1)")
    standing = max(1, int((adjusted <= alpha).sum()))
    return alpha * standing / (len(adjusted) * _harmonic(len(adjusted)))


def _harmonic(m: int) -> float:
    return float((1 / np.arange(1, m + 1)).sum())
