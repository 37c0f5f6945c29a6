"""The sigmoid loss: (1/n) Σ_ij softplus(∓(M_ij - c)), with minus where i = j.

Its gradient is σ(M_ij - c)/n off the diagonal and -σ(c - M_ii)/n on it, each entry by itself, so
that one pass over the logits is enough, in blocks too. As in `gradient`, exp is formed of nothing
above 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gapdyn._kernels.gradient import SPREAD, Blocks, Logits, strips
from gapdyn._kernels.memory import Scratch, cut, ones, strip_height
from gapdyn.types import Array, FloatOrArray


class Sigmoid:
    """The `Law` of this loss.

    Parameters
    ----------
    offset : number or (B,) array
        c, what is taken off the logits of each matrix.
    """

    def __init__(self, offset: FloatOrArray, total: Array | None = None) -> None:
        self.offset = np.asarray(offset)
        self.total = np.zeros(self.offset.shape) if total is None else total

    def part(self, some: Any) -> Sigmoid:
        """The same for some of the matrices, with their part of `total`."""
        return Sigmoid(self.offset[some, ...], self.total[some, ...])

    def gradient(self, M: Array, top: float, spread: float, factor: float = 1.0) -> Array:
        """Turn logits (n, n), between `top - spread` and `top`, into `factor` G, in place."""
        for _ in self.blocks(lambda rows: M, len(M), len(M), top, spread, factor):
            pass
        return M

    def blocks(
        self, logits: Logits, n: int, height: int, top: float, spread: float, factor: float
    ) -> Blocks:
        """`factor` G in blocks of `height` rows."""
        self.total[...] = 0
        weight, memory = factor / n, np.empty((min(n, strip_height(n)), n))
        for block in cut(n, height):
            M = logits(block)
            for _, strip, diagonal in strips(block, M):
                matches = _sigma(self.offset - diagonal)
                _sigmas(strip, self.offset, top, spread, memory[: len(strip)])
                np.negative(matches, out=diagonal)
                self.total += strip.dot(ones(n)).sum() / n
                strip *= weight
            yield block, M

    def gradients(
        self, M: Array, top: Array, spread: Array, scratch: Scratch, factor: Array | float = 1.0
    ) -> Array:
        """Turn logits (n, n, B), between `top - spread` and `top` (B,), into `factor` G."""
        n = len(M)
        diagonal = M.reshape(n * n, -1)[:: n + 1]
        matches = _sigma(self.offset - diagonal)
        _sigmas(M, self.offset, top, spread, scratch.array("sums", M.shape))
        np.negative(matches, out=diagonal)
        np.divide(M.sum(axis=(0, 1)), n, out=self.total)
        M *= factor / n
        return M

    def entropy(self, n: int, dtype: Any = np.float64) -> BinaryCrossEntropy:
        """What takes in the logits of n pairs, block after block."""
        return BinaryCrossEntropy(n, self.offset)

    def losses(self, M: Array) -> Array:
        """The loss of many logits (n, n, B)."""
        n, x = len(M), M - self.offset
        x.reshape(n * n, -1)[:: n + 1] *= -1
        mean: Array = softplus(x).sum(axis=(0, 1)) / n
        return mean


class BinaryCrossEntropy:
    """The loss from logits that come in blocks of rows; analytic."""

    def __init__(self, n: int, offset: FloatOrArray) -> None:
        self.n, self.offset, self.sum = n, offset, 0.0

    def add(self, block: slice, M: Array) -> BinaryCrossEntropy:
        """Take in rows `block` of the logits."""
        x = M - self.offset
        x.reshape(-1)[block.start :: len(x[0]) + 1] *= -1
        self.sum += softplus(x).sum()
        return self

    def mean(self) -> float:
        """Their sum by n: a positive pair and n - 1 negative ones for each row."""
        return self.sum / self.n


def softplus(x: Array) -> Array:
    """log(1 + eˣ), analytic."""
    above = x.real > 0
    least = np.where(above, -x, x)
    value: Array = np.where(above, x, 0) + np.log1p(np.exp(least))
    return value


def _sigma(x: Array) -> Array:
    """1/(1 + e⁻ˣ), accurate relative to its own size."""
    below = np.exp(-np.abs(x))
    value: Array = np.where(x > 0, 1.0, below) / (1 + below)
    return value


def _sigmas(
    M: Array, offset: FloatOrArray, top: FloatOrArray, spread: FloatOrArray, memory: Array
) -> None:
    """The same of M - offset, in place, with a second array of its shape for memory.

    Entries within SPREAD share one shift h ≥ 0 of exp: σ(x) = e^{x-h}/(e^{x-h} + e^{-h}).
    """
    shift = np.maximum(top - offset, 0)
    if np.max(shift - (top - spread - offset)) <= SPREAD:
        M -= offset + shift
        np.exp(M, out=M)
        M /= np.add(M, np.exp(-shift), out=memory)
        return
    M -= offset
    np.abs(M, out=memory)
    np.exp(np.negative(memory, out=memory), out=memory)
    np.copyto(M, np.where(M > 0, 1.0, memory))
    memory += 1
    M /= memory
