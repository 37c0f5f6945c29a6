"""What makes a gradient and a loss of logits: the softmax of InfoNCE, or what takes its place.

Everything else, products with rows, blocks, margins, is the same for all losses.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from gapdyn._kernels.entropy import CrossEntropy, mean_cross_entropies
from gapdyn._kernels.gradient import Blocks, Logits, gradient_blocks, gradient_in_place
from gapdyn._kernels.gradient_many import gradients_in_place
from gapdyn._kernels.memory import Scratch
from gapdyn.types import Array


class Entropy(Protocol):
    """A loss from logits that come in blocks of rows."""

    def add(self, block: slice, M: Array) -> Entropy:
        """Take in rows `block` of the logits."""

    def mean(self) -> float:
        """The loss of all of them."""


class Law(Protocol):
    """A loss L of logits M (n, n), and its gradient G; or of many, one for each number of `total`.

    Logits lie between `top - spread` and `top`.
    """

    total: Any
    """Σ_ij G_ij of the last gradient, a number or (B,)."""

    def part(self, some: Any) -> Law:
        """The same for some of the matrices, with their part of `total`."""

    def gradient(self, M: Array, top: float, spread: float, factor: float) -> Array:
        """Turn M (n, n) into `factor` G, in place."""

    def blocks(
        self, logits: Logits, n: int, height: int, top: float, spread: float, factor: float
    ) -> Blocks:
        """`factor` G in blocks of `height` rows."""

    def gradients(
        self, M: Array, top: Array, spread: Array, scratch: Scratch, factor: Array | float
    ) -> Array:
        """Turn many M (n, n, B) into `factor` G, in place."""

    def entropy(self, n: int, dtype: Any = np.float64) -> Entropy:
        """What takes in the logits of n pairs, block after block."""

    def losses(self, M: Array) -> Array:
        """L of many (n, n, B)."""


class Softmax:
    """Eq. (2), InfoNCE. Each row of G and column together sum to zero, so that all of it does."""

    total = 0.0
    gradient = staticmethod(gradient_in_place)
    blocks = staticmethod(gradient_blocks)
    gradients = staticmethod(gradients_in_place)
    entropy = CrossEntropy
    losses = staticmethod(mean_cross_entropies)

    def part(self, some: Any) -> Softmax:
        """It is the same for all."""
        return self


SOFTMAX = Softmax()
