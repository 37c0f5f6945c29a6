"""Loss, gradient and observables of the rows of one state."""

from __future__ import annotations

import numpy as np

from gapdyn._kernels.gradient import strips
from gapdyn._kernels.law import SOFTMAX, Law
from gapdyn._kernels.memory import BLOCK, BUDGET, Scratch, by_strips, cut, ones
from gapdyn._kernels.mixing import mix
from gapdyn.sphere import TIE
from gapdyn.types import Array

TINY = 1e-200
"""Factors of a gradient down to this size are divided out again."""


def rows_cross_entropy(
    X: Array, Y: Array, a: float, budget: int = BUDGET, law: Law = SOFTMAX
) -> float:
    """ℓ(a X Yᵀ), eq. (2), analytic; in blocks of rows where more than `budget` bytes are needed."""
    n, entropy = len(X), law.entropy(len(X), np.result_type(X, a))
    for block in cut(n, max(1, min(budget, BLOCK) // (8 * n))):
        Z = X[block] @ Y.T
        for rows, strip, _ in strips(block, Z):
            entropy.add(rows, a * strip)
    return entropy.mean()


def row_products(
    X: Array,
    Y: Array,
    a: float,
    out_x: Array,
    out_y: Array,
    reach: float,
    scratch: Scratch | None = None,
    factor: float = 1.0,
    law: Law = SOFTMAX,
) -> None:
    """Write `factor` times GY and GᵀX, both (n, d), to `out_x` and `out_y`, with G = ∇ℓ(a X Yᵀ).

    X and Y (n, d) have rows of any length; no entry of X Yᵀ exceeds `reach` in size, which is 1 for
    unit rows. These are three products and one pass of exp where G fits into the memory of
    `scratch`, four and two where it is made in blocks of rows.
    """
    n, top = len(X), reach * abs(a)
    memory = (scratch or Scratch()).similarities(n)
    scaled = np.multiply(X, a, out=out_x)  # each row is used before it is written over
    if len(memory) == n:  # dot takes fewer steps than matmul
        G = law.gradient(scaled.dot(Y.T, memory), top, 2 * top, factor)
        G.dot(Y, out_x)
        G.T.dot(X, out_y)
        return

    def logits(block: slice) -> Array:
        return np.matmul(scaled[block], Y.T, out=memory[: block.stop - block.start])

    out_y.fill(0)
    for block, G in law.blocks(logits, n, len(memory), top, 2 * top, factor):
        np.matmul(G, Y, out=out_x[block])
        out_y += G.T @ X[block]


def pull_rows(
    W: Array, a: float, rate: float, out: Array, mixing: Array | None, scratch: Scratch, law: Law
) -> float:
    """`gapdyn._kernels.pull_rows` of one state: W and out (2n, d), a a float."""
    if not out.flags.c_contiguous:  # BLAS writes whole rows
        rows = np.empty(out.shape)
        g = pull_rows(W, a, rate, rows, mixing, scratch, law)
        out[...] = rows
        return g
    n = len(W) // 2
    lengths = np.sqrt(np.vecdot(W, W))
    rows = np.divide(W, lengths[:, None], scratch.array("rows", W.shape))
    X, Y, dX, dY = rows[:n], rows[n:], out[:n], out[n:]
    wanted = -rate * a
    factor = wanted if abs(wanted) > TINY else -1.0
    if mixing is None:
        row_products(X, Y, a, dX, dY, 1.0, scratch, factor, law)
    else:  # a mixed row has length √2 at most
        row_products(*mix(X, Y, mixing), a, dX, dY, 2.0, scratch, factor, law)
        dX[...], dY[...] = mix(dX, dY, mixing)
    along = by_strips(_project, out, rows)
    if factor != wanted:
        out *= wanted / factor
    return float(along.dot(ones(2 * n))) / (-2 * factor)


def _project(out: Array, rows: Array) -> Array:
    """Project each row of `out` to the tangent space at a unit row; the unit rows are overwritten.

    The components removed are returned: ⟨dX_i, x_i⟩, then ⟨dY_i, y_i⟩; each half sums to ⟨G, Z⟩.
    """
    along: Array = np.vecdot(rows, out)
    rows *= along[:, None]
    out -= rows
    return along


def observe_rows(
    W: Array, a: float, mixing: Array | None, scratch: Scratch, law: Law
) -> tuple[float, int, float]:
    """`gapdyn._kernels.observe_rows` of one state, its similarities in blocks of the memory."""
    n = len(W) // 2
    X, Y, memory = W[:n], W[n:], scratch.similarities(n)
    entropy, matches = law.entropy(n), np.empty(n)
    nearest_y, nearest_x = np.empty(n), np.full(n, -np.inf)
    for block in cut(n, len(memory)):
        Z = np.matmul(X[block], Y.T, out=memory[: block.stop - block.start])
        for rows, strip, diagonal in strips(block, Z):
            if mixing is None:
                entropy.add(rows, a * strip)
            matches[rows] = diagonal
            diagonal[...] = -np.inf
            strip.max(axis=1, out=nearest_y[rows])
            np.maximum(nearest_x, strip.max(axis=0), out=nearest_x)
    margins = matches - np.maximum(nearest_x, nearest_y)
    if mixing is None:
        loss = entropy.mean()
    else:
        loss = rows_cross_entropy(*mix(X, Y, mixing), a, scratch.budget, law)
    return float(margins.min()), int((margins <= TIE).sum()), float(loss)
