"""The contrastive loss (2), its gradient, and g_a(Z), overflow-safe and accurate at late times.

Logits M = βZ are (n, n), row i and column i belonging to pair i, so matching pairs stand on the
diagonal. Write P for the softmax of the rows and Q for that of the columns. Two rules keep relative
accuracy however well the pairs match:

- exp is formed of nothing above 0;
- 1 - P_ii is never a subtraction: it is the sum of the other entries of the row.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from gapdyn._validate import Array, validate_number, validate_square

SPREAD = 600.0
"""Logits within this range share one exp shift: e⁻⁶⁰⁰ = 2.7e-261 and its inverse are float64."""


CACHED = 2**14
"""Entries of a temporary that stays in the cache, and in memory that is not fetched anew."""


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
    both: Array = _cross_entropies(M, axis=1) + _cross_entropies(M, axis=0)
    mean: float = both.mean() / 2
    return mean


def _cross_entropies(M: Array, axis: int) -> Array:
    """Cross-entropy of each row (axis 1) or column (axis 0) against its own index.

    It is log(1 + Σ_{j≠i} e^{M_ij - M_ii}), formed as log1p(s / e^{-lag}) with s the sum shifted by
    the largest logit and lag that logit's lead over M_ii. Past SPREAD the 1 no longer counts.
    """
    top = M.real.max(axis)
    lag = top - M.diagonal()
    E = np.exp(M - np.expand_dims(top, axis))
    np.fill_diagonal(E, 0)
    cut = np.minimum(lag, SPREAD)
    entropies: Array = lag - cut + np.log1p(E.sum(axis) / np.exp(-cut))
    return entropies


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
        out = np.empty_like(M)
    elif not isinstance(out, np.ndarray) or out.dtype != np.float64 or not out.flags.writeable:
        raise TypeError(f"out must be a writeable float64 array, got {out!r}")
    elif out.shape != M.shape:
        raise ValueError(f"out must have shape {M.shape}, got {out.shape}")
    np.copyto(out, M)
    return gradient_in_place(out, *_shift(M))


def _shift(M: Array) -> tuple[float, float]:
    """Largest logit and the range below it."""
    top = float(M.max())
    return top, top - float(M.min())


def gradient_in_place(M: Array, top: float, spread: float) -> Array:
    """Turn logits into ∇ℓ(M), in place; they lie between `top` and `top - spread`."""
    n = len(M)
    if spread <= SPREAD:
        M -= top
        np.exp(M, out=M)
        diagonal = M.diagonal().copy()
        np.fill_diagonal(M, 0)
        rows, columns = M.sum(axis=1), M.sum(axis=0)
        row_scale = 1 / (2 * n * (rows + diagonal))
        column_scale = 1 / (2 * n * (columns + diagonal))
        height = max(1, CACHED // n)
        for start in range(0, n, height):
            block = slice(start, start + height)
            M[block] *= row_scale[block, None] + column_scale
        np.fill_diagonal(M, -(rows * row_scale + columns * column_scale))
        return M
    Q = M.copy()
    removed = _softmax_in_place(M, axis=1) + _softmax_in_place(Q, axis=0)
    M += Q
    np.fill_diagonal(M, -removed)
    M /= 2 * n
    return M


def _softmax_in_place(M: Array, axis: int) -> Array:
    """Softmax along `axis` with the diagonal left out; returns 1 - (its diagonal)."""
    M -= M.max(axis=axis, keepdims=True)
    np.exp(M, out=M)
    diagonal = M.diagonal().copy()
    np.fill_diagonal(M, 0)
    others = M.sum(axis=axis)
    M /= np.expand_dims(others + diagonal, axis)
    removed: Array = others / (others + diagonal)
    return removed


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
    M = a * Z
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


def row_products(X: Array, Y: Array, a: float, out_x: Array, out_y: Array, reach: float) -> None:
    """GY and GᵀX with G = ∇ℓ(a X Yᵀ): the gradients in X and Y, without their factor a.

    Parameters
    ----------
    X, Y : (n, d) arrays
        Rows of any length.
    a : float
    out_x, out_y : (n, d) arrays
        Where to write GY and GᵀX.
    reach : float
        What no entry of X Yᵀ exceeds in size: 1 for unit rows.
    """
    G = X @ Y.T
    G *= a
    gradient_in_place(G, reach * abs(a), 2 * reach * abs(a))
    np.matmul(G, Y, out=out_x)
    np.matmul(G.T, X, out=out_y)


def pull_rows(
    X: Array,
    Y: Array,
    a: float,
    rate: float,
    out_x: Array,
    out_y: Array,
    mixing: Array | None = None,
) -> float:
    """Where -∇ ℓ(a X̄ Ȳᵀ) pushes unit rows along their sphere, and the scale a.

    Parameters
    ----------
    X, Y : (n, d) arrays of unit rows
    a : float
    rate : float
        Learning rate of the rows.
    out_x, out_y : (n, d) arrays
        Where to write -rate ∂ℓ/∂X and -rate ∂ℓ/∂Y, projected to the tangent spaces.
    mixing : (n, d) or (n, 1) array, optional
        λ of `mix`, which makes X̄ and Ȳ of X and Y; without it they are X and Y.

    Returns
    -------
    float
        g_a(X̄ Ȳᵀ) = -∂ℓ/∂a.
    """
    if mixing is None:
        row_products(X, Y, a, out_x, out_y, reach=1.0)
    else:  # a mixed row has length √2 at most
        row_products(*mix(X, Y, mixing), a, out_x, out_y, reach=2.0)
        out_x[...], out_y[...] = mix(out_x, out_y, mixing)
    pull = 0.0
    for W, V in ((X, out_x), (Y, out_y)):
        along = np.einsum("ij,ij->i", W, V)  # ⟨G, Z⟩ row by row, or column by column
        pull -= float(along.sum()) / 2
        V -= along[:, None] * W
        V *= -a * rate
    return pull
