"""Where matched rows go as β → ∞: along the steepest ascent of the log margin (theory 4.3).

Let s = η_x P(β), which is log β in the paper's case. The free flow has dX/ds = -P_X(GY)/g, where G
and g depend on β through the softmax weights of the off-diagonal entries alone. As β → ∞ these
weights rest on the least of the 2n(n-1) margins Z_ii - Z_ij (of row i) and Z_jj - Z_ij (of column
j), and the path tends to that of

    dx_i/ds = P_{x_i} F_i / α,   F_i = Σ_j [(λ_ij + λ'_ji) y_i - (λ_ij + λ'_ij) y_j],

y alike, where the multipliers λ of rows and λ' of columns make the shortest convex combination of
the gradients of the active margins. A learned β of any kind is a clock of this one path.

`multipliers` and `velocity` solve that problem at one state. `flow` and `limit` follow the path of
the softmin margin at a fixed large sharpness b, with weights ∝ e^{-b·margin}: it differs from the
path of the margin by O(1/√b) at most, and `flow` measures the difference.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import nnls

from gapdyn.measures import centre_distance, margin
from gapdyn.sphere import TIE, project, unit
from gapdyn.theory import _checks, _softmin
from gapdyn.theory._softmin import Multipliers
from gapdyn.theory.alignment import Condition, condition, misalignment, misalignment_velocity
from gapdyn.theory.consensus import Exponent, exponent
from gapdyn.types import Array
from gapdyn.validate import shown, validate_positive

__all__ = [
    "Condition",
    "Exponent",
    "Limit",
    "Multipliers",
    "NotConvergedError",
    "Path",
    "Velocity",
    "condition",
    "exponent",
    "flow",
    "limit",
    "misalignment",
    "misalignment_velocity",
    "multipliers",
    "velocity",
]

SHARPNESS = 1e5
"""The sharpness b of the softmin margin by default, or 1000/α where that is more."""
LARGEST_SHARPNESS = 1e8
"""From 1e9 on the rounding of margins is noise in e^{-b·margin}, and steps do not end."""
COARSER = 4.0
"""By how much the sharpness differs of the two paths whose distance is the error of `flow`."""
SHORTEST, LONGEST = 1e-12, 1e6
"""The least end of a path, less than an integration resolves, and the largest: β grows by e^s."""
AT_REST = 1e-6
"""How far from a critical point of the softmin margin a path is at its limit, by Newton's step."""
STANDING = 1e-3
"""The speed there, of which b times the rounding of rows is left."""


class Velocity(NamedTuple):
    """dX/ds and dY/ds, both (n, d), tangent to the sphere."""

    X: Array
    Y: Array


class Path(NamedTuple):
    """A path of the margin flow.

    Attributes
    ----------
    s : (T,) array
        The clock η_x P(β), from 0 at the start.
    X, Y : (T, n, d) arrays
        Unit rows.
    margin, gap, misalignment : (T,) arrays
        α, Δ and E = ½Σ‖x_i - y_i‖².
    error : (T,) array
        The largest distance of a row from where it is on the path of a quarter of the sharpness:
        an estimate of the distance from the path of the margin itself.
    """

    s: Array
    X: Array
    Y: Array
    margin: Array
    gap: Array
    misalignment: Array
    error: Array


class Limit(NamedTuple):
    """Where a path of the margin flow ends.

    Attributes
    ----------
    X, Y : (n, d) arrays
        Unit rows.
    margin, gap, misalignment : float
        α, Δ and E = ½Σ‖x_i - y_i‖².
    multipliers : Multipliers
        The weights of the softmin margin, on margins within a few 1/b of the least.
    residual : float
        ‖Σ λ_k ∇m_k‖/α with these multipliers, the speed that is left; 0 at a critical point.
    s : float
        How far the path was followed.
    """

    X: Array
    Y: Array
    margin: float
    gap: float
    misalignment: float
    multipliers: Multipliers
    residual: float
    s: float


class NotConvergedError(ValueError):
    """A path that has not come to its limit.

    Attributes
    ----------
    reached : Limit
        What it reached.
    """

    def __init__(self, message: str, reached: Limit) -> None:
        super().__init__(message)
        self.reached = reached

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (str(self), self.reached)


def multipliers(X: ArrayLike, Y: ArrayLike, *, tolerance: float = 1e-9) -> Multipliers:
    """Multipliers of the active margins of matched rows.

    They make the supergradient of the margin of least norm on the product of the tangent spaces
    (theory 4.3). Where several do, these are some of them; the supergradient is the same.

    Parameters
    ----------
    X, Y : (n, d) arrays of floats
        Matched rows, α(XYᵀ) > 0, of any nonzero length; they are normalised.
    tolerance : float
        By how much more than α, relative to it, an active margin may be.

    Returns
    -------
    Multipliers

    Raises
    ------
    TypeError, ValueError
        If X and Y are not real floats of one shape with rows of some length, a pair is not matched,
        or the tolerance is not positive.

    Examples
    --------
    >>> from gapdyn.examples import simplex
    >>> rows, columns = multipliers(simplex(3), simplex(3))
    >>> (rows + columns + (rows + columns).T).round(12)
    array([[0.        , 0.33333333, 0.33333333],
           [0.33333333, 0.        , 0.33333333],
           [0.33333333, 0.33333333, 0.        ]])
    """
    X, Y, _ = _validate_matched(X, Y)
    return _multipliers(X, Y, validate_positive("tolerance", tolerance))


def velocity(X: ArrayLike, Y: ArrayLike, *, tolerance: float = 1e-9) -> Velocity:
    """dX/ds and dY/ds of the margin flow, the steepest ascent of log α (theory 4.3).

    dx_i/ds = P_{x_i} F_i/α, F_i = Σ_j [(λ_ij + λ'_ji) y_i - (λ_ij + λ'_ij) y_j], and for y_i
    likewise Σ_j [(λ_ij + λ'_ji) x_i - (λ_ji + λ'_ji) x_j]. So d log α/ds = ‖dX/ds‖² + ‖dY/ds‖².

    Parameters
    ----------
    X, Y, tolerance
        As in `multipliers`.

    Returns
    -------
    Velocity

    Raises
    ------
    TypeError, ValueError
        As in `multipliers`.
    """
    X, Y, least = _validate_matched(X, Y)
    weights = _multipliers(X, Y, validate_positive("tolerance", tolerance))
    W = np.vstack([X, Y])
    return Velocity(*np.split(project(W, _softmin.force(W, weights)) / least, 2))


def flow(X: ArrayLike, Y: ArrayLike, s: ArrayLike, *, sharpness: float | None = None) -> Path:
    """The path of the margin flow from matched rows, with its measured error (theory 4.3).

    What is integrated, by LSODA or else Radau, is the flow of the softmin margin: λ_ij ∝
    e^{-b(Z_ii - Z_ij)}, λ'_ij ∝ e^{-b(Z_jj - Z_ij)}, and their mean of the margins for α. Up to
    e^{-bα} that is the flow of InfoNCE at the fixed inverse temperature b, on the clock s. A
    Jacobian of (2nd)² entries has to fit into memory; eight pairs in R⁴ take a second, sixteen in
    R⁸ a few seconds, where threads of other processes do not hold up those of the linear algebra.

    Parameters
    ----------
    X, Y : (n, d) arrays of floats
        Matched rows, α(XYᵀ) > 0, of any nonzero length; they are normalised.
    s : float or (T,) array of floats
        An end s ≥ 1e-12, for output at 0 and at every step; or increasing values of s from 0 on,
        the last of which is such an end.
    sharpness : float, optional
        b, from 100/α to 1e8, by default 1e5 or more. The cost is about twice as much at 1e8.

    Returns
    -------
    Path

    Raises
    ------
    TypeError, ValueError
        If X and Y are not real floats of one shape with rows of some length, a pair is not matched,
        values of s do not increase from 0 on or end below 1e-12 or beyond 1e6, the sharpness is out
        of range, or the integration fails.
    """
    X, Y, least = _validate_matched(X, Y)
    end, stops = _validate_path(s)
    b = _validate_sharpness(sharpness, least)
    W = np.vstack([X, Y])
    stops, fine = _softmin.integrate(W, end, stops, b)
    _, coarse = _softmin.integrate(W, end, stops, b / COARSER)
    X, Y = np.split(fine, 2, axis=1)
    return Path(
        stops,
        X,
        Y,
        np.array([margin(A @ B.T) for A, B in zip(X, Y, strict=True)]),
        np.linalg.norm((X - Y).mean(axis=1), axis=1),
        ((X - Y) ** 2).sum(axis=(1, 2)) / 2,
        np.linalg.norm(fine - coarse, axis=2).max(axis=1),
    )


def limit(
    X: ArrayLike, Y: ArrayLike, *, sharpness: float | None = None, longest: float | None = None
) -> Limit:
    """Where the margin flow from matched rows ends: a critical point of the margin (theory 4.3).

    There every pair that carries a multiplier has x_i = y_i.

    Parameters
    ----------
    X, Y, sharpness
        As in `flow`.
    longest : float, optional
        The s at which to give up, from 1e-12 to 1e6; 60n by default. Near a limit distances fall
        like e^{-s/n}.

    Returns
    -------
    Limit

    Raises
    ------
    TypeError, ValueError
        As in `flow`.
    NotConvergedError
        If the path still moves at s = `longest`, with what it `reached`; this is a ValueError.
    """
    X, Y, least = _validate_matched(X, Y)
    b = _validate_sharpness(sharpness, least)
    end = 60.0 * len(X) if longest is None else validate_positive("longest", longest)
    if not SHORTEST <= end <= LONGEST:
        raise ValueError(f"longest must lie between {SHORTEST:g} and {LONGEST:g}, got {longest}")
    W, s = np.vstack([X, Y]), 0.0
    while (end_point := _critical_point(W, b)) is None and end - s >= SHORTEST:
        stretch = min(len(X) / 2, end - s)
        _, rows = _softmin.integrate(W, stretch, np.array([stretch]), b)
        W, s = rows[-1], s + stretch
    if end_point is None:
        reached = _as_limit(W, s, b)
        raise NotConvergedError(
            f"longest must be larger: at s = {s:g} the rows of X and Y still move at the speed "
            f"{reached.residual:.2g}, and no limit is near; what they reached is in .reached",
            reached,
        )
    return _as_limit(end_point, s, b)


def _multipliers(X: Array, Y: Array, tolerance: float) -> Multipliers:
    """The point of least norm in the convex hull of the gradients of the active margins.

    With the gradients as columns of A, min ‖Aλ‖² + (Σλ - 1)² over λ ≥ 0 is a nonnegative least
    squares problem, and its solution is a multiple of the one with Σλ = 1.
    """
    margins = _softmin.all_margins(X @ Y.T)
    least = float(margins.min())
    active = np.nonzero(margins <= least + max(tolerance * least, TIE))
    A = _softmin.gradients(X, Y, *active).reshape(len(active[0]), -1).T
    rows = np.vstack([A, np.ones(A.shape[1])])
    try:
        found, _ = nnls(rows, np.append(np.zeros(len(A)), 1.0), maxiter=100 * rows.shape[1])
    except RuntimeError as error:
        raise ValueError(
            f"tolerance must be smaller: multipliers were not found, {error}"
        ) from error
    weights = np.zeros_like(margins)
    weights[active] = found / found.sum()
    return Multipliers(*weights)


def _critical_point(W: Array, b: float) -> Array | None:
    """The critical point of the softmin margin that rows are at, by one step of Newton's."""
    step = _softmin.newton(W, b)
    point = unit(W + step)
    near = np.linalg.norm(step) <= AT_REST
    return point if near and np.linalg.norm(_softmin.speed(point, b)) <= STANDING else None


def _as_limit(W: Array, s: float, b: float) -> Limit:
    """What there is to say of the rows that a path has reached."""
    X, Y = np.split(W, 2)
    return Limit(
        X,
        Y,
        margin(X @ Y.T),
        float(centre_distance(X, Y)),
        float(((X - Y) ** 2).sum()) / 2,
        _softmin.softmin(W, b)[0],
        float(np.linalg.norm(_softmin.speed(W, b))),
        s,
    )


def _validate_matched(X: ArrayLike, Y: ArrayLike) -> tuple[Array, Array, float]:
    """Unit rows of matched pairs, and their margin."""
    X, Y = _checks.validate_unit_pairs(X, Y)
    least = margin(X @ Y.T)
    if least <= TIE:
        raise ValueError(
            f"X and Y must have matched pairs, of a margin α(XYᵀ) > 0 that grows, it is {least:.3g}"
        )
    return X, Y, least


def _validate_sharpness(sharpness: float | None, least: float) -> float:
    """A sharpness at which the softmin of the margins is near their minimum."""
    if sharpness is None:
        sharpness = max(SHARPNESS, 1e3 / least)
    b = validate_positive("sharpness", sharpness)
    if not 100 / least <= b <= LARGEST_SHARPNESS:
        raise ValueError(
            f"sharpness must lie between 100/α = {100 / least:.4g} and {LARGEST_SHARPNESS:g}, "
            f"got {b:g}"
        )
    return b


def _validate_path(s: ArrayLike) -> tuple[float, Array | None]:
    """The end, and the values of s where they were given."""
    values = _checks.validate_finite("s", s)
    if values.ndim > 1 or values.size == 0:
        raise ValueError(f"s must be an end or one axis of values, got shape {values.shape}")
    last = float(values.max())
    if values.min() < 0 or last <= 0 or (np.diff(np.atleast_1d(values)) <= 0).any():
        raise ValueError(f"s must increase, from 0 on, to a positive end, got {shown(s)}")
    if not SHORTEST <= last <= LONGEST:
        raise ValueError(
            f"s must end between {SHORTEST:g} and {LONGEST:g}: β grows by e^s, got {last:g}"
        )
    return last, values if values.ndim else None
