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
        weight, memory, total = factor / n, np.empty((min(n, strip_height(n)), n)), 0.0
        for block in cut(n, height):
            M = logits(block)
            for _, strip, diagonal in strips(block, M):
                _sigmas(strip, diagonal, self.offset, top, spread, memory[: len(strip)])
                total += strip.dot(ones(n)).sum()
                strip *= weight
            yield block, M
        self.total[...] = total / n

    def gradients(
        self, M: Array, top: Array, spread: Array, scratch: Scratch, factor: Array | float = 1.0
    ) -> Array:
        """Turn logits (n, n, B), between `top - spread` and `top` (B,), into `factor` G."""
        n, memory = len(M), scratch.array("sums", M.shape)
        diagonal = M.reshape(n * n, -1)[:: n + 1]
        _sigmas(M, diagonal, self.offset, top, spread, memory)
        np.divide(M.sum(axis=(0, 1)), n, out=self.total)
        M *= factor / n
        return M

    def entropy(self, n: int, dtype: Any = np.float64) -> BinaryCrossEntropy:
        """What takes in the logits of n pairs, block after block."""
        return BinaryCrossEntropy(n, self.offset)

    def losses(self, M: Array) -> Array:
        """The loss of many logits (n, n, B)."""
        n, x = len(M), np.subtract(M, self.offset, order="C")
        x.reshape(n * n, -1)[:: n + 1] *= -1
        mean: Array = softplus(x).sum(axis=(0, 1)) / n
        return mean


class BinaryCrossEntropy:
    """The loss from logits that come in blocks of rows; analytic."""

    def __init__(self, n: int, offset: FloatOrArray) -> None:
        self.n, self.offset, self.sum = n, offset, 0.0

    def add(self, block: slice, M: Array) -> BinaryCrossEntropy:
        """Take in rows `block` of the logits."""
        x = np.subtract(M, self.offset, order="C")  # its diagonal is a slice
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


def _sigmas(
    M: Array,
    diagonal: Array,
    offset: FloatOrArray,
    top: FloatOrArray,
    spread: FloatOrArray,
    memory: Array,
) -> None:
    """Turn M into σ(x), x = M - offset, but into -σ(-x) on its diagonal, in place.

    Entries within SPREAD share one shift h ≥ |x| of exp: σ(x) = e^{x-h}/(e^{x-h} + e^{-h}). The
    diagonal is multiplied by -1, as `np.negative` of NumPy 2.4 is wrong in place on one of seven
    entries. `memory` is a second array of the shape of M.
    """
    shift = np.maximum(top - offset, offset - top + spread)
    if 2 * np.max(shift) <= SPREAD:
        M -= offset + shift
        diagonal *= -1
        diagonal -= 2 * shift
        np.exp(M, out=M)
        M /= np.add(M, np.exp(-shift), out=memory)
    else:
        M -= offset
        diagonal *= -1
        np.abs(M, out=memory)
        np.exp(np.negative(memory, out=memory), out=memory)
        np.copyto(M, np.where(M > 0, 1.0, memory))
        memory += 1
        M /= memory
    diagonal *= -1
