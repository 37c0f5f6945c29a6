"""How long the gap takes to close: the exact solution of the frozen model, in log t.

With Z = αI the pull is g(a) = α(n-1)/(n-1+e^{aα}), β is a function of γ by Lemma 3.1, and (11) is
one equation, dγ/dt = -2βγ g(β(1-γ²)). Its solution is an integral, here with x = log(γ₀/γ):
t = ∫₀ˣ dx / (2β g). Times like e^{1000} are ordinary, so all is done in log t.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import logsumexp

from gapdyn._validate import Array

NODES, WEIGHTS = np.polynomial.legendre.leggauss(20)
BLOCK = 256
"""Heights at a time: each may need some thousand nodes."""
SCALES = 10.0 ** -np.arange(1, 16, 2)
Curve = Callable[[Array], Array]


def log_pull(a: Array, n: float, alpha: float) -> Array:
    """Log g(a) of the cross-entropy at Z = αI; n pairs."""
    log_g: Array = np.log(alpha) - np.logaddexp(0.0, alpha * a - np.log(n - 1))
    return log_g


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
    return -np.log(2 * at) - pull(at * (1 - gamma) * (1 + gamma))


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
        _grades(x / 2, 1 / np.maximum(slopes.max(axis=0), 1.0)) for slopes in (near, far)
    )
    edges = np.concatenate([from_start, (x[..., None] - from_end)[..., ::-1]], axis=-1)
    half = np.diff(edges, axis=-1)[..., None] / 2
    at = edges[..., :-1, None] + half * (1 + NODES)
    with np.errstate(divide="ignore"):
        terms = slowness(at) + np.log(half * WEIGHTS)
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
