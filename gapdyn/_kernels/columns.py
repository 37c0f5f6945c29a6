"""Loss, gradient and observables of many small states at once, a state a column.

States stand on the last axis, rows (n, d, B) and logits (n, n, B), so that one NumPy call serves
all of them, and runs along entries that lie side by side in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

import numpy as np
from numpy.typing import NDArray

from gapdyn._kernels import rows as single
from gapdyn._kernels.entropy import CrossEntropy, log_one_plus
from gapdyn._kernels.gradient import SPREAD, gradient_in_place
from gapdyn._kernels.memory import STRIP, Scratch
from gapdyn._kernels.mixing import mix
from gapdyn._kernels.rows import TINY
from gapdyn.sphere import TIE, unit
from gapdyn.types import Array

ENTRIES = 2 * STRIP
"""Logits, with the rows that make them, that stay in the cache."""

LEAST_STATES = 32
"""States that are worth a NumPy call."""

LEAST_MATRIX = 64
"""nd from which on products of matrices are worth two transpositions."""

MOST_PRODUCTS = 2**16
"""n²d from which on matrix products of single states are faster."""


def chunks(n: int, d: int, count: int) -> Iterator[slice]:
    """States whose n × n logits and n × d rows fit into the cache together, in equal parts."""
    most = max(LEAST_STATES, ENTRIES // (n * max(n, d)))
    width = ceil(count / ceil(count / most)) if count else 1
    return (slice(start, start + width) for start in range(0, count, width))


def _gradient_in_place(
    M: Array, top: Array, spread: Array, scratch: Scratch, factor: Array | float = 1.0
) -> Array:
    """Turn logits (n, n, B), between `top - spread` and `top` (B,), into `factor` ∇ℓ."""
    n, sums = len(M), scratch.array("sums", M.shape)
    diagonal = M.reshape(n * n, -1)[:: n + 1]
    if one_shift := spread.max() <= SPREAD:
        M -= top
        np.exp(M, out=M)
        row_match = column_match = diagonal.copy()
        diagonal[...] = 0
    else:
        row_match, column_match = _own_shifts(M, diagonal, sums)
    rows, columns = (M if one_shift else sums).sum(axis=1), M.sum(axis=0)
    weight = factor * 0.5 / n
    row_scale, column_scale = weight / (rows + row_match), weight / (columns + column_match)
    if one_shift:
        M *= np.add(row_scale[:, None], column_scale, out=sums)
    else:
        M *= column_scale
        M += np.multiply(sums, row_scale[:, None], out=sums)
    diagonal[...] = -(rows * row_scale + columns * column_scale)
    return M


def _own_shifts(M: Array, diagonal: Array, by_row: Array) -> tuple[Array, Array]:
    """Off the diagonal, exp of M shifted by row to `by_row`, by column to M; return those on it."""
    row_top, column_top = M.max(axis=1), M.max(axis=0)
    matches = np.exp(diagonal - row_top), np.exp(diagonal - column_top)
    diagonal[...] = -np.inf
    np.exp(np.subtract(M, row_top[:, None], out=by_row), out=by_row)
    M -= column_top
    np.exp(M, out=M)
    return matches


def pull(Z: Array, a: Array) -> Array:
    """`gapdyn._kernels.pull` of one Z (n, n) at many scales a (B,)."""
    g, scratch = np.empty(a.shape), Scratch()
    high, low = Z.max(), Z.min()
    top, spread = np.maximum(high * a, low * a), (high - low) * np.abs(a)
    if Z.size > ENTRIES:
        for k, scale in enumerate(a):
            g[k] = np.sum(Z * gradient_in_place(scale * Z, top[k], spread[k]))
        return -g
    for some in chunks(len(Z), len(Z), a.size):
        G = _gradient_in_place(Z[:, :, None] * a[some], top[some], spread[some], scratch)
        np.einsum("ij,ijb->b", Z, G, out=g[some])
    return -g


def pull_rows(
    W: Array, a: Array, rate: float, out: Array, mixing: Array | None, scratch: Scratch
) -> Array:
    """`gapdyn._kernels.pull_rows` of many states: W and out (2n, d, B), a (B,)."""
    n, d, g = len(W) // 2, W.shape[1], np.empty(a.shape)
    if n**2 * d >= MOST_PRODUCTS:
        for k in range(a.size):
            rows = np.ascontiguousarray(W[..., k])
            g[k] = single.pull_rows(rows, a[k], rate, out[..., k], mixing, scratch)
        return g
    for some in chunks(n, d, a.size):
        V, scale = out[..., some], a[some]
        rows = unit(W[..., some], out=scratch.array("rows", V.shape))
        wanted = -rate * scale
        factor = np.where(np.abs(wanted) > TINY, wanted, -1.0)
        _mixed_products(rows, scale, V, mixing, scratch, factor)
        along = np.einsum("idb,idb->ib", rows, V)  # each half of it sums to `factor` ⟨G, Z⟩
        g[some] = along.sum(axis=0) / (-2 * factor)
        rows *= along[:, None]
        V -= rows
        if (factor != wanted).any():
            V *= wanted / factor
    return g


def _mixed_products(
    rows: Array, a: Array, out: Array, mixing: Array | None, scratch: Scratch, factor: Array
) -> None:
    """The products below, with the loss behind a mixing where there is one."""
    n = len(rows) // 2
    if mixing is None:
        _products(rows[:n], rows[n:], a, 1.0, out, scratch, factor)
    else:  # a mixed row has length √2 at most
        weights = mixing[..., None]
        _products(*mix(rows[:n], rows[n:], weights), a, 2.0, out, scratch, factor)
        out[:n], out[n:] = mix(out[:n], out[n:], weights)


def _products(
    X: Array, Y: Array, a: Array, reach: float, out: Array, scratch: Scratch, factor: Array
) -> None:
    """GY, then GᵀX, with G = ∇ℓ(a X Yᵀ), times a factor; X Yᵀ has size `reach` at most."""
    n, d = X.shape[:2]
    top = reach * np.abs(a)
    if n * d < LEAST_MATRIX:
        scaled = np.multiply(X, a, out=out[:n])
        M = scratch.array("similarities", (n, n, a.size))
        np.einsum("idb,jdb->ijb", scaled, Y, out=M)
        G = _gradient_in_place(M, top, 2 * top, scratch, factor)
        np.einsum("ijb,jdb->idb", G, Y, out=out[:n])
        np.einsum("ijb,idb->jdb", G, X, out=out[n:])
        return
    first_x, first_y = _states_first(X), _states_first(Y)
    M = np.ascontiguousarray(np.matmul(a[:, None, None] * first_x, first_y.mT).transpose(1, 2, 0))
    G = _states_first(_gradient_in_place(M, top, 2 * top, scratch, factor))
    out[:n] = np.matmul(G, first_y).transpose(1, 2, 0)
    out[n:] = np.matmul(G.mT, first_x).transpose(1, 2, 0)


def _states_first(A: Array) -> Array:
    """(n, d, B) as contiguous (B, n, d), for BLAS."""
    return np.ascontiguousarray(A.transpose(2, 0, 1))


def observe_rows(
    W: Array, a: Array, mixing: Array | None, scratch: Scratch
) -> tuple[Array, NDArray[np.intp], Array]:
    """`gapdyn._kernels.observe_rows` of many states."""
    n, d = len(W) // 2, W.shape[1]
    margin, mismatched, loss = np.empty(a.size), np.empty(a.size, np.intp), np.empty(a.size)
    if n**2 * d >= MOST_PRODUCTS:
        for k in range(a.size):
            rows = np.ascontiguousarray(W[..., k])
            margin[k], mismatched[k], loss[k] = single.observe_rows(rows, a[k], mixing, scratch)
        return margin, mismatched, loss
    for some in chunks(n, d, a.size):
        X, Y = W[:n, :, some], W[n:, :, some]
        Z = np.einsum("idb,jdb->ijb", X, Y)
        margin[some], mismatched[some] = _margins(Z)
        if mixing is not None:
            Z = np.einsum("idb,jdb->ijb", *mix(X, Y, mixing[..., None]))
        loss[some] = _mean_cross_entropy(a[some] * Z)
    return margin, mismatched, loss


def observe_similarities(Z: Array, a: Array) -> tuple[Array, NDArray[np.intp], Array]:
    """Margin and number of mismatched pairs of one Z (n, n), and ℓ(aZ), for many scales a (B,)."""
    n, loss = len(Z), np.empty(a.size)
    margin, mismatched = _margins(Z[:, :, None])
    if Z.size > ENTRIES:
        loss[:] = [CrossEntropy(n).add(slice(0, n), scale * Z).mean() for scale in a]
    else:
        for some in chunks(n, n, a.size):
            loss[some] = _mean_cross_entropy(a[some] * Z[:, :, None])
    return margin.repeat(a.size), mismatched.repeat(a.size), loss


def _margins(Z: Array) -> tuple[Array, NDArray[np.intp]]:
    """Margin and number of mismatched pairs of similarities (n, n, B)."""
    matches, others = _split_diagonal(Z)
    margins = matches - np.maximum(others.max(axis=1), others.max(axis=0))
    return margins.min(axis=0), (margins <= TIE).sum(axis=0)


def _mean_cross_entropy(M: Array) -> Array:
    """Eq. (2) of logits (n, n, B), as in `CrossEntropy`."""
    matches, others = _split_diagonal(M)
    total = np.zeros(M.shape[2])
    for axis in (1, 0):
        top = np.maximum(others.max(axis=axis), matches)
        sums = np.exp(others - np.expand_dims(top, axis)).sum(axis=axis)
        total += log_one_plus(sums, top - matches).mean(axis=0)
    return total / 2


def _split_diagonal(M: Array) -> tuple[Array, Array]:
    """The diagonals (n, B), and a copy of the rest with -∞ in their place."""
    n, others = len(M), M.copy()
    diagonal = others.reshape(n * n, -1)[:: n + 1]
    matches = diagonal.copy()
    diagonal[...] = -np.inf
    return matches, others
