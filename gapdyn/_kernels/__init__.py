"""How loss, gradient and observables are computed, for one state or for many, under some `law`.

A state has rows W (2n, d): those of X, then those of Y. Many states have W (2n, d, B), a state a
column. Each function here chooses its kernel by the number of axes: `rows`, which cuts one large
matrix of similarities into strips and blocks, or `columns`, which works on many small ones at once.
Nothing is checked. Two rules keep relative accuracy however well the pairs match:

- exp is formed of nothing above 0;
- 1 - P_ii is never a subtraction: it is the sum of the other entries of the row.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gapdyn._kernels import columns, rows
from gapdyn._kernels.law import SOFTMAX, Law
from gapdyn._kernels.memory import Scratch
from gapdyn.types import Array, FloatOrArray


def pull_rows(
    W: Array,
    a: FloatOrArray,
    rate: float,
    out: Array,
    mixing: Array | None = None,
    scratch: Scratch | None = None,
    law: Law = SOFTMAX,
) -> FloatOrArray:
    """Write -rate ∂ℓ(a X̄ Ȳᵀ)/∂W, projected to the tangent spaces, to `out`; return g_a(X̄ Ȳᵀ).

    W (2n, d) or (2n, d, B) has rows of any lengths, which are normalised first, and a is a number
    or (B,). X̄ and Ȳ are `mix` of X and Y under `mixing`, or X and Y themselves without it. ℓ is the
    loss of `law`, which then has Σ_ij of its gradient as `total`, and g = -⟨∇ℓ, X̄ Ȳᵀ⟩.
    """
    kernel: Any = rows if W.ndim == 2 else columns
    return kernel.pull_rows(W, a, rate, out, mixing, scratch or Scratch(), law)


def observe_rows(
    W: Array,
    a: FloatOrArray,
    mixing: Array | None = None,
    scratch: Scratch | None = None,
    law: Law = SOFTMAX,
) -> tuple[Any, Any, Any]:
    """Margin and number of mismatched pairs of Z = X Yᵀ, and the loss ℓ(a X̄ Ȳᵀ), of unit rows."""
    kernel: Any = rows if W.ndim == 2 else columns
    seen: tuple[Any, Any, Any] = kernel.observe_rows(W, a, mixing, scratch or Scratch(), law)
    return seen


def pull(Z: Array, a: FloatOrArray, law: Law = SOFTMAX) -> FloatOrArray:
    """g_a(Z) = -⟨Z, ∇ℓ(aZ)⟩ of similarities Z (n, n) at a scale a, or at many (B,)."""
    if np.ndim(a) > 0:
        return columns.pull(Z, a, law)
    M = np.multiply(a, Z, order="C")
    top = float(M.max())
    return -float(np.sum(Z * law.gradient(M, top, top - float(M.min()), 1.0)))


def observe_similarities(Z: Array, a: FloatOrArray, law: Law = SOFTMAX) -> tuple[Any, Any, Any]:
    """Margin and number of mismatched pairs of similarities Z (n, n), and ℓ(aZ), as `pull`."""
    if np.ndim(a) > 0:
        return columns.observe_similarities(Z, a, law)
    seen = columns.observe_similarities(Z, np.atleast_1d(a), law.part(None))
    return seen[0].item(), seen[1].item(), seen[2].item()
