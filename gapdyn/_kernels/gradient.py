"""The gradient of the loss in one matrix of logits, in place, whole or in blocks of rows.

Write P for the softmax of the rows and Q for that of the columns: ∇ℓ = (P + Q)/2n - I/n. A pass
over the matrix is made strip by strip, so that all that is done to a strip finds it in the cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from gapdyn._kernels import memory
from gapdyn._kernels.memory import cut, ones, strip_height
from gapdyn.types import Array

SPREAD = 600.0
"""Logits within this range share one exp shift: e⁻⁶⁰⁰ = 2.7e-261 and its inverse are float64."""

Logits = Callable[[slice], Array]
"""Makes the given rows of the logits."""

Blocks = Iterator[tuple[slice, Array]]
"""Blocks of rows of the gradient, and which rows they are."""


def gradient_in_place(M: Array, top: float, spread: float, factor: float = 1.0) -> Array:
    """Turn logits, between `top - spread` and `top`, into `factor` ∇ℓ(M), in place."""
    if M.size <= memory.STRIP and spread <= SPREAD:
        return _small(M, top, factor)
    for _ in gradient_blocks(lambda rows: M, len(M), len(M), top, spread, factor):
        pass
    return M


def gradient_blocks(
    logits: Logits, n: int, height: int, top: float, spread: float, factor: float
) -> Blocks:
    """`factor` ∇ℓ(M) in blocks of `height` rows.

    Each pass asks for each block of logits again; a single block is the same array each time.
    """
    shifted = _one_shift if spread <= SPREAD else _own_shifts
    return shifted(logits, n, cut(n, height), top, factor * 0.5 / n)


def strips(block: slice, M: Array) -> Iterator[tuple[slice, Array, Array]]:
    """Cut a block into strips: which rows, their entries, their part of the diagonal."""
    n = M.shape[1]
    height = strip_height(n)
    for start in range(block.start, block.stop, height):
        rows = slice(start, min(start + height, block.stop))
        strip = M[rows.start - block.start : rows.stop - block.start]
        yield rows, strip, strip.reshape(-1)[start :: n + 1]


def _small(M: Array, top: float, factor: float) -> Array:
    """The same as `_one_shift`, for a matrix of one strip, in as few NumPy calls as it takes."""
    n = len(M)
    diagonal, vector = M.reshape(-1)[:: n + 1], ones(n)
    M -= top
    np.exp(M, out=M)
    matches = diagonal.copy()
    diagonal.fill(0)
    others = np.empty((2, n))  # of rows, of columns
    M.dot(vector, others[0])
    M.T.dot(vector, others[1])
    scale = factor * 0.5 / n / (others + matches)
    M *= scale[0, :, None] + scale[1]
    others *= scale
    np.subtract(-others[0], others[1], out=diagonal)
    return M


def _one_shift(logits: Logits, n: int, blocks: list[slice], top: float, weight: float) -> Blocks:
    """All of exp shifted by `top`: one exp serves the rows and the columns."""
    rows, columns, matches = np.empty(n), np.zeros(n), np.empty(n)
    sums = np.empty((min(n, strip_height(n)), n))
    for block in blocks:
        M = logits(block)
        for r, strip, diagonal in strips(block, M):
            strip -= top
            np.exp(strip, out=strip)
            matches[r] = diagonal
            diagonal[...] = 0
            strip.dot(ones(n), rows[r])
            columns += strip.T.dot(ones(n)[r])
    row_scale, column_scale = weight / (rows + matches), weight / (columns + matches)
    removed = rows * row_scale + columns * column_scale
    for block in blocks:
        M = logits(block)
        for r, strip, diagonal in strips(block, M):
            if len(blocks) > 1:  # made anew; a single block holds its exp already
                strip -= top
                np.exp(strip, out=strip)
            strip *= np.add(row_scale[r, None], column_scale, out=sums[: len(strip)])
            np.negative(removed[r], out=diagonal)
        yield block, M


def _own_shifts(logits: Logits, n: int, blocks: list[slice], top: float, weight: float) -> Blocks:
    """Each row and each column shifted by its own largest logit: two exps, each made twice."""
    row_top, column_top = _largest(logits, n, blocks)
    rows, columns = np.empty(n), np.zeros(n)
    row_match, column_match = np.empty(n), np.empty(n)
    for block in blocks:
        M = logits(block)
        for r, strip, diagonal in strips(block, M):
            np.exp(diagonal - row_top[r], out=row_match[r])
            np.exp(diagonal - column_top[r], out=column_match[r])
            diagonal[...] = -np.inf
            np.exp(strip - row_top[r, None]).sum(axis=1, out=rows[r])
            columns += np.exp(strip - column_top).sum(axis=0)
    row_scale, column_scale = weight / (rows + row_match), weight / (columns + column_match)
    removed = rows * row_scale + columns * column_scale
    for block in blocks:
        M = logits(block)
        for r, strip, diagonal in strips(block, M):
            by_row = np.exp(strip - row_top[r, None])
            by_row *= row_scale[r, None]
            strip -= column_top
            np.exp(strip, out=strip)
            strip *= column_scale
            strip += by_row
            np.negative(removed[r], out=diagonal)
        yield block, M


def _largest(logits: Logits, n: int, blocks: list[slice]) -> tuple[Array, Array]:
    """The largest logit of each row and of each column."""
    row_top, column_top = np.empty(n), np.full(n, -np.inf)
    for block in blocks:
        M = logits(block)
        M.max(axis=1, out=row_top[block])
        np.maximum(column_top, M.max(axis=0), out=column_top)
    return row_top, column_top
