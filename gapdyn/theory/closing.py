"""How long the gap takes to close: the exact frozen solution, in log t (theory 3.3).

With Z = αI the pull is g(a) = α(n-1)/(n-1+e^{aα}), β is a function of γ by Lemma 3.1, and (11) is
one equation, dγ/dt = -2βγ g(β(1-γ²)). Its solution is an integral: with x = log(γ₀/γ),
t = ∫₀ˣ dx / (2β g). Times like e^{1000} are ordinary, so everything here works with log t.
`theorem_3_2.Setting` puts it to use.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import elementwise
from scipy.special import lambertw, logsumexp

from gapdyn.types import Array

NODES, WEIGHTS = np.polynomial.legendre.leggauss(20)
EPS = np.finfo(float).eps
BLOCK = 256
"""Number of heights at a time: each may need some thousand nodes."""
SCALES = 10.0 ** -np.arange(1, 16, 2)
"""Distances over which the slopes at the ends of the integral are estimated."""
SHORTEST, LONGEST = 1e-17, 700.0
"""Values of x between which γ₀e^-x is not γ₀ and is a float64."""
Curve = Callable[[Array], Array]


def log_pull(a: Array, n: float, alpha: float) -> Array:
    """Log g(a) of the cross-entropy at Z = αI with n pairs."""
    log_g: Array = np.log(alpha) - np.logaddexp(0.0, alpha * a - np.log(n - 1))
    return log_g


def pull(a: float, n: float, alpha: float) -> float:
    """g(a) of the cross-entropy at Z = αI with n pairs, for one number a."""
    return float(np.exp(log_pull(np.asarray(a), n, alpha)))


def critical_scale(n: float) -> float:
    """1 + W₀((n-1)/e), W₀ the Lambert function: the aα at which a g(a) of Z = αI is largest.

    It is also the least aα from which on no row with a lead of α is pulled harder (theory 3.3).
    """
    return float(1 + lambertw((n - 1) / np.e).real)


# The integral


def log_slowness(x: Array, gamma0: float, beta: Curve, log_g: Curve) -> Array:
    """Log dt/dx at γ = γ₀ e^-x, x ≥ 0: -log(2β g).

    Parameters
    ----------
    x : array
    gamma0 : float
    beta : callable
        β as a function of an array of x.
    log_g : callable
        Log g as a function of an array of a.
    """
    gamma, at = gamma0 * np.exp(-x), beta(x)
    with np.errstate(invalid="ignore", over="ignore"):
        slowness = -np.log(2) - np.log(at) - log_g(at * (1 - gamma) * (1 + gamma))
    return np.where(np.isinf(at), np.inf, slowness)


def log_time(x: Array, gamma0: float, beta: Curve, log_g: Curve) -> Array:
    """Log of the time at which γ = γ₀ e^-x; -inf at x = 0. Parameters as in `log_slowness`."""
    blocks = [x.ravel()[k : k + BLOCK] for k in range(0, x.size, BLOCK)]
    times = [_log_time(block, gamma0, beta, log_g) for block in blocks]
    return np.concatenate([np.empty(0), *times]).reshape(x.shape)


def _log_time(x: Array, gamma0: float, beta: Curve, log_g: Curve) -> Array:
    """One block of `log_time`.

    Gauss-Legendre quadrature on panels that double in width from both ends, up to width 1, because
    the integrand falls off like e^{-slope·distance} from the far end, and may from the near end.
    """

    def slowness(at: Array) -> Array:
        return log_slowness(at, gamma0, beta, log_g)

    # The steepest slope at each end, over `SCALES` of distance, since it may change within 1e-12.
    steps = np.minimum(SCALES[:, None], x / 4)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
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


# Its inverse


def log_ratio_at(log_t: Array, gamma0: float, beta: Curve, log_g: Curve) -> Array:
    """The inverse of `log_time`: x = log(γ₀/γ) at log t, infinite beyond `LONGEST`.

    The unknown is v = log(e^x - 1), which keeps the digits of small and of large x. The search
    starts from the v at which x dt/dx, an approximation of t, has the wanted value.

    Raises
    ------
    ArithmeticError
        If the iteration does not converge.
    """
    lengths = np.array([SHORTEST, LONGEST])
    least, most = log_time(lengths, gamma0, beta, log_g)
    goal = _straight(np.clip(log_t, least, most))
    low, high = np.log(np.expm1(lengths))

    def guessed(v: Array, goal: Array) -> Array:
        x = _length(v)
        return _straight(np.log(x) + log_slowness(x, gamma0, beta, log_g)) - goal

    def surplus(v: Array, goal: Array) -> Array:
        return _straight(log_time(_length(v), gamma0, beta, log_g)) - goal

    guess = elementwise.find_root(guessed, (low, high), args=(goal,), tolerances={"xatol": 1e-2})
    v = np.where(guess.success, guess.x, low)
    limits = {"xmin": low - 1, "xmax": high + 1}  # so that the search can reach both ends
    near = elementwise.bracket_root(surplus, v - 0.5, v + 0.5, **limits, args=(goal,))
    found = elementwise.find_root(
        surplus, near.bracket, args=(goal,), tolerances={"xatol": 2 * EPS, "xrtol": 2 * EPS}
    )
    if not found.success.all():
        raise ArithmeticError("the height at a given time was not found")
    return np.where(log_t >= most, np.inf, _length(found.x))


def _length(v: Array) -> Array:
    """The x ≥ 0 at which v = log(e^x - 1)."""
    return np.logaddexp(0.0, v)


def _straight(log_t: Array) -> Array:
    """Log t below 1, and 1 + log log t above, finite and nearly a straight line in v."""
    return np.where(log_t < 1, log_t, 1 + np.log(np.clip(log_t, 1.0, np.finfo(float).max)))
