"""How long the gap takes to close: the exact solution of the frozen model, in log t.

With Z = αI the pull is g(a) = α(n-1)/(n-1+e^{aα}), β is a function of γ by Lemma 3.1, and (11) is
one equation, dγ/dt = -2βγ g(β(1-γ²)). Its solution is an integral, here with x = log(γ₀/γ):
t = ∫₀ˣ dx / (2β g). Times like e^{1000} are ordinary, so all is done in log t.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import lambertw, logsumexp

from gapdyn.theory import _checks, lemma_3_1
from gapdyn.theory.potential import validate_scheme
from gapdyn.types import Array
from gapdyn.validate import validate_positive

NODES, WEIGHTS = np.polynomial.legendre.leggauss(20)
BLOCK = 256
"""Heights at a time: each may need some thousand nodes."""
SCALES = 10.0 ** -np.arange(1, 16, 2)
Curve = Callable[[Array], Array]


def log_pull(a: Array, n: float, alpha: float) -> Array:
    """Log g(a) of the cross-entropy at Z = αI; n pairs."""
    log_g: Array = np.log(alpha) - np.logaddexp(0.0, alpha * a - np.log(n - 1))
    return log_g


def pull(a: float, n: float, alpha: float) -> float:
    """g(a) of one a, as in `log_pull`."""
    return float(np.exp(log_pull(np.asarray(a), n, alpha)))


def critical_scale(n: float) -> float:
    """1 + W₀((n-1)/e), W₀ the Lambert function: the aα at which a g(a) of Z = αI is largest.

    Also the least aα from which on no row with a lead of α is pulled harder (theory 3.3).
    """
    return float(1 + lambertw((n - 1) / np.e).real)


def closing_log_time(
    gamma: ArrayLike,
    *,
    n: float,
    alpha: float,
    gamma0: float,
    beta0: float,
    scale: float = 1.0,
    rate: float = 1.0,
    kind: str = "exponential",
) -> Array:
    """Natural log of the time at which the frozen model with Z = αI reaches γ; any learned β(ν).

    t(γ) = ∫ dγ / (2β(γ)γ g(β(γ)(1-γ²))) from γ to γ₀, with β(γ) of Lemma 3.1 and
    g(a) = α(n-1)/(n-1+e^{aα}). No threshold on β₀ is needed.

    Parameters
    ----------
    gamma : float or array
        Heights in (0, γ₀].
    n : int
        Number of pairs, at least 2.
    alpha : float
        α in (0, 2].
    gamma0, beta0 : float
        γ₀ in (0, 1) and β₀ > 0.
    scale, rate, kind
        As in `lemma_3_1.beta`.

    Returns
    -------
    float64 array of the shape of `gamma`
        log t, -inf at γ₀; for β₀ ≥ 1e-3, t has a relative accuracy of about 1e-14 (1 + log t).

    Raises
    ------
    TypeError, ValueError
        If a number is outside its range.

    Examples
    --------
    >>> setting = dict(n=4, alpha=1.0, gamma0=0.1, beta0=np.log(12) / 0.99)
    >>> round(float(np.exp(closing_log_time(0.01, **setting))), 3)
    20.846
    """
    n, alpha, gamma0 = _checks.validate_setting(n, alpha, gamma0)
    beta0 = validate_positive("beta0", beta0)
    validate_scheme(kind, scale, rate)
    heights = _checks.validate_open_heights("gamma", gamma)
    if (heights > gamma0).any():
        raise ValueError(f"gamma must be at most gamma0 = {gamma0}: it only falls, got {gamma!r}")
    x = lemma_3_1.log_ratio(gamma0, heights)
    return _checks.unwrap(log_time(x, gamma0, *_curves(n, alpha, gamma0, beta0, scale, rate, kind)))


def closing_time(
    gamma: ArrayLike,
    *,
    n: float,
    alpha: float,
    gamma0: float,
    beta0: float,
    scale: float = 1.0,
    rate: float = 1.0,
    kind: str = "exponential",
) -> Array:
    """Time at which the frozen model with Z = αI reaches γ; infinite where beyond float64.

    Parameters
    ----------
    gamma, n, alpha, gamma0, beta0, scale, rate, kind
        As in `closing_log_time`.

    Returns
    -------
    float64 array of the shape of `gamma`

    Raises
    ------
    TypeError, ValueError
        As `closing_log_time`.
    """
    log_t = closing_log_time(
        gamma, n=n, alpha=alpha, gamma0=gamma0, beta0=beta0, scale=scale, rate=rate, kind=kind
    )
    with np.errstate(over="ignore"):
        return _checks.unwrap(np.exp(log_t))


def exact(
    log_t: ArrayLike,
    *,
    n: float,
    alpha: float,
    gamma0: float,
    beta0: float,
    scale: float = 1.0,
    rate: float = 1.0,
) -> Array:
    """γ of the frozen model with Z = αI at the time whose natural log is `log_t`; β = exp(ν/s).

    The inverse of `closing_log_time`, and the sharp form of Theorem 3.2: under its hypotheses, and
    already from `sharp_threshold` on, no path Z(t) closes γ faster (by Lemma B.1(b) and comparison
    of two scalar equations). Z = αI is such a path, for α ≤ n/(n-1) up to a constant shift of Z.
    Below `sharp_threshold` it is still the frozen solution, but rows of a larger margin close
    faster at first.

    Parameters
    ----------
    log_t : float or array
        log t, any real number or -inf; t = 1e500 is 500 log 10.
    n, alpha, gamma0, beta0
        As in `closing_log_time`.
    scale, rate : float
        s and η, positive.

    Returns
    -------
    float64 array of the shape of `log_t`
        Heights in (0, γ₀], or 0 where below 1e-304.

    Raises
    ------
    TypeError, ValueError
        If a number is outside its range.
    """
    n, alpha, gamma0 = _checks.validate_setting(n, alpha, gamma0)
    beta0, kappa = (
        validate_positive("beta0", beta0),
        validate_scheme("exponential", scale, rate).kappa,
    )
    goal = _checks.validate_numbers("log_t", log_t)
    if np.isposinf(goal).any():
        raise ValueError("log_t must be finite or -inf: γ reaches 0 at no time")
    curves = _curves(n, alpha, gamma0, beta0, scale, rate, "exponential")
    # Newton's method for y = log(e^{κx/2} - 1), x = log(γ₀/γ): log t grows like y at first, like
    # e^y later, and is convex, so that a step to the right, cut to 1, is followed by steps from
    # the right that converge. At y = -600 γ is γ₀, above x = 700 it is no float64.
    first, last = -600.0, 350 * kappa + float(np.log(-np.expm1(-350 * kappa)))
    y = np.log(np.maximum(goal, 1.0)) - np.log(alpha * beta0) + kappa * gamma0**2 / 4
    y = np.clip(np.minimum(y, goal), first, last)
    for _ in range(1000):
        x = 2 / kappa * np.logaddexp(0.0, y)
        here = log_time(x, gamma0, *curves)
        with np.errstate(invalid="ignore", over="ignore"):
            log_slope = log_slowness(x, gamma0, *curves) - here - np.logaddexp(0.0, -y)
            step = np.clip(kappa / 2 * (goal - here) * np.exp(-log_slope), -5.0, 1.0)
        step = np.where(np.isinf(here), -5.0, step)
        y, before = np.clip(y + step, first, last), y
        if (np.abs(y - before) <= 1e-15 * np.maximum(1.0, np.abs(y))).all():
            break
    gamma = gamma0 * np.exp(-2 / kappa * np.logaddexp(0.0, y))
    return _checks.unwrap(np.where(y < last, gamma, 0.0))


def _curves(
    n: float, alpha: float, gamma0: float, beta0: float, scale: float, rate: float, kind: str
) -> tuple[Curve, Curve]:
    """β as a function of γ, and the log of the pull as a function of a."""
    return (
        lambda gamma: lemma_3_1.beta(
            gamma, beta0=beta0, gamma0=gamma0, scale=scale, rate=rate, kind=kind
        ),
        lambda a: log_pull(a, n, alpha),
    )


# The integral


def log_slowness(x: Array, gamma0: float, beta: Curve, pull: Curve) -> Array:
    """Log dt/dx at γ = γ₀ e^-x, x ≥ 0: -log(2β g).

    Parameters
    ----------
    x : array
    gamma0 : float
    beta : callable
        β as a function of an array of γ.
    pull : callable
        Log g as a function of an array of a.
    """
    gamma = gamma0 * np.exp(-x)
    at = beta(gamma)
    with np.errstate(invalid="ignore", over="ignore"):
        slowness = -np.log(2 * at) - pull(at * (1 - gamma) * (1 + gamma))
    return np.where(np.isinf(at), np.inf, slowness)


def log_time(x: Array, gamma0: float, beta: Curve, pull: Curve) -> Array:
    """Log of the time at which γ = γ₀ e^-x; -inf at x = 0. Parameters as in `log_slowness`."""
    blocks = [x.ravel()[k : k + BLOCK] for k in range(0, x.size, BLOCK)]
    times = [_log_time(block, gamma0, beta, pull) for block in blocks]
    return np.concatenate([np.empty(0), *times]).reshape(x.shape)


def _log_time(x: Array, gamma0: float, beta: Curve, pull: Curve) -> Array:
    """One block of `log_time`.

    Gauss-Legendre on panels that double in width from both ends, up to width 1: at the far end the
    integrand falls off like e^{-slope·distance}, at the near end it may too.
    """

    def slowness(at: Array) -> Array:
        return log_slowness(at, gamma0, beta, pull)

    # The steepest slope at each end, over scales, since either may bend within 1e-12.
    steps = np.minimum(SCALES[:, None], x / 4)
    with np.errstate(invalid="ignore", divide="ignore"):
        far = np.where(steps > 0, np.abs(slowness(x) - slowness(x - steps)) / steps, 1.0)
        near = np.where(steps > 0, np.abs(slowness(steps) - slowness(0 * steps)) / steps, 1.0)
    from_start, from_end = (
        _grades(x / 2, 1 / np.clip(np.nan_to_num(slopes).max(axis=0), 1.0, 1e15))
        for slopes in (near, far)
    )
    edges = np.concatenate([from_start, (x[..., None] - from_end)[..., ::-1]], axis=-1)
    half = np.diff(edges, axis=-1)[..., None] / 2
    at = edges[..., :-1, None] + half * (1 + NODES)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(half > 0, slowness(at) + np.log(half * WEIGHTS), -np.inf)
        total: Array = logsumexp(terms, axis=(-2, -1))
    return total


def _grades(length: Array, first: Array) -> Array:
    """Edges 0, first, 3 first, 7 first, ... up to `length`, no panel wider than 1; a last axis."""
    doublings = int(np.ceil(np.log2(1 / first.min(initial=1.0)))) + 1
    longest = int(np.ceil(length.max(initial=0.0)))
    widths = first[..., None] * 2.0 ** np.arange(doublings)
    ones = np.ones((*first.shape, longest))
    widths = np.concatenate([np.minimum(widths, 1.0), ones], axis=-1)
    edges = np.minimum(np.cumsum(widths, axis=-1), length[..., None])
    return np.concatenate([np.zeros((*length.shape, 1)), edges], axis=-1)
