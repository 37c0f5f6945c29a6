"""The loss, its gradient and what is said of it for many small pairs of modalities at once.

Members stand on the last axis, rows (n, d, B) and logits (n, n, B), so that every operation runs
along members that lie side by side and costs one NumPy call for all of them. The rules of
`gapdyn.loss` hold here too: exp of nothing above 0, and no 1 - P_ii by subtraction.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

import numpy as np
from numpy.typing import NDArray

from gapdyn.loss import SPREAD, TINY, Scratch, mix
from gapdyn.measures import TIE
from gapdyn.types import Array

ENTRIES = 2**16
"""Logits that stay in the cache."""

LEAST_MEMBERS = 32
"""Members that are worth a NumPy call."""

LEAST_MATRIX = 64
"""nd from which on products of matrices are worth two transpositions."""

MOST_PRODUCTS = 2**16
"""n²d from which on matrix products of single members are faster."""


def chunks(n: int, d: int, members: int) -> Iterator[slice]:
    """Members whose n × n logits and n × d rows fit into the cache together, in equal parts."""
    most = max(LEAST_MEMBERS, ENTRIES // (n * max(n, d)))
    width = ceil(members / ceil(members / most)) if members else 1
    return (slice(start, start + width) for start in range(0, members, width))


def unit(W: Array, out: Array | None = None) -> Array:
    """Rows (n, d, B) divided by their lengths."""
    rows: Array = np.divide(W, lengths(W)[:, None], out=out)
    return rows


def lengths(W: Array) -> Array:
    """Lengths (n, B) of rows (n, d, B)."""
    squares: Array = np.einsum("idb,idb->ib", W, W)
    return np.sqrt(squares)


def gradient_in_place(
    M: Array, top: Array, spread: Array, scratch: Scratch, factor: Array | float = 1.0
) -> Array:
    """Turn logits (n, n, B), between `top - spread` and `top` (B,), into `factor` ∇ℓ."""
    n = len(M)
    share = factor * 0.5 / n
    diagonal = M.reshape(n * n, -1)[:: n + 1]
    if spread.max() <= SPREAD:
        M -= top
        np.exp(M, out=M)
        row_match = column_match = diagonal.copy()
        diagonal[...] = 0
        rows, columns = M.sum(axis=1), M.sum(axis=0)
        row_scale, column_scale = share / (rows + row_match), share / (columns + column_match)
        M *= np.add(row_scale[:, None], column_scale, out=scratch.array("sums", M.shape))
    else:
        row_top, column_top = M.max(axis=1), M.max(axis=0)
        row_match, column_match = np.exp(diagonal - row_top), np.exp(diagonal - column_top)
        diagonal[...] = -np.inf
        across = np.subtract(M, row_top[:, None], out=scratch.array("sums", M.shape))
        np.exp(across, out=across)
        M -= column_top
        np.exp(M, out=M)
        rows, columns = across.sum(axis=1), M.sum(axis=0)
        row_scale, column_scale = share / (rows + row_match), share / (columns + column_match)
        across *= row_scale[:, None]
        M *= column_scale
        M += across
    diagonal[...] = -(rows * row_scale + columns * column_scale)
    return M


def pull(Z: Array, a: Array) -> Array:
    """g_a(Z) of one Z (n, n) at many scales a (B,): -⟨Z, ∇ℓ(aZ)⟩."""
    g, scratch = np.empty_like(a), Scratch()
    high, low = Z.max(), Z.min()
    for members in chunks(len(Z), len(Z), a.size):
        scale = a[members]
        top = np.maximum(high * scale, low * scale)
        M, spread = Z[:, :, None] * scale, (high - low) * np.abs(scale)
        G = gradient_in_place(M, top, spread, scratch)
        np.einsum("ij,ijb->b", Z, G, out=g[members])
    return -g


def pull_rows(
    W: Array,
    a: Array,
    rate: float,
    out: Array,
    mixing: Array | None = None,
    scratch: Scratch | None = None,
) -> Array:
    """`gapdyn.loss.pull_rows` for many members.

    Parameters
    ----------
    W : (2n, d, B) array
        Rows of X, then of Y, of any lengths; they are normalised first.
    a : (B,) array
    rate : float
        Learning rate of the rows.
    out : (2n, d, B) array
        Where to write -rate ∂ℓ/∂X and -rate ∂ℓ/∂Y, projected to the tangent spaces.
    mixing : (n, d) or (n, 1) array, optional
        λ of `gapdyn.loss.mix`.
    scratch : Scratch, optional
        Memory for similarities and rows.

    Returns
    -------
    (B,) array
        g_a(X̄ Ȳᵀ) = -∂ℓ/∂a.
    """
    n, scratch = len(W) // 2, scratch or Scratch()
    g = np.empty_like(a)
    for members in chunks(n, W.shape[1], a.size):
        V, scale = out[..., members], a[members]
        rows = unit(W[..., members], out=scratch.array("rows", V.shape))
        wanted = -rate * scale
        factor = np.where(np.abs(wanted) > TINY, wanted, -1.0)
        if mixing is None:
            _row_products(rows[:n], rows[n:], scale, 1.0, V, scratch, factor)
        else:  # a mixed row has length √2 at most
            weights = mixing[..., None]
            mixed = mix(rows[:n], rows[n:], weights)
            _row_products(*mixed, scale, 2.0, V, scratch, factor)
            V[:n], V[n:] = mix(V[:n], V[n:], weights)
        along = np.einsum("idb,idb->ib", rows, V)  # ⟨G, Z⟩ times the factor, by row and by column
        g[members] = along.sum(axis=0) / (-2 * factor)
        rows *= along[:, None]
        V -= rows
        if (factor != wanted).any():
            V *= wanted / factor
    return g


def _row_products(
    X: Array, Y: Array, a: Array, reach: float, out: Array, scratch: Scratch, factor: Array
) -> None:
    """GY, then GᵀX, with G = ∇ℓ(a X Yᵀ), times a factor; X Yᵀ has size `reach` at most."""
    n, d = X.shape[:2]
    top = reach * np.abs(a)
    if n * d < LEAST_MATRIX:
        scaled = np.multiply(X, a, out=out[:n])
        M = scratch.array("similarities", (n, n, a.size))
        np.einsum("idb,jdb->ijb", scaled, Y, out=M)
        G = gradient_in_place(M, top, 2 * top, scratch, factor)
        np.einsum("ijb,jdb->idb", G, Y, out=out[:n])
        np.einsum("ijb,idb->jdb", G, X, out=out[n:])
        return
    first_x, first_y = _members_first(X), _members_first(Y)
    M = np.ascontiguousarray(np.matmul(a[:, None, None] * first_x, first_y.mT).transpose(1, 2, 0))
    G = _members_first(gradient_in_place(M, top, 2 * top, scratch, factor))
    out[:n] = np.matmul(G, first_y).transpose(1, 2, 0)
    out[n:] = np.matmul(G.mT, first_x).transpose(1, 2, 0)


def _members_first(A: Array) -> Array:
    """(n, d, B) as contiguous (B, n, d), for BLAS."""
    return np.ascontiguousarray(A.transpose(2, 0, 1))


def observe_rows(
    W: Array, a: Array, mixing: Array | None = None
) -> tuple[Array, NDArray[np.intp], Array]:
    """Margin and number of mismatched pairs of Z = X Yᵀ, and ℓ(a X̄ Ȳᵀ), each (B,)."""
    n = len(W) // 2
    seen = np.empty((3, a.size))
    for members in chunks(n, W.shape[1], a.size):
        rows = unit(W[..., members])
        X, Y = rows[:n], rows[n:]
        Z = np.einsum("idb,jdb->ijb", X, Y)
        seen[:2, members] = margins(Z)
        if mixing is not None:
            Z = np.einsum("idb,jdb->ijb", *mix(X, Y, mixing[..., None]))
        seen[2, members] = mean_cross_entropy(a[members] * Z)
    return seen[0], seen[1].astype(np.intp), seen[2]


def margins(Z: Array) -> tuple[Array, NDArray[np.intp]]:
    """Margin and number of mismatched pairs of similarities (n, n, B)."""
    matches, others = _apart(Z)
    margins = matches - np.maximum(others.max(axis=1), others.max(axis=0))
    return margins.min(axis=0), (margins <= TIE).sum(axis=0)


def mean_cross_entropy(M: Array) -> Array:
    """Eq. (2) of logits (n, n, B), as in `gapdyn.loss.CrossEntropy`."""
    matches, others = _apart(M)
    total = np.zeros(M.shape[2])
    for axis in (1, 0):
        top = np.maximum(others.max(axis=axis), matches)
        sums = np.exp(others - np.expand_dims(top, axis)).sum(axis=axis)
        lag = top - matches
        cut = np.minimum(lag, SPREAD)
        total += (lag - cut + np.log1p(sums / np.exp(-cut))).mean(axis=0)
    return total / 2


def _apart(M: Array) -> tuple[Array, Array]:
    """The diagonals (n, B), and the rest with -∞ in their place."""
    n, others = len(M), M.copy()
    diagonal = others.reshape(n * n, -1)[:: n + 1]
    matches = diagonal.copy()
    diagonal[...] = -np.inf
    return matches, others


def centre_distance(X: Array, Y: Array) -> Array:
    """The gap (B,) of modalities (n, d, B)."""
    between = X.mean(axis=0) - Y.mean(axis=0)
    squares: Array = np.einsum("db,db->b", between, between)
    return np.sqrt(squares)
