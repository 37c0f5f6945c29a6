"""The gradient at late times: where the rows go, though all of ∇ℓ underflows, and log g.

With matched pairs the entries of ∇ℓ(aZ) are about e^{-a margin}, which is no float64 from
a margin = 745 on. The direction of the rows is a ratio of such entries, so all of them are divided
by the largest.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gapdyn.sphere import unit
from gapdyn.types import Array, FloatOrArray


def relative_weights(Z: Array, a: FloatOrArray) -> tuple[Array, Array, Any]:
    """Leads of the matching entries, softmax weights over the largest of them, and its logarithm.

    Z is (n, n) or (n, n, B), and a a number or (B,). The leads Z_ii - Z_ij and Z_jj - Z_ij are
    stacked, (2, n, n, ...), and so are the weights: those of the rows of aZ, P, and those of its
    columns, Q, off the diagonal, where they are 0.
    """
    matches = np.einsum("ii...->i...", Z)
    leads = np.stack([matches[:, None] - Z, matches - Z])
    logs = -a * leads
    for M, axis in zip(logs, (1, 0), strict=True):
        highest = M.max(axis=axis, keepdims=True)
        M -= highest + np.log(np.exp(M - highest).sum(axis=axis, keepdims=True))
        np.einsum("ii...->i...", M)[...] = -np.inf
    top = logs.max(axis=(0, 1, 2))
    return leads, np.exp(logs - top), top


def relative_pull(W: Array, a: FloatOrArray, out: Array) -> Any:
    """Write the velocity of the rows per unit of P, where dP = a g dt, to `out`; return log g.

    W is (2n, d) or (2n, d, B), of rows of any lengths, and a is a number or (B,). Where g < 0 its
    logarithm is NaN.
    """
    n, rows = len(W) // 2, unit(W)
    X, Y = rows[:n], rows[n:]
    leads, weights, top = relative_weights(np.einsum("id...,jd...->ij...", X, Y), a)
    pull = (weights * leads).sum(axis=(0, 1, 2))  # 2n g, over the largest weight
    both, own = weights.sum(axis=0), (weights[0].sum(axis=1) + weights[1].sum(axis=0))[:, None]
    np.subtract(own * Y, np.einsum("ij...,jd...->id...", both, Y), out=out[:n])
    np.subtract(own * X, np.einsum("ij...,id...->jd...", both, X), out=out[n:])
    out -= np.einsum("id...,id...->i...", rows, out)[:, None] * rows
    out /= pull
    return np.log(pull / (2 * n)) + top
