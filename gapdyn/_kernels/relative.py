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


def leads(Z: Array) -> Array:
    """Z_ii - Z_ij of rows and Z_jj - Z_ij of columns, (2, n, n, ...), of Z (n, n) or (n, n, B)."""
    matches = np.einsum("ii...->i...", Z)
    return np.stack([matches[:, None] - Z, matches - Z])


def coupling(P: Array, Q: Array) -> Array:
    """C = -2nG of the softmax weights of rows and of columns off the diagonal, where they are 0.

    The diagonal is a sum of them, so that 1 - P_ii is never a subtraction.
    """
    C: Array = -(P + Q)
    np.einsum("ii...->i...", C)[...] = P.sum(axis=1) + Q.sum(axis=0)
    return C


def relative_weights(Z: Array, a: FloatOrArray) -> tuple[Array, Array, Any]:
    """Leads of the matching entries, softmax weights over the largest of them, and its logarithm.

    Z is (n, n) or (n, n, B), and a a number or (B,). The weights are stacked as `leads` are: those
    of the rows of aZ, P, and those of its columns, Q, off the diagonal, where they are 0.
    """
    ahead = leads(Z)
    logs = -a * ahead
    for M, axis in zip(logs, (1, 0), strict=True):
        highest = M.max(axis=axis, keepdims=True)
        M -= highest + np.log(np.exp(M - highest).sum(axis=axis, keepdims=True))
        np.einsum("ii...->i...", M)[...] = -np.inf
    top = logs.max(axis=(0, 1, 2))
    return ahead, np.exp(logs - top), top


def relative_pull(W: Array, a: FloatOrArray, out: Array) -> Any:
    """Write the velocity of the rows per unit of P, where dP = a g dt, to `out`; return log g.

    W is (2n, d) or (2n, d, B), of rows of any lengths, and a is a number or (B,). Where g < 0 its
    logarithm is NaN.
    """
    n, rows = len(W) // 2, unit(W)
    X, Y = rows[:n], rows[n:]
    ahead, weights, top = relative_weights(np.einsum("id...,jd...->ij...", X, Y), a)
    pull = (weights * ahead).sum(axis=(0, 1, 2))  # 2n g, over the largest weight
    C = coupling(*weights)
    out[:n] = np.einsum("ij...,jd...->id...", C, Y)
    out[n:] = np.einsum("ij...,id...->jd...", C, X)
    out -= np.einsum("id...,id...->i...", rows, out)[:, None] * rows
    out /= pull
    return np.log(pull / (2 * n)) + top
