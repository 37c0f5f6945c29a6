"""What the bounds of Theorem 3.3 share: a number with its flag, and one law of similarities."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from gapdyn.theory import _checks, bessel
from gapdyn.validate import validate_temperature

MOST = 1e10
"""The largest β₀(1-γ₀²) of the bounds at finite n."""


class Bound(NamedTuple):
    """A lower bound and whether it says anything.

    Attributes
    ----------
    value : float
        In units of 2β₀γ₀ for dγ/dt, of 4β₀γ₀ for dΔ/dt.
    vacuous : bool
        True where the bound is not positive: it does not say that the gap grows.
    """

    value: float
    vacuous: bool

    def __float__(self) -> float:
        return self.value


class Law(NamedTuple):
    """ξ₁/ξ₂ and log ξ₂ at a; mean M'/M and variance at 2a; log of w = M(2a)/M(a)², at most 700."""

    mean: float
    log_xi2: float
    tilted_mean: float
    tilted_variance: float
    log_weight: float

    def spread(self, r: float) -> float:
        """E[(z-r)²e^{2az}]/M(a)²."""
        squares = (r - self.tilted_mean) ** 2 + self.tilted_variance
        return float(np.exp(self.log_weight)) * squares


@lru_cache(maxsize=64)
def law_at(a: float, d: float) -> Law:
    """The law at one a and d; `pairs_needed` uses the same one at many n."""
    log_xi2 = float(bessel.log_mgf(a, d))
    excess = float(bessel.log_mgf(2 * a, d)) - 2 * log_xi2
    tilted_mean, tilted_square = map(float, bessel.mgf_ratios(2 * a, d))
    variance = max(tilted_square - tilted_mean**2, 0.0)  # where it is below rounding it is 0
    log_weight = min(max(excess, 0.0), 700.0)  # beyond that no bound says anything
    return Law(float(bessel.A(a, d)), log_xi2, tilted_mean, variance, log_weight)


def scale(tau: float, gamma0: float) -> float:
    """a = β₀(1-γ₀²)."""
    flat = 1 - _checks.validate_open_height("gamma0", gamma0) ** 2
    a = flat / validate_temperature("tau", tau)
    if a > _checks.LARGEST:
        raise ValueError("tau must be such that (1-γ₀²)/tau is at most 1e150")
    return a


def middling_scale(tau: float, gamma0: float) -> float:
    """The a of a finite number of pairs: beyond `MOST` M(a)e^-a loses its digits, as log M - a."""
    a = scale(tau, gamma0)
    if not 1 / _checks.LARGEST < a < MOST:
        raise ValueError(f"tau must be such that (1-γ₀²)/tau lies between 1e-150 and {MOST}")
    return a
