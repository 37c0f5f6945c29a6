"""Ways to close the gap of rows that are given, and what each does to everything else.

Each way moves the rows of one modality or of both, and puts them back on the sphere. What it is
worth is shown by the measures before and after, by the neighbours that are kept, and by the loss.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike, NDArray

from gapdyn._memory import claim_similarities
from gapdyn.loss import best_temperature, mean_cross_entropy
from gapdyn.measures import Measures, measure
from gapdyn.sphere import lengths, normalise, rounding
from gapdyn.types import Array, Seed
from gapdyn.validate import (
    generator,
    shown,
    validate_bool,
    validate_count,
    validate_pairs,
    validate_temperature,
)

CLIP = 0.01
"""The least temperature that CLIP learns."""

Indices = NDArray[np.intp]
Way = Callable[[Array, Array, Indices], tuple[Array, Array]]
"""From rows X, Y and the indices of the pairs to learn from, to moved rows."""


@dataclass(frozen=True)
class Closed:
    """Rows whose gap was closed, and what it cost.

    Attributes
    ----------
    method : str
    X, Y : (n, d) arrays
        All rows, moved.
    gap_unnormalised : float
        Distance of the centres of the moved rows before they are put back on the sphere.
    pairs : int
        How many pairs all that follows is measured on: those that nothing was learnt from.
    before, after : Measures
    kept_x_to_y, kept_y_to_x : float
        Mean share of the nearest rows of Y, as seen from a row of X, that still are the nearest
        after the move, and the same from Y.
    tau : float
    loss_before, loss_after : float
        Eq. (2) at that τ, in nats.
    best_tau_before, best_tau_after : float
        As `loss.best_temperature` says.
    """

    method: str
    X: Array
    Y: Array
    gap_unnormalised: float
    pairs: int
    before: Measures
    after: Measures
    kept_x_to_y: float
    kept_y_to_x: float
    tau: float
    loss_before: float
    loss_after: float
    best_tau_before: float
    best_tau_after: float


def close(
    X: ArrayLike,
    Y: ArrayLike,
    method: str = "shift",
    *,
    renormalise: bool = True,
    tau: float = CLIP,
    neighbours: int = 10,
    seed: Seed = 0,
) -> Closed:
    """Close the gap of given rows, and measure them before and after.

    With δ = c_X - c_Y the difference of the centres of unit rows, the methods are

    - ``shift``: X - δ/2 and Y + δ/2;
    - ``one-sided``: Y + δ, where X stays;
    - ``centre``: X - c_X and Y - c_Y;
    - ``orthogonal``: Y + (I - VVᵀ)δ, V an orthonormal basis of the span of x_i - c_X. For a text as
      the query ⟨x_i, (I - VVᵀ)δ⟩ is the same for all x_i, so that its neighbours stay. For an image
      they stay by inner products, all of which change by one number, and may not by cosines, as the
      moved texts have different lengths. Where V spans all dimensions nothing moves;
    - ``procrustes``: YR, R the rotation or reflection that brings a random half of Y nearest to its
      partners [1]_, measured on the other half;
    - ``top-direction``: all rows without their component in the first principal direction of the 2n
      rows [2]_.

    Parameters
    ----------
    X, Y : (n, d) arrays of floats
        Row i of X matches row i of Y. Rows are normalised; n × n similarities are stored.
    method : str
        One of `METHODS`.
    renormalise : bool
        Whether the rows that are returned are unit rows. All measures are of unit rows.
    tau : float
        Temperature of the two losses; CLIP's least by default.
    neighbours : int
        How many nearest rows are compared, at most n.
    seed : int or numpy.random.Generator
        Decides which half ``procrustes`` learns from.

    Returns
    -------
    Closed

    Raises
    ------
    TypeError, ValueError
        If X and Y are not real floats of one shape (n, d), n, d ≥ 2 (n ≥ 4 for ``procrustes``),
        with rows of nonzero length, another argument is outside its range, or the method takes a
        row to zero.

    References
    ----------
    .. [1] P. H. Schönemann, "A generalized solution of the orthogonal Procrustes problem",
       Psychometrika 31, 1966.
    .. [2] J. Mu and P. Viswanath, "All-but-the-Top: Simple and Effective Postprocessing for Word
       Representations", ICLR 2018, who remove several.

    Examples
    --------
    >>> from gapdyn import sphere
    >>> closed = close(*sphere.lift(*sphere.polygon_pairs(5), gamma=0.31))
    >>> round(closed.before.gap, 2), abs(round(closed.after.gap, 12)), closed.kept_x_to_y
    (0.62, 0.0, 1.0)
    """
    X, Y = map(normalise, validate_pairs(X, Y))
    if not isinstance(method, str) or method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {shown(method)}")
    tau, n = validate_temperature("tau", tau), len(X)
    claim_similarities(n)
    count = validate_count("neighbours", neighbours, least=1)
    learnt, measured = _halves(n, method, seed)
    moved = METHODS[method](X, Y, learnt)
    if min(lengths(rows).min() for rows in moved) <= 2 * rounding(*X.shape):
        raise ValueError(f"method must leave each row some length, {method} takes one to zero")
    A, B = map(normalise, moved)
    old, new = X[measured] @ Y[measured].T, A[measured] @ B[measured].T
    count = min(count, len(measured))
    X_out, Y_out = (A, B) if validate_bool("renormalise", renormalise) else moved
    return Closed(
        method=method,
        X=X_out,
        Y=Y_out,
        gap_unnormalised=float(np.linalg.norm(moved[0].mean(axis=0) - moved[1].mean(axis=0))),
        pairs=len(measured),
        before=measure(X[measured], Y[measured]),
        after=measure(A[measured], B[measured]),
        kept_x_to_y=_kept(old, new, count),
        kept_y_to_x=_kept(old.T, new.T, count),
        tau=tau,
        loss_before=float(mean_cross_entropy(old / tau)),
        loss_after=float(mean_cross_entropy(new / tau)),
        best_tau_before=best_temperature(old),
        best_tau_after=best_temperature(new),
    )


def _halves(n: int, method: str, seed: Seed) -> tuple[Indices, Indices]:
    """Pairs to learn from, and to measure on: all of them where nothing is learnt of partners."""
    every = np.arange(n)
    if method != "procrustes":
        return every, every
    if n < 4:
        raise ValueError(f"X and Y must have at least 4 pairs for procrustes, got {n}")
    order = generator(seed).permutation(n)
    return np.sort(order[: n // 2]), np.sort(order[n // 2 :])


def _difference(X: Array, Y: Array) -> Array:
    """δ = c_X - c_Y."""
    delta: Array = X.mean(axis=0) - Y.mean(axis=0)
    return delta


def _shift(X: Array, Y: Array, _: Indices) -> tuple[Array, Array]:
    half = _difference(X, Y) / 2
    return X - half, Y + half


def _one_sided(X: Array, Y: Array, _: Indices) -> tuple[Array, Array]:
    return X, Y + _difference(X, Y)


def _centre(X: Array, Y: Array, _: Indices) -> tuple[Array, Array]:
    return X - X.mean(axis=0), Y - Y.mean(axis=0)


def _orthogonal(X: Array, Y: Array, _: Indices) -> tuple[Array, Array]:
    _, sizes, V = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
    V = V[sizes > rounding(*X.shape) * np.sqrt(len(X))]
    delta = _difference(X, Y)
    return X, Y + delta - V.T @ (V @ delta)


def _procrustes(X: Array, Y: Array, learnt: Indices) -> tuple[Array, Array]:
    return X, Y @ scipy.linalg.orthogonal_procrustes(Y[learnt], X[learnt])[0]


def _top_direction(X: Array, Y: Array, _: Indices) -> tuple[Array, Array]:
    rows = np.concatenate([X, Y])
    top = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)[2][0]
    return X - np.outer(X @ top, top), Y - np.outer(Y @ top, top)


METHODS: dict[str, Way] = {
    "shift": _shift,
    "one-sided": _one_sided,
    "centre": _centre,
    "orthogonal": _orthogonal,
    "procrustes": _procrustes,
    "top-direction": _top_direction,
}
"""How the rows are moved."""


def _kept(old: Array, new: Array, count: int) -> float:
    """Mean share of the `count` largest entries of each row that are among them afterwards."""

    def largest(Z: Array) -> NDArray[np.bool_]:
        chosen = np.zeros(Z.shape, dtype=bool)
        at = np.argsort(-Z, axis=1, kind="stable")[:, :count]
        np.put_along_axis(chosen, at, True, axis=1)
        return chosen

    return float((largest(old) & largest(new)).sum(axis=1).mean() / count)
