"""The fastest way to close γ: no rows are pulled harder than a g_a(Z) = W₀((n-1)/e) (theory 4.6).

The maximum of a g_a(Z) over all Z is W, at aZ = (1+W)I. Since H(γ) = log γ - γ²/2 falls at the rate
2a g_a(Z), time is at least the fall of H over 2W. Where only margins of α or more are allowed, this
pace can be kept while aα ≤ 1+W; from then on Z = αI is the fastest, whose time `closing` computes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from gapdyn.theory import _checks, closing, lemma_3_1
from gapdyn.theory.closing import Curve
from gapdyn.types import Array

MOST = 746.0
"""x = log(γ₀/γ) at which any height has left float64."""


def speed_limit(n: float) -> float:
    """W = W₀((n-1)/e), W₀ the Lambert function: a g_a(Z) ≤ W for every Z and a (theory 4.6).

    So H(γ) = log γ - γ²/2 falls at a rate of at most 2W under any temperature, P(β) rises at a rate
    of at most W, and log Δ of symmetric free pairs falls at a rate of at most W/n. Only (1+W)I/a
    and its shifts by a constant attain it.

    Parameters
    ----------
    n : int
        Number of pairs, at least 2.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If n is not a whole number of at least 2.

    Examples
    --------
    >>> round(speed_limit(4), 6)
    0.603546
    """
    return closing.speed_limit(_checks.validate_pair_count(n))


def least_height(t: ArrayLike, *, n: float, gamma0: float) -> Array:
    """The least γ(t) under any law of β and any rows: γe^{-γ²/2} = γ₀e^{-γ₀²/2}e^{-2Wt}.

    That is γ² = -W₀(-γ₀²e^{-γ₀²}e^{-4Wt}) with W of `speed_limit`. The temperature may be learned,
    fixed or scheduled, and pairs may be matched or not. Z = αI attains it under
    `appendix_c.best_schedule`. See theory 4.6.

    Parameters
    ----------
    t : float or array
        Times ≥ 0.
    n : int
        Number of pairs, at least 2.
    gamma0 : float
        γ₀ in (0, 1).

    Returns
    -------
    float64 array of the shape of `t`
        Heights in (0, γ₀], or 0 where below float64.

    Raises
    ------
    TypeError, ValueError
        If a time is negative or infinite, or a number is outside its range.

    Examples
    --------
    >>> round(float(least_height(1.0, n=4, gamma0=0.3)), 6)
    0.08609
    """
    t, n = _checks.validate_times(t), _checks.validate_pair_count(n)
    gamma0 = _checks.validate_open_height("gamma0", gamma0)
    with np.errstate(divide="ignore"):
        return _checks.unwrap(height(np.log(t), n=n, gamma0=gamma0))


# What follows takes numbers that have been checked.


def height(log_t: Array, *, n: float, gamma0: float) -> Array:
    """The γ from γ₀ at which H has fallen by 2Wt."""
    with np.errstate(over="ignore"):
        fall = np.exp(np.log(2 * closing.speed_limit(n)) + log_t)
    x = lemma_3_1.log_ratio_after(np.minimum(fall, 3 * MOST), gamma0)
    return falling_from(gamma0, x)


def falling_from(gamma0: float, x: Array) -> Array:
    """γ₀e^-x, as e^-x may be no float64."""
    root = np.exp(-x / 2)
    return gamma0 * root * root


def log_time(x: float, *, n: float, gamma0: float) -> float:
    """Log of the least time to γ₀e^-x, the inverse of `height`."""
    with np.errstate(divide="ignore"):
        fall = np.log(lemma_3_1.fall(np.asarray(x), gamma0))
    return float(fall - np.log(2 * closing.speed_limit(n)))


def handover(log_beta: Curve, *, n: float, alpha: float, gamma0: float) -> float:
    """The x = log(γ₀/γ) at which aα has risen to 1+W, infinite where γ leaves float64 before.

    Parameters
    ----------
    log_beta : callable
        Log β as a function of an array of x; aα is below 1+W at x = 0.
    n, alpha, gamma0 : float
        The number of pairs, the margin and the height at x = 0.
    """
    goal = np.log(closing.critical_scale(n)) - np.log(alpha)

    def surplus(x: float) -> float:
        gamma, below = gamma0 * np.exp(-x), (1 - gamma0) - gamma0 * np.expm1(-x)  # γ and 1 - γ
        return float(log_beta(np.asarray(x)) + np.log(below) + np.log1p(gamma) - goal)

    if surplus(MOST) < 0:
        return np.inf
    if surplus(0.0) >= 0:
        return 0.0
    return float(
        brentq(surplus, 0.0, MOST, xtol=1e-300, rtol=4 * np.finfo(float).eps, maxiter=2000)
    )
