"""Lemma 3.1: height and temperature move on one fixed curve, whatever X and Y do.

In the paper's order: `ratio` is (5); the first integral to which it leads is `invariant`; `beta` is
(6), and `gamma` its inverse; `ratio_asymptote` is how R decays.

By (11) dP/dt = a g, where P is the potential of β. The function H = log|γ| - γ²/2 has
dH/dt = -2a g when both modalities share one γ, and -a g for each of γ_X and γ_Y of their own. So
P + H/2 is constant, or P + H for untied heights.

References
----------
.. [1] C. Yaras, S. Chen, P. Wang and Q. Qu, "Explaining and Mitigating the Modality Gap in
   Contrastive Multimodal Learning", CPAL 2025, PMLR 280:1365-1387; Lemma 3.1 and Appendix B.2.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import lambertw

from gapdyn.temperature import Exponential, Learned
from gapdyn.theory import _checks, potential
from gapdyn.theory._checks import validate_open_height
from gapdyn.types import Array
from gapdyn.validate import shown, validate_bool, validate_positive

EPS = np.finfo(float).eps


def ratio(gamma: ArrayLike, *, beta: ArrayLike, dbeta: ArrayLike, rate: float = 1.0) -> Array:
    """R = (dγ/dt)/(dβ/dt) = -2βγ / (η β'(ν)² (1-γ²)), eq. (5) of [1]_, where η = 1.

    Parameters
    ----------
    gamma : float or array
        Height, in (-1, 1).
    beta, dbeta : float or array, broadcast with `gamma`
        β(ν) and β'(ν), not zero.
    rate : float
        Learning rate η > 0 of ν.

    Returns
    -------
    float64 array of the common shape

    Raises
    ------
    TypeError, ValueError
        If |γ| ≥ 1, β ≤ 0, β' = 0 or η ≤ 0, or R is no float64.

    References
    ----------
    .. [1] Yaras et al. 2025, Lemma 3.1.

    Examples
    --------
    >>> float(ratio(0.5, beta=2.0, dbeta=2.0))
    -0.6666666666666666
    """
    height, beta = _checks.validate_numbers("gamma", gamma), potential.positive_beta(beta)
    if (np.abs(height) >= 1).any():
        raise ValueError(f"gamma must lie in (-1, 1), got {shown(gamma)}")
    dbeta, eta = _checks.validate_numbers("dbeta", dbeta), validate_positive("rate", rate)
    if (dbeta == 0).any():
        raise ValueError("dbeta must not be zero: (5) divides by β'(ν)²")
    height, beta, dbeta = _checks.broadcast(gamma=height, beta=beta, dbeta=dbeta)
    return _checks.computed(
        "R", lambda: -2 * (beta / dbeta) * (height / dbeta) / (eta * (1 - height**2))
    )  # (5)


def invariant(
    gamma: ArrayLike, *, beta: ArrayLike, tied: bool = True, temperature: Learned = _checks.PAPER
) -> Array:
    """The first integral P(β) + ½(log|γ| - γ²/2), untied P(β) + log|γ_X| - γ_X²/2 (theory 3.2).

    For β = exp ν it is log β + ½ log|γ| - γ²/4 tied and log β + log|γ_X| - γ_X²/2 untied.

    Parameters
    ----------
    gamma : float or array
        Height γ, or one of γ_X and γ_Y, in [-1, 1] and not zero.
    beta : float or array, broadcast with `gamma`
        β > 0.
    tied : bool
        Whether one γ moves both modalities.
    temperature : Learned
        β(ν) and the rate η of ν, without ceiling or floor.

    Returns
    -------
    float64 array of the common shape
        Constant along the flow of the parallel model, and tied also of the frozen and scalar one.

    Raises
    ------
    TypeError, ValueError
        If γ is zero or outside [-1, 1], β is not positive, or the temperature is not learned or has
        a ceiling.
    """
    height = np.abs(_checks.validate_numbers("gamma", gamma))
    if not ((height > 0) & (height <= 1)).all():
        raise ValueError(f"gamma must lie in [-1, 1] and not be zero, got {shown(gamma)}")
    shared = 2 if validate_bool("tied", tied) else 1
    at_beta = potential.potential(beta, temperature=temperature)
    at_gamma = np.log(height) - height**2 / 2
    at_gamma, at_beta = _checks.broadcast(gamma=at_gamma, beta=np.asarray(at_beta))
    return _checks.unwrap(at_beta + at_gamma / shared)


def beta(
    gamma: ArrayLike,
    *,
    beta0: float,
    gamma0: float,
    temperature: Learned | None = None,
    scale: float = 1.0,
    rate: float = 1.0,
    kind: str = "exponential",
) -> Array:
    """β as a function of γ along the flow of both modalities tied to one γ, eq. (6) of [1]_.

    - β = exp ν: β = β₀ √(γ₀/γ) e^{(γ²-γ₀²)/4}, which is (6).
    - β = exp(ν/s), κ = η/s²: β = β₀ (γ₀/γ)^{κ/2} e^{κ(γ²-γ₀²)/4}.
    - β = ν: β² = β₀² + η[log(γ₀/γ) + (γ²-γ₀²)/2].
    - β = log(1+e^ν): F(β) = F(β₀) + (η/2)[log(γ₀/γ) + (γ²-γ₀²)/2], where F is `Softplus.potential`.

    Parameters
    ----------
    gamma : float or array
        Height, in (0, 1).
    beta0, gamma0 : float
        β₀ > 0 and γ₀ in (0, 1), at any one time.
    temperature : Learned, optional
        β(ν) and the rate η of ν, without ceiling or floor. By default it is made of the numbers
        below.
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
        If γ or γ₀ is outside (0, 1), β₀, s or η is not positive, the kind is unknown, the
        temperature is not learned, has a ceiling, or is given beside its numbers; with β = ν also
        where β would have passed through zero.

    References
    ----------
    .. [1] Yaras et al. 2025, Lemma 3.1.

    Examples
    --------
    >>> float(beta(0.01, beta0=2.0, gamma0=0.01))
    2.0
    """
    learned = _checks.temperature_of(temperature, scale, rate, kind)
    beta0, gamma0 = validate_positive("beta0", beta0), validate_open_height("gamma0", gamma0)
    gamma = _checks.validate_open_heights("gamma", gamma)
    if learned == _checks.PAPER:  # (6), with √γ₀/√γ because γ₀/γ may be no float64
        root = np.sqrt(gamma0) / np.sqrt(gamma)
        with np.errstate(over="ignore"):
            return _checks.unwrap(beta0 * root * np.exp((gamma**2 - gamma0**2) / 4))
    # In general P(β) + H(γ)/2 = P(β₀) + H(γ₀)/2 with H = log γ - γ²/2.
    high, low = np.maximum(gamma, gamma0), np.minimum(gamma, gamma0)
    amount = np.sign(gamma0 - gamma) * fall(log_ratio(high, low), high)
    return potential.advance(beta0, amount / 2, temperature=learned)


def log_beta_at(x: Array, *, beta0: float, gamma0: float, temperature: Learned) -> Array:
    """Log of `beta` at γ = γ₀ e^-x, x ≥ 0, also where β is no float64 or x has few digits left.

    The numbers have been checked.
    """
    amount = fall(x, gamma0) / 2
    if isinstance(temperature.parametrisation, Exponential):
        log_beta: Array = np.log(beta0) + _checks.validate_kappa(temperature) * amount
    else:
        log_beta = np.log(potential.advance(beta0, amount, temperature=temperature))
    return log_beta


def fall(x: Array, gamma: float | Array) -> Array:
    """H(γ) - H(γ e^-x) = (1-γ²) x + γ² (x - (1-e^-2x)/2), x ≥ 0: a sum of positive terms.

    H(γ) = log γ - γ²/2. The numbers have been checked.
    """
    y = 2 * x
    series = y**2 / 2 * (1 - y / 3 * (1 - y / 4 * (1 - y / 5)))
    bend = np.where(y < 1e-3, series, np.expm1(-y) + y)
    return (1 - gamma) * (1 + gamma) * x + gamma**2 * bend / 2


def log_ratio_after(amount: Array, gamma0: float) -> Array:
    """The x = log(γ₀/γ) at which H has fallen by an amount ≥ 0, the inverse of `fall`.

    It is γ² = -W₀(-γ₀²e^{-γ₀²-2·amount}), by Newton's method, since W₀ has half of the digits near
    γ = 1. `fall` is convex in x, at least (1-γ₀²)x, x - γ₀²/2 and, for x ≤ 1, γ₀²x²/3. So Newton's
    method falls to the root from the least of the places at which these are the amount.
    """
    flat = (1 - gamma0) * (1 + gamma0)
    x: Array = np.minimum(amount / flat, amount + gamma0**2 / 2)
    root = np.sqrt(3 * amount)
    x = np.where(root <= gamma0, np.minimum(x, np.minimum(root, gamma0) / gamma0), x)
    for _ in range(9):
        slope = flat - gamma0**2 * np.expm1(-2 * x)  # 1 - γ²
        x = np.maximum(x - (fall(x, gamma0) - amount) / slope, 0.0)
    return x


def gamma(
    beta: ArrayLike, *, beta0: float, gamma0: float, temperature: Learned = _checks.PAPER
) -> Array:
    """γ as a function of β, the inverse of `beta`: γ² = -W₀(-e^{2H}), H = log γ - γ²/2.

    By the first integral H = log γ₀ - γ₀²/2 - 2(P(β) - P(β₀)); W₀ is the Lambert function [1]_. See
    theory 3.2.

    Parameters
    ----------
    beta : float or array
        β > 0, at least the one at which γ would be 1.
    beta0, gamma0 : float
        β₀ > 0 and γ₀ in (0, 1), at any one time.
    temperature : Learned
        β(ν) and the rate η of ν, without ceiling or floor.

    Returns
    -------
    float64 array of the shape of `beta`
        Heights in (0, 1], or 0 where below float64. Near 1, where β hardly depends on γ, they have
        half of the digits.

    Raises
    ------
    TypeError, ValueError
        If γ₀ is outside (0, 1), β or β₀ is not positive, or the temperature is not learned or has a
        ceiling; also for a β that the curve reaches at no γ ≤ 1.

    References
    ----------
    .. [1] R. M. Corless, G. H. Gonnet, D. E. G. Hare, D. J. Jeffrey and D. E. Knuth, "On the
       Lambert W function", Advances in Computational Mathematics 5, 1996.

    Examples
    --------
    >>> round(float(gamma(100.0, beta0=1 / 0.07, gamma0=0.3)), 6)  # at CLIP's ceiling
    0.005853
    """
    start, reached = validate_open_height("gamma0", gamma0), potential.positive_beta(beta)
    at, below, at_start = (
        potential.potential(b, temperature=temperature)
        for b in (reached, reached * (1 - 8 * EPS), validate_positive("beta0", beta0))
    )
    with np.errstate(over="ignore"):
        level = np.log(start) - start**2 / 2 - 2 * (at - at_start)
        # At γ = 1 the level is -1/2, up to the rounding of β and of the terms.
        slack = 2 * (at - below) + 16 * EPS * (np.abs(at) + np.abs(at_start) - np.log(start))
    if (level > -0.5 + slack).any():
        raise ValueError("beta must be at least that of γ = 1 on the curve through beta0, gamma0")
    level = np.minimum(level, -0.5)
    with np.errstate(over="ignore", under="ignore"):
        heights = np.sqrt(-lambertw(-np.exp(2 * level)).real)
        # W₀(-w) is -w to rounding for small w, which may underflow, and NaN at its end -1/e.
        heights = np.where(level < -20, np.exp(level), np.where(level == -0.5, 1.0, heights))
    return _checks.unwrap(heights)


def log_ratio(a: float | Array, b: Array) -> Array:
    """log(a/b), accurate where a is near b, and where a/b is no float64."""
    near = np.abs(a - b) < b / 2
    far = 2 * np.log(np.sqrt(a) / np.sqrt(b))
    return np.where(near, np.log1p((a - b) / np.where(near, b, np.inf)), far)


def ratio_asymptote(
    beta: ArrayLike, *, beta0: float, gamma0: float, temperature: Learned = _checks.PAPER
) -> Array:
    """What R of (5) tends to as γ → 0 with β = exp(ν/s): -(2/κ) C^{2/κ} β^{-1-2/κ} (theory 2.3).

    C is `log_conserved`. In the paper's case, κ = 1, it is -2C² β⁻³: R = Θ(β⁻³), not the Θ(1/β)
    that is printed beside (6).

    Parameters
    ----------
    beta : float or array
        β > 0, large.
    beta0, gamma0 : float
        A point of the curve.
    temperature : Learned
        β = exp(ν/s) and the rate η of ν, without ceiling or floor; κ = η/s².

    Returns
    -------
    float64 array of the shape of `beta`

    Raises
    ------
    TypeError, ValueError
        If β or β₀ is not positive, γ₀ is outside (0, 1), or the temperature is another.
    """
    kappa = _checks.validate_kappa(temperature)
    log_c = log_conserved(gamma0=gamma0, beta0=beta0, temperature=temperature)
    log_beta = np.log(potential.positive_beta(beta))
    return _checks.computed(
        "R", lambda: -2 / kappa * np.exp(2 / kappa * (log_c - log_beta) - log_beta)
    )


def log_conserved(*, gamma0: float, beta0: float, temperature: Learned = _checks.PAPER) -> float:
    """Log C of C = β γ^{κ/2} e^{-κγ²/4}, which is the same at all times for β = exp(ν/s).

    Theory 3.2.

    Parameters
    ----------
    gamma0, beta0, temperature
        As in `ratio_asymptote`.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If γ₀ is outside (0, 1), β₀ is not positive, or the temperature is another.
    """
    kappa = _checks.validate_kappa(temperature)
    gamma0 = validate_open_height("gamma0", gamma0)
    return float(
        np.log(validate_positive("beta0", beta0)) + kappa / 2 * (np.log(gamma0) - gamma0**2 / 2)
    )
