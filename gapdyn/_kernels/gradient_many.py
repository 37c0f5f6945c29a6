"""The gradient of the loss (2) in many matrices of logits (n, n, B) at once, in place."""

from __future__ import annotations

import numpy as np

from gapdyn._kernels.gradient import SPREAD
from gapdyn._kernels.memory import Scratch
from gapdyn.types import Array


def gradients_in_place(
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
