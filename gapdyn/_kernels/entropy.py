"""The loss (2) of one matrix of logits, whole or in blocks of rows, and of many matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from gapdyn._kernels.gradient import SPREAD
from gapdyn.types import Array, FloatOrArray


class CrossEntropy:
    """Eq. (2) from logits that come in blocks of rows.

    The cross-entropy of a row against its own index is log(1 + Σ_{j≠i} e^{M_ij - M_ii}), that of a
    column likewise. With s the sum shifted by the largest logit, and `lag` the lead of that logit
    over M_ii, it is log1p(s / e^{-lag}).
    """

    def __init__(self, n: int, dtype: Any = np.float64) -> None:
        self.rows = np.empty(n, dtype)
        self.diagonal = np.empty(n, dtype)
        self.top, self.sums = np.full(n, -np.inf), np.zeros(n, dtype)

    def add(self, block: slice, M: Array) -> CrossEntropy:
        """Take in rows `block` of the logits."""
        matches = np.arange(len(M)), np.arange(block.start, block.start + len(M))
        self.diagonal[block] = M[matches]
        top = M.real.max(axis=1)
        E = np.exp(M - top[:, None])
        E[matches] = 0
        self.rows[block] = log_one_plus(E.sum(axis=1), top - self.diagonal[block])
        top = np.maximum(self.top, M.real.max(axis=0))
        np.exp(M - top, out=E)
        E[matches] = 0
        self.sums *= np.exp(self.top - top)
        self.sums += E.sum(axis=0)
        self.top = top
        return self

    def mean(self) -> float:
        """The mean of all 2n cross-entropies."""
        columns = log_one_plus(self.sums, self.top - self.diagonal)
        mean: float = (self.rows + columns).mean() / 2
        return mean


def log_one_plus(others: FloatOrArray, lag: FloatOrArray) -> FloatOrArray:
    """log(1 + others e^{lag}); beyond SPREAD the 1 no longer counts."""
    near = np.minimum(lag, SPREAD)
    return lag - near + np.log1p(others / np.exp(-near))


def mean_cross_entropies(M: Array) -> Array:
    """Eq. (2) of logits (n, n, B), as in `CrossEntropy`."""
    matches, others = split_diagonal(M)
    total = np.zeros(M.shape[2])
    for axis in (1, 0):
        top = np.maximum(others.max(axis=axis), matches)
        sums = np.exp(others - np.expand_dims(top, axis)).sum(axis=axis)
        total += log_one_plus(sums, top - matches).mean(axis=0)
    return total / 2


def split_diagonal(M: Array) -> tuple[Array, Array]:
    """The diagonals (n, B), and a copy of the rest with -∞ in their place."""
    n, others = len(M), M.copy()
    diagonal = others.reshape(n * n, -1)[:: n + 1]
    matches = diagonal.copy()
    diagonal[...] = -np.inf
    return matches, others
