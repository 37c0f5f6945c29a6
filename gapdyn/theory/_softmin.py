"""Ascent of the softmin of the margins, which the margin flow is the limit of (theory 4.3).

States are the unit rows W = [X; Y], (2n, d). The sharpness b makes weights ∝ e^{-b·margin} of the
2n(n-1) margins; velocities depend on them alone, so that b may be as large as rounding allows.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from scipy.linalg import lstsq

from gapdyn._kernels.relative import coupling, leads
from gapdyn.sphere import project, unit
from gapdyn.types import Array

RTOL, ATOL = 1e-7, 1e-10
NEGLIGIBLE = 1e-14
"""The share of the largest weight below which a margin does not stiffen the flow."""
STILL = 1e-3
"""A singular value of the Jacobian, a rate over s, below which it is taken for 0."""


class Multipliers(NamedTuple):
    """Multipliers of the margins, which add up to 1 and vanish on margins that are not active.

    Attributes
    ----------
    rows : (n, n) array
        λ_ij of Z_ii - Z_ij.
    columns : (n, n) array
        λ'_ij of Z_jj - Z_ij.
    """

    rows: Array
    columns: Array


def all_margins(Z: Array) -> Array:
    """Z_ii - Z_ij of rows and Z_jj - Z_ij of columns, (2, n, n), with ∞ on the diagonals."""
    margins = leads(Z)
    margins[:, np.arange(len(Z)), np.arange(len(Z))] = np.inf
    return margins


def gradients(
    X: Array, Y: Array, kind: NDArray[np.intp], i: NDArray[np.intp], j: NDArray[np.intp]
) -> Array:
    """Tangent gradients (K, 2n, d) of margins of rows (kind 0) and of columns (kind 1)."""
    n, k, own = len(X), np.arange(len(i)), np.where(kind == 0, i, j)
    found = np.zeros((len(i), 2 * n, X.shape[1]))
    np.add.at(found, (k, own), Y[own])
    np.add.at(found, (k, n + own), X[own])
    np.subtract.at(found, (k, i), Y[j])
    np.subtract.at(found, (k, n + j), X[i])
    W = np.vstack([X, Y])
    tangent: Array = found - (found * W).sum(axis=2, keepdims=True) * W
    return tangent


def force(W: Array, weights: Multipliers) -> Array:
    """F of the rows of X, CY with the coupling C of the weights, then of Y, CᵀX."""
    C = coupling(*weights)
    X, Y = np.split(W, 2)
    return np.vstack([C @ Y, C.T @ X])


def softmin(W: Array, b: float) -> tuple[Multipliers, Array, float]:
    """Weights ∝ e^{-b·margin}, the margins, and their mean."""
    X, Y = np.split(W, 2)
    margins = all_margins(X @ Y.T)
    weights = np.exp(-b * (margins - margins.min()))
    weights /= weights.sum()
    margins[np.isinf(margins)] = 0.0
    return Multipliers(*weights), margins, float((weights * margins).sum())


def speed(W: Array, b: float) -> Array:
    """The velocity of unit rows W along the softmin margin."""
    weights, _, mean = softmin(W, b)
    return project(W, force(W, weights)) / mean


def jacobian(W: Array, b: float) -> Array:
    """Derivative of `speed` in tangent directions, (2nd, 2nd), up to its part along the rows.

    With the gradients g_k of the margins m_k, the speed is Σ w_k g_k/μ, μ = Σ w_k m_k, and
    dw_k = -b w_k (dm_k - Σ w dm).
    """
    X, Y = np.split(W, 2)
    weights, margins, mean = softmin(W, b)
    both = np.stack(weights)
    active = np.nonzero(both > NEGLIGIBLE * both.max())
    w, m = both[active], margins[active]
    G = gradients(X, Y, *active).reshape(len(w), -1)
    slope = w @ G
    falls = -b * ((w * m) @ G - mean * slope)  # Σ dw_k m_k
    stiff = b * (np.outer(slope, slope) - (G * w[:, None]).T @ G)
    bends = _curvature(W, weights)
    whole: Array = (bends + stiff - np.outer(slope, slope + falls) / mean) / mean
    return whole


def _curvature(W: Array, weights: Multipliers) -> Array:
    """Hessian of Σ w_k m_k at fixed weights on the product of spheres, (2nd, 2nd)."""
    n, d = len(W) // 2, W.shape[1]
    C = coupling(*weights)
    flat = np.zeros((2 * n, 2 * n))
    flat[:n, n:], flat[n:, :n] = C, C.T
    flat[np.diag_indices(2 * n)] = -(W * force(W, weights)).sum(axis=1)
    tangent = np.eye(d) - W[:, :, None] * W[:, None, :]
    curved: Array = np.einsum("ace,ab,bed->acbd", tangent, flat, tangent, optimize=True)
    return curved.reshape(2 * n * d, 2 * n * d)


def _functions(shape: tuple[int, int], b: float) -> tuple[Callable[..., Array], ...]:
    """The speed and its Jacobian as SciPy calls them, of flat states."""

    def rows(y: Array) -> Array:
        return unit(y.reshape(shape))

    return (lambda s, y: speed(rows(y), b).ravel()), (lambda s, y: jacobian(rows(y), b))


def integrate(W: Array, end: float, stops: Array | None, b: float) -> tuple[Array, Array]:
    """Values of s and the rows (T, 2n, d) there, from rows W at s = 0."""
    velocity, derivative = _functions(W.shape, b)
    options: dict[str, Any] = {"t_eval": stops, "jac": derivative, "rtol": RTOL, "atol": ATOL}
    for method in ("LSODA", "Radau"):  # the first is faster, the second seldom fails
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # LSODA's, when it fails
            run = solve_ivp(velocity, (0.0, end), W.ravel(), method, **options)
        if run.success:
            break
    else:
        raise ValueError(f"s must be such that the path can be integrated: {run.message}")
    rows = run.y.T.reshape(-1, *W.shape)
    return run.t, rows / np.linalg.norm(rows, axis=2, keepdims=True)


def newton(W: Array, b: float) -> Array:
    """Newton's step to the nearest critical point of the softmin margin, (2n, d).

    Directions in which the speed does not change, such as rotations, have no part in it.
    """
    J = jacobian(W, b)
    step, *_ = lstsq(J, -speed(W, b).ravel(), cond=STILL / float(np.linalg.norm(J, 2)))
    moved: Array = step.reshape(W.shape)
    return moved
