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
from gapdyn._kernels.entropy import split_diagonal
from gapdyn._kernels.law import Law
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


def pull(Z: Array, a: Array, law: Law) -> Array:
    """`gapdyn._kernels.pull` of one Z (n, n) at many scales a (B,)."""
    g, scratch = np.empty(a.shape), Scratch()
    high, low = Z.max(), Z.min()
    top, spread = np.maximum(high * a, low * a), (high - low) * np.abs(a)
    if Z.size > ENTRIES:
        for k, scale in enumerate(a):
            g[k] = np.sum(Z * law.part(k).gradient(scale * Z, top[k], spread[k], 1.0))
        return -g
    for some in chunks(len(Z), len(Z), a.size):
        M = Z[:, :, None] * a[some]
        G = law.part(some).gradients(M, top[some], spread[some], scratch, 1.0)
        np.einsum("ij,ijb->b", Z, G, out=g[some])
    return -g


def pull_rows(
    W: Array, a: Array, rate: float, out: Array, mixing: Array | None, scratch: Scratch, law: Law
) -> Array:
    """`gapdyn._kernels.pull_rows` of many states: W and out (2n, d, B), a (B,)."""
    n, d, g = len(W) // 2, W.shape[1], np.empty(a.shape)
    if n**2 * d >= MOST_PRODUCTS:
        for k in range(a.size):
            rows = np.ascontiguousarray(W[..., k])
            g[k] = single.pull_rows(rows, a[k], rate, out[..., k], mixing, scratch, law.part(k))
        return g
    for some in chunks(n, d, a.size):
        V, scale = out[..., some], a[some]
        rows = unit(W[..., some], out=scratch.array("rows", V.shape))
        wanted = -rate * scale
        factor = np.where(np.abs(wanted) > TINY, wanted, -1.0)
        _mixed_products(rows, scale, V, mixing, scratch, factor, law.part(some))
        along = np.einsum("idb,idb->ib", rows, V)  # each half of it sums to `factor` ⟨G, Z⟩
        g[some] = along.sum(axis=0) / (-2 * factor)
        rows *= along[:, None]
        V -= rows
        if (factor != wanted).any():
            V *= wanted / factor
    return g


def _mixed_products(
    rows: Array,
    a: Array,
    out: Array,
    mixing: Array | None,
    scratch: Scratch,
    factor: Array,
    law: Law,
) -> None:
    """The products below, with the loss behind a mixing where there is one."""
    n = len(rows) // 2
    if mixing is None:
        _products(rows[:n], rows[n:], a, 1.0, out, scratch, factor, law)
    else:  # a mixed row has length √2 at most
        weights = mixing[..., None]
        _products(*mix(rows[:n], rows[n:], weights), a, 2.0, out, scratch, factor, law)
        out[:n], out[n:] = mix(out[:n], out[n:], weights)


def _products(
    X: Array,
    Y: Array,
    a: Array,
    reach: float,
    out: Array,
    scratch: Scratch,
    factor: Array,
    law: Law,
) -> None:
    """GY, then GᵀX, with G = ∇ℓ(a X Yᵀ), times a factor; X Yᵀ has size `reach` at most."""
    n, d = X.shape[:2]
    top = reach * np.abs(a)
    if n * d < LEAST_MATRIX:
        scaled = np.multiply(X, a, out=out[:n])
        M = scratch.array("similarities", (n, n, a.size))
        np.einsum("idb,jdb->ijb", scaled, Y, out=M)
        G = law.gradients(M, top, 2 * top, scratch, factor)
        np.einsum("ijb,jdb->idb", G, Y, out=out[:n])
        np.einsum("ijb,idb->jdb", G, X, out=out[n:])
        return
    first_x, first_y = _states_first(X), _states_first(Y)
    M = np.ascontiguousarray(np.matmul(a[:, None, None] * first_x, first_y.mT).transpose(1, 2, 0))
    G = _states_first(law.gradients(M, top, 2 * top, scratch, factor))
    out[:n] = np.matmul(G, first_y).transpose(1, 2, 0)
    out[n:] = np.matmul(G.mT, first_x).transpose(1, 2, 0)


def _states_first(A: Array) -> Array:
    """(n, d, B) as contiguous (B, n, d), for BLAS."""
    return np.ascontiguousarray(A.transpose(2, 0, 1))


def observe_rows(
    W: Array, a: Array, mixing: Array | None, scratch: Scratch, law: Law
) -> tuple[Array, NDArray[np.intp], Array]:
    """`gapdyn._kernels.observe_rows` of many states."""
    n, d = len(W) // 2, W.shape[1]
    margin, mismatched, loss = np.empty(a.size), np.empty(a.size, np.intp), np.empty(a.size)
    if n**2 * d >= MOST_PRODUCTS:
        for k in range(a.size):
            rows = np.ascontiguousarray(W[..., k])
            margin[k], mismatched[k], loss[k] = single.observe_rows(
                rows, a[k], mixing, scratch, law.part(k)
            )
        return margin, mismatched, loss
    for some in chunks(n, d, a.size):
        X, Y = W[:n, :, some], W[n:, :, some]
        Z = np.einsum("idb,jdb->ijb", X, Y)
        margin[some], mismatched[some] = _margins(Z)
        if mixing is not None:
            Z = np.einsum("idb,jdb->ijb", *mix(X, Y, mixing[..., None]))
        loss[some] = law.part(some).losses(a[some] * Z)
    return margin, mismatched, loss


def observe_similarities(Z: Array, a: Array, law: Law) -> tuple[Array, NDArray[np.intp], Array]:
    """Margin and number of mismatched pairs of one Z (n, n), and ℓ(aZ), for many scales a (B,)."""
    n, loss = len(Z), np.empty(a.size)
    margin, mismatched = _margins(Z[:, :, None])
    if Z.size > ENTRIES:
        for k, scale in enumerate(a):
            loss[k] = law.part(k).entropy(n).add(slice(0, n), scale * Z).mean()
    else:
        for some in chunks(n, n, a.size):
            loss[some] = law.part(some).losses(a[some] * Z[:, :, None])
    return margin.repeat(a.size), mismatched.repeat(a.size), loss


def _margins(Z: Array) -> tuple[Array, NDArray[np.intp]]:
    """Margin and number of mismatched pairs of similarities (n, n, B)."""
    matches, others = split_diagonal(Z)
    margins = matches - np.maximum(others.max(axis=1), others.max(axis=0))
    return margins.min(axis=0), (margins <= TIE).sum(axis=0)
