"""Unit rows: normalise, sample, polygons, cones, tangent projection, lifting (3).

A modality is an (n, d) array whose n rows are points of the sphere S^{d-1}; two modalities of one
shape make n pairs, row i of X matching row i of Y.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from gapdyn.types import Array, Floats, Seed
from gapdyn.validate import (
    generator,
    validate_array,
    validate_count,
    validate_height,
    validate_integer,
    validate_number,
    validate_pairs,
    validate_rows,
)

TIE = 64 * float(np.finfo(np.float64).eps)
"""Two similarities of unit rows that differ by no more than this are a tie."""


def lengths(X: Floats) -> Array:
    """Euclidean length of each row of `X`, (n, d) or (n, d, B), summed in float64."""
    dtype = np.result_type(X, np.float64)  # complex stays complex: the loss is differentiated so
    squares: Array = np.einsum("id...,id...->i...", X, X, dtype=dtype)
    return np.sqrt(squares)


def unit(X: Array, out: Array | None = None) -> Array:
    """`X`, (n, d) or (n, d, B), with its rows divided by their lengths, unchecked."""
    rows: Array = np.divide(X, lengths(X)[:, None], out=out)
    return rows


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
        If `X` has the wrong shape, a NaN or infinite entry, or a row of zero length.

    Examples
    --------
    >>> normalise([[3.0, 4.0], [0.0, 0.5]])
    array([[0.6, 0.8],
           [0. , 1. ]])
    """
    rows = np.array(validate_rows("X", X), dtype=np.float64)
    with np.errstate(over="ignore"):
        length = lengths(rows)
    extreme = (length < 1e-150) | (length > 1e150)  # squares that leave float64
    if extreme.any():
        rows[extreme] /= np.abs(rows[extreme]).max(axis=1, keepdims=True)
        length = lengths(rows)
    rows /= length[:, None]
    return rows


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
        If a size is no integer of at least 2, or `seed` is neither.
    """
    validate_count("n", n, least=2)
    validate_count("d", d, least=2)
    return unit(generator(seed).standard_normal((n, d)))


def polygon(n: int) -> Array:
    """Return the corners of the regular n-gon on the circle, shape (n, 2), from (1, 0) on.

    Raises
    ------
    TypeError, ValueError
        If `n` is no integer of at least 2.
    """
    angle = 2 * np.pi * np.arange(validate_count("n", n, least=2)) / n
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def polygon_pairs(n: int, rotation: int = 0) -> tuple[Array, Array]:
    """Return two modalities on one regular n-gon, row i of Y at the place of row i + rotation of X.

    Parameters
    ----------
    n : int
        Number of pairs, at least 2.
    rotation : int
        Places by which Y is turned; a multiple of `n` matches all pairs, anything else none.

    Returns
    -------
    X, Y : (n, 2) arrays of unit rows

    Raises
    ------
    TypeError, ValueError
        If `n` is below 2 or one of them is no integer.

    Examples
    --------
    >>> X, Y = polygon_pairs(4, rotation=1)
    >>> bool((Y[0] == X[1]).all())
    True
    """
    X = polygon(n)
    return X, np.roll(X, -validate_integer("rotation", rotation), axis=0)


def cone(n: int, axis: ArrayLike, angle: float, seed: Seed = None) -> Array:
    """Draw `n` points at the same angle from an axis, their directions around it uniform.

    Networks send their inputs into such cones before training (Liang et al. 2022).

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
    direction = validate_array("axis", axis, ndim=1).astype(np.float64)
    if not 0 <= validate_number("angle", angle) <= np.pi:
        raise ValueError(f"angle must lie in [0, π] radians, got {angle}")
    if not direction.any():
        raise ValueError("axis must not be zero")
    d = validate_count("the dimension of axis", direction.size, least=2)
    around = generator(seed).standard_normal((validate_count("n", n, least=2), d - 1))
    rows = np.column_stack([np.full(n, np.cos(angle)), np.sin(angle) * unit(around)])
    # A Householder reflection takes the first axis, about which these rows stand, to the given one.
    sign = 1.0 if direction[0] >= 0 else -1.0
    mirror = direction / np.abs(direction).max()
    mirror /= np.linalg.norm(mirror)
    mirror[0] += sign
    reflected: Array = rows - np.outer(rows @ mirror, mirror) * (2 / (mirror @ mirror))
    return -sign * reflected


def project(X: Array, V: Array) -> Array:
    """Project each row of `V` to the tangent space of the sphere at the same row of `X`.

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
    """Lift two modalities to parallel circles of latitude: the lift above eq. (3) of the paper.

    X̃ = [√(1-γ_X²) X, γ_X 1] and Ỹ = [√(1-γ_Y²) Y, γ_Y 1], with γ_X = γ = -γ_Y when one height
    is given.

    Parameters
    ----------
    X, Y : (n, d) arrays of floats
        Rows of any nonzero length; they are normalised.
    gamma : float
        The tied height, in [-1, 1]; or else both of
    gamma_x, gamma_y : float
        the heights of X and of Y, in [-1, 1].

    Returns
    -------
    X̃, Ỹ : (n, d + 1) arrays of unit rows

    Raises
    ------
    ValueError
        If X and Y differ in shape, a height is outside [-1, 1], or the heights are neither tied
        nor both given.
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

    X - λ(c_X - c_Y)/2 and Y + λ(c_X - c_Y)/2, rows renormalised (Liang et al. 2022): λ = 0 leaves
    them, λ near 1 closes the gap, a larger λ carries each beyond the other.

    Parameters
    ----------
    X, Y : (n, d) arrays of floats
        Rows of any nonzero length; they are normalised first.
    amount : float
        The share λ of the gap that is taken away.

    Returns
    -------
    X, Y : (n, d) arrays of unit rows

    Raises
    ------
    TypeError, ValueError
        If X and Y are not real floats of one shape with rows of some length, or `amount` is not
        finite or takes a row to zero.
    """
    X, Y = validate_pairs(X, Y)
    X, Y = normalise(X), normalise(Y)
    half = validate_number("amount", amount) * (X.mean(axis=0) - Y.mean(axis=0)) / 2
    shifted = X - half, Y + half
    if not all(rows.any(axis=1).all() for rows in shifted):
        raise ValueError(f"amount must leave each row some length, {amount} takes one to zero")
    return normalise(shifted[0]), normalise(shifted[1])
