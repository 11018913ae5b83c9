"""The design: tau, the family's share of alpha, and what is no design. The gate is tested with the looks it opens."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from stats.proportions.design import Design

EVEN = Design(smaller_share=0.5, alpha=0.05)


@pytest.mark.parametrize(
    ("rate", "detect", "tau"),
    [(0.1, None, 0.1), (0.5, None, 0.1), (0.0999, None, 0.2), (0.002, None, 0.2), (0.5, 0.05, np.log(1.05))],
)
def test_tau_is_the_smallest_effect_worth_finding_or_one_of_two(rate: float, detect: float | None, tau: float) -> None:
    assert Design(0.5, 0.05, detect=detect).tau(rate) == pytest.approx(tau)


@pytest.mark.parametrize(
    ("p", "family_size", "adjusted", "rejects"),
    [
        (0.05, 1, 0.05, True),
        (0.0501, 1, 0.0501, False),
        (0.025, 2, 0.05, True),
        (0.026, 2, 0.052, False),
        (0.4, 5, 1, False),
    ],
)
def test_a_family_multiplies_the_p_value_and_the_boundary_is_inclusive(
    p: float, family_size: int, adjusted: float, rejects: bool
) -> None:
    design = dataclasses.replace(EVEN, family_size=family_size)
    assert design.adjusted(np.array([p]))[0] == pytest.approx(adjusted)
    assert design.rejects(np.array([p]))[0] == rejects
    assert design.level == 0.05 / family_size


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("smaller_share", 0.6),
        ("smaller_share", 0.0),
        ("alpha", 0.0),
        ("alpha", 1.0),
        ("family_size", 0),
        ("detect", 0.0),
    ],
)
def test_a_design_that_is_none_is_refused(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{field} is {value}, must be"):
        dataclasses.replace(EVEN, **{field: value})
