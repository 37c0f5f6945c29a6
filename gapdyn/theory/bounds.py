"""Closed forms on either side of γ(t), and its late form, for β = exp(ν/s) (theory 3.3 and 4.6).

With κ = η/s², (6) makes β a function of y = (γ₀/γ)^{κ/2} ≥ 1, β = β₀ y e^{κ(γ²-γ₀²)/4}, and (11) is
dy/dt = κ y β g(a). Each bound replaces the right side by one that can be integrated. `theorem_3_2`
checks the numbers and says what the bounds are about.
"""

from __future__ import annotations

import numpy as np
from scipy.special import lambertw

from gapdyn.theory.closing import Curve
from gapdyn.types import Array

FIRST_LATE = 2 - 2 * np.log(2)
"""The log(κ(n-1)t) from which on there is a late form, where b = 2."""
LAST_LATE = 1400.0
"""The log(κ(n-1)t) from which on the argument of Lambert's function is no float64."""


def lower(log_t: Array, c1: float, c2: float) -> Array:
    """Log of an upper bound on y, given dy/dt ≤ ½c₁y²e^{-c₂y} from y = 1 on.

    For any ε in (0, c₂), y²e^{-εy} ≤ 4/(e²ε²), so dy/dt ≤ c₃e^{-c₄y} with c₃ = 2c₁/(e²ε²) and
    c₄ = c₂-ε. Hence y ≤ log(e^{c₄} + c₃c₄t)/c₄, of which the ε that is best at t is taken.
    """

    def rise(logit: Array) -> Array:
        """The bound on y - 1 when ε = c₂/(1+e^-logit)."""
        epsilon, c4 = c2 / (1 + np.exp(-logit)), c2 / (1 + np.exp(logit))
        log_c3 = np.log(2 * c1) - 2 - 2 * np.log(epsilon)
        late: Array = np.logaddexp(0.0, log_c3 + np.log(c4) + log_t - c4)
        return late / c4

    best = _least(rise, np.full(log_t.shape, -30.0), np.full(log_t.shape, 30.0))
    log_y: Array = np.log1p(rise(best))
    return log_y


def upper(log_t: Array, log_k: float, log_q: float) -> Array:
    """Log of a lower bound on y, given dy/dt ≥ k y²e^{-qy} ≥ k e^{-qy}: log(e^q + kqt)/q."""
    q = np.exp(log_q)
    log_y: Array = np.log1p(np.logaddexp(0.0, log_k + log_q + log_t - q) / q)
    return log_y


def log_bend(gamma0: float, kappa: float) -> float:
    """Log of the largest e^{κ(γ²-γ₀²)/4}(1-γ²) over 0 ≤ γ ≤ γ₀, with which a ≤ β₀ y times it."""
    at = min(gamma0**2, max(0.0, 1 - 4 / kappa))
    return float(np.log1p(-at) - kappa * (gamma0**2 - at) / 4)


def late_scale(log_size: Array) -> Array:
    """b ≥ 2 with e^b/b² = κ(n-1)t, at log(κ(n-1)t): b = -2W₋₁(-½(κ(n-1)t)^{-1/2}), or else NaN."""
    near = np.clip(log_size, FIRST_LATE, LAST_LATE)
    b = -2 * lambertw(-np.exp(-near / 2) / 2, -1).real
    far = start = np.maximum(log_size, LAST_LATE)
    for _ in range(6):  # each leaves 2/b of the error
        far = start + 2 * np.log(far)
    b = np.where(log_size > LAST_LATE, far, b)
    return np.where(log_size >= FIRST_LATE, b, np.nan)


def _least(function: Curve, left: Array, right: Array) -> Array:
    """Where a quasiconvex function of one number is least, for many at once: golden sections."""
    golden = (np.sqrt(5) - 1) / 2
    for _ in range(90):  # 0.618⁹⁰ = 2e-19 of the interval is left
        a, b = right - golden * (right - left), left + golden * (right - left)
        better = function(a) <= function(b)
        left, right = np.where(better, left, a), np.where(better, b, right)
    return (left + right) / 2
