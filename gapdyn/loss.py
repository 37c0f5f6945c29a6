"""The contrastive loss (2), its gradient, and g_a(Z), overflow-safe and accurate at late times.

Logits M = βZ are (n, n), row i and column i belonging to pair i, so matching pairs stand on the
diagonal. Write P for the softmax of the rows and Q for that of the columns. Two rules keep relative
accuracy however well the pairs match:

- exp is formed of nothing above 0;
- 1 - P_ii is never a subtraction: it is the sum of the other entries of the row.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gapdyn.types import Array
from gapdyn.validate import validate_number, validate_square

SPREAD = 600.0
"""Logits within this range share one exp shift: e⁻⁶⁰⁰ = 2.7e-261 and its inverse are float64."""


CACHED = 2**15
"""Entries of a strip that stays in the cache, and of temporaries that cost no new memory."""

LEAST_STRIP = 4
"""Rows of a strip where a row is long: fewer would be all calls."""

TINY = 1e-200
"""Factors of a gradient that may be divided out again."""

PASSING = 2**25
"""Bytes of a block that is made, used once and forgotten."""

BUDGET = 2**29
"""Bytes of similarities that are stored; a larger (n, n) array is made in blocks of rows."""


def loss(M: ArrayLike) -> float:
    """Contrastive loss of logits, eq. (2).

    ℓ(M) = (1/2n) Σ_i [ lse(M[:, i]) - M_ii + lse(M[i, :]) - M_ii ].

    Parameters
    ----------
    M : (n, n) array of floats
        Logits, n ≥ 2.

    Returns
    -------
    float
        The mean of the 2n cross-entropies, in nats; positive, and accurate relative to itself.

    Raises
    ------
    TypeError, ValueError
        If `M` is not a finite square float matrix.

    Examples
    --------
    >>> bool(np.isclose(loss(np.zeros((4, 4))), np.log(4), rtol=1e-15))
    True
    """
    return float(mean_cross_entropy(validate_square("M", M)))


def mean_cross_entropy(M: Array) -> float:
    """Eq. (2) without the checks; analytic, so a complex step through it is a derivative."""
    return CrossEntropy(len(M), M.dtype).add(slice(0, len(M)), M).mean()


class CrossEntropy:
    """Eq. (2) from logits that come in blocks of rows.

    That of a row or a column against its own index is log(1 + Σ_{j≠i} e^{M_ij - M_ii}), formed as
    log1p(s / e^{-lag}) with s the sum shifted by the largest logit and lag that logit's lead over
    M_ii. Past SPREAD the 1 no longer counts.
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
        self.rows[block] = _entropy(E.sum(axis=1), top - self.diagonal[block])
        top = np.maximum(self.top, M.real.max(axis=0))
        np.exp(M - top, out=E)
        E[matches] = 0
        self.sums *= np.exp(self.top - top)
        self.sums += E.sum(axis=0)
        self.top = top
        return self

    def mean(self) -> float:
        """The mean of all 2n cross-entropies."""
        columns = _entropy(self.sums, self.top - self.diagonal)
        mean: float = (self.rows + columns).mean() / 2
        return mean


def _entropy(others: Array, lag: Array) -> Array:
    """log(1 + others e^{lag})."""
    cut = np.minimum(lag, SPREAD)
    entropy: Array = lag - cut + np.log1p(others / np.exp(-cut))
    return entropy


def gradient(M: ArrayLike, out: Array | None = None) -> Array:
    """Gradient of the loss in the logits: ∇ℓ(M) = (P + Q)/2n - I/n.

    Parameters
    ----------
    M : (n, n) array of floats
        Logits, n ≥ 2.
    out : (n, n) float64 array, optional
        Where to write the result; may be `M` itself.

    Returns
    -------
    (n, n) float64 array
        Rows and columns together sum to zero. Each entry is accurate to the rounding of the
        logits, the diagonal included: it is minus the sum of its off-diagonal terms.

    Raises
    ------
    TypeError, ValueError
        If `M` is not a finite square float matrix, or `out` is not a float64 array of its shape.
    """
    M = validate_square("M", M)
    if out is None:
        out = np.empty(M.shape)
    elif not isinstance(out, np.ndarray) or out.dtype != np.float64 or not out.flags.writeable:
        raise TypeError(f"out must be a writeable float64 array, got {out!r}")
    elif out.shape != M.shape:
        raise ValueError(f"out must have shape {M.shape}, got {out.shape}")
    rows = out if out.flags.c_contiguous else np.empty(M.shape)  # strips are of whole rows
    np.copyto(rows, M)
    gradient_in_place(rows, *_shift(M))
    if rows is not out:
        np.copyto(out, rows)
    return out


def _shift(M: Array) -> tuple[float, float]:
    """Largest logit and the range below it."""
    top = float(M.max())
    return top, top - float(M.min())


def gradient_in_place(M: Array, top: float, spread: float, factor: float = 1.0) -> Array:
    """Turn logits, between `top - spread` and `top`, into `factor` ∇ℓ(M), in place."""
    if M.size <= CACHED and spread <= SPREAD:
        return _small_gradient(M, top, factor)
    for _ in _gradient_blocks(lambda rows: M, len(M), len(M), top, spread, factor):
        pass
    return M


def _small_gradient(M: Array, top: float, factor: float) -> Array:
    """What `_one_shift` does, for a matrix that is one strip, in as few calls as that takes."""
    n = len(M)
    diagonal, ones = M.reshape(-1)[:: n + 1], _ones(n)
    M -= top
    np.exp(M, out=M)
    matches = diagonal.copy()
    diagonal.fill(0)
    others = np.empty((2, n))  # of rows, of columns
    M.dot(ones, others[0])
    M.T.dot(ones, others[1])
    scale = factor * 0.5 / n / (others + matches)
    M *= scale[0, :, None] + scale[1]
    others *= scale
    np.subtract(-others[0], others[1], out=diagonal)
    return M


@lru_cache(maxsize=64)
def _ones(n: int) -> Array:
    ones = np.ones(n)
    ones.flags.writeable = False
    return ones


Blocks = Iterator[tuple[slice, Array]]


def _gradient_blocks(
    logits: Callable[[slice], Array],
    n: int,
    height: int,
    top: float,
    spread: float,
    factor: float,
) -> Blocks:
    """`factor` ∇ℓ(M) by blocks of `height` rows, each made where `logits` puts those rows of M.

    A block is asked for again when it is needed again, unless it is the only one.
    """
    blocks = cut(n, height)
    way = _one_shift if spread <= SPREAD else _own_shifts
    return way(logits, n, blocks, top, factor * 0.5 / n)


def cut(n: int, height: int) -> list[slice]:
    """Blocks of `height` rows of n."""
    return [slice(start, min(start + height, n)) for start in range(0, n, height)]


def strips(block: slice, M: Array) -> Iterator[tuple[slice, Array, Array]]:
    """Cut a block into strips that stay in the cache: which rows, their logits, their diagonal."""
    n = M.shape[1]
    height = _strip_height(n)
    for start in range(block.start, block.stop, height):
        rows = slice(start, min(start + height, block.stop))
        strip = M[rows.start - block.start : rows.stop - block.start]
        yield rows, strip, strip.reshape(-1)[start :: n + 1]


def _strip_height(n: int) -> int:
    """Rows of a strip."""
    return max(LEAST_STRIP, CACHED // n)


def _one_shift(
    logits: Callable[[slice], Array], n: int, blocks: list[slice], top: float, share: float
) -> Blocks:
    """All of exp shifted by `top`: one exp for the rows and the columns."""
    rows, columns, matches = np.empty(n), np.zeros(n), np.empty(n)
    ones, sums = _ones(n), np.empty((min(n, _strip_height(n)), n))
    for block in blocks:
        M = logits(block)
        for r, strip, diagonal in strips(block, M):
            strip -= top
            np.exp(strip, out=strip)
            matches[r] = diagonal
            diagonal[...] = 0
            strip.dot(ones, rows[r])
            columns += strip.T.dot(ones[r])
    row_scale, column_scale = share / (rows + matches), share / (columns + matches)
    removed = rows * row_scale + columns * column_scale
    for block in blocks:
        if len(blocks) > 1:
            M = logits(block)
        for r, strip, diagonal in strips(block, M):
            if len(blocks) > 1:
                strip -= top
                np.exp(strip, out=strip)
            strip *= np.add(row_scale[r, None], column_scale, out=sums[: len(strip)])
            np.negative(removed[r], out=diagonal)
        yield block, M


def _own_shifts(
    logits: Callable[[slice], Array], n: int, blocks: list[slice], top: float, share: float
) -> Blocks:
    """Each row and each column shifted by its own largest logit: two exps, each made twice."""
    row_top, column_top = np.empty(n), np.full(n, -np.inf)
    for block in blocks:
        M = logits(block)
        M.max(axis=1, out=row_top[block])
        np.maximum(column_top, M.max(axis=0), out=column_top)
    rows, columns = np.empty(n), np.zeros(n)
    row_match, column_match = np.empty(n), np.empty(n)
    for block in blocks:
        if len(blocks) > 1:
            M = logits(block)
        for r, strip, diagonal in strips(block, M):
            np.exp(diagonal - row_top[r], out=row_match[r])
            np.exp(diagonal - column_top[r], out=column_match[r])
            diagonal[...] = -np.inf
            np.exp(strip - row_top[r, None]).sum(axis=1, out=rows[r])
            columns += np.exp(strip - column_top).sum(axis=0)
    row_scale, column_scale = share / (rows + row_match), share / (columns + column_match)
    removed = rows * row_scale + columns * column_scale
    for block in blocks:
        if len(blocks) > 1:
            M = logits(block)
        for r, strip, diagonal in strips(block, M):
            across = np.exp(strip - row_top[r, None])
            across *= row_scale[r, None]
            strip -= column_top
            np.exp(strip, out=strip)
            strip *= column_scale
            strip += across
            np.negative(removed[r], out=diagonal)
        yield block, M


def g(Z: ArrayLike, a: float) -> float:
    """Mean pull of the loss on its own scale: g_a(Z) = -dℓ(aZ)/da, eq. (10) and (11).

    g_a(Z) = (1/2n) Σ_i [ μ_i(Z[:, i], a) + μ_i(Z[i, :], a) ], where
    μ_i(z, a) = z_i - Σ_j softmax_j(a z) z_j.

    Parameters
    ----------
    Z : (n, n) array of floats
        Similarities, n ≥ 2.
    a : float
        Inverse temperature on Z, in the parallel model β(1-γ²).

    Returns
    -------
    float
        Positive when every pair is matched.

    Raises
    ------
    TypeError, ValueError
        If `Z` is not a finite square float matrix or `a` not a finite number.

    Examples
    --------
    For Z = αI it is α(n-1)/(n-1+e^{aα}), to the last digits even when that is e⁻⁴⁰:

    >>> bool(np.isclose(g(np.eye(4), 40.0), 3 / (3 + np.exp(40.0)), rtol=1e-14, atol=0))
    True
    """
    Z = validate_square("Z", Z)
    return pull(Z, validate_number("a", a))


def pull(Z: Array, a: float) -> float:
    """g_a(Z) without the checks: -⟨Z, ∇ℓ(aZ)⟩."""
    M = np.multiply(a, Z, order="C")
    return -float(np.sum(Z * gradient_in_place(M, *_shift(M))))


def mix(X: Array, Y: Array, mixing: Array) -> tuple[Array, Array]:
    """Mix two modalities: X̄ = λ∘X + (1-λ)∘Y and Ȳ = λ∘Y + (1-λ)∘X (Section 4 of the paper).

    The map is linear and its own transpose, so the gradient in (X, Y) of a function of (X̄, Ȳ) is
    the mix of its gradient in (X̄, Ȳ).

    Parameters
    ----------
    X, Y : (n, d) arrays
    mixing : (n, d) or (n, 1) array
        λ, in [0, 1].

    Returns
    -------
    X̄, Ȳ : (n, d) arrays

    Examples
    --------
    >>> mix(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]]), np.array([[0.0, 0.5]]))
    (array([[3., 3.]]), array([[1., 3.]]))
    """
    rest = 1 - mixing
    return mixing * X + rest * Y, mixing * Y + rest * X


class Scratch(threading.local):
    """Memory that is reused from one call to the next; every thread has its own."""

    def __init__(self, budget: int = BUDGET) -> None:
        self.budget = budget
        self.arrays: dict[str, Array] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return Scratch, (self.budget,)

    def array(self, name: str, shape: tuple[int, ...]) -> Array:
        """The array of that name, with whatever it holds."""
        array = self.arrays.get(name)
        if array is not None and array.shape == shape:
            return array
        size = prod(shape)
        memory = None if array is None else array.base
        if memory is None or memory.size < size:
            memory = np.empty(size)
        array = self.arrays[name] = memory[:size].reshape(shape)
        return array

    def similarities(self, n: int) -> Array:
        """Room for as many rows of an (n, n) array as the budget holds, at least one."""
        height = n if 8 * n * n <= self.budget else max(1, self.budget // (8 * n))
        return self.array("similarities", (height, n))


def rows_cross_entropy(X: Array, Y: Array, a: float, budget: int = BUDGET) -> float:
    """ℓ(a X Yᵀ), eq. (2), analytic; in blocks of rows where more than `budget` bytes are needed."""
    n, entropy = len(X), CrossEntropy(len(X), np.result_type(X, a))
    for block in cut(n, max(1, min(budget, PASSING) // (8 * n))):
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
) -> None:
    """GY and GᵀX with G = ∇ℓ(a X Yᵀ): the gradients in X and Y, with `factor` in place of a.

    Three products and one pass of exp where G fits into `scratch`; four and two where it comes in
    blocks of rows.

    Parameters
    ----------
    X, Y : (n, d) arrays
        Rows of any length.
    a : float
    out_x, out_y : (n, d) arrays
        Where to write GY and GᵀX.
    reach : float
        What no entry of X Yᵀ exceeds in size: 1 for unit rows.
    scratch : Scratch, optional
        Memory for G.
    factor : float
        What both are multiplied by.
    """
    n, top = len(X), reach * abs(a)
    memory = (scratch or Scratch()).similarities(n)
    scaled = np.multiply(X, a, out=out_x)  # each row is used before it is written over
    if len(memory) == n:  # dot is matmul in fewer steps
        G = gradient_in_place(scaled.dot(Y.T, memory), top, 2 * top, factor)
        G.dot(Y, out_x)
        G.T.dot(X, out_y)
        return

    def logits(block: slice) -> Array:
        return np.matmul(scaled[block], Y.T, out=memory[: block.stop - block.start])

    for block, G in _gradient_blocks(logits, n, len(memory), top, 2 * top, factor):
        np.matmul(G, Y, out=out_x[block])
        if block.start == 0:
            np.matmul(G.T, X[block], out=out_y)
        else:
            out_y += G.T @ X[block]


def pull_rows(
    W: Array,
    a: float,
    rate: float,
    out: Array,
    mixing: Array | None = None,
    scratch: Scratch | None = None,
) -> float:
    """Where -∇ ℓ(a X̄ Ȳᵀ) pushes unit rows along their sphere, and the scale a.

    Parameters
    ----------
    W : (2n, d) array
        Rows of X, then of Y, of any lengths; they are normalised first.
    a : float
    rate : float
        Learning rate of the rows.
    out : (2n, d) array
        Where to write -rate ∂ℓ/∂X and -rate ∂ℓ/∂Y, projected to the tangent spaces.
    mixing : (n, d) or (n, 1) array, optional
        λ of `mix`, which makes X̄ and Ȳ of X and Y; without it they are X and Y.
    scratch : Scratch, optional
        Memory for similarities and rows.

    Returns
    -------
    float
        g_a(X̄ Ȳᵀ) = -∂ℓ/∂a.
    """
    if not out.flags.c_contiguous:  # BLAS writes into whole rows
        rows = np.empty(out.shape)
        g = pull_rows(W, a, rate, rows, mixing, scratch)
        out[...] = rows
        return g
    n, scratch = len(W) // 2, scratch or Scratch()
    length = np.sqrt(np.vecdot(W, W))
    rows = np.divide(W, length[:, None], scratch.array("rows", W.shape))
    X, Y, dX, dY = rows[:n], rows[n:], out[:n], out[n:]
    scale = -rate * a
    factor = scale if abs(scale) > TINY else -1.0
    if mixing is None:
        row_products(X, Y, a, dX, dY, 1.0, scratch, factor)
    else:  # a mixed row has length √2 at most
        row_products(*mix(X, Y, mixing), a, dX, dY, 2.0, scratch, factor)
        dX[...], dY[...] = mix(dX, dY, mixing)
    along = np.vecdot(rows, out)  # ⟨G, Z⟩ times the factor, row by row, then column by column
    rows *= along[:, None]
    out -= rows
    if factor != scale:
        out *= scale / factor
    return float(along.dot(_ones(2 * n))) / (-2 * factor)
