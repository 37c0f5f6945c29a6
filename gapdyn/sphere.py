"""Unit rows: normalise, sample, polygons, cones, tangent projection, and the lift of eq. (3).

A modality is an (n, d) array whose n rows are points of the sphere S^{d-1}. Two modalities X and Y
of one shape make n pairs: row i of X matches row i of Y.

References
----------
.. [1] V. W. Liang, Y. Zhang, Y. Kwon, S. Yeung and J. Zou, "Mind the Gap: Understanding the
   Modality Gap in Multi-modal Contrastive Representation Learning", NeurIPS 2022.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from gapdyn.types import Array, Floats, Seed
from gapdyn.validate import (
    generator,
    validate_count,
    validate_floats,
    validate_height,
    validate_integer,
    validate_number,
    validate_pairs,
    validate_rows,
    validate_shape,
)

TIE = 64 * float(np.finfo(np.float64).eps)
"""Two similarities of unit rows that differ by no more than this are a tie."""


MODERATE = 1e150
"""Rows longer than this, or shorter than its inverse, have squares that may leave float64."""


def lengths(X: Floats) -> Floats:
    """Euclidean length of each row of `X`, (n, d) or (n, d, B), in float64 or a wider type.

    It is right for rows of any size, and infinite where it is beyond the type.
    """
    _, long, divisor = _moderate(X)
    with np.errstate(over="ignore"):
        whole: Floats = long * divisor
    return whole


def plain_lengths(X: Floats) -> Array:
    """`lengths` of rows whose squares are float64, or of complex rows for a complex step."""
    squares: Array = np.einsum("id...,id...->i...", X, X, dtype=np.result_type(X, np.float64))
    return np.sqrt(squares)


def _moderate(X: Floats) -> tuple[Floats, Floats, Floats]:
    """`X` with rows divided so that they have squares, their lengths, and what each is divided by.

    That is 1, or the largest entry of a row that is not of moderate length.
    """
    with np.errstate(over="ignore"):
        long = plain_lengths(X)
    extreme = ~((long > 1 / MODERATE) & (long < MODERATE))
    divisor = np.ones_like(long)
    if extreme.any():
        largest = np.abs(X).max(axis=1)
        np.copyto(divisor, largest, where=extreme & (largest > 0))
        X = X / divisor[:, None]
        long = plain_lengths(X)
    return X, long, divisor


def unit(X: Array, out: Array | None = None) -> Array:
    """`X`, (n, d) or (n, d, B), with its rows of moderate lengths divided by them, unchecked."""
    rows: Array = np.divide(X, plain_lengths(X)[:, None], out=out)
    return rows


def rounding(n: int, d: int) -> float:
    """How far rounding may move the difference between the centres of two modalities (n, d).

    With ε = 2.2e-16, the mean of n unit rows is off by nε/2 at most, and the length of a row by
    (d/2 + 2)ε. A difference that is no longer than the two together has no direction.
    """
    return (n + d + 4) * float(np.finfo(np.float64).eps)


def normalise(X: ArrayLike) -> Array:
    """Return a copy of `X` with rows of unit length.

    Parameters
    ----------
    X : (n, d) array of floats
        n ≥ 2 rows in d ≥ 2 dimensions, of any nonzero length.

    Returns
    -------
    (n, d) float64 array

    Raises
    ------
    TypeError
        If `X` is not of a real floating-point type.
    ValueError
        If `X` has the wrong shape, a NaN, infinite or masked entry, or a row of zero length.

    Examples
    --------
    >>> normalise([[3.0, 4.0], [0.0, 0.5]])
    array([[0.6, 0.8],
           [0. , 1. ]])
    """
    rows, long, _ = _moderate(validate_rows("X", X))
    if long.dtype != np.float64:  # so that the same numbers give the same rows, whatever their type
        rows = rows.astype(np.float64)
        long = plain_lengths(rows)
    unit_rows: Array = rows / long[:, None]
    return unit_rows


def sample(n: int, d: int, seed: Seed = None) -> Array:
    """Draw `n` independent points, uniform on S^{d-1}.

    Parameters
    ----------
    n, d : int
        Number of points and dimension, both at least 2.
    seed : int or numpy.random.Generator, optional
        Source of randomness; a Generator is advanced.

    Returns
    -------
    (n, d) array of unit rows

    Raises
    ------
    TypeError, ValueError
        If a size is no integer of at least 2, or `seed` is neither an integer nor a Generator.
    """
    shape = validate_shape(n=n, d=d, least=2)
    return unit(generator(seed).standard_normal(shape))


def polygon(n: int) -> Array:
    """Return the corners of the regular n-gon on the circle, shape (n, 2), beginning at (1, 0).

    Raises
    ------
    TypeError, ValueError
        If `n` is no integer of at least 2.
    """
    (n,) = validate_shape(n=n, least=2)
    angle = 2 * np.pi * np.arange(n) / n
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def polygon_pairs(n: int, rotation: int = 0) -> tuple[Array, Array]:
    """Return two modalities on one regular n-gon: row i of Y equals row i + rotation of X.

    Parameters
    ----------
    n : int
        Number of pairs, at least 2.
    rotation : int
        Places by which Y is turned. All pairs match at a multiple of `n`, else none does.

    Returns
    -------
    X, Y : (n, 2) arrays of unit rows

    Raises
    ------
    TypeError, ValueError
        If `n` is below 2, or `n` or `rotation` is no integer.

    Examples
    --------
    >>> X, Y = polygon_pairs(4, rotation=1)
    >>> bool((Y[0] == X[1]).all())
    True
    """
    X = polygon(n)
    return X, np.roll(X, -(validate_integer("rotation", rotation) % len(X)), axis=0)


def cone(n: int, axis: ArrayLike, angle: float, seed: Seed = None) -> Array:
    """Draw `n` points at one angle from an axis, with uniform directions around it.

    Before training a network maps its inputs into such a narrow cone [1]_.

    Parameters
    ----------
    n : int
        Number of points, at least 2.
    axis : (d,) array of floats
        Direction of the axis, any nonzero length, d ≥ 2.
    angle : float
        Angle between each row and the axis, in radians, in [0, π].
    seed : int or numpy.random.Generator, optional
        Source of randomness.

    Returns
    -------
    (n, d) array of unit rows

    Raises
    ------
    TypeError, ValueError
        If `n` is below 2, the axis is zero or no vector of floats, or the angle is outside [0, π].
    """
    direction = validate_floats("axis", axis, ndim=1)
    wide = np.result_type(direction, np.float64)
    angle = validate_number("angle", angle)
    if not 0 <= angle <= np.pi:
        raise ValueError(f"angle must lie in [0, π] radians, got {angle}")
    if not direction.any():
        raise ValueError("axis must not be zero")
    d = validate_count("the dimension of axis", direction.size, least=2)
    n, _ = validate_shape(n=n, d=d, least=2)
    around = generator(seed).standard_normal((n, d - 1))
    rows = np.column_stack([np.full(n, np.cos(angle)), np.sin(angle) * unit(around)])
    # The rows stand around the first axis: a Householder reflection takes it to the given axis.
    mirror = np.divide(direction, np.abs(direction).max(), dtype=wide).astype(np.float64)
    mirror /= np.linalg.norm(mirror)
    sign = 1.0 if mirror[0] >= 0 else -1.0
    mirror[0] += sign
    reflected: Array = rows - np.outer(rows @ mirror, mirror) * (2 / (mirror @ mirror))
    return -sign * reflected


def project(X: Array, V: Array) -> Array:
    """Project each row of `V` to the tangent space of the sphere at the same row of `X`, unchecked.

    Parameters
    ----------
    X : (n, d) or (d,) array
        Unit rows, the points of tangency.
    V : (n, d) array
        Vectors of the ambient space.

    Returns
    -------
    (n, d) array
        v - ⟨v, x⟩ x for each row.
    """
    tangent: Array = V - (X * V).sum(axis=-1, keepdims=True) * X
    return tangent


def lift(
    X: ArrayLike,
    Y: ArrayLike,
    gamma: float | None = None,
    *,
    gamma_x: float | None = None,
    gamma_y: float | None = None,
) -> tuple[Array, Array]:
    """Lift two modalities to parallel circles of latitude, as above eq. (3) of the paper.

    X̃ = [√(1-γ_X²) X, γ_X 1] and Ỹ = [√(1-γ_Y²) Y, γ_Y 1]. One height γ gives γ_X = γ and
    γ_Y = -γ.

    Parameters
    ----------
    X, Y : (n, d) arrays of floats
        Rows of any nonzero length; they are normalised.
    gamma : float, optional
        The tied height, in [-1, 1].
    gamma_x, gamma_y : float, optional
        Instead of `gamma`, the heights of X and of Y, in [-1, 1].

    Returns
    -------
    X̃, Ỹ : (n, d + 1) arrays of unit rows

    Raises
    ------
    TypeError, ValueError
        If X and Y are not real floats of one shape with rows of nonzero length, a height is no
        number in [-1, 1], or neither `gamma` alone nor both of `gamma_x` and `gamma_y` are given.
    """
    X, Y = validate_pairs(X, Y)
    heights = resolve_heights(gamma, gamma_x, gamma_y)
    return at_height(normalise(X), heights[0]), at_height(normalise(Y), heights[1])


def at_height(X: Array, gamma: float) -> Array:
    """One modality of (3): [√(1-γ²) X, γ 1]."""
    return np.column_stack([np.sqrt(1 - gamma**2) * X, np.full(len(X), gamma)])


def resolve_heights(
    gamma: float | None, gamma_x: float | None, gamma_y: float | None
) -> tuple[float, float]:
    """The heights (γ_X, γ_Y) from one tied γ or from both."""
    if gamma is not None and gamma_x is None and gamma_y is None:
        height = validate_height("gamma", gamma)
        return height, -height
    if gamma is None and gamma_x is not None and gamma_y is not None:
        return validate_height("gamma_x", gamma_x), validate_height("gamma_y", gamma_y)
    raise ValueError("give either gamma, or both gamma_x and gamma_y")


def shift_gap(X: ArrayLike, Y: ArrayLike, amount: float) -> tuple[Array, Array]:
    """Move two modalities along the gap between their centres, then back to the sphere.

    The rows of X - λ(c_X - c_Y)/2 and Y + λ(c_X - c_Y)/2 are normalised again [1]_. λ = 0 changes
    nothing, λ near 1 closes the gap, and a larger λ carries each modality beyond the other.

    Parameters
    ----------
    X, Y : (n, d) arrays of floats
        Rows of any nonzero length; they are normalised first.
    amount : float
        The share λ of the gap by which the two approach each other.

    Returns
    -------
    X, Y : (n, d) arrays of unit rows

    Raises
    ------
    TypeError, ValueError
        If X and Y are not real floats of one shape with rows of nonzero length, or `amount` is not
        finite or takes a row to zero, to within `rounding`.
    """
    X, Y = validate_pairs(X, Y)
    X, Y = normalise(X), normalise(Y)
    amount, unsure = validate_number("amount", amount), rounding(*X.shape)
    half = (X.mean(axis=0) - Y.mean(axis=0)) / 2
    step, error = amount * half, (1 + abs(amount) / 2) * unsure
    if np.linalg.norm(half) <= unsure / 2:  # centres that coincide have no gap to move along
        step, error = np.zeros_like(half), unsure
    shifted = X - step, Y + step
    if min(lengths(rows).min() for rows in shifted) <= error:
        raise ValueError(f"amount must leave each row some length, {amount} takes one to zero")
    return normalise(shifted[0]), normalise(shifted[1])
