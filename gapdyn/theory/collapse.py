"""The least InfoNCE loss that the sphere allows, in the limit of many pairs (field.md, section 3).

With β = 1/τ and M(a) = E e^{az}, z one coordinate of a uniform point of S^{d-1},

    ℓ - log n ≥ -β + log M(β)

for n rows X = Y of any arrangement, and rows drawn uniformly attain it as n → ∞. For pairs that
are not aligned it is proved where log M(β) ≤ β/2; `holds_for_any_pairs` says whether it is so.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from gapdyn.theory import _checks, bessel
from gapdyn.validate import validate_temperature

COLDEST = 1e-6
"""The lowest temperature at which log M(β) - β has its digits."""


def least_loss(*, d: int, tau: float) -> float:
    """The limit of ℓ - log n for aligned uniform pairs, and its least value: -1/τ + log M(1/τ).

    M(a) = Γ(ν+1)(2/a)^ν I_ν(a), ν = d/2 - 1, so that twice this is
    -2/τ + 2 log[Γ(ν+1)(2τ)^ν I_ν(1/τ)].

    Parameters
    ----------
    d : int
        Dimension of the rows, at least 2.
    tau : float
        Temperature τ, at least 1e-6.

    Returns
    -------
    float
        Negative; to 1e-11 of itself.

    Raises
    ------
    TypeError, ValueError
        If d is below 2 or τ below 1e-6.

    Examples
    --------
    >>> round(2 * least_loss(d=3, tau=0.07), 5)
    -6.70481
    >>> round(2 * least_loss(d=512, tau=0.01), 5)
    -180.82232
    """
    a, d = _validate(d, tau)
    if a <= 100 * d:
        return float(bessel.log_mgf(a, d)) - a
    nu = d / 2 - 1  # beyond it log M and a are nearly equal
    scaled = np.log(special.ive(nu, a))
    return float(special.gammaln(nu + 1) + nu * np.log(2 / a) + scaled)


def holds_for_any_pairs(*, d: int, tau: float) -> bool:
    """Whether log M(1/τ) ≤ 1/2τ, so that no pairs, aligned or not, have a lower ℓ - log n.

    Parameters
    ----------
    d, tau
        As in `least_loss`.

    Returns
    -------
    bool
        Where it is False the bound is proved for X = Y only.

    Raises
    ------
    TypeError, ValueError
        As in `least_loss`.

    Examples
    --------
    >>> holds_for_any_pairs(d=512, tau=0.01), holds_for_any_pairs(d=3, tau=0.07)
    (True, False)
    """
    a, d = _validate(d, tau)
    return bool(bessel.log_mgf(a, d) <= a / 2)


def _validate(d: int, tau: float) -> tuple[float, int]:
    """1/τ and a dimension."""
    temperature = validate_temperature("tau", tau)
    if temperature < COLDEST:
        raise ValueError(f"tau must be at least {COLDEST}, got {tau}")
    return 1 / temperature, int(_checks.validate_dimension(d))
