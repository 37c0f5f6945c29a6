"""Lemma 3.1: height and temperature move on a fixed curve, whatever X and Y do.

By (11) dP/dt = a g, with P the potential of β, while H = log|γ| - γ²/2 has dH/dt = -2a g when both
modalities share one γ, and -a g for each of γ_X and γ_Y of their own. So P + H/2, untied P + H, is
a first integral.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import lambertw

from gapdyn.theory import _checks, potential
from gapdyn.types import Array
from gapdyn.validate import validate_positive


def ratio(gamma: ArrayLike, *, beta: ArrayLike, dbeta: ArrayLike, rate: float = 1.0) -> Array:
    """R = (dγ/dt)/(dβ/dt) = -2βγ / (η β'(ν)² (1-γ²)), eq. (5) with a rate η of ν (1 in the paper).

    Parameters
    ----------
    gamma : float or array
        Height, in (-1, 1).
    beta, dbeta : float or array, broadcast with `gamma`
        β(ν) and β'(ν), not zero.
    rate : float
        η > 0.

    Returns
    -------
    float64 array of the common shape

    Raises
    ------
    TypeError, ValueError
        If |γ| ≥ 1, β ≤ 0, β' = 0 or η ≤ 0.

    Examples
    --------
    >>> float(ratio(0.5, beta=2.0, dbeta=2.0))
    -0.6666666666666666
    """
    height = _checks.validate_numbers("gamma", gamma)
    if (np.abs(height) >= 1).any():
        raise ValueError(f"gamma must lie in (-1, 1), got {gamma!r}")
    slope = _checks.validate_numbers("dbeta", dbeta)
    if (slope == 0).any():
        raise ValueError("dbeta must not be zero: (5) divides by β'(ν)²")
    value = -2 * potential.positive_beta(beta) * height
    value = value / (validate_positive("rate", rate) * slope**2 * (1 - height**2))
    return _checks.unwrap(value)


def beta(
    gamma: ArrayLike,
    *,
    beta0: float,
    gamma0: float,
    scale: float = 1.0,
    rate: float = 1.0,
    kind: str = "exponential",
) -> Array:
    """β as a function of γ along the flow of both modalities tied to one γ, eq. (6) and its kin.

    - β = exp(ν/s), κ = η/s²: β = β₀ (γ₀/γ)^{κ/2} e^{κ(γ²-γ₀²)/4}; (6) is κ = 1.
    - β = ν: β² = β₀² + η[log(γ₀/γ) + (γ²-γ₀²)/2].
    - β = log(1+e^ν): F(β) = F(β₀) + (η/2)[log(γ₀/γ) + (γ²-γ₀²)/2], F' = β/(1-e^-β)², F in closed
      form through the dilogarithm.

    Parameters
    ----------
    gamma : float or array
        Height, in (0, 1).
    beta0, gamma0 : float
        β₀ > 0 and γ₀ in (0, 1), at any one time.
    scale, rate : float
        s and η, positive.
    kind : {"exponential", "linear", "softplus"}
        β(ν).

    Returns
    -------
    float64 array of the shape of `gamma`

    Raises
    ------
    TypeError, ValueError
        If γ or γ₀ is outside (0, 1), β₀, s or η not positive, or the kind unknown; with β = ν also
        where β would have passed through zero.

    Examples
    --------
    >>> float(beta(0.01, beta0=2.0, gamma0=0.01))
    2.0
    """
    start = _checks.validate_open_height("gamma0", gamma0)
    heights = _checks.validate_open_heights("gamma", gamma)
    amount = (log_ratio(start, heights) + (heights - start) * (heights + start) / 2) / 2
    beta0 = validate_positive("beta0", beta0)
    return potential.advance(beta0, amount, kind=kind, scale=scale, rate=rate)


def gamma(
    beta: ArrayLike,
    *,
    beta0: float,
    gamma0: float,
    scale: float = 1.0,
    rate: float = 1.0,
    kind: str = "exponential",
) -> Array:
    """γ as a function of β, the inverse of `beta`: γ² = -W₀(-e^{2H}), H = log γ - γ²/2.

    By the first integral H = log γ₀ - γ₀²/2 - 2(P(β) - P(β₀)); W₀ is the Lambert function.

    Parameters
    ----------
    beta : float or array
        β > 0, at least the one at which γ would be 1.
    beta0, gamma0, scale, rate, kind
        As in `beta`.

    Returns
    -------
    float64 array of the shape of `beta`
        Heights in (0, 1], or 0 where below float64. Near 1, where β hardly depends on γ, they have
        half of the digits.

    Raises
    ------
    TypeError, ValueError
        If γ₀ is outside (0, 1), β, β₀, s or η not positive or the kind unknown; also for a β that
        the curve reaches at no γ ≤ 1.

    Examples
    --------
    >>> round(float(gamma(100.0, beta0=1 / 0.07, gamma0=0.3)), 6)  # at CLIP's ceiling
    0.005853
    """
    start = _checks.validate_open_height("gamma0", gamma0)
    at, at_start = (
        potential.potential(b, kind=kind, scale=scale, rate=rate)
        for b in (potential.positive_beta(beta), validate_positive("beta0", beta0))
    )
    level = np.log(start) - start**2 / 2 - 2 * (at - at_start)
    # At γ = 1 the level is -1/2, up to the rounding of β and of P.
    kappa = potential.validate_scheme(kind, scale, rate).kappa
    size = 1 / kappa + np.abs(at) + np.abs(at_start) - np.log(start)
    if (level > -0.5 + 16 * np.finfo(float).eps * size).any():
        raise ValueError("beta must be at least that of γ = 1 on the curve through beta0, gamma0")
    level = np.minimum(level, -0.5)
    with np.errstate(under="ignore"):
        heights = np.sqrt(-lambertw(-np.exp(2 * level)).real)
        # W₀(-w) is -w to rounding for small w, which may underflow, and NaN at its end -1/e.
        heights = np.where(level < -20, np.exp(level), np.where(level == -0.5, 1.0, heights))
    return _checks.unwrap(heights)


def log_ratio(a: float, b: Array) -> Array:
    """log(a/b), accurate where a is near b, and where a/b is no float64."""
    near = np.abs(a - b) < b / 2
    far = 2 * np.log(np.sqrt(a) / np.sqrt(b))
    return np.where(near, np.log1p((a - b) / np.where(near, b, np.inf)), far)


def invariant(
    gamma: ArrayLike,
    *,
    beta: ArrayLike,
    tied: bool = True,
    kind: str = "exponential",
    scale: float = 1.0,
    rate: float = 1.0,
) -> Array:
    """The first integral P(β) + H(γ)/2, untied P(β) + H(γ_X), H = log|γ| - γ²/2.

    For β = exp(ν/s) that is (ν/s)/κ + log|γ|/2 - γ²/4 tied, (ν/s)/κ + log|γ_X| - γ_X²/2 untied.

    Parameters
    ----------
    gamma : float or array
        Height γ, or one of γ_X and γ_Y, in [-1, 1] and not zero.
    beta : float or array, broadcast with `gamma`
        β > 0.
    tied : bool
        Whether one γ moves both modalities.
    kind, scale, rate
        As in `beta`.

    Returns
    -------
    float64 array of the common shape
        Constant along the flow of the parallel model, and tied also of the frozen and scalar one.

    Raises
    ------
    TypeError, ValueError
        If γ is zero or outside [-1, 1], β, s or η not positive, or the kind unknown.
    """
    height = np.abs(_checks.validate_numbers("gamma", gamma))
    if not ((height > 0) & (height <= 1)).all():
        raise ValueError(f"gamma must lie in [-1, 1] and not be zero, got {gamma!r}")
    share = 0.5 if tied else 1.0
    at_beta = potential.potential(beta, kind=kind, scale=scale, rate=rate)
    return _checks.unwrap(at_beta + share * (np.log(height) - height**2 / 2))


def ratio_asymptote(
    beta: ArrayLike, *, beta0: float, gamma0: float, scale: float = 1.0, rate: float = 1.0
) -> Array:
    """What R of (5) tends to as γ → 0 with β = exp(ν/s): -(2/κ) C^{2/κ} β^{-1-2/κ}.

    C = β₀ γ₀^{κ/2} e^{-κγ₀²/4}. In the paper's case, κ = 1, it is -2C² β⁻³: R = Θ(β⁻³), not the
    printed Θ(1/β).

    Parameters
    ----------
    beta : float or array
        β > 0, large.
    beta0, gamma0 : float
        A point of the curve.
    scale, rate : float
        s and η, positive.

    Returns
    -------
    float64 array of the shape of `beta`

    Raises
    ------
    TypeError, ValueError
        If β, β₀, s or η is not positive or γ₀ outside (0, 1).
    """
    kappa = potential.validate_scheme("exponential", scale, rate).kappa
    log_c = log_conserved(gamma0=gamma0, beta0=beta0, scale=scale, rate=rate)
    log_beta = np.log(potential.positive_beta(beta))
    with np.errstate(over="ignore"):
        return _checks.unwrap(-2 / kappa * np.exp(2 / kappa * (log_c - log_beta) - log_beta))


def log_conserved(*, gamma0: float, beta0: float, scale: float = 1.0, rate: float = 1.0) -> float:
    """Log C of C = β γ^{κ/2} e^{-κγ²/4}, the same at all times by (6) and its kin; κ = η/s².

    Parameters
    ----------
    gamma0, beta0 : float
        γ and β at any one time.
    scale, rate : float
        s and η, positive.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If γ₀ is outside (0, 1) or β₀, s or η not positive.
    """
    gamma0, beta0 = (
        _checks.validate_open_height("gamma0", gamma0),
        validate_positive("beta0", beta0),
    )
    kappa = potential.validate_scheme("exponential", scale, rate).kappa
    return float(np.log(beta0) + kappa / 2 * (np.log(gamma0) - gamma0**2 / 2))
